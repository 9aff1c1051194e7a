"""Somebody's pictures: taken by their names, cropped as ours are, or refused in one line."""

import numpy as np
import pytest

from pysketch.errors import DataError
from pysketch.images.pairs import Pair
from pysketch.images.pictures import write_image
from pysketch.report.published import evaluate_pictures

RNG = np.random.default_rng(2)
CROP = (8, 10)


@pytest.fixture
def pairs():
    sketches = RNG.integers(0, 256, (2, 20, 16)).astype(np.uint8)
    return [Pair(name, np.repeat(s[..., None], 3, axis=2), s) for name, s in zip("ab", sketches, strict=True)]


@pytest.fixture
def folder(tmp_path, pairs):
    """A method that copies the artist; of b a crop, and one more picture."""
    write_image(tmp_path / "theirs" / "a.png", pairs[0].sketch)
    write_image(tmp_path / "theirs" / "b.png", pairs[1].sketch[4:16, 3:13])
    write_image(tmp_path / "theirs" / "c.png", pairs[1].sketch)
    return tmp_path / "theirs"


def test_pictures_are_scored_in_the_order_of_the_pairs_whole_or_cropped_around_the_centre(folder, pairs, caplog):
    scored = evaluate_pictures(folder, pairs[::-1], CROP)
    assert [record.getMessage() for record in caplog.records] == [
        f"{folder}: 1 left out that are of no test pair: c.png"
    ]
    assert scored.method == "theirs"
    assert scored.names == ["b", "a"]
    assert scored.rmses.tolist() == [0, 0]
    assert scored.seconds == [0, 0]


def test_a_missing_picture_is_one_line_that_names_it(folder, pairs):
    (folder / "b.png").unlink()
    with pytest.raises(
        DataError,
        match=r"theirs: no picture of 1 of the 2 test pairs: b; expected files of the photos' names, found a, c",
    ):
        evaluate_pictures(folder, pairs, CROP)


@pytest.mark.parametrize("size", [(21, 16), (20, 17), (9, 16), (20, 7)])
def test_a_picture_larger_than_its_photo_or_smaller_than_the_crop_is_one_line(folder, pairs, size):
    write_image(folder / "a.png", np.zeros(size, np.uint8))
    expected = (
        rf"a.png: {size[1]}x{size[0]} pixels .*; expected 16x20, as the photo, or a centred crop of that of .* 8x10"
    )
    with pytest.raises(DataError, match=expected):
        evaluate_pictures(folder, pairs, CROP)


def test_two_pictures_of_one_name_are_one_line(folder, pairs):
    write_image(folder / "a.jpg", pairs[0].sketch)
    with pytest.raises(DataError, match=r"a.png: the same name as a.jpg; which one is meant\?"):
        evaluate_pictures(folder, pairs, CROP)


def test_a_folder_that_is_not_there_is_one_line(tmp_path, pairs):
    with pytest.raises(DataError, match="expected a folder of images, found nothing"):
        evaluate_pictures(tmp_path / "nowhere", pairs, CROP)

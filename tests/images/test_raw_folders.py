from pathlib import Path

import numpy as np
import pytest

from pysketch.errors import DataError
from pysketch.images.alignment import align
from pysketch.images.pictures import read_photo, read_sketch, write_image
from pysketch.images.raw_folders import align_person, check_targets, find_persons

EYES = np.array([[33.0, 40.5], [52.0, 36.0]])


@pytest.fixture
def raw(tmp_path):
    """Photos and sketches of 83x71 pixels; the second person's are named as CUFS does."""
    rng = np.random.default_rng(5)
    names = {"photos": ("anna.png", "f-005-01.png"), "sketches": ("anna.jpg", "F2-005-01-sz1.png")}
    for kind, files in names.items():
        for name in files:
            write_image(tmp_path / "raw" / kind / name, rng.integers(0, 256, (71, 83, 3)).astype(np.uint8))
    return tmp_path / "raw"


def relative(persons, folder):
    return [{k.relative_to(folder).as_posix(): v.as_posix() for k, v in person.items()} for person in persons]


def test_persons_are_found_by_what_their_pictures_names_have_in_common(raw):
    assert relative(find_persons(raw, Path("out")), raw) == [
        {"photos/anna.png": "out/photos/anna.png", "sketches/anna.jpg": "out/sketches/anna.png"},
        {
            "photos/f-005-01.png": "out/photos/f-005-01.png",
            "sketches/F2-005-01-sz1.png": "out/sketches/f-005-01.png",
        },
    ]


def test_a_persons_pictures_are_aligned_and_written_or_none_is(raw, tmp_path):
    anna, other = find_persons(raw, tmp_path / "out")
    align_person(anna, lambda path, picture: EYES)
    photo, sketch = anna.values()
    np.testing.assert_array_equal(read_photo(photo), align(read_photo(raw / "photos/anna.png"), EYES))
    np.testing.assert_array_equal(read_sketch(sketch), align(read_sketch(raw / "sketches/anna.jpg"), EYES))
    with pytest.raises(DataError, match=r"F2-005-01-sz1\.png: eyes at \(933, 940\.5\).*: outside the 83x71 picture"):
        align_person(other, lambda path, picture: EYES + 900 * (path.parent.name == "sketches"))
    assert not any(path.exists() for path in other.values())


def test_nothing_that_is_there_is_written_over_unasked(raw, tmp_path):
    persons = list(find_persons(raw, raw))
    with pytest.raises(DataError, match=r"anna\.png: would overwrite a picture of RAW; choose another DIR"):
        check_targets(persons, True)
    persons = list(find_persons(raw, tmp_path / "out"))
    check_targets(persons, False)
    write_image(tmp_path / "out/photos/anna.png", np.zeros((5, 4), np.uint8))
    with pytest.raises(DataError, match=r"anna\.png: is there already; choose another DIR, or --overwrite"):
        check_targets(persons, False)
    check_targets(persons, True)


def test_a_folder_without_pairs_and_a_person_without_a_picture_are_refused(raw, tmp_path):
    with pytest.raises(DataError, match="expected the folders photos/ and sketches/, or one of them"):
        list(find_persons(tmp_path, tmp_path / "out"))
    (raw / "photos/anna.png").unlink()
    with pytest.raises(DataError, match=r"anna\.jpg: no picture of this person in .*photos"):
        list(find_persons(raw, tmp_path / "out"))

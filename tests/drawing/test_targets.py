from pathlib import Path

import numpy as np
import pytest

from pysketch.drawing.targets import numbered, plan_jobs, taken_names
from pysketch.errors import DataError
from pysketch.images.pictures import write_image


@pytest.fixture
def album(tmp_path, monkeypatch):
    """A folder of two pictures in the working folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "b.jpg"):
        write_image(tmp_path / "album" / name, np.zeros((5, 4, 3), np.uint8))
    return "album"


@pytest.mark.parametrize(
    ("photos", "output", "targets"),
    [
        (["x/one.jpg"], None, ["one_sketch.png"]),
        (["x/one.jpg"], "new/s.png", ["new/s.png"]),
        (["x/one.jpg"], "new/", ["new/one.png"]),
        (["x/one.jpg", "two.tif"], None, ["sketches/one.png", "sketches/two.png"]),
        (["album"], None, ["sketches/a.png", "sketches/b.png"]),
        (["one.jpg", "album"], "out", ["out/one.png", "out/a.png", "out/b.png"]),
    ],
)
def test_one_photo_has_a_file_and_several_have_a_folder(photos, output, targets, album):
    assert [target.as_posix() for _, target in plan_jobs(photos, output)] == targets


def test_photos_drawn_of_sketches_have_names_of_their_own(album):
    assert [target.as_posix() for _, target in plan_jobs(["x/one.png"], None, "photo")] == ["one_photo.png"]
    assert [target.as_posix() for _, target in plan_jobs(["album"], "out", "photo")] == ["out/a.png", "out/b.png"]
    targets = [target.as_posix() for _, target in plan_jobs(["album"], None, "photo")]
    assert targets == ["drawn_photos/a.png", "drawn_photos/b.png"]


def test_photos_that_differ_in_their_suffixes_alone_keep_them(album):
    for name in ("a.HEIC", "c.d.png"):
        (Path(album) / name).write_bytes((Path(album) / "a.png").read_bytes())
    targets = [target.as_posix() for _, target in plan_jobs([album], None)]
    assert targets == ["sketches/a_HEIC.png", "sketches/a_png.png", "sketches/b.png", "sketches/c.d.png"]


@pytest.mark.parametrize(
    ("photos", "output", "message"),
    [
        (["album/a.png"], "album/a.png", "the sketch would overwrite a photo; choose another -o"),
        (["album"], "album", "the sketch would overwrite a photo"),
        (
            ["x/one.jpg", "y/one.png"],
            None,
            r"its sketch would overwrite that of x.one\.jpg, sketches.one\.png",
        ),
        (["empty"], None, "empty: no images in this folder"),
        (["album"], "taken", "taken: is a file; for several photos -o names a folder"),
    ],
)
def test_no_sketch_goes_over_a_photo_or_another(photos, output, message, album):
    Path("empty").mkdir()
    Path("taken").touch()
    with pytest.raises(DataError, match=message):
        plan_jobs(photos, output)


def test_the_sketches_of_several_faces_are_numbered_where_nothing_else_is(album):
    jobs = plan_jobs(["x.png", "y_2.png", "y.png", "z.png"], "out")
    x, y_2, y, z = taken_names(jobs)
    assert (x, y_2, y, z) == ([], [], ["y_2.png"], [])
    assert numbered(Path("out/x.png"), 1, ["x_1.png"]) == [Path("out/x.png")]
    assert numbered(Path("out/x.png"), 3, x) == [Path(f"out/x_{n}.png") for n in (1, 2, 3)]
    with pytest.raises(DataError, match=r"y_2\.png: the sketch of one of 2 faces would overwrite another file"):
        numbered(Path("out/y.png"), 2, y)


def test_a_photo_beside_the_sketches_is_not_taken_for_a_numbered_sketch(album):
    jobs = [(Path("x.png"), Path("out/x.png")), (Path("out/x_1.png"), Path("elsewhere/y.png"))]
    assert taken_names(jobs) == [["x_1.png"], []]


def test_no_numbered_sketch_goes_through_a_link(tmp_path):
    (tmp_path / "x_2.png").symlink_to(tmp_path / "photo.png")
    with pytest.raises(DataError, match=r"x_2\.png: the sketch of one of 2 faces would overwrite another file"):
        numbered(tmp_path / "x.png", 2, [])

import csv
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import prepare
import pytest

from pysketch.errors import DataError
from pysketch.images import synthetic
from pysketch.images.alignment import FRAME_EYES, align
from pysketch.images.eye_finder import find_eyes
from pysketch.images.pairs import load_pairs
from pysketch.images.pictures import read_photo, read_sketch, write_image

ROOT = Path(__file__).parents[2]
EYES = {"photos": np.array([[33.0, 40.5], [52.0, 36.0]]), "sketches": np.array([[25.0, 30.0], [48.0, 31.0]])}


def write_raw(folder, names, suffix=".png"):
    """Random pictures of 83x71 pixels."""
    rng = np.random.default_rng(5)
    for name in names:
        photo = rng.integers(0, 256, (71, 83, 3)).astype(np.uint8)
        write_image(folder / "photos" / f"{name}{suffix}", photo)
        write_image(folder / "sketches" / f"{name}{suffix}", photo[:, :, 1])


def write_table(path, rows):
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["file", "left_x", "left_y", "right_x", "right_y"])
        writer.writerows([name, *np.ravel(eyes)] for name, eyes in rows)
    return str(path)


@pytest.fixture
def raw(tmp_path):
    """RAW with train/ and test/, and a table of the eyes."""
    write_raw(tmp_path / "raw" / "train", ["anna", "bo"])
    write_raw(tmp_path / "raw" / "test", ["cy"])
    names = ("anna", "bo", "cy")
    write_table(tmp_path / "eyes.csv", [(f"{kind}/{name}.png", EYES[kind]) for kind in EYES for name in names])
    return tmp_path / "raw"


def files_in(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_table_aligns_all_pairs_of_both_splits(raw, tmp_path, capsys):
    before = {path: path.read_bytes() for path in raw.rglob("*.png")}
    assert prepare.main([str(raw), str(tmp_path / "out"), "--eyes", str(tmp_path / "eyes.csv")]) == 0
    assert "3 of 3 persons" in capsys.readouterr().out
    assert [pair.name for pair in load_pairs(tmp_path / "out", "train")] == ["anna", "bo"]
    (pair,) = load_pairs(tmp_path / "out", "test")
    np.testing.assert_array_equal(pair.photo, align(read_photo(raw / "test/photos/cy.png"), EYES["photos"]))
    np.testing.assert_array_equal(pair.sketch, align(read_sketch(raw / "test/sketches/cy.png"), EYES["sketches"]))
    assert {path: path.read_bytes() for path in raw.rglob("*.png")} == before


@pytest.mark.parametrize("beside", [True, False])
def test_points_files_lie_beside_the_pictures_or_in_a_folder_of_their_own(raw, tmp_path, beside):
    points = raw if beside else tmp_path / "points"
    for path in list(raw.rglob("*.png")):
        target = points / path.relative_to(raw).with_suffix(".dat")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("\n".join(f"{x} {y}" for x, y in EYES[path.parent.name]))
    prepare.main([str(raw), str(tmp_path / "out"), "--points", *([] if beside else [str(points)])])
    (pair,) = load_pairs(tmp_path / "out", "test")
    np.testing.assert_array_equal(pair.sketch, align(read_sketch(raw / "test/sketches/cy.png"), EYES["sketches"]))


def test_names_of_cufs_match(tmp_path):
    raw = tmp_path / "raw"
    write_raw(raw, ["f-005-01", "m1-020-01"], ".jpg")
    (raw / "sketches/f-005-01.jpg").rename(raw / "sketches/F2-005-01-sz1.jpg")
    (raw / "sketches/m1-020-01.jpg").rename(raw / "sketches/M1-020-01-sz1.jpg")
    names = ["f-005-01.jpg", "m1-020-01.jpg", "F2-005-01-sz1.jpg", "M1-020-01-sz1.jpg"]
    table = write_table(tmp_path / "eyes.csv", [(name, EYES["photos"]) for name in names])
    assert prepare.main([str(raw), str(tmp_path / "out"), "--eyes", table]) == 0
    assert [pair.name for pair in load_pairs(tmp_path / "out", "train")] == ["f-005-01", "m1-020-01"]


def test_a_folder_of_sketches_alone_is_aligned_too(raw, tmp_path):
    queries = tmp_path / "queries"
    (raw / "test/sketches").rename(tmp_path / "sketches")
    queries.mkdir()
    (tmp_path / "sketches").rename(queries / "sketches")
    assert prepare.main([str(queries), str(tmp_path / "out"), "--eyes", str(tmp_path / "eyes.csv")]) == 0
    assert files_in(tmp_path / "out") == ["sketches/cy.png"]


def test_one_bad_picture_leaves_its_person_out_and_the_rest_go_on(raw, tmp_path, capsys):
    (raw / "train/sketches/anna.png").write_bytes(b"not a picture")
    rows = [
        ("photos/bo.png", EYES["photos"]),
        ("sketches/bo.png", EYES["sketches"]),
        ("photos/anna.png", FRAME_EYES / 3),
    ]
    table = write_table(tmp_path / "some.csv", [*rows, ("photos/cy.png", EYES["photos"] + 900)])
    assert prepare.main([str(raw), str(tmp_path / "out"), "--eyes", table]) == 2
    captured = capsys.readouterr()
    errors = [line for line in captured.err.splitlines() if line.startswith("error:")]
    assert len(errors) == 2
    assert "anna.png: not an image in a format we read" in errors[0]
    assert "cy.png: eyes at (933, 940.5) and (952, 936): outside the 83x71 picture" in errors[1]
    assert files_in(tmp_path / "out") == ["train/photos/bo.png", "train/sketches/bo.png"]
    assert "1 of 3 persons" in captured.out


def test_a_person_whose_picture_cannot_be_read_counts_and_points_beside_pictures_are_no_word_worth(
    raw, tmp_path, capsys
):
    (raw / "train/photos/bo.png").rename(raw / "train/photos/bo.NEF")
    (raw / "train/photos/anna.png").rename(raw / "train/photos/anna.jfif")
    for name in ("anna.dat", "notes.md"):
        (raw / "train/photos" / name).touch()
    names = [("photos/anna.jfif", EYES["photos"]), ("photos/cy.png", EYES["photos"])]
    table = write_table(
        tmp_path / "some.csv", [*names, *((f"sketches/{n}.png", EYES["sketches"]) for n in ("anna", "cy"))]
    )
    (raw / "train/photos/bo.NEF").write_bytes(b"II*\0")
    assert prepare.main([str(raw), str(tmp_path / "out"), "--eyes", table]) == 2
    said = capsys.readouterr()
    assert "2 of 3 persons" in said.out
    assert "bo.NEF: a camera's raw picture, which cannot be read; save it as PNG or JPEG" in said.err
    assert f"{raw / 'train/photos'}: 1 left out: notes.md (no picture)" in said.err


@pytest.mark.parametrize("faces, found", [(0, "no face"), (2, r"2 faces, at \(75, 125\) and .* and at \(76, 126\)")])
def test_a_picture_without_exactly_one_face_is_reported_and_never_guessed(
    raw, tmp_path, monkeypatch, capsys, faces, found
):
    monkeypatch.setattr("pysketch.images.find_eyes", lambda picture: [FRAME_EYES, FRAME_EYES + 1][:faces])
    assert prepare.main([str(raw), str(tmp_path / "out")]) == 2
    assert not (tmp_path / "out").exists()
    assert len(re.findall(rf"anna\.png: expected one face, found {found}", capsys.readouterr().err)) == 1


def test_found_eyes_align_photos_and_sketches(tmp_path):
    pytest.importorskip("dlib", reason='finding eyes needs pip install -e ".[align]"')
    photo, sketch = synthetic.face_pair(2)
    for kind, image in (("photos", photo), ("sketches", sketch)):
        write_image(
            tmp_path / "raw" / kind / "a.png", np.pad(image, [(30, 50), (60, 20), (0, 0)][: image.ndim], mode="edge")
        )
    assert prepare.main([str(tmp_path / "raw"), str(tmp_path / "out")]) == 0
    (pair,) = load_pairs(tmp_path / "out", "train")
    for frame in (pair.photo, pair.sketch):
        (eyes,) = find_eyes(frame)
        np.testing.assert_allclose(eyes, FRAME_EYES, atol=3)


def test_originals_and_what_is_there_are_never_overwritten(raw, tmp_path):
    table = str(tmp_path / "eyes.csv")
    with pytest.raises(DataError, match=r"anna\.png: would overwrite a picture of RAW"):
        prepare.main([str(raw), str(raw), "--eyes", table, "--overwrite"])
    prepare.main([str(raw), str(tmp_path / "out"), "--eyes", table])
    with pytest.raises(DataError, match=r"anna\.png: is there already; choose another DIR, or --overwrite"):
        prepare.main([str(raw), str(tmp_path / "out"), "--eyes", table])
    assert prepare.main([str(raw), str(tmp_path / "out"), "--eyes", table, "--overwrite"]) == 0


@pytest.mark.parametrize(
    "spoil, message",
    [
        (lambda raw: (raw / "train/sketches/bo.png").unlink(), r"bo\.png: no picture of this person in .*sketches"),
        (lambda raw: write_image(raw / "test/photos/cy.jpg", np.zeros((5, 4, 3), np.uint8)),
         r"the same person as cy\.jpg"),
        (lambda raw: (raw / "test/photos").rename(raw / "test/fotos") and (raw / "test/sketches").rename(raw / "x"),
         r"test: expected the folders photos/ and sketches/, or one of them"),
        (lambda raw: [path.unlink() for path in (raw / "test/photos").iterdir()], r"photos: no images in it"),
    ],
)  # fmt: skip
def test_folders_that_hold_no_pairs_are_refused_before_anything_is_written(raw, tmp_path, spoil, message):
    spoil(raw)
    with pytest.raises(DataError, match=message):
        prepare.main([str(raw), str(tmp_path / "out"), "--eyes", str(tmp_path / "eyes.csv")])
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_bad_table_is_one_line_and_status_two(raw, tmp_path):
    words = [sys.executable, str(ROOT / "tools/prepare.py"), str(raw), str(tmp_path / "out"), "--eyes", "none.csv"]
    result = subprocess.run(words, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert result.returncode == 2
    assert result.stderr.startswith("error: none.csv: not a readable CSV file")
    assert result.stderr.count("\n") == 1


def test_made_faces_are_a_folder_of_photos_and_one_of_their_drawings(tmp_path, capsys):
    assert prepare.main(["synthetic", str(tmp_path / "people"), "--count", "1"]) == 0
    assert capsys.readouterr().out == f"1 made person -> {tmp_path / 'people'}\n"
    (pair,) = load_pairs(tmp_path / "people", "test")
    assert (pair.name, pair.photo.shape, pair.sketch.shape) == ("face-000", (250, 200, 3), (250, 200))
    with pytest.raises(DataError, match="is there already; choose another DIR, or --overwrite"):
        prepare.main(["synthetic", str(tmp_path / "people"), "--count", "1"])
    for words in (["synthetic", "DIR", "--points"], ["RAW", "DIR", "--count", "3"]):
        with pytest.raises(SystemExit):
            prepare.main(words)

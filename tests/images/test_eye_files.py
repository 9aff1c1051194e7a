"""Eye positions from a CSV and from files of fiducial points."""

from pathlib import Path

import numpy as np
import pytest

from pysketch.errors import DataError
from pysketch.images.eye_files import eyes_of, find_points_file, read_eye_table, read_points_eyes

HEADER = "file,left_x,left_y,right_x,right_y\n"


def written(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_a_table_gives_the_eyes_by_file(tmp_path):
    path = written(tmp_path / "eyes.csv", HEADER + "a.jpg,1,2.5,30,4\n\nsketches/a.jpg, 5,6,70,8e0\n")
    table = read_eye_table(path)
    np.testing.assert_array_equal(table["a.jpg"], [[1, 2.5], [30, 4]])
    np.testing.assert_array_equal(table["sketches/a.jpg"], [[5, 6], [70, 8]])


def test_a_name_with_its_folder_comes_before_the_bare_name():
    table = {"a.jpg": np.ones((2, 2)), "sketches/a.jpg": np.zeros((2, 2))}
    assert eyes_of(table, Path("raw/sketches/a.jpg")).sum() == 0
    assert eyes_of(table, Path("raw/photos/a.jpg")).sum() == 4
    with pytest.raises(DataError, match=r"b\.jpg: no eyes in the table under photos/b\.jpg or b\.jpg"):
        eyes_of(table, Path("raw/photos/b.jpg"))


@pytest.mark.parametrize(
    "text, message",
    [
        ("", r"eyes\.csv:1: expected the header file,left_x,left_y,right_x,right_y, found nothing"),
        ("name,x,y\n", "found name,x,y"),
        (HEADER + "a.jpg,1,2,3\n", r"eyes\.csv:2: expected 5 values, found 4"),
        (HEADER + "\na.jpg,1,2,x,4\n", r'eyes\.csv:3: expected a number, found "x"'),
        (HEADER + "a.jpg,1,2,3,4\na.jpg,1,2,3,4\n", r"eyes\.csv:3: a\.jpg stands here twice"),
    ],
)
def test_a_bad_table_is_named_with_its_line(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        read_eye_table(written(tmp_path / "eyes.csv", text))


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(DataError, match=r"none\.csv: not a readable CSV file: No such file or directory$"):
        read_eye_table(tmp_path / "none.csv")


def test_of_cufs_35_points_the_17th_and_the_19th_are_the_eyes(tmp_path):
    text = "".join(f"{k} {100 + k}\r\n" for k in range(1, 36)) + "\r\n"
    np.testing.assert_array_equal(read_points_eyes(written(tmp_path / "a.dat", text)), [[17, 117], [19, 119]])


@pytest.mark.parametrize("n", [2, 5])
def test_few_points_begin_with_the_eyes(tmp_path, n):
    text = "\n".join(["1 2", "30, 4", "5 6", "7 8", "9 10"][:n])
    np.testing.assert_array_equal(read_points_eyes(written(tmp_path / "a.pts", text)), [[1, 2], [30, 4]])


@pytest.mark.parametrize(
    "text, message",
    [
        ("1 2\n", r"a\.dat: expected 35 points .* found 1$"),
        ("1 2\n" * 6, "found 6$"),
        ("1 2\n3 4 5\n", r'a\.dat:2: expected "x y", found 3 words'),
        ("1 2\n3\n", r'a\.dat:2: expected "x y", found 1 word$'),
        ("1 y\n3 4\n", r'a\.dat:1: expected a number, found "y"'),
    ],
)
def test_other_points_are_refused(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        read_points_eyes(written(tmp_path / "a.dat", text))


def test_a_points_file_shares_the_pictures_stem(tmp_path):
    path = written(tmp_path / "a.pts", "1 2\n30 4\n")
    assert find_points_file(Path("raw/photos/a.jpg"), tmp_path) == path
    with pytest.raises(DataError, match=r"b\.jpg: no b\.dat, \.pts, \.txt in "):
        find_points_file(Path("raw/photos/b.jpg"), tmp_path)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_no_part_of_a_table_or_of_points(encoding, tmp_path):
    (tmp_path / "eyes.csv").write_bytes((HEADER + "ä.jpg,1,2,3,4\n").encode(encoding))
    np.testing.assert_array_equal(read_eye_table(tmp_path / "eyes.csv")["ä.jpg"], [[1, 2], [3, 4]])
    (tmp_path / "a.pts").write_bytes("1 2\r\n3 4\r\n".encode(encoding))
    np.testing.assert_array_equal(read_points_eyes(tmp_path / "a.pts"), [[1, 2], [3, 4]])


def test_a_picture_in_place_of_a_table_is_named_as_one(tmp_path):
    (tmp_path / "eyes.csv").write_bytes(b"\x89PNG\r\n\x1a\n\0")
    with pytest.raises(DataError, match=r"eyes\.csv: not a readable CSV file: is a PNG picture$"):
        read_eye_table(tmp_path / "eyes.csv")

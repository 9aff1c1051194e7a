"""LMDB: records in the order of their keys, raw and encoded, and every database or record that is refused."""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import refused
from lmdb_files import datum, encoded, write_lmdb

from pysketch.errors import DataError
from pysketch.shipped import how_to_install
from pysketch.weights.database import Records, is_lmdb

PLANES = np.random.default_rng(0).integers(0, 256, (3, 2, 4)).astype(np.uint8)
lmdb = pytest.importorskip("lmdb")


def labels(records: Records) -> list[int]:
    """All records' labels."""
    return [records[k].label for k in range(len(records))]


def test_records_come_in_the_order_of_their_keys(tmp_path: Path) -> None:
    records = Records(write_lmdb(tmp_path, {"b": datum(PLANES, 2), "c": datum(PLANES, 3), "a": datum(PLANES, -1)}))
    assert labels(records) == [-1, 2, 3]
    assert [records[k].label for k in (2, 0, 1, 1, 0, 2)] == [3, -1, 2, 2, -1, 3]
    assert records[1].name == f'{tmp_path}: record "b"'
    for index in (-1, 3):
        with pytest.raises(IndexError):
            records[index]


def test_a_record_is_bytes_or_floats_of_channels_rows_and_columns(tmp_path: Path) -> None:
    floats = np.random.default_rng(1).standard_normal((1, 3, 2)).astype(np.float32)
    records = Records(write_lmdb(tmp_path, [datum(PLANES), datum(floats), encoded(PLANES[0])]))
    assert records[0].planes.dtype == np.uint8
    np.testing.assert_array_equal(records[0].planes, PLANES)
    np.testing.assert_array_equal(records[1].planes, floats)
    assert records[2].planes is None
    assert records[2].encoded.startswith(b"\x89PNG")


def test_where_both_are_given_bytes_win_over_floats_as_in_caffe(tmp_path: Path) -> None:
    floats = datum(PLANES.astype(np.float32))
    records = Records(write_lmdb(tmp_path, [floats + datum(PLANES)]))  # messages joined are one message
    assert records[0].planes.dtype == np.uint8


def test_two_may_read_one_database_by_its_folder_and_by_its_file(tmp_path: Path) -> None:
    write_lmdb(tmp_path, [datum(PLANES, k) for k in range(5)])
    one, other = Records(tmp_path), Records(tmp_path / "data.mdb")
    assert [(one[k].label, other[4 - k].label) for k in range(5)] == [(k, 4 - k) for k in range(5)]


def test_a_closed_one_opens_again_and_lets_others_have_the_file_until_then(tmp_path: Path) -> None:
    records = Records(write_lmdb(tmp_path, [datum(PLANES, k) for k in range(2)]))
    records.close()
    gc.collect()
    with lmdb.open(str(tmp_path)) as environment, environment.begin(write=True) as transaction:
        transaction.put(b"00000001", datum(PLANES, 7))
    assert labels(records) == [0, 7]


def test_a_database_that_the_program_has_open_itself_is_refused_in_a_line(tmp_path: Path) -> None:
    write_lmdb(tmp_path, [datum(PLANES)])
    with lmdb.open(str(tmp_path)):
        assert "already open in this process" in refused(DataError, Records, tmp_path, where=f"{tmp_path}: ")


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    def refusal(path: Path) -> str:
        return refused(DataError, Records, path, where=f"{path}: ").removeprefix(f"{path}: ")

    assert refusal(tmp_path / "none") == "no such file or folder"
    assert refusal(tmp_path) == "has no data.mdb; is it an LMDB?"
    for content in (b"", b"no database", bytes(100000)):
        (tmp_path / "data.mdb").write_bytes(content)
        assert refusal(tmp_path).startswith("data.mdb is ")
    (tmp_path / "empty").mkdir()
    assert refusal(write_lmdb(tmp_path / "empty", [])) == "the database is empty"
    assert is_lmdb(tmp_path)
    assert not is_lmdb(tmp_path / "none")


def test_a_database_that_was_cut_off_is_refused_and_does_not_end_the_process(tmp_path: Path) -> None:
    write_lmdb(tmp_path, [datum(PLANES.repeat(99, axis=2)) for _ in range(30)])
    file = tmp_path / "data.mdb"
    whole = file.read_bytes()
    for size in (8192, len(whole) // 2, len(whole) - 4096):
        file.write_bytes(whole[:size])
        message = refused(DataError, Records, tmp_path)
        assert message.endswith(f"data.mdb was cut off: {size} bytes, expected at least {len(whole)}")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (b"\x0a\xff", "not a Datum: "),
        (b"", "has 0 values for 0 x 0 x 0 (channels x height x width); is it a Datum with an image?"),
        (datum(PLANES, height=3), "has 24 values for 3 x 3 x 4 (channels"),
        (datum(PLANES, channels=-3, width=-4), "has 24 values for -3 x 2 x -4 (channels"),
        (datum(PLANES, width=2**31 - 1, height=2**31 - 1), "has 24 values for 3 x 2147483647 x 2147483647"),
        (datum(PLANES, encoded=True, data=b""), "says that it holds an image file, but is empty"),
    ],
)
def test_a_record_that_is_no_datum_is_refused_with_its_key(value: bytes, message: str, tmp_path: Path) -> None:
    records = Records(write_lmdb(tmp_path, {"a": datum(PLANES, 5), "b\n\x9f": value}))
    assert records[0].label == 5
    found = refused(DataError, lambda: records[1])
    assert found.startswith(f'{tmp_path}: record "b\\n')
    assert message in found
    assert records[0].label == 5


def test_without_the_library_it_is_said_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_lmdb(tmp_path, [datum(PLANES)])
    monkeypatch.setitem(sys.modules, "lmdb", None)
    message = refused(DataError, Records, tmp_path)
    assert message == f"reading an LMDB needs lmdb; install it with: {how_to_install('lmdb')}"

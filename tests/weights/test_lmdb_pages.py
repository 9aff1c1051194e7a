"""Pages of an LMDB: whole ones pass, and whatever passes is read without ending the process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from lmdb_files import write_lmdb

from pysketch.weights.lmdb_pages import check_pages

lmdb = pytest.importorskip("lmdb")

READ = """
import sys, lmdb
for path in sys.argv[1:]:
    with lmdb.open(path, subdir=False, readonly=True, lock=False) as environment:
        try:
            with environment.begin() as transaction:
                for key, value in transaction.cursor():
                    pass
        except lmdb.Error:
            pass
print("alive")
"""


def content(folder: Path, count: int = 300) -> bytes:
    """A database with branches, leaves, small and large values."""
    values = [bytes([k % 256]) * (9000 if k % 7 == 0 else 2100 if k % 2 else 120) for k in range(count)]
    folder.mkdir()
    return (write_lmdb(folder, values) / "data.mdb").read_bytes()


def fault(path: Path, data: bytes) -> str:
    """What is wrong with these bytes as a file."""
    path.write_bytes(data)
    with path.open("rb") as file:
        try:
            check_pages(file)
        except ValueError as error:
            return str(error)
    return ""


@pytest.mark.parametrize("count", [0, 1, 3, 300, 5000])
def test_a_whole_database_has_no_fault(count: int, tmp_path: Path) -> None:
    assert fault(tmp_path / "file", content(tmp_path / "db", count)) == ""


def test_databases_in_a_database_and_doubled_keys_are_no_plain_one(tmp_path: Path) -> None:
    with lmdb.open(str(tmp_path), max_dbs=1) as environment:
        environment.open_db(b"inner")
    assert fault(tmp_path / "file", (tmp_path / "data.mdb").read_bytes()).endswith("holds a database of its own")


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    whole = content(tmp_path / "db")
    assert fault(tmp_path / "file", whole[:100]) == "is too short for an LMDB"
    assert fault(tmp_path / "file", whole[:4096]) == "is too short for an LMDB"
    assert fault(tmp_path / "file", bytes(len(whole))) == "is not an LMDB"
    assert fault(tmp_path / "file", whole[:8192]) == f"was cut off: 8192 bytes, expected at least {len(whole)}"
    emptied = whole[:8192] + bytes(len(whole) - 8192)
    assert "is damaged: page " in fault(tmp_path / "file", emptied)


def test_whatever_passes_is_read_to_its_end_or_refused_by_the_library(tmp_path: Path) -> None:
    """200 files with one to twenty bytes changed, most of them where pages say what they are."""
    whole, rng, passed = content(tmp_path / "db", 60), np.random.default_rng(0), []
    pages, faults = len(whole) // 4096, set()
    for k in range(200):
        damaged = np.frombuffer(whole, np.uint8).copy()
        for _ in range(rng.choice([1, 3, 20])):
            at = rng.integers(pages) * 4096 + rng.integers(40 if rng.random() < 0.7 else 4096)
            damaged[at] = rng.integers(256)
        path = tmp_path / f"{k}.mdb"
        found = fault(path, damaged.tobytes())
        faults.add(found.partition(": page")[0])
        if found:
            path.unlink()
        else:
            passed.append(str(path))
    assert len(passed) > 20
    assert {"", "is damaged"} <= faults
    result = subprocess.run([sys.executable, "-c", READ, *passed], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, "alive\n")

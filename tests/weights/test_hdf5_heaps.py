"""Heaps of texts: sound ones are recognised, and those that HDF5 would read for ever."""

import struct

import h5py
import pytest

from pysketch.errors import SnapshotError
from pysketch.weights.hdf5_heaps import has_sound_heaps
from pysketch.weights.snapshot import WeightsFile


@pytest.fixture
def path(tmp_path):
    """A weights file with two texts in its heap."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_group("data")
        file.attrs["netdef"], file.attrs["other"] = "layer { }", "x" * 100
    return tmp_path / "a.h5"


def damage(path, offset, values):
    """Write over the heap's bytes, `offset` behind its beginning."""
    content = bytearray(path.read_bytes())
    start = content.index(b"GCOL") + offset
    content[start : start + len(values)] = values
    path.write_bytes(content)


def test_what_hdf5_writes_is_sound(path):
    assert has_sound_heaps(path)
    assert WeightsFile(path).attributes == {"netdef": "layer { }", "other": "x" * 100}


def test_a_file_without_texts_has_nothing_to_be_damaged(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = [1.0]
    assert has_sound_heaps(tmp_path / "a.h5")


@pytest.mark.parametrize(
    ("offset", "values"),
    [
        (16, struct.pack("<HHIQ", 0, 0, 0, 0)),  # a rest of no size: HDF5 goes on from where it is
        (16, struct.pack("<HHIQ", 0, 0, 0, 15)),
        (16, struct.pack("<HHIQ", 1, 0, 0, 2**40)),
        (16, struct.pack("<HHIQ", 1, 0, 0, 2**64 - 1)),
        (4, b"\x07"),  # no such version
        (8, struct.pack("<Q", 2**50)),  # longer than the file
    ],
)
def test_a_damaged_heap_is_refused(offset, values, path):
    damage(path, offset, values)
    assert not has_sound_heaps(path)
    with pytest.raises(SnapshotError, match=r"a\.h5: a damaged HDF5 file: its texts cannot be read"):
        WeightsFile(path)


def test_a_heap_cut_off_behind_its_name_is_refused(tmp_path):
    (tmp_path / "a.h5").write_bytes(b"something GCOL\x01")
    assert not has_sound_heaps(tmp_path / "a.h5")

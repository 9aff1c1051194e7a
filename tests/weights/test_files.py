"""Which format a file is in is told by its content."""

import numpy as np
import pytest

from pysketch.errors import SnapshotError
from pysketch.netdef.definitions import Phase, parse_netdef
from pysketch.weights.caffemodel import CaffemodelFile, write_caffemodel
from pysketch.weights.files import open_weights, read_attributes, read_solver_state, write_solver_state
from pysketch.weights.snapshot import SolverState, WeightsFile, write_weights

WEIGHTS = [("a", [np.ones((2, 3), np.float32)])]
LAYERS = parse_netdef('layer { name: "a" type: "Silence" bottom: "x" }').layers


def test_either_format_is_opened_whatever_the_name(tmp_path):
    write_weights(tmp_path / "a.caffemodel", WEIGHTS)
    write_caffemodel(tmp_path / "b.weights", "n", LAYERS, Phase.TEST, WEIGHTS)
    for name, cls in (("a.caffemodel", WeightsFile), ("b.weights", CaffemodelFile)):
        with open_weights(tmp_path / name) as file:
            assert type(file) is cls
            assert file.fits("a", 0, (2, 3))
            np.testing.assert_array_equal(file.read("a", 0), WEIGHTS[0][1][0])


@pytest.mark.parametrize("name", ["s.solverstate", "s.solverstate.h5"])
def test_the_suffix_says_how_a_solver_state_is_written(name, tmp_path):
    write_solver_state(tmp_path / name, SolverState(3, "x", 0, [np.ones(2, np.float32)]))
    assert (tmp_path / name).read_bytes().startswith(b"\x89HDF") == name.endswith(".h5")
    assert read_solver_state(tmp_path / name, [(2,)]).iteration == 3


def test_texts_are_found_in_either_format(tmp_path):
    texts = {"netdef": "layer { }"}
    write_weights(tmp_path / "a.h5", WEIGHTS, attributes=texts)
    write_caffemodel(tmp_path / "b.caffemodel", "n", LAYERS, Phase.TEST, WEIGHTS, attributes=texts)
    assert read_attributes(tmp_path / "a.h5") == read_attributes(tmp_path / "b.caffemodel") == texts


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(SnapshotError, match="no such file"):
        open_weights(tmp_path / "a.caffemodel")
    with pytest.raises(SnapshotError, match="cannot be read: Is a directory"):
        open_weights(tmp_path)

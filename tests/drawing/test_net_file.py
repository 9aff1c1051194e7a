"""Net files: a trained net with all that drawing needs, in one file that Caffe can read too."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from solver_helpers import CONV_NET, SKETCH_NET, write_net, write_pairs, write_sketch_net_file

from pysketch.drawing.net_file import read_net_file, write_net_file
from pysketch.errors import DataError, NetdefError, SnapshotError
from pysketch.images.preprocessing import Preprocessing
from pysketch.layers.context import Context
from pysketch.net.net import Net
from pysketch.netdef.definitions import Phase, parse_netdef


def set_attribute(path, name, value):
    with h5py.File(path, "a") as file:
        file.attrs[name] = value


def test_the_netdefs_text_and_the_preprocessing_come_back(tmp_path):
    netdef, preprocessing = read_net_file(write_sketch_net_file(tmp_path))
    assert netdef.text == SKETCH_NET
    assert netdef.name == "sketch"
    assert preprocessing == Preprocessing(0.01, (127.5,), True, 0.1)


def test_the_weights_are_laid_out_as_in_a_snapshot(tmp_path):
    net = Net(parse_netdef(SKETCH_NET), Phase.TRAIN, Context(data_source=str(write_pairs(tmp_path / "pairs", 2))))
    write_net_file(tmp_path / "net.h5", net)
    with h5py.File(tmp_path / "net.h5") as file:
        assert sorted(file["data"]) == sorted(layer.name for layer in net.layers)
        np.testing.assert_array_equal(file["data/conv2/0"][()], net.params["conv2"][0].data)
        assert sorted(file.attrs) == ["netdef", "preprocessing"]


def test_a_snapshot_is_no_net_file(tmp_path):
    Net(write_net(tmp_path), Phase.TRAIN).save(tmp_path / "t_iter_5.caffemodel.h5")
    with pytest.raises(SnapshotError, match=r"caffemodel\.h5: has no netdef in it; expected the net file that tools/s"):
        read_net_file(tmp_path / "t_iter_5.caffemodel.h5")


def test_a_net_whose_data_are_no_pairs_cannot_be_drawn_with(tmp_path):
    assert not write_net_file(tmp_path / "net.h5", Net(write_net(tmp_path, CONV_NET), Phase.TRAIN))
    with pytest.raises(SnapshotError, match=r"net\.h5: the net file of a net that does not draw"):
        read_net_file(tmp_path / "net.h5")


def test_errors_in_the_netdef_name_the_net_file(tmp_path):
    path = write_sketch_net_file(tmp_path)
    set_attribute(path, "netdef", 'name: "x"\nlayr { }')
    with pytest.raises(NetdefError, match=r'^net\.h5\[netdef\]:2:1: unknown field "layr"'):
        read_net_file(path)


def test_a_malformed_preprocessing_names_the_net_file(tmp_path):
    path = write_sketch_net_file(tmp_path)
    set_attribute(path, "preprocessing", '{"scale": "evil"}')
    with pytest.raises(DataError, match=r"net\.h5: its preprocessing is malformed"):
        read_net_file(path)


@pytest.mark.parametrize("value", [3, np.arange(4), h5py.Empty("f4")])
def test_a_netdef_that_is_no_text_counts_as_none(value, tmp_path):
    path = write_sketch_net_file(tmp_path)
    set_attribute(path, "netdef", value)
    with pytest.raises(SnapshotError, match=r"net\.h5: has no netdef in it"):
        read_net_file(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SnapshotError, match=r"none\.h5: no such file"):
        read_net_file(tmp_path / "none.h5")

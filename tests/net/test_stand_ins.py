import numpy as np
import pytest
from helpers import net_options, python_layer
from solver_helpers import CONV_NET, SKETCH_NET, write_net

from pysketch.errors import DataError, NetdefError
from pysketch.layers.context import Context
from pysketch.net.stand_ins import build_without_data
from pysketch.netdef.definitions import Phase, load_netdef, parse_netdef


def shapes(netdef, phase=Phase.TEST, stages=(), **options):
    net, feeds = build_without_data(netdef, phase, stages, **net_options(**options))
    assert {name: net.blobs[name].shape for name in feeds} == {name: feed.shape for name, feed in feeds.items()}
    return {name: feed.shape for name, feed in feeds.items()}


def test_pairs_are_replaced_by_inputs_of_their_shapes():
    netdef = parse_netdef(SKETCH_NET)
    assert shapes(netdef, Phase.TRAIN) == {"data": (2, 5, 13, 11), "label": (2, 1, 9, 7)}
    assert shapes(netdef, stages=["deploy"]) == {"data": (1, 5, 13, 11)}


def test_from_sketch_to_photo_the_first_input_has_three_channels():
    netdef = parse_netdef(SKETCH_NET.replace('{ "batch_size"', '{ "direction": "sketch_to_photo", "batch_size"'))
    assert shapes(netdef, Phase.TRAIN) == {"data": (2, 3, 13, 11), "label": (2, 1, 9, 7)}


def test_the_batch_is_the_phases_own_unless_another_is_given():
    netdef = parse_netdef(SKETCH_NET.replace('"batch_size": 2', '"batch_size": 2, "test_batch_size": 3'))
    assert [shapes(netdef, phase)["data"][0] for phase in (Phase.TRAIN, Phase.TEST)] == [2, 3]
    assert shapes(netdef, batch=5) == {"data": (5, 5, 13, 11), "label": (5, 1, 9, 7)}


def test_a_sketch_grows_by_as_many_pixels_as_its_photo():
    assert shapes(parse_netdef(SKETCH_NET), size=(20, 15)) == {"data": (2, 5, 15, 20), "label": (2, 1, 11, 16)}


def test_other_data_layers_stay_and_need_their_files(tmp_path):
    net, feeds = build_without_data(load_netdef(write_net(tmp_path, CONV_NET)), Phase.TRAIN)
    assert feeds == {}
    assert (net.layers[0].type, net.blobs["data"].shape) == ("HDF5Data", (2, 2, 6, 7))
    with pytest.raises(DataError, match=r"missing\.txt"):
        build_without_data(parse_netdef(CONV_NET.replace("LIST", "missing.txt")), Phase.TRAIN)


def test_a_size_needs_an_image(tmp_path):
    with pytest.raises(NetdefError, match="has no image among its inputs that could be given a size"):
        build_without_data(load_netdef(write_net(tmp_path, CONV_NET)), Phase.TRAIN, size=(9, 9))


def test_an_input_without_a_shape_is_one_line():
    with pytest.raises(NetdefError, match="the shape of every input is needed"):
        build_without_data(parse_netdef('layer { name: "d" type: "Input" top: "x" }'), Phase.TEST)


def test_what_the_blobs_hold_lies_between_the_limits_of_features_and_greys():
    _, feeds = build_without_data(parse_netdef(SKETCH_NET), Phase.TRAIN)
    assert (feeds["data"].limits, feeds["label"].limits) == ((0, 1), (0, 255))


def test_a_batch_of_all_pairs_counts_as_one():
    text = python_layer("PhotoSketchData", [], ["data", "label"], '{ "batch_size": 0, "xy": false }')
    assert shapes(parse_netdef(text), Phase.TRAIN)["data"] == (1, 3, 200, 155)


def test_net_arguments_are_the_nets():
    net, _ = build_without_data(parse_netdef(SKETCH_NET), Phase.TRAIN, context=Context(dtype=np.float64))
    assert net.params["conv1"][0].data.dtype == np.float64

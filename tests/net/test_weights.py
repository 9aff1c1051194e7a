"""A net's weights into files of both formats and out of them; what does not fit is in test_net.py."""

import logging

import numpy as np
import pytest

from pysketch.errors import SnapshotError
from pysketch.layers.context import Context
from pysketch.net.net import Net
from pysketch.netdef.definitions import Phase, parse_netdef

NETDEF = """
name: "n"
layer { name: "in" type: "Input" top: "x" input_param { shape { dim: [1, 2, 5, 4] } } }
layer { name: "conv" type: "Convolution" bottom: "x" top: "y"
        convolution_param { num_output: 3 kernel_size: 2 weight_filler { type: "gaussian" } } }
layer { name: "fc" type: "InnerProduct" bottom: "y" top: "z"
        inner_product_param { num_output: 2 weight_filler { type: "gaussian" } } }
"""


def make(seed, text=NETDEF):
    return Net(parse_netdef(text), Phase.TEST, Context(seed=seed))


@pytest.mark.parametrize("name", ["a.caffemodel", "a.caffemodel.h5", "a.h5"])
def test_weights_come_back_from_the_file(name, tmp_path):
    net, other = make(1), make(2)
    net.save(tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(b"\x89HDF") == name.endswith(".h5")
    other.copy_from(tmp_path / name)
    for layer in ("conv", "fc"):
        for found, right in zip(other.params[layer], net.params[layer], strict=True):
            np.testing.assert_array_equal(found.data, right.data)


@pytest.mark.parametrize("name", ["a.caffemodel", "a.h5"])
def test_what_does_not_fit_is_refused_and_what_is_missing_is_said(name, tmp_path, caplog):
    make(1).save(tmp_path / name)
    with pytest.raises(
        SnapshotError, match=r'layer "conv", param 0: shape \(3, 2, 2, 2\), the net\'s is \(4, 2, 2, 2\)'
    ):
        make(1, NETDEF.replace("num_output: 3", "num_output: 4")).copy_from(tmp_path / name)
    with pytest.raises(SnapshotError, match='layer "fc" has 2 params, the net\'s has 1'):
        make(1, NETDEF.replace("num_output: 2", "num_output: 2 bias_term: false")).copy_from(tmp_path / name)
    with caplog.at_level(logging.WARNING):
        make(1, NETDEF.replace('"conv"', '"convo"')).copy_from(tmp_path / name)
    assert 'has no layer "convo"; it keeps its initial weights; did you mean "conv"?' in caplog.text


@pytest.mark.parametrize("name", ["a.caffemodel", "a.h5"])
def test_a_file_that_has_nothing_for_the_net_is_refused(name, tmp_path):
    make(1).save(tmp_path / name)
    other = NETDEF.replace('"conv"', '"c"').replace('"fc"', '"f"')
    with pytest.raises(SnapshotError, match=r'has nothing for this net: .*"conv".* with params "c", "f"$'):
        make(1, other).copy_from(tmp_path / name)
    make(1, NETDEF.split('layer { name: "conv"')[0]).copy_from(tmp_path / name)  # needs nothing


SLASH = NETDEF.replace('"conv"', '"conv1/7x7_s2"').replace('"fc"', '""')


@pytest.mark.parametrize("name", ["a.caffemodel", "a.h5"])
def test_layers_of_any_name_and_of_none_come_back_and_hdf5_says_that_caffe_will_not_find_them(name, tmp_path, caplog):
    net, other = make(1, SLASH), make(2, SLASH)
    with caplog.at_level(logging.WARNING):
        net.save(tmp_path / name)
        other.copy_from(tmp_path / name)
    for layer in ("conv1/7x7_s2", ""):
        for found, right in zip(other.params[layer], net.params[layer], strict=True):
            np.testing.assert_array_equal(found.data, right.data)
    if name == "a.h5":
        (said,) = caplog.messages
        assert 'will not find the params of "conv1/7x7_s2", "" in this HDF5 file' in said
    else:
        assert caplog.messages == []


def test_what_hdf5_holds_under_its_own_name_needs_no_warning(tmp_path, caplog):
    make(1, NETDEF.replace('"in"', '"in/put"')).save(tmp_path / "a.h5")  # has no params
    assert caplog.messages == []


TWICE = (
    NETDEF
    + """
layer { name: "conv" type: "ReLU" bottom: "y" top: "r" }
layer { name: "conv" type: "Convolution" bottom: "y" top: "v"
        convolution_param { num_output: 3 kernel_size: 1 weight_filler { type: "gaussian" } } }
"""
)


def params(net):
    return [[blob.data.copy() for blob in layer.blobs] for layer in net.layers if layer.blobs]


def test_of_layers_of_one_name_each_gets_its_own_from_an_hdf5_file(tmp_path, caplog):
    net, other = make(1, TWICE), make(2, TWICE)
    net.save(tmp_path / "a.h5")
    assert 'a.h5: stock Caffe will not find the params of "conv" in this HDF5 file' in caplog.messages[-1]
    other.copy_from(tmp_path / "a.h5")
    for found, right in zip(params(other), params(net), strict=True):
        for one, another in zip(found, right, strict=True):
            np.testing.assert_array_equal(one, another)


def test_of_layers_of_one_name_the_first_gets_the_last_ones_params_from_a_binary_file_as_in_caffe(tmp_path, caplog):
    same = TWICE.replace("kernel_size: 1", "kernel_size: 2").replace('bottom: "y" top: "v"', 'bottom: "x" top: "v"')
    net, other = make(1, same), make(2, same)
    before = params(other)
    net.save(tmp_path / "a.caffemodel")
    other.copy_from(tmp_path / "a.caffemodel")
    first, fc, last = params(other)
    np.testing.assert_array_equal(first[0], params(net)[2][0])
    np.testing.assert_array_equal(fc[0], params(net)[1][0])
    np.testing.assert_array_equal(last[0], before[2][0])
    assert 'has no layer "conv#2"; it keeps its initial weights' in caplog.text


def test_nets_share_params_of_layers_of_one_name_each_its_own():
    net, other = make(1, TWICE), make(2, TWICE)
    other.share_with(net)
    for mine, theirs in zip(other.layers, net.layers, strict=True):
        assert all(np.shares_memory(a.data, b.data) for a, b in zip(mine.blobs, theirs.blobs, strict=True))

"""A net's weights into files of both formats and out of them; what does not fit is in test_net.py."""

import logging

import h5py
import numpy as np
import pytest

from pysketch.errors import SnapshotError
from pysketch.layers import filling
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
def test_a_net_that_is_given_a_file_draws_no_weights_but_those_that_are_missing(name, tmp_path, monkeypatch):
    make(1).save(tmp_path / name)
    renamed = parse_netdef(NETDEF.replace('"fc"', '"fd"'))
    started = Net(renamed, Phase.TEST, Context(seed=2))
    started.copy_from(tmp_path / name)
    given = Net(renamed, Phase.TEST, Context(seed=2), weights=tmp_path / name)
    for layer in ("conv", "fd"):
        for found, right in zip(given.params[layer], started.params[layer], strict=True):
            np.testing.assert_array_equal(found.data, right.data)
    assert given.params["fd"][0].data.any()
    monkeypatch.setattr(filling, "fill", lambda *asked: pytest.fail("weights are drawn"))
    whole = Net(parse_netdef(NETDEF), Phase.TEST, weights=tmp_path / name)
    np.testing.assert_array_equal(whole.params["conv"][0].data, given.params["conv"][0].data)


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
        assert (
            'will not find the params of layer "conv1/7x7_s2", a InnerProduct layer without a name in this HDF5 file'
            in said
        )
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
    assert 'a.h5: stock Caffe will not find the params of layer "conv" in this HDF5 file' in caplog.messages[-1]
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


SHARED = """
name: "twins"
layer { name: "in" type: "Input" top: "x" input_param { shape { dim: [1, 3] } } }
layer { name: "one" type: "InnerProduct" bottom: "x" top: "y" param { name: "w" } param { name: "b" }
        inner_product_param { num_output: 3 weight_filler { type: "gaussian" } bias_filler { type: "gaussian" } } }
layer { name: "two" type: "InnerProduct" bottom: "y" top: "z" param { name: "w" } param { name: "b" }
        inner_product_param { num_output: 3 } }
"""
W, B = np.arange(9, dtype=np.float32).reshape(3, 3), np.float32([7, 8, 9])
OWN_BIAS = SHARED.replace(
    'bottom: "y" top: "z" param { name: "w" } param { name: "b" }', 'bottom: "y" top: "z" param { name: "w" }'
)
APART = SHARED.replace('param { name: "w" } param { name: "b" }', "")


def write_hdf5(path, **layers):
    """A file as Caffe writes it: of each layer those params, by their numbers, that it owns."""
    with h5py.File(path, "w") as file:
        for name, arrays in layers.items():
            group = file.create_group(f"data/{name}")
            for number, array in arrays.items():
                group[number] = array


def test_params_that_caffe_stored_with_their_first_owner_only_are_read(tmp_path, caplog):
    write_hdf5(tmp_path / "caffe.caffemodel.h5", one={"0": W, "1": B}, two={})
    net = make(1, SHARED)
    net.copy_from(tmp_path / "caffe.caffemodel.h5")
    for layer in ("one", "two"):
        np.testing.assert_array_equal(net.params[layer][0].data, W)
        np.testing.assert_array_equal(net.params[layer][1].data, B)
    assert caplog.messages == []


def test_of_a_layer_that_shares_one_param_the_other_is_read_from_its_own_place(tmp_path):
    write_hdf5(tmp_path / "caffe.caffemodel.h5", one={"0": W, "1": B}, two={"1": B * 2})
    net = make(1, OWN_BIAS)
    net.copy_from(tmp_path / "caffe.caffemodel.h5")
    assert net.params["two"][0].data is net.params["one"][0].data
    np.testing.assert_array_equal(net.params["two"][1].data, B * 2)


def test_a_layer_all_of_whose_params_are_shared_may_be_missing_without_a_word(tmp_path, caplog):
    write_hdf5(tmp_path / "a.h5", one={"0": W, "1": B})
    make(1, SHARED).copy_from(tmp_path / "a.h5")
    assert caplog.messages == []
    write_hdf5(tmp_path / "b.h5", two={"0": W, "1": B})
    make(1, SHARED).copy_from(tmp_path / "b.h5")
    assert caplog.messages == []


def test_a_param_that_only_the_file_shares_is_refused_with_the_reason(tmp_path):
    write_hdf5(tmp_path / "a.h5", one={"0": W, "1": B}, two={})
    with pytest.raises(
        SnapshotError, match=r'"two" has 0 params, the net\'s has 2; Caffe stores params that layers share'
    ):
        make(1, APART).copy_from(tmp_path / "a.h5")
    write_hdf5(tmp_path / "b.h5", one={"0": W}, two={"0": W, "1": B})
    with pytest.raises(SnapshotError, match=r'"one" has 1 param, the net\'s has 2'):  # the owner itself lacks one
        make(1, SHARED).copy_from(tmp_path / "b.h5")


@pytest.mark.parametrize("name", ["a.caffemodel", "a.h5"])
def test_our_files_hold_shared_params_with_every_layer_so_that_a_net_without_sharing_takes_them(name, tmp_path):
    net, apart = make(1, SHARED), make(2, APART)
    net.save(tmp_path / name)
    apart.copy_from(tmp_path / name)
    for layer in ("one", "two"):
        np.testing.assert_array_equal(apart.params[layer][0].data, net.params["one"][0].data)


@pytest.mark.parametrize("name", ["a.caffemodel", "a.h5"])
def test_values_that_differ_where_the_net_shares_are_said_and_the_last_count(name, tmp_path, caplog):
    apart, net = make(2, APART), make(1, SHARED)
    apart.params["two"][0].data[...] = 4
    apart.params["two"][1].data[...] = apart.params["one"][1].data
    apart.save(tmp_path / name)
    net.copy_from(tmp_path / name)
    assert net.params["one"][0].data.max() == net.params["one"][0].data.min() == 4
    assert [message.partition(": ")[2] for message in caplog.messages] == [
        'layer "two", param 0 is shared in the net, but the file has other values for each; the last count'
    ]


def test_a_file_without_any_weights_is_refused(tmp_path):
    write_hdf5(tmp_path / "a.h5", fc6={}, relu6={})
    with pytest.raises(SnapshotError, match=r"a\.h5: has no weights in it, of 2 layers$"):
        make(1).copy_from(tmp_path / "a.h5")


def test_fine_tuning_with_another_num_output_is_told_to_rename_the_layer(tmp_path, caplog):
    make(1).save(tmp_path / "a.h5")
    tuned = NETDEF.replace("num_output: 2", "num_output: 5")
    with pytest.raises(SnapshotError, match=r"fine-tuning with another num_output, rename it$"):
        make(1, tuned).copy_from(tmp_path / "a.h5")
    make(1, tuned.replace('"fc"', '"fc-new"')).copy_from(tmp_path / "a.h5")
    assert 'has no layer "fc-new"; it keeps its initial weights' in caplog.text

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

"""284 small nets, one layer each, compared with what real Caffe makes of them, where its numbers are at hand."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import pytest
from solver_helpers import CAFFE

from pysketch.device.backend import copy_into
from pysketch.errors import DataError, NetdefError, ShapeError
from pysketch.layers.base import LAYERS
from pysketch.layers.unsupported import UNSUPPORTED_LAYERS
from pysketch.net.net import Net
from pysketch.netdef.definitions import NetDef, Phase, parse_netdef

FOLDER = CAFFE / "layers"
HAVE = FOLDER.is_dir()
CASES: dict[str, dict[str, str]] = json.loads((FOLDER / "cases.json").read_text(encoding="utf-8")) if HAVE else {}

MISSING = "the nets of real Caffe are not in ../shared/caffe/layers"

ABORTS = "Caffe aborts in backward, where force_backward reaches a bottom without a gradient; here that is left alone"

TAKEN = {
    "cases/conv_engine_cudnn": "Caffe's build had no cuDNN; here the engine is ours: a netdef for a GPU runs",
    "cases/bn_1d": "Caffe's forward takes one axis as one channel, its reshape asks for the second axis",
    "cases/softmaxloss_two_tops": "Caffe's own weight, 1 for the loss, does not count the second top; here that has 0",
    "cases/filter": ABORTS,
    "cases/infogain": ABORTS,
    "cases2/accuracy_in_train": ABORTS,
}
"""What Caffe refused and we take, and why."""

IMAGES = "an engine for images: no convolution along one axis"

REFUSED = {
    "cases/conv_1d": IMAGES,
    "cases/conv_axis2_1d": IMAGES,
    "cases/im2col": "Convolution unfolds by itself",
    "cases/rnn": "an engine for images: no recurrent layers",
    "cases2/inplace_Pooling": "Caffe clears the top, which is its bottom, and then reads it: nothing is left",
}
"""What Caffe takes and we refuse, and why."""

OUTSIDE = "Caffe's last window lies outside the image and holds nothing; here there is no such window, the others agree"

DIFFERENT = {
    "cases/pool_stride_over": (("diff x",), f"{OUTSIDE}; in MAX it sends its diff to the element before the channel"),
    "cases/pool_stride_over_ave": ((), OUTSIDE),
    "cases2/text_bottom_list": (("diff x", "diff z"), "they were recorded with another diff in y than the file says"),
}
"""What comes out otherwise, and why: (what is not the same, the reason). Arrays are compared as far as ours go."""

ERRORS = (NetdefError, ShapeError, DataError)


pytestmark = pytest.mark.slow


@cache
def golden() -> dict[str, dict[str, np.ndarray]]:
    """Case -> what was recorded of it -> the array."""
    found: dict[str, dict[str, np.ndarray]] = {name: {} for name in CASES}
    with np.load(FOLDER / "golden.npz") as file:
        for key in file.files:
            name = next(name for name in CASES if key.startswith(f"{name}/"))
            found[name][key[len(name) + 1 :]] = file[key]
    return found


def cases(names: Any) -> pytest.MarkDecorator:
    """Parameters: the cases' names; one that is skipped where there are none."""
    missing = pytest.param(
        "", marks=pytest.mark.skip(reason="the nets of real Caffe are not in ../shared/caffe/layers")
    )
    return pytest.mark.parametrize("name", list(names) if HAVE else [missing])


def read(name: str) -> tuple[NetDef, Phase]:
    """The netdef of a case; the test is expected to fail if a layer of it is not built yet."""
    netdef = parse_netdef(CASES[name]["netdef"])
    for layer in netdef.layers:
        if layer.type not in LAYERS and name not in REFUSED:
            pytest.xfail(f"the layer {layer.type} is not built yet")
    return netdef, Phase[CASES[name]["phase"]]


def run(name: str) -> tuple[Net, dict[str, np.ndarray]]:
    """The net after forward and, in phase TRAIN, backward from the recorded numbers; these."""
    recorded = golden()[name]
    net = Net(*read(name))
    for key, array in recorded.items():
        kind, _, rest = key.partition(" ")
        if kind == "param":
            layer, _, index = rest.rpartition(" ")
            copy_into(net.params[layer][int(index)].data, array)
    net.forward(**{blob: recorded[f"data {blob}"] for blob in net.inputs})
    if net.phase == Phase.TRAIN:
        net.clear_param_diffs()
        marked = [key.removeprefix("top diff ") for key in recorded if key.startswith("top diff ")]
        diffs = {blob: recorded[f"top diff {blob}"] for blob in marked}
        net.backward(**{blob: _as_far(name, diff, net.blobs[blob].shape) for blob, diff in diffs.items()})
    return net, recorded


def _as_far(name: str, array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The array; of a case that differs what of it lies within the shape."""
    return array[tuple(map(slice, shape))] if name in DIFFERENT else array


def result(net: Net, key: str) -> np.ndarray:
    """What the net has for a recorded array."""
    kind, _, rest = key.partition(" ")
    if kind == "pdiff":
        layer, _, index = rest.rpartition(" ")
        return net.params[layer][int(index)].diff
    return net.blobs[rest].data if kind == "data" else net.blobs[rest].diff


@cases(name for name in CASES if CASES[name]["status"] == "ok" and name not in REFUSED)
@pytest.mark.filterwarnings("ignore:overflow encountered in cast", "ignore:invalid value encountered in sqrt")
def test_what_caffe_computes_is_computed_forward_and_backward(name: str) -> None:
    net, recorded = run(name)
    compared = [key for key in recorded if key.split()[0] in ("data", "diff", "pdiff")]
    deviating, _ = DIFFERENT.get(name, ((), ""))
    for key in compared:
        found = result(net, key)
        expected = _as_far(name, recorded[key], found.shape)
        if key in deviating:
            assert not np.allclose(found, expected), "it deviates no more: take it out of DIFFERENT"
            continue
        finite = np.abs(expected[np.isfinite(expected)])
        assert found.shape == expected.shape, key
        np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5 * finite.max(initial=0), err_msg=key)
    assert len(compared) > len(net.inputs)


@cases(name for name in CASES if CASES[name]["status"] != "ok" and name not in TAKEN)
def test_what_caffe_refuses_is_refused_in_one_line(name: str) -> None:
    with pytest.raises(ERRORS, match=r"^[^\n]+$"):
        Net(parse_netdef(CASES[name]["netdef"]), Phase[CASES[name]["phase"]]).forward()


@cases(REFUSED)
def test_what_is_refused_here_alone_says_so_and_what_is_near(name: str) -> None:
    with pytest.raises(ERRORS, match=r"^[^\n]*(not supported|cannot be in-place)[^\n]*$"):
        Net(*read(name))


@cases(TAKEN)
def test_what_is_taken_here_alone_runs(name: str) -> None:
    net = Net(*read(name))
    net.forward()
    net.backward()


@pytest.mark.skipif(not HAVE, reason=MISSING)
def test_every_deviation_is_of_a_case_and_no_layer_that_is_refused_on_purpose_is_left_for_later() -> None:
    assert {*TAKEN, *REFUSED, *DIFFERENT} <= set(CASES)
    assert all(CASES[name]["status"] == "ok" for name in (*REFUSED, *DIFFERENT))
    assert all(CASES[name]["status"] != "ok" for name in TAKEN)
    types = {layer.type for name in CASES if name not in REFUSED for layer in _layers(name)}
    assert types - set(LAYERS) <= {*UNSUPPORTED_LAYERS, "Clip"}


def _layers(name: str) -> tuple[Any, ...]:
    try:
        return parse_netdef(CASES[name]["netdef"]).layers
    except ERRORS:  # what Caffe refuses to parse
        return ()

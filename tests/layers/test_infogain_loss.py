"""InfogainLoss against plain loops, with its matrix from a file and from a bottom; the identity is SoftmaxWithLoss."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import Case, SingleLayer, layer_text, make_layer, refused

from pysketch.device.backend import Device
from pysketch.errors import DataError, NetdefError, ShapeError
from pysketch.weights.caffe_schema import message_class
from pysketch.weights.caffemodel import fill_blob

H = np.random.default_rng(5).random((4, 4)).astype(np.float32)


def write(path: Path, array: np.ndarray) -> None:
    """A BlobProto file."""
    blob = message_class("BlobProto")()
    fill_blob(blob, array)
    path.write_bytes(blob.SerializeToString())


CONTRACT = {
    "InfogainLoss": Case(
        layer_text("InfogainLoss", ["x", "t"], ["y"], 'infogain_loss_param { source: "{folder}/h.binaryproto" }'),
        ((3, 4, 2), (3, 2)),
        ((),),
        whole={1: 4},
        write=lambda folder: write(folder / "h.binaryproto", H[None, None]),
    ),
    "InfogainLoss, probabilities too": Case(
        layer_text(
            "InfogainLoss",
            ["x", "t"],
            ["y", "p"],
            'infogain_loss_param { source: "{folder}/h.binaryproto" axis: -1 } loss_param { normalization: FULL }',
        ),
        ((3, 4), (3,)),
        ((), (3, 4)),
        whole={1: 4},
        write=lambda folder: write(folder / "h.binaryproto", H),
    ),
}


def naive(x: np.ndarray, labels: np.ndarray, ignore: int | None) -> tuple[float, np.ndarray, int]:
    """The loss's sum, its gradient and how many items count; x (outer, classes, inner)."""
    loss, dx, n = 0.0, np.zeros_like(x), 0
    for o, i in np.ndindex(x.shape[0], x.shape[2]):
        label = int(labels[o, i])
        if label == ignore:
            continue
        n += 1
        e = np.exp(x[o, :, i])
        p = e / e.sum()
        loss -= sum(float(H[label, k]) * math.log(p[k]) for k in range(4))
        for j in range(4):
            dx[o, j, i] = sum(float(H[label, k]) * (p[j] - (j == k)) for k in range(4))
    return loss, dx, n


def make(extra: str = "", bottoms: tuple[str, ...] = ("x", "t", "h"), **more: Any) -> SingleLayer:
    """The layer on 3 x 2 items of 4 classes, its matrix, if it is a bottom, H."""
    shapes = [(3, 4, 2), (3, 2), (1, 1, 4, 4)][: len(bottoms)]
    single = make_layer(layer_text("InfogainLoss", bottoms, ["loss"], extra), shapes, **more)
    single.bottom[1].data[...] = [[0, 3], [1, 1], [2, 0]]
    if len(bottoms) == 3:
        single.bottom[2].data[...] = H
    return single


@pytest.mark.parametrize("from_file", [False, True])
@pytest.mark.parametrize("ignore", [None, 1])
def test_it_is_the_plain_loop_forward_and_backward(
    ignore: int | None, from_file: bool, tmp_path: Path, device: Device
) -> None:
    extra = "" if ignore is None else f"loss_param {{ ignore_label: {ignore} }}"
    write(tmp_path / "h.binaryproto", H)
    source = f'infogain_loss_param {{ source: "{tmp_path / "h.binaryproto"}" }}' if from_file else ""
    single = make(f"{extra} {source}", ("x", "t") if from_file else ("x", "t", "h"), device=device)
    (found,) = single.forward()
    single.backward(0.7)
    loss, dx, n = naive(single.bottom[0].data, single.bottom[1].data, ignore)
    assert n == (6 if ignore is None else 4)
    np.testing.assert_allclose(found, loss / n, rtol=1e-12)
    np.testing.assert_allclose(single.bottom[0].diff, 0.7 * dx / n, rtol=1e-10, atol=1e-14)


def test_with_the_identity_it_is_softmax_with_loss() -> None:
    single = make()
    single.bottom[2].data[...] = np.eye(4)
    other = make_layer(layer_text("SoftmaxWithLoss", ["x", "t"], ["loss"]), [(3, 4, 2), (3, 2)])
    for mine, theirs in zip(single.bottom, other.bottom, strict=False):
        theirs.data[...] = mine.data
    np.testing.assert_allclose(single.forward()[0], other.forward()[0], rtol=1e-12)
    single.backward(1.0)
    other.backward(1.0)
    np.testing.assert_allclose(single.bottom[0].diff, other.bottom[0].diff, rtol=1e-10, atol=1e-14)


def test_a_matrix_that_is_missing_or_does_not_fit_is_refused(tmp_path: Path) -> None:
    def refusal(kind: type[Exception], extra: str = "", bottoms: tuple[str, ...] = ("x", "t")) -> str:
        return refused(kind, make, extra, bottoms, where="<netdef>:2:.*: ")

    assert "source is missing: a BlobProto file with H, (classes, classes); or a third" in refusal(NetdefError)
    path = tmp_path / "h.binaryproto"
    source = f'infogain_loss_param {{ source: "{path}" }}'
    assert f"{path}: not a readable matrix: no such file" in refusal(DataError, source)
    path.write_bytes(b"no protobuf")
    assert f"{path}: is a text, neither an HDF5 file nor a BlobProto" in refusal(DataError, source)
    write(path, H[:3])
    assert f"expected a matrix (4, 4) in {path}, found (3, 4)" in refusal(ShapeError, source)
    assert "give either source or a third bottom" in refusal(NetdefError, source, ("x", "t", "h"))
    with pytest.raises(ShapeError, match=r'expected a matrix \(5, 5\) in "h", found \(4, 4\)'):
        make_layer(layer_text("InfogainLoss", ["x", "t", "h"], ["loss"]), [(2, 5), (2,), (4, 4)])


def test_other_things_that_do_not_fit_are_refused() -> None:
    single = make()
    single.bottom[1].data[0, 0] = 4
    assert refused(DataError, single.forward, where="<net").endswith('a label of "t" is 4; expected 0 to 3')
    for down in ([False, True, False], [False, False, True]):
        with pytest.raises(NetdefError, match="InfogainLoss layer cannot propagate down to its labels or its matrix"):
            single.backward(1.0, propagate_down=down)
    with pytest.raises(ShapeError, match=r"axis 1 of a bottom of shape .* is empty"):
        make_layer(layer_text("InfogainLoss", ["x", "t", "h"], ["loss"]), [(2, 0), (2,), (1, 1)])

"""What several tests need: single layers, built by a net from prototxt text, with random blobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pysketch.device.backend import copy_into, to_host
from pysketch.device.blob import Blob
from pysketch.layers.base import Layer
from pysketch.layers.context import Context
from pysketch.net.gradient_check import check_gradients
from pysketch.net.net import Net
from pysketch.netdef.definitions import Phase, parse_netdef


class SingleLayer:
    """A layer that a net has set up; the net holds nothing else but an Input layer.

    bottom, top, params: its blobs. On a GPU they are twins on the CPU, which are copied there before every call and
    back after it, so that a test reads and writes NumPy arrays whatever the device.
    """

    def __init__(self, net: Net) -> None:
        self.net = net
        self.layer: Layer = net.layers[-1]
        self._twins: dict[int, tuple[Blob, Blob]] = {}
        self.bottom, self.top, self.params = (
            [self._twin(blob) for blob in blobs] for blobs in (net.bottoms[-1], net.tops[-1], self.layer.blobs)
        )
        if self.layer.holds_tops:
            self._fetch()

    @property
    def differentiable(self) -> list[int]:
        """The bottoms that can have a gradient."""
        return [k for k in range(len(self.bottom)) if k not in self.layer.no_gradient]

    @property
    def learned(self) -> list[Blob]:
        """The params, unless they are statistics that forward keeps."""
        return self.params if self.layer.learns else []

    def forward(self) -> list[np.ndarray]:
        """Reshape and forward; the tops' data, copied."""
        bottom, top = self._send()
        self.layer.reshape(bottom, top)
        self.layer.forward(bottom, top)
        self._fetch()
        return [blob.data.copy() for blob in self.top]

    def backward(self, *top_diffs: np.ndarray | float, propagate_down: Sequence[bool] | None = None) -> None:
        """Backward from these top diffs; by default to every bottom that can have a gradient."""
        for blob, diff in zip(self.top, top_diffs, strict=True):
            blob.diff[...] = diff
        bottom, top = self._send()
        down = [k in self.differentiable for k in range(len(bottom))]
        down = down if propagate_down is None else list(propagate_down)
        self.layer.backward(top, down, bottom)
        self._fetch()

    def check_gradients(self, **options: Any) -> int:
        """`check_gradients` of the layer, where it lives; how many elements were compared."""
        return check_gradients(self.layer, *self._send(), **options)

    def everything(self, seed: int = 3) -> list[np.ndarray]:
        """Forward, and backward from normal numbers: the tops, then the diffs of bottoms and params."""
        rng = np.random.default_rng(seed)
        tops = self.forward()
        self.backward(*(rng.standard_normal(top.shape) for top in tops))
        bottoms = [self.bottom[k] for k in self.differentiable]
        return [*tops, *(blob.diff.copy() for blob in (*bottoms, *self.learned))]

    def _twin(self, blob: Blob) -> Blob:
        """The blob itself on the CPU, else its twin there; a blob that is bottom and top has one."""
        twin = blob if self.net.context.device.kind == "cpu" else Blob(blob.shape, blob.dtype)
        return self._twins.setdefault(id(blob), (twin, blob))[0]

    def _send(self) -> tuple[list[Blob], list[Blob]]:
        """Copy what the test wrote to the layer's device, bottoms last, whose memory may be a top's too.

        Returns the layer's own bottoms and tops.
        """
        for twin, blob in reversed(self._twins.values()):
            if twin is not blob:
                blob.reshape(twin.shape)
                copy_into(blob.data, twin.data)
                copy_into(blob.diff, twin.diff)
        return self.net.bottoms[-1], self.net.tops[-1]

    def _fetch(self) -> None:
        """Copy what the layer wrote, and what it must not have written, back."""
        for twin, blob in self._twins.values():
            if twin is not blob:
                twin.hold_data(to_host(blob.data))
                twin.hold_diff(to_host(blob.diff))


def net_options(**options: Any) -> dict[str, Any]:
    """Options of a net, those that a `Context` holds gathered in one."""
    held = {name: options.pop(name) for name in Context.__dataclass_fields__ if name in options}
    return {"context": Context(**held), **options}


def assert_equal_to_rounding(found: Sequence[np.ndarray], expected: Sequence[np.ndarray]) -> None:
    """Arrays as equal as two devices give them: to 1e-5 in float32, 1e-12 in float64, of the largest magnitude."""
    assert expected
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype
        limit = {"f": 1e-5, "d": 1e-12}[other.dtype.char]
        np.testing.assert_allclose(one, other, rtol=0, atol=limit * abs(other).max(initial=0))


def layer_text(type: str, bottoms: Sequence[str] = (), tops: Sequence[str] = ("y",), extra: str = "") -> str:
    """``layer { name: "it" ... }``."""
    blobs = " ".join([f'bottom: "{name}"' for name in bottoms] + [f'top: "{name}"' for name in tops])
    return f'layer {{ name: "it" type: "{type}" {blobs} {extra} }}'


def make_layer(
    text: str,
    shapes: Sequence[tuple[int, ...]] = (),
    *,
    phase: Phase = Phase.TRAIN,
    dtype: type = np.float64,
    seed: int = 0,
    **options: Any,
) -> SingleLayer:
    """The layer of one ``layer { ... }``, its bottoms of these shapes; they and what it learns are normal numbers."""
    definition = parse_netdef(text).layers[0]
    inputs = ""
    if shapes:
        tops = " ".join(f'top: "{name}"' for name in definition.bottom)
        shape = " ".join(f"shape {{ {' '.join(f'dim: {n}' for n in shape)} }}" for shape in shapes)
        inputs = f'layer {{ name: "inputs" type: "Input" {tops} input_param {{ {shape} }} }}'
    single = SingleLayer(
        Net(parse_netdef(f"{inputs}\n{text}"), phase, **net_options(dtype=dtype, seed=seed, **options))
    )
    rng = np.random.default_rng(seed)
    for blob in (*single.bottom, *single.learned):
        blob.data[...] = rng.standard_normal(blob.shape)
    return single


def python_layer(layer: str, bottoms: Sequence[str], tops: Sequence[str] = ("y",), param_str: str = "") -> str:
    """The text of one of our own layers, named as netdefs name it."""
    extra = f'python_param {{ module: "pysketch.layers" layer: "{layer}" param_str: \'{param_str}\' }}'
    return layer_text("Python", bottoms, tops, extra)

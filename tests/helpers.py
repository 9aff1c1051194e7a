"""What several tests need: single layers, built by a net from prototxt text, with random blobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pysketch.blob import Blob
from pysketch.layer import Layer
from pysketch.net import Net
from pysketch.netdef import Phase, parse_netdef


@dataclass
class SingleLayer:
    """A layer that a net has set up, with its blobs; the net holds nothing else but an Input layer."""

    net: Net
    layer: Layer
    bottom: list[Blob]
    top: list[Blob]

    def forward(self) -> list[np.ndarray]:
        """Reshape and forward; the tops' data, copied."""
        self.layer.reshape(self.bottom, self.top)
        self.layer.forward(self.bottom, self.top)
        return [blob.data.copy() for blob in self.top]

    def backward(self, *top_diffs: np.ndarray | float, propagate_down: Sequence[bool] | None = None) -> None:
        """Backward from these top diffs; by default to every bottom."""
        for blob, diff in zip(self.top, top_diffs, strict=True):
            blob.diff[...] = diff
        down = [True] * len(self.bottom) if propagate_down is None else list(propagate_down)
        self.layer.backward(self.top, down, self.bottom)


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
    **net_options: Any,
) -> SingleLayer:
    """The layer of one ``layer { ... }``, its bottoms of these shapes and filled with normal numbers."""
    definition = parse_netdef(text).layers[0]
    inputs = ""
    if shapes:
        tops = " ".join(f'top: "{name}"' for name in definition.bottom)
        shape = " ".join(f"shape {{ {' '.join(f'dim: {n}' for n in shape)} }}" for shape in shapes)
        inputs = f'layer {{ name: "inputs" type: "Input" {tops} input_param {{ {shape} }} }}'
    net = Net(parse_netdef(f"{inputs}\n{text}"), phase, dtype=dtype, seed=seed, **net_options)
    single = SingleLayer(net, net.layers[-1], net.bottoms[-1], net.tops[-1])
    rng = np.random.default_rng(seed)
    for blob in (*single.bottom, *single.layer.blobs):
        blob.data[...] = rng.standard_normal(blob.shape)
    return single


def python_layer(layer: str, bottoms: Sequence[str], tops: Sequence[str] = ("y",), param_str: str = "") -> str:
    """The text of one of our own layers, named as netdefs name it."""
    extra = f'python_param {{ module: "pysketch.layers" layer: "{layer}" param_str: \'{param_str}\' }}'
    return layer_text("Python", bottoms, tops, extra)

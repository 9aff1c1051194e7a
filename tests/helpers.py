"""What several tests need: single layers, built by a net from prototxt text, with random blobs; the contract's Case."""

from __future__ import annotations

import copy
import importlib.util
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pysketch.benchmark import table2
from pysketch.benchmark.race import run_race
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


def refused(kind: type[Exception], call: Callable[..., Any], *arguments: Any, where: str = "", **options: Any) -> str:
    """The message, of one line, of the error of this kind that a call raises; `where` is a pattern of its beginning."""
    with pytest.raises(kind, match=f"^{where}") as caught:
        call(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@dataclass(frozen=True)
class Case:
    """One case for the contract that every layer keeps: its text, its bottoms' shapes, those that its tops must have.

    A layer's test file holds them as CONTRACT, "Type" or "Type, what is special" -> case. kink: where the derivative
    jumps. whole: the bottoms that hold whole numbers, each from 0 to below what is said. write: writes the files that
    the layer reads to a folder, which is "{folder}" in the text. prepare: what is done to the built layer, for one that
    random blobs do not suit. needs: a library without which the case is skipped.
    """

    text: str
    bottoms: tuple[tuple[int, ...], ...]
    tops: tuple[tuple[int, ...], ...]
    kink: float | None = None
    whole: dict[int, int] = field(default_factory=dict)
    write: Callable[[Path], object] = lambda folder: None
    phase: Phase = Phase.TRAIN
    prepare: Callable[[SingleLayer], object] = lambda single: None
    needs: str = ""

    def build(self, folder: Path, bottoms: tuple[tuple[int, ...], ...] | None = None, **options: Any) -> SingleLayer:
        """The layer; its files, if any, are written first. bottoms: shapes other than the case's."""
        if self.needs:
            pytest.importorskip(self.needs)
        self.write(folder)
        options = {"phase": self.phase, "output_dir": str(folder), "layer_paths": [str(folder)], **options}
        single = make_layer(self.text.replace("{folder}", str(folder)), bottoms or self.bottoms, **options)
        for k, above in self.whole.items():
            single.bottom[k].data[...] = np.random.default_rng(k).integers(0, above, single.bottom[k].shape)
        self.prepare(single)
        return single


def collected(folder: str, name: str) -> dict[str, Any]:
    """The dictionaries of this name in the test files of a folder of tests/, joined.

    Files are loaded beside what pytest makes of them, so that it does not matter which comes first.
    """
    found: dict[str, Any] = {}
    for path in sorted((Path(__file__).parent / folder).glob("test_*.py")):
        if f"\n{name} = {{" in path.read_text(encoding="utf-8"):
            spec = importlib.util.spec_from_file_location(f"collected_{folder}_{path.stem}", path)
            module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            found |= getattr(module, name)
    return found


def race_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the races of Table 2 be one that is run, and copies of what it found."""
    results: list[Any] = []

    def raced(*arguments: Any, **options: Any) -> Any:
        if not results:
            results.append(run_race(*arguments, **options))
        return copy.deepcopy(results[0])

    monkeypatch.setattr(table2, "run_race", raced)

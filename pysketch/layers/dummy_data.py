"""DummyData: tops filled by fillers, to try a net without data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pysketch.device import Blob, copy_into
from pysketch.layers.base import Count, Layer, register, saved_count
from pysketch.netdef import BLOB_SHAPE, FILLER, Kind, Option, Table, check_filler, fill


@register
class DummyData(Layer):
    """Gives each top the shape and the numbers that its filler says.

    ``shape { dim: 2 dim: 3 }`` or the old num, channels, height and width: one for each top, or one for all.
    data_filler likewise; none means zeros. As in Caffe a constant is filled in once, at setup, and what a program
    writes over it stays; all else is drawn anew by every forward. The numbers are a function of the net's seed, the
    layer's name, the top and how often was drawn: a resumed run goes on with the same ones. In phase TEST they are
    random too: that is what the layer is for.
    """

    type = "DummyData"
    section = "dummy_data_param"
    table = Table(
        "DummyDataParameter",
        (
            Option("data_filler", FILLER, repeated=True, help="one for each top, or one, or none"),
            Option("shape", BLOB_SHAPE, repeated=True, help="one for each top, or one"),
            Option("num", Kind.UINT32, repeated=True, help="old: length of axis 0"),
            Option("channels", Kind.UINT32, repeated=True, help="old: length of axis 1"),
            Option("height", Kind.UINT32, repeated=True, help="old: length of axis 2"),
            Option("width", Kind.UINT32, repeated=True, help="old: length of axis 3"),
        ),
    )
    bottoms = Count(0)
    tops = Count(1, None)
    holds_tops = True

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Shapes, and the constants."""
        fillers = self.options.data_filler or (FILLER.defaults(self.definition.position),)
        self.fillers = self._one_each("data_filler", fillers)
        self.draws = 0
        for blob, shape, filler in zip(top, self._shapes(), self.fillers, strict=True):
            check_filler(filler, self.definition.where, shape)
            blob.reshape(shape)
            if filler.type == "constant":
                copy_into(blob.data, fill(filler, shape, np.random.RandomState(0)))

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The shapes stay."""

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Draw what is no constant."""
        for k, (blob, filler) in enumerate(zip(top, self.fillers, strict=True)):
            if filler.type != "constant":
                seed = int(self.generator(f"top {k}", self.draws).integers(2**32))
                copy_into(blob.data, fill(filler, blob.shape, np.random.RandomState(seed)))
        self.draws += 1

    def state(self) -> dict[str, Any]:
        """How often was drawn."""
        return {"draws": self.draws}

    def restore_state(self, state: dict[str, Any]) -> None:
        """Go on with the same numbers."""
        self.draws = saved_count(state, "draws")

    def _shapes(self) -> list[tuple[int, ...]]:
        options, old = self.options, ("num", "channels", "height", "width")
        given = [name for name in old if getattr(options, name)]
        if bool(options.shape) == bool(given):
            raise self.error("give either shape, or num, channels, height and width")
        if options.shape:
            return self._one_each("shape", [shape.dim for shape in options.shape])
        if len(given) < len(old):
            raise self.error("num, channels, height and width must all be given", at=options.position(given[0]))
        return list(zip(*(self._one_each(name, getattr(options, name)) for name in old), strict=True))

    def _one_each(self, name: str, values: Sequence[Any]) -> list[Any]:
        """One value for each top, from as many or from one for all."""
        tops = len(self.definition.top)
        if len(values) not in (1, tops):
            raise self.error(
                f"expected one {name} for each of {tops} tops, or one for all; found {len(values)}",
                at=self.options.position(name),
            )
        return list(values) * (tops if len(values) == 1 else 1)

"""Dropout: sets a random part of the elements to zero while training (Srivastava et al., JMLR 2014)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pysketch.device import Array, Blob
from pysketch.layers.base import register, saved_count
from pysketch.layers.neuron import Neuron
from pysketch.netdef import Kind, Option, Phase, Table


@register
class Dropout(Neuron):
    """TRAIN: y = m x / (1 - p) with m 1 or, with probability p, 0, drawn anew for each forward; dx = m dy / (1 - p).

    p is dropout_ratio, 0 <= p < 1. In phase TEST y = x and dx = dy. Any shape, may be in-place. The masks are drawn
    on the CPU, from the net's seed, the layer's name and the number of forwards so far: a resumed run draws the same,
    and processes that share a batch draw for their items what one process would.
    """

    type = "Dropout"
    section = "dropout_param"
    table = Table("DropoutParameter", (Option("dropout_ratio", Kind.FLOAT, 0.5, help="how many are set to zero"),))

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """No forward has been made."""
        if not 0 <= self.options.dropout_ratio < 1:
            raise self.error(
                f"dropout_ratio must be at least 0 and below 1, found {self.options.dropout_ratio:g}",
                at=self.options.position("dropout_ratio"),
            )
        self._forwards = 0
        self._mask: Array | float = 1.0

    def value(self, x: Array, y: Array) -> None:
        """y = mask x."""
        if self.phase == Phase.TRAIN:
            ratio = self.options.dropout_ratio
            share, before = self.share, self.share.before(len(x))
            drawn = self.generator("mask", self._forwards + share.number)
            kept = drawn.random((before + len(x), *x.shape[1:]), dtype="float32")[before:] >= ratio
            self._forwards += share.parts if share.last else 0
            self._mask = self.xp.asarray(kept.astype(x.dtype) / x.dtype.type(1 - ratio))
        self.xp.multiply(x, self._mask, out=y)

    def slope(self, x: Array, y: Array) -> Array | float:
        """The mask of the last forward."""
        return self._mask

    def state(self) -> dict[str, Any]:
        """{"forwards": masks drawn so far}, in phase TRAIN."""
        return {"forwards": self._forwards} if self.phase == Phase.TRAIN else {}

    def restore_state(self, state: dict[str, Any]) -> None:
        """Go on with the same masks; ValueError if it is no state."""
        self._forwards = saved_count(state, "forwards")

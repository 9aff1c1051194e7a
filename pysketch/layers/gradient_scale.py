"""GradientScale: what comes back through it is turned or scaled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pysketch.device import Blob
from pysketch.layers.base import Count, Layer, register, saved_count
from pysketch.netdef import Kind, Option, Phase, Table


@register
class GradientScale(Layer):
    """y = x, and dx = scale dy: a gate for gradients, which a negative scale turns (Ganin and Lempitsky, ICML 2015).

    Not the gradient of y = x unless scale is 1: it is another game that the net above plays with the net below. With
    `begin`, the gate is shut (dx = 0) for so many forwards in phase TRAIN, so that the net below first learns without
    the one above; a resumed run goes on counting. In phase TEST nothing is counted, and the gate is open. Any shape.
    """

    type = "GradientScale"
    table = Table(
        "GradientScale",
        (
            Option("scale", Kind.FLOAT, 1.0, help="times the gradient; below 0 turns it"),
            Option("begin", Kind.INT32, 0, low=0, help="forwards in phase TRAIN before which the gradient is 0"),
        ),
    )
    tops = Count(1)
    pointwise = True

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """No forward has been made."""
        self._forwards = self._present = 0

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The bottom's shape."""
        top[0].reshape(bottom[0].shape)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """y = x."""
        top[0].data[...] = bottom[0].data
        if self.phase == Phase.TRAIN:
            self._present = self._forwards + self.share.number + 1
            self._forwards += self.share.parts if self.share.last else 0

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """dx = scale dy, or 0 before `begin`."""
        if propagate_down[0]:
            shut = self.phase == Phase.TRAIN and self._present <= self.options.begin
            self.xp.multiply(top[0].diff, 0 if shut else self.options.scale, out=bottom[0].diff)

    def state(self) -> dict[str, Any]:
        """{"forwards": those made so far}, in phase TRAIN."""
        return {"forwards": self._forwards} if self.phase == Phase.TRAIN else {}

    def restore_state(self, state: dict[str, Any]) -> None:
        """Go on counting; ValueError if it is no state."""
        self._forwards = self._present = saved_count(state, "forwards")

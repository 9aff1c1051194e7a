"""What neuron layers share: they work element by element, so a top is shaped as its bottom."""

from __future__ import annotations

from collections.abc import Sequence

from pysketch.device import Array, Blob
from pysketch.layers.base import Layer


class Neuron(Layer):
    """y_i = f(x_i), dx_i = f'(x_i) dy_i; a subclass writes `value` and `slope`.

    May be in-place where the slope follows from y alone: then `slope` must not look at x, which is y.
    """

    in_place = True
    pointwise = True

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The top is shaped as the bottom."""
        top[0].reshape(bottom[0].shape)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """y = f(x)."""
        self.value(bottom[0].data, top[0].data)

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """dx = f'(x) dy."""
        if propagate_down[0]:
            slope = self.slope(bottom[0].data, top[0].data)
            self.xp.multiply(slope, top[0].diff, out=bottom[0].diff)

    def value(self, x: Array, y: Array) -> None:
        """Write f(x) into y, which may be x itself."""
        raise NotImplementedError(f"{type(self).__name__} has no value")

    def slope(self, x: Array, y: Array) -> Array | float:
        """f'(x), given y = f(x); must leave both as they are."""
        raise NotImplementedError(f"{type(self).__name__} has no slope")

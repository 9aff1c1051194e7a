"""BatchReindex: items of a batch chosen, repeated and put in order by their numbers."""

from __future__ import annotations

from collections.abc import Sequence

from pysketch.device import Array, Blob
from pysketch.layers.base import Count, Layer, register
from pysketch.layers.labels import read_indices


@register
class BatchReindex(Layer):
    """y[m] = x[i[m]]: x (N, ...), i (M,) of numbers 0 .. N - 1, y (M, ...).

    dx[n] = the sum of dy[m] where i[m] = n. The numbers get no gradient. DataError for one out of range.
    """

    type = "BatchReindex"
    bottoms = Count(2)
    mixes_batch = True
    no_gradient = (1,)

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """As many items as there are numbers."""
        x, i = bottom[0].shape, bottom[1].shape
        if not x or len(i) != 1:
            names = self.definition.bottom
            raise self.shape_error(
                f'expected bottoms of shape (N, ...) and (M,), found "{names[0]}" {x} and "{names[1]}" {i}'
            )
        top[0].reshape(*i, *x[1:])

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Copy the items."""
        top[0].data[...] = bottom[0].data[self._indices(bottom)]

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Add every dy to its item's dx."""
        if propagate_down[1]:
            raise self.error(f"a {self.type} layer cannot propagate down to its indices")
        if propagate_down[0]:
            bottom[0].diff[...] = 0
            self.xp.add.at(bottom[0].diff, self._indices(bottom), top[0].diff)

    def _indices(self, bottom: Sequence[Blob]) -> Array:
        return read_indices(self, 1, bottom[1].data, bottom[0].shape[0])

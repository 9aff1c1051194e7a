"""ArgMax: the classes of the highest scores."""

from __future__ import annotations

from collections.abc import Sequence

from pysketch.device import Blob
from pysketch.layers.axes import canonical_axis, split_at
from pysketch.layers.base import Layer, register
from pysketch.netdef import Kind, Option, Table


@register
class ArgMax(Layer):
    """The indices of the `top_k` largest scores, the largest first; of equal ones the higher index first, as in Caffe.

    With `axis`: along it, the top is the bottom with that axis of length top_k; with `out_max_val` it holds the scores
    themselves. Without: over all axes behind the first as one, the top is (N, 1, top_k), or with out_max_val
    (N, 2, top_k), indices and scores; a bottom of four axes and more gives as many, with ones at the end.
    A score, without gradient.
    """

    type = "ArgMax"
    section = "argmax_param"
    table = Table(
        "ArgMaxParameter",
        (
            Option("out_max_val", Kind.BOOL, False, help="give the scores, too; with axis instead of the indices"),
            Option("top_k", Kind.UINT32, 1, low=1, help="how many"),
            Option("axis", Kind.INT32, None, help="along which the classes are; -1: the last; default: all but axis 0"),
        ),
    )
    no_gradient = (0,)

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Find the axis."""
        shape, axis = bottom[0].shape, self.options.axis
        self.axis = None if axis is None else canonical_axis(self, axis, shape)
        self.mixes_batch = self.axis == 0
        self.pointwise = self.axis is not None and self.axis < len(shape) - 2

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """top_k along the axis, or (N, 1 or 2, top_k, 1, ...)."""
        shape, k = bottom[0].shape, self.options.top_k
        if not shape:
            raise self.shape_error("expected a bottom of shape (N, ...), found ()")
        _, classes, _ = self._items(shape)
        if k > classes:
            raise self.error(f"top_k {k} is more than there are scores, {classes}", at=self.options.position("top_k"))
        if self.axis is None:
            top[0].reshape(shape[0], 1 + self.options.out_max_val, k, *(1,) * (len(shape) - 3))
        else:
            top[0].reshape(*shape[: self.axis], k, *shape[self.axis + 1 :])

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Sort, and take the last ones."""
        x = bottom[0].data.reshape(self._items(bottom[0].shape))
        order = self.xp.argsort(x, axis=1, kind="stable")[:, ::-1][:, : self.options.top_k]
        found = [order]
        if self.options.out_max_val:
            scores = self.xp.take_along_axis(x, order, axis=1)
            found = [order, scores] if self.axis is None else [scores]
        y = top[0].data.reshape(len(x), len(found), *order.shape[1:])
        for k, values in enumerate(found):
            y[:, k] = values

    def _items(self, shape: tuple[int, ...]) -> tuple[int, int, int]:
        """(outer, classes, inner)."""
        if self.axis is not None:
            return split_at(shape, self.axis)
        outer, first, rest = split_at((*shape, 1), 1)
        return outer, first * rest, 1

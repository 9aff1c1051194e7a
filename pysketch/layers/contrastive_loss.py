"""ContrastiveLoss: pulls the features of similar pairs together, pushes those of others apart.

Hadsell, Chopra and LeCun, "Dimensionality Reduction by Learning an Invariant Mapping", CVPR 2006.
"""

from __future__ import annotations

from collections.abc import Sequence

from pysketch.device import Array, Blob
from pysketch.layers.base import Count, Layer, register
from pysketch.netdef import Kind, Option, Table


@register
class ContrastiveLoss(Layer):
    """L = 1 / (2 N) sum_n s d^2 + (1 - s) max(margin - d, 0)^2, d = |a_n - b_n|, s = 1 for similar pairs, else 0.

    a and b: (N, C) features, or (N, C, 1, 1); the third bottom N numbers, 0 for pairs that are not similar (cut to
    whole numbers first, as Caffe does). L has shape (). `legacy_version`: max(margin - d^2, 0) in its place.
    With g the top's diff: dL/da = g / N (a - b) where s = 1, else, where d < margin, -g / N (margin - d) (a - b) / d,
    and dL/db = -dL/da. As in Caffe 1e-4 is added to that d, which keeps it from 0. Legacy: -g / N (a - b).
    """

    type = "ContrastiveLoss"
    section = "contrastive_loss_param"
    table = Table(
        "ContrastiveLossParameter",
        (
            Option("margin", Kind.FLOAT, 1.0, help="how far apart other pairs should be"),
            Option("legacy_version", Kind.BOOL, False, help="margin - d^2, as the first version had it"),
        ),
    )
    bottoms = Count(3)
    is_loss = True
    mixes_batch = True
    no_gradient = (2,)

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The top is a scalar."""
        (a, b, s), names = (blob.shape for blob in bottom), self.definition.bottom
        if a != b or len(a) < 2 or 0 in a or any(n != 1 for n in a[2:]):
            raise self.shape_error(
                f'"{names[0]}" {a} and "{names[1]}" {b} must have one shape, (N, C) or (N, C, 1, 1), and not be empty'
            )
        if bottom[2].count != a[0]:
            raise self.shape_error(f'expected {a[0]} numbers in "{names[2]}", found {s}')
        top[0].reshape(())

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The loss."""
        _, squares, similar = self._pairs(bottom)
        margin = self.options.margin
        if self.options.legacy_version:
            others = (margin - squares).clip(0)
        else:
            others = (margin - self.xp.sqrt(squares)).clip(0) ** 2
        top[0].data[...] = self.xp.where(similar, squares, others).sum() / (2 * len(squares))

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """da, and db = -da."""
        if propagate_down[2]:
            raise self.error(f"a {self.type} layer cannot propagate down to its third bottom")
        if not any(propagate_down):
            return
        difference, squares, similar = self._pairs(bottom)
        margin, one = self.options.margin, squares.dtype.type(1)
        if self.options.legacy_version:
            others = -(squares < margin).astype(squares.dtype)
        else:
            d = self.xp.sqrt(squares)
            others = -(margin - d).clip(0) / (d + 1e-4)
        da = difference * self.xp.where(similar, one, others)[:, None]
        da *= top[0].diff / len(squares)
        for k, sign in ((0, 1), (1, -1)):
            if propagate_down[k]:
                bottom[k].diff[...] = sign * da.reshape(bottom[k].shape)

    def _pairs(self, bottom: Sequence[Blob]) -> tuple[Array, Array, Array]:
        """(a - b (N, C), d^2 (N,), which are similar (N,))."""
        difference = (bottom[0].data - bottom[1].data).reshape(bottom[0].shape[:2])
        similar = self.xp.trunc(bottom[2].data.reshape(-1)) != 0
        return difference, (difference * difference).sum(axis=1), similar

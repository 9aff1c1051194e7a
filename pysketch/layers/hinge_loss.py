"""HingeLoss: the one-versus-all margin loss of a linear support vector machine."""

from __future__ import annotations

from collections.abc import Sequence

from pysketch.device import Array, Blob
from pysketch.layers.base import Count, Layer, register
from pysketch.layers.labels import check_item_labels, read_labels
from pysketch.netdef import Choice, Option, Table


@register
class HingeLoss(Layer):
    """L = (1 / N) sum over items n and classes k of m^p, m = max(0, 1 - d x_nk), d = 1 for k = label, -1 for others.

    `norm`: L1, p = 1 (default), or L2, p = 2. x: (N, ...), whose other axes together are the classes; labels: N
    numbers, 0 .. classes - 1. L has shape ().
    With g the top's diff: dL/dx_nk = -g/N d [m > 0] for L1, -g/N 2 d m for L2. At the kink of L1, m = 0, it is 0.
    Labels get no gradient. DataError for a label out of range.
    """

    type = "HingeLoss"
    section = "hinge_loss_param"
    table = Table(
        "HingeLossParameter", (Option("norm", Choice({"L1": 1, "L2": 2}), "L1", help="margins, or their squares?"),)
    )
    bottoms = Count(2)
    is_loss = True
    mixes_batch = True
    no_gradient = (1,)

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The top is a scalar."""
        check_item_labels(self, bottom)
        top[0].reshape(())

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The loss."""
        _, m = self._margins(bottom)
        top[0].data[...] = (m if self.options.norm == "L1" else m * m).sum() / len(m)

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """dx = -g/N d [m > 0], or -g/N 2 d m."""
        if propagate_down[1]:
            raise self.error(f"a {self.type} layer cannot propagate down to its labels")
        if propagate_down[0]:
            d, m = self._margins(bottom)
            slope = (m > 0) if self.options.norm == "L1" else 2 * m
            dx = bottom[0].diff
            dx[...] = (slope * d).reshape(dx.shape)
            dx *= top[0].diff / -len(m)

    def _margins(self, bottom: Sequence[Blob]) -> tuple[Array, Array]:
        """(d, m), both (N, classes)."""
        x = bottom[0].data.reshape(bottom[0].shape[0], -1)
        labels, _ = read_labels(self, bottom[1].data.reshape(-1), x.shape[1], None)
        d = 2 * (self.xp.arange(x.shape[1]) == labels[:, None]).astype(x.dtype) - 1
        return d, self.xp.maximum(1 - d * x, 0)

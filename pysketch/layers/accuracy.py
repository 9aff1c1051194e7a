"""Accuracy: how often the right class is among the best scores."""

from __future__ import annotations

from collections.abc import Sequence

from pysketch.device import Blob
from pysketch.layers.axes import canonical_axis, split_at
from pysketch.layers.base import Count, Layer, register
from pysketch.layers.labels import check_label_count, read_labels
from pysketch.netdef import Kind, Option, Table


@register
class Accuracy(Layer):
    """The fraction of items whose label is among the `top_k` largest scores along `axis`; a score, without gradient.

    x: scores, any shape; labels: one for each item, as in SoftmaxWithLoss; those of ignore_label do not count. Of equal
    scores the right class ranks last, as in Caffe: who gives all classes one score is never right. The top has shape
    (). A second top (classes,) gets, for each class, the fraction of its own items. Nothing to count gives 0.
    DataError for a label out of range.
    """

    type = "Accuracy"
    section = "accuracy_param"
    table = Table(
        "AccuracyParameter",
        (
            Option("top_k", Kind.UINT32, 1, low=1, help="among how many best scores?"),
            Option("axis", Kind.INT32, 1, help="along which the classes are; -1: the last"),
            Option("ignore_label", Kind.INT32, None, help="items of this label do not count"),
        ),
    )
    bottoms = Count(2)
    tops = Count(1, 2)
    mixes_batch = True
    no_gradient = (0, 1)

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Find the axis."""
        self.axis = canonical_axis(self, self.options.axis, bottom[0].shape)

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The top is a scalar; the second one has a number for each class."""
        outer, classes, inner = split_at(bottom[0].shape, self.axis)
        if self.options.top_k > classes:
            at = self.options.position("top_k")
            raise self.error(f"top_k {self.options.top_k} is more than there are classes, {classes}", at=at)
        check_label_count(self, bottom, outer * inner)
        top[0].reshape(())
        if len(top) == 2:
            top[1].reshape(classes)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Count how many other classes have a score that is not smaller."""
        xp, (outer, classes, inner) = self.xp, split_at(bottom[0].shape, self.axis)
        x = bottom[0].data.reshape(outer, classes, inner)
        given = bottom[1].data.reshape(outer, inner)
        labels, counted = read_labels(self, given, classes, self.options.ignore_label)
        own = xp.take_along_axis(x, labels[:, None], axis=1)
        rank = (x >= own).sum(axis=1) - 1
        right = (rank < self.options.top_k) & counted & ~xp.isnan(own[:, 0])
        top[0].data[...] = right.sum() / counted.sum().clip(1)
        if len(top) == 2:
            of_class = (xp.arange(classes)[:, None] == labels[:, None]) & counted[:, None]
            hits = (of_class & right[:, None]).sum(axis=(0, 2))
            top[1].data[...] = hits / of_class.sum(axis=(0, 2)).clip(1)

"""InfogainLoss: the multinomial logistic loss with a weight for each pair of right and given class."""

from __future__ import annotations

from collections.abc import Sequence

from pysketch.device import Array, Blob
from pysketch.errors import DataError, SnapshotError
from pysketch.layers.axes import canonical_axis, split_at
from pysketch.layers.base import Count, Layer, register
from pysketch.layers.labels import LOSS, SMALLEST_PROBABILITY, check_class_labels, normalizer, read_labels
from pysketch.layers.softmax import softmax, softmax_backward
from pysketch.netdef import Kind, Option, Table
from pysketch.weights import read_blob


@register
class InfogainLoss(Layer):
    """L = -(1 / n) sum over all items of sum_k H_lk log max(p_k, 1e-20), p = softmax(x) along `axis`, l the label.

    x and the labels are as for SoftmaxWithLoss, which this is if H is the identity; so are loss_param and n, and the
    second top, p. H: (classes, classes), the third bottom, or else read from `source`, a BlobProto such as Caffe's
    tools write (.binaryproto). L has shape ().

    With g the top's diff: dL/dx_j = g/n sum_k H_lk (p_j - [j = k]) = g/n (p_j sum_k H_lk - H_lj); 0 for items with
    ignore_label. The bound under p is left out of the derivative, as in Caffe. A diff of the second top, which Caffe
    would ignore, is handed down through the softmax. Labels and H get no gradient. DataError for a label out of range
    or a source that cannot be read.
    """

    type = "InfogainLoss"
    section = "infogain_loss_param"
    table = Table(
        "InfogainLossParameter",
        (
            Option("source", Kind.STRING, "", help="a BlobProto file with H, where no third bottom gives it"),
            Option("axis", Kind.INT32, 1, help="along which the classes are; -1: the last"),
        ),
    )
    more_sections = {"loss_param": LOSS}
    bottoms = Count(2, 3)
    tops = Count(1, 2)
    is_loss = True
    mixes_batch = True
    no_gradient = (1, 2)

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Find the axis, read H."""
        self.axis = canonical_axis(self, self.options.axis, bottom[0].shape)
        self._read: Array | None = None
        source, at = self.options.source, self.options.position("source")
        if len(bottom) == 3 and source:
            raise self.error("give either source or a third bottom, not both", at=at)
        if len(bottom) == 2:
            if not source:
                raise self.error("source is missing: a BlobProto file with H, (classes, classes); or a third bottom")
            path = self.find_file(source, "matrix", at)
            try:
                self._read = self.xp.asarray(read_blob(path), self.context.dtype)
            except SnapshotError as error:
                raise self.error(str(error), DataError, at) from None

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The top is a scalar; the second one is shaped as the scores."""
        classes = check_class_labels(self, bottom, self.axis)
        found = bottom[2].shape if self._read is None else self._read.shape
        if found[-2:] != (classes, classes) or any(n != 1 for n in found[:-2]):
            where = f'"{self.definition.bottom[2]}"' if self._read is None else self.options.source
            raise self.shape_error(f"expected a matrix ({classes}, {classes}) in {where}, found {found}")
        top[0].reshape(())
        if len(top) == 2:
            top[1].reshape(bottom[0].shape)

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The loss, and the probabilities if there is a second top."""
        p = softmax(self._items(bottom[0].data), 1)
        H, counted, n = self._gains(bottom)
        losses = -(H * self.xp.log(p.clip(SMALLEST_PROBABILITY))).sum(axis=1) * counted
        top[0].data[...] = losses.sum() / n
        if len(top) == 2:
            top[1].data[...] = p.reshape(top[1].shape)

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """The probabilities again (cheaper than keeping them), times the sum of H's row, less the row."""
        if any(propagate_down[1:]):
            raise self.error(f"a {self.type} layer cannot propagate down to its labels or its matrix")
        if not propagate_down[0]:
            return
        p = softmax(self._items(bottom[0].data), 1)
        H, counted, n = self._gains(bottom)
        dx = p * H.sum(axis=1, keepdims=True) - H
        dx *= counted[:, None]
        dx *= top[0].diff / n
        if len(top) == 2:
            dx += softmax_backward(p, self._items(top[1].diff), 1)
        bottom[0].diff[...] = dx.reshape(bottom[0].shape)

    def _items(self, x: Array) -> Array:
        """(outer, classes, inner), a view."""
        return x.reshape(split_at(x.shape, self.axis))

    def _gains(self, bottom: Sequence[Blob]) -> tuple[Array, Array, Array | int]:
        """The row of H of every item's label (outer, classes, inner), which items count (outer, inner), and n."""
        outer, classes, inner = split_at(bottom[0].shape, self.axis)
        options = self.more["loss_param"]
        labels, counted = read_labels(self, bottom[1].data.reshape(outer, inner), classes, options.ignore_label)
        H = (bottom[2].data if self._read is None else self._read).reshape(classes, classes)
        return self.xp.moveaxis(H[labels], 2, 1), counted, normalizer(options, "VALID", counted, outer)

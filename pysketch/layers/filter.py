"""Filter: only those items of a batch that another blob selects."""

from __future__ import annotations

from collections.abc import Sequence

from pysketch.device import Array, Blob
from pysketch.layers.base import Count, Layer, register


@register
class Filter(Layer):
    """The tops are the bottoms but the last, of which only the items stay where the last one, the selector, is not 0.

    Bottoms: (N, ...), any number of them, then N numbers. The tops have as many items as are selected, in their order,
    which may be none; while the net is built, before there are numbers, all of them.
    dx is dy at the items that are selected, 0 elsewhere. The selector gets no gradient.
    """

    type = "Filter"
    bottoms = Count(2, None)
    tops = Count(1, None)
    mixes_batch = True

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """A top for each bottom but the selector."""
        if len(top) != len(bottom) - 1:
            raise self.error(
                f"a {self.type} layer takes one top fewer than bottoms (the last bottom selects), "
                f"found {len(bottom)} bottoms and {len(top)} tops"
            )
        self.no_gradient = (len(top),)
        self._selected: Array | None = None
        self._built = False

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Which items are selected says how many there are."""
        selector, names = bottom[-1], self.definition.bottom
        for name, blob in zip(names, bottom, strict=True):
            if blob.shape[:1] != (selector.count,):
                raise self.shape_error(
                    f'expected {selector.count} items, as many as "{names[-1]}" has numbers, '
                    f'found "{name}" {blob.shape}'
                )
        if self._built:
            self._selected = self.xp.flatnonzero(selector.data)
            count = len(self._selected)
        else:
            self._built, count = True, selector.count
        for blob, out in zip(bottom, top, strict=False):
            out.reshape(count, *blob.shape[1:])

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Copy the selected items."""
        for blob, out in zip(bottom, top, strict=False):
            out.data[...] = blob.data[self._selected]

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Copy the selected items' diffs back."""
        if propagate_down[-1]:
            raise self.error(f"a {self.type} layer cannot propagate down to its selector")
        for blob, out, wanted in zip(bottom, top, propagate_down, strict=False):
            if wanted:
                blob.diff[...] = 0
                blob.diff[self._selected] = out.diff

"""Crop: a blob cut to the size of another one."""

from __future__ import annotations

from collections.abc import Sequence

from pysketch.device import Blob
from pysketch.layers.axes import canonical_axis
from pysketch.layers.base import Count, Layer, register
from pysketch.netdef import Kind, Option, Table


@register
class Crop(Layer):
    """y = x[o : o + n] along every axis from `axis` on, n the second bottom's length there; its values are unused.

    offset: one for all these axes, or one for each; default 0. dx is dy at the crop's place and 0 around it; the
    second bottom's is 0, as fully convolutional nets crop to the size of what they have learned.
    """

    type = "Crop"
    section = "crop_param"
    table = Table(
        "CropParameter",
        (
            Option("axis", Kind.INT32, 2, help="the first axis to crop; 2: height and width of images"),
            Option("offset", Kind.UINT32, repeated=True, help="where the crop begins: one for all axes, or each"),
        ),
    )
    bottoms = Count(2)
    no_gradient = (1,)

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Find the axis, check the offsets' number."""
        self.axis = canonical_axis(self, self.options.axis, bottom[0].shape)
        self.mixes_batch = self.axis == 0
        axes, given = len(bottom[0].shape) - self.axis, len(self.options.offset)
        if given not in (0, 1, axes):
            raise self.error(
                f"{given} offsets for {axes} axes; expected one for all, or one for each",
                at=self.options.position("offset"),
            )

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The first bottom's shape before the axis, the second's from there on."""
        x, like, axis = bottom[0].shape, bottom[1].shape, self.axis
        if len(x) != len(like):
            raise self.shape_error(f"both bottoms must have equally many axes, found {x} and {like}")
        offsets = self.options.offset or (0,)
        offsets = offsets * (len(x) - axis) if len(offsets) == 1 else offsets
        for number, (offset, length) in enumerate(zip(offsets, like[axis:], strict=True), axis):
            if offset + length > x[number]:
                raise self.shape_error(
                    f"axis {number}: a crop of {length} from {offset} does not fit the length {x[number]}"
                )
        self._place = (
            *(slice(None),) * axis,
            *(slice(offset, offset + length) for offset, length in zip(offsets, like[axis:], strict=True)),
        )
        top[0].reshape(*x[:axis], *like[axis:])

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Copy the crop."""
        top[0].data[...] = bottom[0].data[self._place]

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """dy into zeros."""
        if propagate_down[1]:
            bottom[1].diff[...] = 0
        if propagate_down[0]:
            bottom[0].diff[...] = 0
            bottom[0].diff[self._place] = top[0].diff

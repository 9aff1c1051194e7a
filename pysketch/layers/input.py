"""Input: blobs that the caller fills, as in a deploy net."""

from __future__ import annotations

from collections.abc import Sequence

from pysketch.device import Blob
from pysketch.layers.base import Count, Layer, register
from pysketch.netdef import BLOB_SHAPE, Option, Table


@register
class Input(Layer):
    """Gives its tops the shapes in the netdef; reshape the blobs and write their data before a forward.

    The shapes that the net was given for them (``Net(..., input_shapes=...)``) win over the netdef's.
    ``input_param { shape { dim: 1 dim: 5 dim: 200 dim: 155 } }``: one shape for each top, or one for all.
    """

    type = "Input"
    section = "input_param"
    table = Table("InputParameter", (Option("shape", BLOB_SHAPE, repeated=True, help="one for each top, or one"),))
    bottoms = Count(0)
    tops = Count(1, None)

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Give the tops their first shapes; later ones are the caller's."""
        shapes = self.options.shape
        if len(shapes) not in (0, 1, len(top)):
            raise self.error(
                f"expected one shape for each of {len(top)} tops, one for all, or none; found {len(shapes)}",
                at=self.options.position("shape"),
            )
        for k, blob in enumerate(top if shapes else ()):
            blob.reshape(shapes[k if len(shapes) > 1 else 0].dim)

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The caller's shapes stay."""

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """The caller's data stay."""

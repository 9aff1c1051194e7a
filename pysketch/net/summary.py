"""What the layers of a net cost: shapes, params, multiply-adds, memory, receptive fields."""

from __future__ import annotations

from dataclasses import dataclass

from pysketch.convolution import Fields
from pysketch.net.multiply_adds import forward_multiply_adds
from pysketch.net.net import Net
from pysketch.net.tiling import blob_fields


@dataclass(frozen=True)
class LayerSummary:
    """One layer.

    shapes: of its tops. params: elements of its params, shared ones included. multiply_adds: of a forward; None where
    they are not counted. nbytes: of its tops' data; 0 in place. fields: what an element of the first top sees of the
    net's image; None where nobody knows, or the top does not depend on it.
    """

    name: str
    type: str
    shapes: tuple[tuple[int, ...], ...]
    params: int
    multiply_adds: int | None
    nbytes: int
    fields: Fields | None


@dataclass(frozen=True)
class NetSummary:
    """The layers, without splits, which have no memory of their own; image: the blob whose elements are seen, or None.

    params: of all layers, shared ones counted once. multiply_adds, nbytes: the sums of the layers'.
    """

    layers: tuple[LayerSummary, ...]
    image: str | None
    params: int

    @property
    def multiply_adds(self) -> int:
        """Of those layers that have a count."""
        return sum(layer.multiply_adds or 0 for layer in self.layers)

    @property
    def nbytes(self) -> int:
        """Of all blobs' data, each kept for itself."""
        return sum(layer.nbytes for layer in self.layers)


def summarize(net: Net) -> NetSummary:
    """For the present shapes. The image is the first blob (N, C, H, W) that a layer without bottoms gives."""
    sources = (name for layer in net.layers if not layer.definition.bottom for name in layer.definition.top)
    image = next((name for name in sources if len(net.blobs[name].shape) == 4), None)
    fields = blob_fields(net, image) if image else {}
    indices = [index for index, layer in enumerate(net.layers) if layer.type != "Split"]
    layers = tuple(_layer(net, index, fields) for index in indices)
    return NetSummary(layers, image, sum(param.blob.count for param in net.learnable))


def _layer(net: Net, index: int, fields: dict[str, object]) -> LayerSummary:
    layer, bottom, top = net.layers[index], net.bottoms[index], net.tops[index]
    own = [blob for blob in top if not any(blob is other for other in bottom)]
    seen = fields.get(layer.definition.top[0]) if layer.definition.top else None
    return LayerSummary(
        layer.name,
        layer.type,
        tuple(blob.shape for blob in top),
        sum(blob.count for blob in layer.blobs),
        forward_multiply_adds(layer, bottom, top),
        sum(blob.count * blob.dtype.itemsize for blob in own),
        seen if isinstance(seen, tuple) else None,
    )

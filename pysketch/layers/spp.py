"""SPP: spatial pyramid pooling, a vector of fixed length from an image of any size (He et al., ECCV 2014)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pysketch.device import Array, Blob
from pysketch.layers.base import Layer, register
from pysketch.layers.pooling_windows import Windows, pool, unpool
from pysketch.netdef import Choice, Kind, Option, Table


@register
class SPP(Layer):
    """Level l pools the image in 2^l by 2^l windows; the levels' windows, flattened, stand one behind the other.

    x: (N, C, H, W); y: (N, C * (1 + 4 + ... + 4^(pyramid_height - 1))), with pyramid_height 1 (N, C, 1, 1). Windows are
    ceil(H / 2^l) high, next to each other, with half of what they exceed the image by, rounded up, as padding; so are
    the columns. As in Caffe the image must be large enough that the padding is smaller than a window. `pool`: MAX or
    AVE, as for Pooling. dx is the sum of what every level's pooling hands back.
    """

    type = "SPP"
    section = "spp_param"
    table = Table(
        "SPPParameter",
        (
            Option("pyramid_height", Kind.UINT32, required=True, low=1, high=16, help="levels, the first a window"),
            Option("pool", Choice({"MAX": 0, "AVE": 1, "STOCHASTIC": 2}), "MAX", help="what is taken of a window"),
            Option(
                "engine", Choice({"DEFAULT": 0, "CAFFE": 1, "CUDNN": 2}), "DEFAULT", help="Caffe's; has no effect here"
            ),
        ),
    )

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """STOCHASTIC is not supported."""
        if self.options.pool == "STOCHASTIC":
            at = self.options.position("pool")
            raise self.error("not supported: SPPParameter.pool STOCHASTIC; near: MAX, AVE", at=at)

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """(N, C, H, W) -> (N, C * windows)."""
        shape, levels = bottom[0].shape, self.options.pyramid_height
        if len(shape) != 4 or 0 in shape:
            raise self.shape_error(f"expected a bottom of shape (N, C, H, W), found {shape}")
        self.levels = [[self._windows(size, 2**level) for size in shape[2:]] for level in range(levels)]
        n, channels = shape[:2]
        if levels == 1:
            top[0].reshape(n, channels, 1, 1)
        else:
            top[0].reshape(n, channels * sum(4**level for level in range(levels)))

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Every level's windows, channel by channel."""
        x = bottom[0].data
        images = x.reshape(-1, *x.shape[2:])
        for place, (rows, cols) in self._places(top[0].data, x.shape[1]):
            place[...] = pool(images, rows, cols, self.options.pool == "AVE").reshape(place.shape)

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """The levels' diffs of the image, added up."""
        if not propagate_down[0]:
            return
        x, dx = bottom[0].data, bottom[0].diff
        images = x.reshape(-1, *x.shape[2:])
        dx[...] = 0
        for place, (rows, cols) in self._places(top[0].diff, x.shape[1]):
            dy = place.reshape(-1, rows.count, cols.count)
            dx += unpool(images, dy, rows, cols, self.options.pool == "AVE").reshape(dx.shape)

    def _windows(self, size: int, count: int) -> Windows:
        """`count` windows along an axis; ShapeError if it is too short."""
        kernel = -(-size // count)
        pad = (kernel * count - size + 1) // 2
        if pad >= kernel:
            raise self.shape_error(
                f"{size} pixels cannot be pooled in {count} windows of {kernel}: the padding, {pad}, must be smaller "
                "than a window; take a smaller pyramid_height"
            )
        return Windows.along(size, kernel, kernel, pad, True)

    def _places(self, y: Array, channels: int) -> Iterator[tuple[Array, list[Windows]]]:
        """Every level's part of the top (N, C * windows), a view, and its windows along both axes."""
        y, start = y.reshape(len(y), -1), 0
        for level, windows in enumerate(self.levels):
            stop = start + channels * 4**level
            yield y[:, start:stop], windows
            start = stop

"""Input layers that stand in for data layers, so that a net can be built, looked at and timed without its data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pysketch.errors import NetdefError
from pysketch.images import Preprocessing
from pysketch.layers import Context, Input, PhotoSketchData, layer_class
from pysketch.net.net import Net
from pysketch.netdef import LayerDef, NetDef, Phase

_FEATURES, _GREYS = (0.0, 1.0), (0.0, 255.0)


@dataclass(frozen=True)
class Feed:
    """The shape of an input blob, and what its elements lie between."""

    shape: tuple[int, ...]
    limits: tuple[float, float]


def build_without_data(
    netdef: NetDef,
    phase: Phase,
    stages: Sequence[str] = (),
    context: Context | None = None,
    *,
    batch: int | None = None,
    size: tuple[int, int] | None = None,
    keep: Sequence[str] | None = None,
) -> tuple[Net, dict[str, Feed]]:
    """The net, and what its Input layers are to be fed with, by blob.

    A PhotoSketchData layer becomes an Input layer of its tops' shapes. Any other data layer stays what it is and needs
    its files. context, keep: as for `Net`. batch: images, instead of the netdef's. size: (width, height) in pixels of
    the first image among the inputs; the others grow or shrink by as many pixels. Neither changes what is not fed.
    NetdefError for an input without a shape and for a size without an image.
    """
    selected = netdef.select(netdef.resolve_state(phase, stages=tuple(stages)))
    context = context or Context()
    feeds = {
        name: feed
        for definition in selected.layers
        if not definition.bottom
        for name, feed in zip(definition.top, _own_feeds(definition, context, phase), strict=False)
    }
    own = next((feed.shape[2:] for feed in feeds.values() if len(feed.shape) == 4), None)
    if size and not own:
        raise NetdefError(f"{netdef.filename}: has no image among its inputs that could be given a size")
    grow = (size[1] - own[0], size[0] - own[1]) if size else (0, 0)
    feeds = {name: replace(feed, shape=_resized(feed.shape, batch, grow)) for name, feed in feeds.items()}
    fed = replace(selected, layers=tuple(_fed(definition, feeds) for definition in selected.layers))
    shapes = {name: feed.shape for name, feed in feeds.items()}
    net = Net(fed, phase, context, stages=stages, input_shapes=shapes, keep=keep)
    return net, feeds


def _resized(shape: tuple[int, ...], batch: int | None, grow: tuple[int, int]) -> tuple[int, ...]:
    """Another batch; images larger by (rows, columns): a sketch grows by as many pixels as its photo."""
    n = batch or shape[0]
    if len(shape) != 4:
        return (n, *shape[1:])
    return n, shape[1], max(0, shape[2] + grow[0]), max(0, shape[3] + grow[1])


def _own_feeds(definition: LayerDef, context: Context, phase: Phase) -> list[Feed]:
    """What a layer without bottoms is fed with, as its netdef says; nothing for one that stays itself."""
    layer = layer_class(definition, context)
    if layer is PhotoSketchData:
        options = PhotoSketchData.read_options(definition)
        tests = phase == Phase.TEST and options.test_batch_size is not None
        batch = (options.test_batch_size if tests else options.batch_size) or 1  # 0: all pairs, whose number is unknown
        channels = Preprocessing(xy=options.xy, direction=options.direction).channels
        photo = batch, channels, options.photo_height, options.photo_width
        return [Feed(photo, _FEATURES), Feed((batch, 1, options.sketch_height, options.sketch_width), _GREYS)]
    if layer is not Input:
        return []
    shapes = [tuple(shape.dim) for shape in Input.read_options(definition).shape]
    if len(shapes) not in (1, len(definition.top)) or not all(shapes):
        raise definition.error("the shape of every input is needed: one for each top, or one for all")
    return [Feed(shape, _FEATURES) for shape in shapes * (len(definition.top) if len(shapes) == 1 else 1)]


def _fed(definition: LayerDef, feeds: dict[str, Feed]) -> LayerDef:
    """A layer that is fed as an Input layer; every other layer as it is."""
    if definition.bottom or not set(definition.top) <= feeds.keys():
        return definition
    return replace(definition, type="Input", sections={})

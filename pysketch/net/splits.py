"""Where several layers read one blob, a Split layer is inserted, named and placed as Caffe does."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from pysketch.errors import did_you_mean
from pysketch.netdef import LayerDef

Producer = tuple[int, int]
"""(index of a layer, index of its top)."""


def insert_splits(layers: tuple[LayerDef, ...], elsewhere: Collection[str] = ()) -> tuple[LayerDef, ...]:
    """The same layers with splits ``{blob}_{layer}_{top}_split`` behind every top that is read more than once.

    A non-zero loss_weight counts as one reader, the first, and moves to the split's first top.
    Readers are counted for each producer, so behind an in-place layer they hang on that layer. elsewhere: blobs that
    only layers make which are not in this net, for the message.
    """
    readers = _find_readers(layers, elsewhere)
    uses = _count_uses(layers, readers)
    next_split = {producer: int(_weight(layers, producer) != 0) for producer in uses}
    result: list[LayerDef] = []
    for index, layer in enumerate(layers):
        bottoms = []
        for producer, blob in zip(readers[index], layer.bottom, strict=True):
            if uses[producer] > 1:
                bottoms.append(f"{_split_name(layers, producer)}_{next_split[producer]}")
                next_split[producer] += 1
            else:
                bottoms.append(blob)
        splits = [k for k in range(len(layer.top)) if uses.get((index, k), 0) > 1]
        kept = tuple(0.0 if k in splits else weight for k, weight in enumerate(layer.loss_weight))
        result.append(replace(layer, bottom=tuple(bottoms), loss_weight=kept))
        for k in splits:
            result.append(_split(layers, (index, k), uses[index, k]))
    return tuple(result)


def unread_tops(definitions: Sequence[LayerDef]) -> list[str]:
    """The names of those tops that no layer below reads, in alphabetical order."""
    unread: set[str] = set()
    for definition in definitions:
        unread.difference_update(definition.bottom)
        unread.update(definition.written_top)
    return sorted(unread)


def _find_readers(layers: tuple[LayerDef, ...], elsewhere: Collection[str]) -> list[list[Producer]]:
    """For every layer, the producer of each bottom; NetdefError for a bottom that nobody makes."""
    latest: dict[str, Producer] = {}
    readers = []
    for index, layer in enumerate(layers):
        for blob in layer.bottom:
            if blob not in latest:
                later = any(blob in other.top for other in layers[index:])
                hint = "; it is produced only further down" if later else did_you_mean(blob, latest)
                if blob in elsewhere:
                    hint = "; a layer makes it that this phase, level and stages leave out"
                raise layer.error(f'unknown bottom "{blob}"{hint}')
        readers.append([latest[blob] for blob in layer.bottom])
        for k, blob in enumerate(layer.written_top):
            latest[blob] = index, k
    return readers


def _count_uses(layers: tuple[LayerDef, ...], readers: list[list[Producer]]) -> dict[Producer, int]:
    uses = {(index, k): 0 for index, layer in enumerate(layers) for k in range(len(layer.top))}
    for producers in readers:
        for producer in producers:
            uses[producer] += 1
    for producer in uses:
        uses[producer] += _weight(layers, producer) != 0
    return uses


def _weight(layers: tuple[LayerDef, ...], producer: Producer) -> float:
    weights = layers[producer[0]].loss_weight
    return weights[producer[1]] if weights else 0.0


def _split_name(layers: tuple[LayerDef, ...], producer: Producer) -> str:
    layer, top = layers[producer[0]], producer[1]
    return f"{layer.top[top]}_{layer.name}_{top}_split"


def _split(layers: tuple[LayerDef, ...], producer: Producer, count: int) -> LayerDef:
    name, weight = _split_name(layers, producer), _weight(layers, producer)
    layer = layers[producer[0]]
    return LayerDef(
        name,
        "Split",
        layer.position,
        bottom=(layer.top[producer[1]],),
        top=tuple(f"{name}_{k}" for k in range(count)),
        loss_weight=(weight, *[0.0] * (count - 1)) if weight else (),
    )

"""A net as boxes and arrows, for drawing: a box for each layer, layers in place inside the box of what they change."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field

from pysketch.layers import Layer
from pysketch.net import Net
from pysketch.netdef import Table

KINDS = ("other", "data", "params", "loss")
"""What a node may be: without bottoms, with params, a loss, or none of these."""

_WIDTH, _MOST = 40, 3  # characters of a line, lines of options


@dataclass
class Node:
    """title: the layer's name and type. lines: its options, params, layers in place, and "-> blob shape" of its tops.

    kind: one of KINDS.
    """

    title: str
    kind: str
    lines: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Edge:
    """From a node to one that reads blobs of it, by their indices; label: the blobs, where the first makes several."""

    source: int
    target: int
    label: str = ""


def net_graph(net: Net) -> tuple[list[Node], list[Edge]]:
    """The layers, without splits: who reads a blob hangs on who made it. Shapes are the present ones."""
    nodes: list[Node] = []
    read: dict[tuple[int, int], list[str]] = {}
    makers: dict[str, int] = {}
    names: dict[str, str] = {}  # of a split's tops: the blob they are
    tops: dict[int, list[str]] = {}
    for layer in net.layers:
        definition = layer.definition
        bottoms = [names.get(name, name) for name in definition.bottom]
        if layer.type == "Split":
            names.update(dict.fromkeys(definition.top, bottoms[0]))
            continue
        if bottoms and list(definition.top) == bottoms[:1]:
            nodes[makers[bottoms[0]]].lines += _described(layer, f"{layer.name} {layer.type}")
            continue
        nodes.append(Node(f"{layer.name} {layer.type}", _kind(layer), _described(layer)))
        for name in dict.fromkeys(bottoms):
            read.setdefault((makers[name], len(nodes) - 1), []).append(name)
        makers.update(dict.fromkeys(definition.top, len(nodes) - 1))
        tops[len(nodes) - 1] = list(definition.top)
    for index, made in tops.items():
        nodes[index].lines += [f"\u2192 {name}  {_shape(net.blobs[name].shape)}" for name in made]
    return nodes, [Edge(*ends, ", ".join(blobs) if len(tops[ends[0]]) > 1 else "") for ends, blobs in read.items()]


def _kind(layer: Layer) -> str:
    if not layer.definition.bottom:
        return "data"
    return "loss" if layer.is_loss else "params" if layer.blobs else "other"


def _described(layer: Layer, first: str = "") -> list[str]:
    """The given options, and the number of params; after `first`, if there is one."""
    count = sum(blob.count for blob in layer.blobs)
    words = [first] if first else []
    words += [text for option in layer.table.options if (text := _option(layer, option.name, option.kind))]
    lines = textwrap.wrap(", ".join(words), _WIDTH)
    if len(lines) > _MOST:
        lines = [*lines[: _MOST - 1], f"{lines[_MOST - 1][: _WIDTH - 2]} \u2026"]
    return [*lines, *([f"{count:,} params"] if count else [])]


def _option(layer: Layer, name: str, kind: object) -> str | None:
    """ "kernel_size 3"; None for what is not given, and for messages such as fillers."""
    if isinstance(kind, Table) or not layer.options.given(name):
        return None
    value = getattr(layer.options, name)
    values = value if isinstance(value, tuple) else (value,)
    return " ".join([name, *(f"{each:g}" if isinstance(each, float) else str(each) for each in values)])


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "scalar"

"""A net as boxes and arrows, for drawing: a box for each layer, layers in place inside the box of what they change.

`net_graph` shows a net that has been built, with shapes; `netdef_graph` what a netdef says, whether or not it can be.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pysketch.errors import NetdefError
from pysketch.layers import PYTHON, Context, Layer, layer_class
from pysketch.net import Net
from pysketch.netdef import LayerDef, Message, NetDef, Phase, Scalar, Table

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


@dataclass(frozen=True)
class _Part:
    """A layer as it is to be drawn: title, kind, options in words, what it reads, and its tops, each with its shape."""

    title: str
    kind: str
    words: list[str]
    more: list[str]
    bottom: Sequence[str]
    top: dict[str, str]


def net_graph(net: Net) -> tuple[list[Node], list[Edge]]:
    """The layers, without splits: who reads a blob hangs on who made it. Shapes are the present ones."""
    parts = []
    names: dict[str, str] = {}  # of a split's tops: the blob they are
    for layer, tops in zip(net.layers, net.tops, strict=True):
        definition = layer.definition
        bottoms = [names.get(name, name) for name in definition.bottom]
        if layer.type == "Split":
            names.update(dict.fromkeys(definition.top, bottoms[0]))
            continue
        count = sum(blob.count for blob in layer.blobs)
        words = [text for option in layer.table.options if (text := _option(layer, option.name, option.kind))]
        shapes = {name: f"  {_shape(blob.shape)}" for name, blob in zip(definition.top, tops, strict=True)}
        kind = _kind(definition, layer.is_loss, bool(layer.blobs))
        more = [f"{count:,} params"] if count else []
        parts.append(_Part(_title(definition.name, layer.type), kind, words, more, bottoms, shapes))
    return _graph(parts)


def netdef_graph(
    netdef: NetDef, phase: Phase, stages: Sequence[str] = (), context: Context | None = None
) -> tuple[list[Node], list[Edge]]:
    """The layers of a state as the netdef has them: no net is built, no file read, so there are no shapes.

    A bottom that no layer above makes in this state has a node of its own, which says so.
    """
    parts = []
    made: dict[str, None] = {}
    for definition in netdef.select(netdef.resolve_state(phase, stages=tuple(stages))).layers:
        for name in definition.bottom:
            if name not in made:
                parts.append(
                    _Part(f'"{name}"', "data", [f"no layer of phase {phase.name} makes it"], [], (), {name: ""})
                )
                made[name] = None
        made |= dict.fromkeys(definition.top)
        try:
            cls = layer_class(definition, context or Context())
        except NetdefError:  # a type that we have not can be drawn
            cls = None
        learns = bool(definition.param) or (cls is not None and _has_filler(cls))
        kind = _kind(definition, cls is not None and cls.is_loss, learns)
        type = definition.type if cls is None else cls.type
        words = [text for section in definition.sections.values() for text in _written(section)]
        tops = dict.fromkeys(definition.top, "")
        parts.append(_Part(_title(definition.name, type), kind, words, [], definition.bottom, tops))
    return _graph(parts)


def _graph(parts: Iterable[_Part]) -> tuple[list[Node], list[Edge]]:
    nodes: list[Node] = []
    read: dict[tuple[int, int], list[str]] = {}
    makers: dict[str, int] = {}
    tops: dict[int, dict[str, str]] = {}
    for part in parts:
        if part.bottom and list(part.top) == list(part.bottom)[:1]:
            nodes[makers[part.bottom[0]]].lines += _lines([part.title, *part.words], part.more)
            tops[makers[part.bottom[0]]].update(part.top)
            continue
        nodes.append(Node(part.title, part.kind, _lines(part.words, part.more)))
        for name in dict.fromkeys(part.bottom):
            read.setdefault((makers[name], len(nodes) - 1), []).append(name)
        makers.update(dict.fromkeys(part.top, len(nodes) - 1))
        tops[len(nodes) - 1] = dict(part.top)
    for index, made in tops.items():
        nodes[index].lines += [f"\u2192 {name}{shape}" for name, shape in made.items()]
    return nodes, [Edge(*ends, ", ".join(blobs) if len(tops[ends[0]]) > 1 else "") for ends, blobs in read.items()]


def _title(name: str, type: str) -> str:
    return f"{name} {type}".strip()


def _kind(definition: LayerDef, is_loss: bool, learns: bool) -> str:
    if not definition.bottom:
        return "data"
    return "loss" if is_loss else "params" if learns else "other"


def _has_filler(cls: type[Layer]) -> bool:
    return any(isinstance(option.kind, Table) and option.kind.name == "FillerParameter" for option in cls.table.options)


def _lines(words: Sequence[str], more: Sequence[str]) -> list[str]:
    """The words, wrapped and cut short, then the rest."""
    lines = textwrap.wrap(", ".join(words), _WIDTH)
    if len(lines) > _MOST:
        lines = [*lines[: _MOST - 1], f"{lines[_MOST - 1][: _WIDTH - 2]} \u2026"]
    return [*lines, *more]


def _written(section: Message) -> list[str]:
    """The plain options of a section, as they are written; not the class that a Python layer is."""
    values: dict[str, list[str]] = {}
    for each in section.fields:
        if isinstance(each.value, Scalar) and each.name not in {option.name for option in PYTHON.options}:
            values.setdefault(each.name, []).append(each.value.text)
    return [" ".join([name, *texts]) for name, texts in values.items()]


def _option(layer: Layer, name: str, kind: object) -> str | None:
    """ "kernel_size 3"; None for what is not given, and for messages such as fillers."""
    if isinstance(kind, Table) or not layer.options.given(name):
        return None
    value = getattr(layer.options, name)
    values = value if isinstance(value, tuple) else (value,)
    return " ".join([name, *(f"{each:g}" if isinstance(each, float) else str(each) for each in values)])


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "scalar"

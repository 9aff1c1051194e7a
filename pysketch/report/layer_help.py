"""What layers do and take, in text: a list of the types, and one type's docstring with tables of its options."""

from __future__ import annotations

import inspect

from pysketch.layers import LAYERS, UNSUPPORTED_LAYERS, Layer
from pysketch.netdef import Choice, Kind, Option, Table
from pysketch.report.table import aligned

_KINDS = {
    Kind.INT32: "integer",
    Kind.UINT32: "integer from 0 on",
    Kind.INT64: "integer",
    Kind.FLOAT: "number",
    Kind.BOOL: "true or false",
    Kind.STRING: "text",
}


def describe_layer(layer: type[Layer]) -> list[str]:
    """A layer's docstring, its bottoms and tops, and a table for each section of options."""
    lines = [layer.type, "", *(inspect.getdoc(layer) or "").splitlines()]
    lines += ["", f"bottoms: {layer.bottoms}    tops: {layer.tops}"]
    sections = {layer.section or "param_str of python_param, in JSON": layer.table, **layer.more_sections}
    for table in list(sections.values()):
        sections |= _messages(table)
    for name, table in sections.items():
        if table.options:
            lines += [
                "",
                f"{name}:",
                *(f"  {line}" for line in aligned([["option", "is", "default", ""], *_rows(table)])),
            ]
    return lines


def list_layers() -> list[str]:
    """Every type with its module's first line, then those that only Caffe has."""
    rows = [["type", "what it does"]]
    rows += [[name, _summary(layer)] for name, layer in sorted(LAYERS.items(), key=lambda item: item[0].lower())]
    only_caffe = [["of Caffe, not here", "near"], *map(list, UNSUPPORTED_LAYERS.items())]
    return [*aligned(rows), "", *aligned(only_caffe)]


def _messages(table: Table) -> dict[str, Table]:
    """The messages that options are, such as fillers, by name."""
    found = {}
    for option in table.options:
        if isinstance(option.kind, Table):
            found |= {option.kind.name: option.kind, **_messages(option.kind)}
    return found


def _rows(table: Table) -> list[list[str]]:
    return [[option.name, _kind(option), _default(option), option.help] for option in table.options]


def _kind(option: Option) -> str:
    kind = option.kind
    if isinstance(kind, Choice):
        text = ", ".join(kind.numbers)
    else:
        text = kind.name if isinstance(kind, Table) else _KINDS[kind]
        if option.low is not None and text.startswith("integer"):
            text = f"integer from {option.low} on"
    return f"{text}; repeated" if option.repeated else text


def _default(option: Option) -> str:
    if option.required:
        return "required"
    if option.default is None or option.repeated:
        return "-"
    return str(option.default).lower() if isinstance(option.default, bool) else str(option.default) or '""'


def _summary(layer: type[Layer]) -> str:
    """The first line of the module that the layer is in, without the type that it begins with."""
    line = (inspect.getdoc(inspect.getmodule(layer)) or "").partition("\n")[0]
    head, colon, rest = line.partition(": ")
    return rest if colon and head == layer.type else line

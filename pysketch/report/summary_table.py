"""The table of tools/summarize.py: what each layer of a net costs, and all together."""

from __future__ import annotations

from pysketch.net import LayerSummary, NetSummary
from pysketch.report.table import aligned


def summary_table(summary: NetSummary) -> list[str]:
    """The table, with totals, and what they leave out."""
    rows = [["layer", "type", "output", "params", "multiply-adds", "bytes", "sees", "stride"]]
    rows += [_row(layer) for layer in summary.layers]
    rows.append(["all", "", "", *map(_count, (summary.params, summary.multiply_adds, summary.nbytes)), "", ""])
    uncounted = sorted({layer.type for layer in summary.layers if layer.multiply_adds is None and layer.params})
    return [
        *aligned(rows),
        "",
        f"Bytes: data only ({summary.nbytes / 2**20:.1f} MiB); learning needs as many again for diffs. "
        f"Params: {4 * summary.params / 2**20:.1f} MiB.",
        *([f"Multiply-adds are not counted of: {', '.join(uncounted)}."] if uncounted else []),
    ]


def _row(layer: LayerSummary) -> list[str]:
    shapes = ", ".join("x".join(map(str, shape)) or "1" for shape in layer.shapes)
    counts = map(_count, (layer.params, layer.multiply_adds, layer.nbytes))
    if layer.fields is None:
        return [layer.name, layer.type, shapes, *counts, "-", "-"]
    sizes = [field.size for field in layer.fields]
    strides = list(dict.fromkeys(str(field.stride) for field in layer.fields))
    return [layer.name, layer.type, shapes, *counts, "x".join(map(str, sizes)), "x".join(strides)]


def _count(number: int | None) -> str:
    return f"{number:,}" if number else "-"

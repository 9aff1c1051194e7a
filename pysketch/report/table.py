"""Tables, for terminals and in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

Rows = Sequence[Sequence[str]]
"""Cells; the first row has the columns' names."""

_NUMBERS = (
    "params",
    "multiply-adds",
    "bytes",
    "sees",
    "stride",
    "ms",
    "MiB",
    "MB",
    "MFLOP",
    "GFLOP",
    "/s",
    "/byte",
    "ratio",
    "difference",
    "launches",
)


def aligned(rows: Rows, numbers_from: int | None = None) -> list[str]:
    """Columns as wide as their widest cell; those whose names end in a unit to the right.

    numbers_from: the column from which on all are to the right, whatever their names.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    right = [name.endswith(_NUMBERS) for name in rows[0]]
    if numbers_from is not None:
        right = [column >= numbers_from for column in range(len(widths))]
    lines = []
    for row in rows:
        cells = zip(row, widths, right, strict=True)
        lines.append("  ".join(cell.rjust(w) if to_right else cell.ljust(w) for cell, w, to_right in cells).rstrip())
    return lines


def markdown(rows: Rows) -> list[str]:
    """The first column to the left, the others, numbers, to the right."""
    head, *body = (f"| {' | '.join(row)} |" for row in rows)
    return [head, "|---" + "|---:" * (len(rows[0]) - 1) + "|", *body]

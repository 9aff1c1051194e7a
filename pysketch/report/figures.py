"""Figures as files: curves, bars, sheets of pictures; with `diagram` the only importer of matplotlib.

Colours differ in lightness too, so that a page printed in grey can be read; what is ours is drawn thickest.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pysketch.errors import DataError
from pysketch.files import atomic_path
from pysketch.shipped import how_to_install

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = (
    "#000000",
    "#c1440e",
    "#1f6fb2",
    "#2e8b57",
    "#8e5bb5",
    "#e0a11b",
    "#5fb4c9",
    "#9a9a9a",
    "#b04a7a",
    "#6b5b2e",
)
_FILLS = ("#404040", "#d0d0d0", "#c1440e", "#1f6fb2", "#8fb98f", "#e0a11b")  # of bars, outlined in black
_MARKERS = "osD^vP*X<>"
_FEW = 40  # points of a line up to which each has a dot
_TICKS, _LARGE = 10, 10_000  # so few different x, all below, are the ticks of a logarithmic axis themselves
_FORMATS = (".png", ".svg", ".pdf")
_DPI, _LONGEST = 130, 20_000  # dots per inch; pixels of the longer side, at most

Curve = tuple[Sequence[float], Sequence[float], Sequence[float], Sequence[float]]
"""x, the mean y, the lowest and the highest y: four sequences of one length."""


@dataclass(frozen=True)
class Panel:
    """One of several plots over the same x: its y axis's label; lines: label -> (x, y)."""

    label: str
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]]


def cumulative_match(
    path: str | os.PathLike[str], scores: Mapping[str, Sequence[float]], title: str | None = None
) -> None:
    """CMS over the rank, in percent, a line for each method; scores[method][k] is that of rank k + 1."""
    figure, axes = _axes(title)
    for k, (method, values) in enumerate(scores.items()):
        ranks = np.arange(1, len(values) + 1)
        axes.plot(ranks, values, label=method, **_style(k), markersize=4)
    axes.set(xlabel="rank", ylabel="queries found, %", xticks=np.arange(1, 1 + max(map(len, scores.values()))))
    axes.set_ylim(top=101)
    _write(path, figure, axes)


def curves(
    path: str | os.PathLike[str],
    lines: Mapping[str, Curve],
    x_label: str,
    y_label: str,
    title: str | None = None,
    log_x: bool = False,
    log_y: bool = False,
    printed: Mapping[str, tuple[Sequence[float], Sequence[float]]] | None = None,
) -> None:
    """Lines of means in bands from the lowest to the highest; `printed`: the paper's points, as open markers.

    log_x, log_y: logarithmic axes; a value of 0 on such an axis is drawn on a linear stretch of it.
    """
    figure, axes = _axes(title)
    for k, (label, (x, mean, low, high)) in enumerate(lines.items()):
        axes.plot(x, mean, label=label, **_style(k), markersize=4)
        axes.fill_between(x, low, high, color=_COLOURS[k % len(_COLOURS)], alpha=0.15, linewidth=0)
    for k, (label, (x, y)) in enumerate((printed or {}).items()):
        axes.plot(x, y, _MARKERS[k], label=label, color="#000000", markerfacecolor="none", markersize=9, zorder=5)
    for wanted, axis, which in ((log_x, axes.xaxis, 0), (log_y, axes.yaxis, 1)):
        if wanted:
            values = np.concatenate([np.asarray(line[which], float) for line in lines.values()])
            _logarithmic(axes, axis, values)
    axes.set(xlabel=x_label, ylabel=y_label)
    _write(path, figure, axes)


def side_by_side(path: str | os.PathLike[str], panels: Sequence[Panel], x_label: str, x_ticks: Sequence[str]) -> None:
    """Panels beside each other, titled with their labels, both axes logarithmic; x_ticks: what each x is called.

    All lines have the same x. path: .png, .svg or .pdf.
    """
    check_path(path)
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.5 * len(panels), 4), layout="constrained")
    for panel, axes in zip(panels, figure.subplots(1, len(panels), squeeze=False)[0], strict=True):
        for name, (x, y) in panel.lines.items():
            axes.plot(x, y, "o-", label=name)
        axes.set(xscale="log", yscale="log", title=panel.label, xlabel=x_label)
        axes.set_xticks(x, labels=[f"{label}\n{value:.3g}" for label, value in zip(x_ticks, x, strict=True)])
        axes.minorticks_off()
        axes.grid(alpha=0.3)
        axes.legend()
    with atomic_path(path) as temporary:
        figure.savefig(temporary)


def stacked(path: str | os.PathLike[str], panels: Sequence[Panel], x_label: str, title: str | None = None) -> None:
    """Panels one below the other, over one x axis; a label has the same colour in all of them.

    A panel's y axis is logarithmic where its values are positive and the largest is over 30 times the smallest; what
    is not finite leaves a gap. path: .png, .svg or .pdf.
    """
    check_path(path)
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 0.6 + 2.1 * len(panels)), layout="constrained")
    labels = list(dict.fromkeys(label for panel in panels for label in panel.lines))
    for panel, axes in zip(panels, figure.subplots(len(panels), sharex=True, squeeze=False)[:, 0], strict=True):
        for label, (x, y) in panel.lines.items():
            values = np.where(np.isfinite(y), y, np.nan)
            marker = "." if len(x) <= _FEW else None
            axes.plot(x, values, label=label, color=_COLOURS[labels.index(label) % len(_COLOURS)], marker=marker)
        values = np.concatenate([np.asarray(y, float) for _, y in panel.lines.values()])
        finite = values[np.isfinite(values)]
        if finite.size and 0 < 30 * finite.min() < finite.max():
            axes.set_yscale("log")
        axes.set_ylabel(panel.label)
        axes.grid(alpha=0.3)
        if len(labels) > 1:
            axes.legend(fontsize=7)
    axes.set_xlabel(x_label)
    axes.xaxis.get_major_locator().set_params(integer=True)
    figure.align_ylabels()
    if title:
        figure.suptitle(title, fontsize=10)
    save(path, figure)


def bars(
    path: str | os.PathLike[str],
    groups: Mapping[str, Mapping[str, float]],
    y_label: str,
    title: str | None = None,
    lowest: float = 0.0,
) -> None:
    """Groups of bars, a bar for each label, its number above it; `lowest`: where the y axis begins."""
    figure, axes = _axes(title)
    labels = list(dict.fromkeys(label for group in groups.values() for label in group))
    width = 0.8 / len(labels)
    for k, label in enumerate(labels):
        at = [place for place, group in enumerate(groups.values()) if label in group]
        values = [group[label] for group in groups.values() if label in group]
        places = np.array(at) + (k - (len(labels) - 1) / 2) * width
        drawn = axes.bar(places, values, width, label=label, color=_FILLS[k % len(_FILLS)], edgecolor="black")
        axes.bar_label(drawn, fmt="%.3g", fontsize=7)
    axes.set(xticks=range(len(groups)), xticklabels=list(groups), ylabel=y_label)
    axes.set_ylim(bottom=lowest)
    _write(path, figure, axes)


def sheet(
    path: str | os.PathLike[str],
    rows: Sequence[Sequence[np.ndarray]],
    row_labels: Sequence[str],
    column_labels: Sequence[str],
) -> None:
    """Pictures in rows and columns, (H, W) or (H, W, 3) uint8, none enlarged; labels above and at the left."""
    library()
    from matplotlib.figure import Figure

    height, width = rows[0][0].shape[:2]
    scale = 1.15 / width  # inches for each pixel
    size = (width * scale * len(column_labels) * 1.04 + 0.3, height * scale * len(rows) * 1.04 + 0.3)
    figure = Figure(figsize=size, layout="constrained")
    places = figure.subplots(len(rows), len(column_labels), squeeze=False)
    for row, label, line in zip(rows, row_labels, places, strict=True):
        for picture, place in zip(row, line, strict=True):
            place.imshow(picture, cmap="gray", vmin=0, vmax=255)
            place.set(xticks=[], yticks=[])
        line[0].set_ylabel(label, fontsize=8)
    for label, place in zip(column_labels, places[0], strict=True):
        place.set_title(label, fontsize=9)
    save(path, figure)


def save(path: str | os.PathLike[str], figure: Figure) -> None:
    """Write a figure in the format that the path's suffix names; DataError if that is not possible."""
    dpi = min(_DPI, _LONGEST / max(figure.get_size_inches()))
    try:
        with atomic_path(path) as temporary:
            figure.savefig(temporary, format=Path(path).suffix.lower()[1:], dpi=dpi)
    except OSError as error:
        raise DataError(f"{path}: the figure cannot be written there: {error.strerror}") from None


def check_path(path: str | os.PathLike[str]) -> None:
    """DataError, before anything is computed, if no figure could have this name, or matplotlib is missing."""
    if Path(path).suffix.lower() not in _FORMATS:
        raise DataError(f"{path}: a figure's name ends in {', '.join(_FORMATS)}")
    library()


def library() -> Any:
    """matplotlib; DataError with what to install where it is missing."""
    try:
        import matplotlib
    except ImportError:
        raise DataError(f"figures need matplotlib; install it with: {how_to_install('report')}") from None
    return matplotlib


def _axes(title: str | None) -> tuple[Figure, Axes]:
    library()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.grid(alpha=0.3)
    axes.set_axisbelow(True)
    if title:
        axes.set_title(title, fontsize=10)
    return figure, axes


def _style(k: int) -> dict[str, Any]:
    """Of the k-th line: the first, ours, is the thickest and lies above the others."""
    style = {"color": _COLOURS[k % len(_COLOURS)], "marker": _MARKERS[k % len(_MARKERS)], "linewidth": 1.2}
    return style | ({"linewidth": 2.4, "zorder": 4} if k == 0 else {})


def _logarithmic(axes: Axes, axis: Any, values: np.ndarray) -> None:
    positive = values[values > 0]
    scale = axes.set_xscale if axis is axes.xaxis else axes.set_yscale
    if positive.size and positive.size < values.size:
        scale("symlog", linthresh=positive.min(), linscale=0.3)
    else:
        scale("log")
    measured = np.unique(values)
    if axis is axes.xaxis and len(measured) <= _TICKS and measured[-1] < _LARGE:
        axis.set_ticks(measured, labels=[f"{value:g}" for value in measured])
        axis.set_ticks([], minor=True)


def _write(path: str | os.PathLike[str], figure: Figure, axes: Axes) -> None:
    if axes.get_legend_handles_labels()[1]:
        axes.legend(fontsize=8)
    save(path, figure)

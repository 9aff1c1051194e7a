"""Diagrams as files: boxes with texts, and arrows between them."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pysketch.report import figures

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Box:
    """A box of a diagram: a title, the lines below it, its colour's number."""

    title: str
    lines: Sequence[str]
    colour: int = 0

    @property
    def size(self) -> tuple[float, float]:
        """(width, height) in points, estimated from the numbers of characters and lines."""
        widest = max(_TITLE * len(self.title), *(_LETTER * len(line) for line in self.lines), 0)
        return widest + 16, _LINE * (1 + len(self.lines)) + 12


_LETTER, _TITLE, _LINE = 4.4, 5.6, 11.0  # the mean width of a letter of 8 points, of one in bold type; points
_FILLS = ("#e8e8e8", "#cfe3f5", "#fbe3c0", "#f6cfc8", "#d7ecd3")


def draw_diagram(
    path: str | os.PathLike[str],
    boxes: Sequence[Box],
    centres: Sequence[tuple[float, float]],
    routes: Sequence[tuple[Sequence[tuple[float, float]], str]],
    size: tuple[float, float],
    title: str | None = None,
) -> None:
    """Boxes around their centres, and arrows along their points, each with a text beside its middle.

    All in points, y downwards, within `size`. path: .png, .svg or .pdf.
    """
    figures.check_path(path)
    from matplotlib.figure import Figure

    above = 24 if title else 0
    width, height = size[0] + 2 * _MARGIN, size[1] + 2 * _MARGIN + above
    figure = Figure(figsize=(width / 72, height / 72))
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
    axes.axis("off")
    shift = np.array([_MARGIN, _MARGIN + above])
    if title:
        axes.text(width / 2, _MARGIN + 4, title, ha="center", va="center", fontsize=11)
    for points, text in routes:
        _arrow(axes, np.asarray(points) + shift, text)
    for box, centre in zip(boxes, centres, strict=True):
        _box(axes, box, *(np.asarray(centre) + shift))
    figures.save(path, figure)


_MARGIN = 14


def _box(axes: Axes, box: Box, x: float, y: float) -> None:
    from matplotlib.patches import FancyBboxPatch

    width, height = box.size
    corner, round = (x - width / 2, y - height / 2), "round,pad=0,rounding_size=4"
    fill = _FILLS[box.colour % len(_FILLS)]
    axes.add_patch(FancyBboxPatch(corner, width, height, round, facecolor=fill, edgecolor="#404040", linewidth=0.8))
    for k, line in enumerate((box.title, *box.lines)):
        place = x, corner[1] + 6 + _LINE * (k + 0.5)
        axes.text(*place, line, ha="center", va="center", fontsize=8, fontweight="normal" if k else "bold")


def _arrow(axes: Axes, points: np.ndarray, text: str) -> None:
    """Between two points a curve that begins and ends upright."""
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path as Curve

    places, codes = [points[0]], [Curve.MOVETO]
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        places += [(x0, (y0 + y1) / 2), (x1, (y0 + y1) / 2), (x1, y1)]
        codes += [Curve.CURVE4] * 3
    style = "-|>,head_length=4,head_width=2"
    axes.add_patch(FancyArrowPatch(path=Curve(places, codes), arrowstyle=style, color="#404040", linewidth=0.9))
    if text:
        middle = (points[0] + points[1]) / 2
        axes.text(
            *middle, text, ha="center", va="center", fontsize=7, bbox={"pad": 1, "facecolor": "white", "linewidth": 0}
        )

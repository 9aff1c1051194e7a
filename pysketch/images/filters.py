"""SciPy's filters of images, loaded when they are first used."""

from __future__ import annotations

from types import ModuleType


def ndimage() -> ModuleType:
    """The module scipy.ndimage. To import it takes as long as all of pysketch, and most commands need none of it."""
    from scipy import ndimage

    return ndimage

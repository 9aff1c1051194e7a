"""scikit-image, of which some measures are made; loaded when the first of them is asked for."""

from __future__ import annotations

from types import ModuleType

from pysketch.errors import DataError
from pysketch.shipped import how_to_install

MISSING = f"textures and gradients are described by scikit-image: {how_to_install('measures')}"


def features() -> ModuleType:
    """The module skimage.feature; DataError with a hint if the library is missing."""
    try:
        from skimage import feature
    except ImportError:
        raise DataError(MISSING) from None
    return feature


def check_scikit_image() -> None:
    """DataError if scikit-image is missing."""
    features()

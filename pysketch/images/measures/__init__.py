"""How far sketches are from an artist's in other ways than pixel by pixel.

By features (`fsim`), by texture in each place (`scoot`) and over all (`texture`), by how sharp and how dark strokes are
(`strokes`), and by whether the person is found by descriptors (`recognition`) or by dlib's (`face_descriptor`). Each
docstring says what a value means, and where it misleads. scikit-image and dlib are loaded by those that need them.

Start reading at `strokes`.
"""

from pysketch.images.measures.face_descriptor import check_dlib, face_descriptors
from pysketch.images.measures.fsim import fsim
from pysketch.images.measures.library import check_scikit_image
from pysketch.images.measures.recognition import chi_squared, euclidean, hog_descriptors
from pysketch.images.measures.scoot import scoot
from pysketch.images.measures.strokes import dark_share, fine_ratio, gradient_ratio
from pysketch.images.measures.texture import lbp_descriptors, texture_distance

__all__ = [
    "check_dlib",
    "check_scikit_image",
    "chi_squared",
    "dark_share",
    "euclidean",
    "face_descriptors",
    "fine_ratio",
    "fsim",
    "gradient_ratio",
    "hog_descriptors",
    "lbp_descriptors",
    "scoot",
    "texture_distance",
]

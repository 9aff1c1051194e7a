"""How far sketches are from an artist's in other ways than pixel by pixel.

By features (`fsim`), by texture in each place (`scoot`) and over all (`texture`), by how sharp and how dark strokes are
(`strokes`), and by whether the person is found by descriptors (`recognition`) or by dlib's (`face_descriptor`). Each
docstring says what a value means, and where it misleads. scikit-image and dlib are loaded by those that need them.

Start reading at `strokes`.
"""

from pysketch.doors import open_door

__all__ = open_door(
    __name__,
    {
        "face_descriptor": ["check_dlib", "face_descriptors"],
        "fsim": ["fsim"],
        "library": ["check_scikit_image"],
        "recognition": ["chi_squared", "euclidean", "hog_descriptors"],
        "scoot": ["scoot"],
        "strokes": ["dark_share", "fine_ratio", "gradient_ratio"],
        "texture": ["lbp_descriptors", "texture_distance"],
    },
)

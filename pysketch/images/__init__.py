"""Pictures, faces in them, pairs of them, and how alike they are.

Pixels are uint8 RGB (H, W, 3) or grey (H, W) from 0 (black) to 255 (white) everywhere outside the nets;
`preprocessing` makes a net's float input of them. Faces are 200x250 pixels with the eyes at (75, 125) and (125, 125),
where `alignment` brings them. A `Pair` is a photo and the artist's sketch of it, from a folder or, as `synthetic`,
made. `measures` says how far sketches are from an artist's beyond the pixels, `variation` varies pairs.

Start reading at `pictures`, by which all pictures come in, then `pairs`.
"""

from pysketch.images import measures
from pysketch.images.aligned import frame_sized, in_place, seems_aligned
from pysketch.images.alignment import align, coverage, describe
from pysketch.images.eye_files import eyes_of, find_points_file, read_eye_table, read_points_eyes
from pysketch.images.eye_finder import SURE, Face, can_find_faces, find_eyes, find_faces, quarter_turns
from pysketch.images.filters import ndimage
from pysketch.images.metrics import (
    cumulative_match_score,
    least_alike,
    own_ranks,
    psnr,
    rescaled_rmse,
    rmse,
    squared_distances,
    ssim,
)
from pysketch.images.pairs import SYNTHETIC, Pair, PairCache, Reader, find_pairs, load_pairs
from pysketch.images.pasting import paste
from pysketch.images.pictures import (
    as_photo,
    decode_picture,
    encode_picture,
    interpolate,
    list_images,
    read_photo,
    read_sketch,
    resize,
    side_by_side,
    sort_out,
    stacked,
    to_luma,
    to_pillow,
    warp,
    write_image,
)
from pysketch.images.preprocessing import (
    DIRECTIONS,
    PHOTO_TO_SKETCH,
    SKETCH_TO_PHOTO,
    Preprocessing,
    crop_centre,
    crop_corner,
    in_other_light,
)
from pysketch.images.raw_folders import EyesOf, align_person, check_targets, find_persons
from pysketch.images.synthetic import further_pairs
from pysketch.images.variation import (
    BACKGROUNDS,
    MONK_TONES,
    Parts,
    Variation,
    before_background,
    find_background,
    find_parts,
    in_tone,
    inner_face,
    skin_places,
    synthetic_in_tone,
    synthetic_pairs,
    vary,
    with_screen,
)

__all__ = [
    "BACKGROUNDS",
    "DIRECTIONS",
    "MONK_TONES",
    "PHOTO_TO_SKETCH",
    "SKETCH_TO_PHOTO",
    "SURE",
    "SYNTHETIC",
    "EyesOf",
    "Face",
    "Pair",
    "PairCache",
    "Parts",
    "Preprocessing",
    "Reader",
    "Variation",
    "align",
    "align_person",
    "as_photo",
    "before_background",
    "can_find_faces",
    "check_targets",
    "coverage",
    "crop_centre",
    "crop_corner",
    "cumulative_match_score",
    "decode_picture",
    "describe",
    "encode_picture",
    "eyes_of",
    "find_background",
    "find_eyes",
    "find_faces",
    "find_pairs",
    "find_parts",
    "find_persons",
    "find_points_file",
    "frame_sized",
    "further_pairs",
    "in_other_light",
    "in_place",
    "in_tone",
    "inner_face",
    "interpolate",
    "least_alike",
    "list_images",
    "load_pairs",
    "measures",
    "ndimage",
    "own_ranks",
    "paste",
    "psnr",
    "quarter_turns",
    "read_eye_table",
    "read_photo",
    "read_points_eyes",
    "read_sketch",
    "rescaled_rmse",
    "resize",
    "rmse",
    "seems_aligned",
    "side_by_side",
    "skin_places",
    "sort_out",
    "squared_distances",
    "ssim",
    "stacked",
    "synthetic_in_tone",
    "synthetic_pairs",
    "to_luma",
    "to_pillow",
    "vary",
    "warp",
    "with_screen",
    "write_image",
]

"""Pictures, faces in them, pairs of them, and how alike they are.

Pixels are uint8 RGB (H, W, 3) or grey (H, W) from 0 (black) to 255 (white) everywhere outside the nets;
`preprocessing` makes a net's float input of them. Faces are 200x250 pixels with the eyes at (75, 125) and (125, 125),
where `alignment` brings them. A `Pair` is a photo and the artist's sketch of it, from a folder or, as `synthetic`,
made. `measures` says how far sketches are from an artist's beyond the pixels, `variation` varies pairs.

Start reading at `pictures`, by which all pictures come in, then `pairs`.
"""

from pysketch.doors import open_door

__all__ = open_door(
    __name__,
    {
        "": ["measures"],
        "aligned": ["eye_places", "frame_sized", "in_place", "seems_aligned"],
        "alignment": ["align", "coverage", "describe"],
        "eye_files": ["eyes_of", "find_points_file", "read_eye_table", "read_points_eyes"],
        "eye_finder": ["SURE", "Face", "can_find_faces", "find_eyes", "find_faces", "quarter_turns"],
        "filters": ["ndimage"],
        "metrics": [
            "cumulative_match_score",
            "least_alike",
            "own_ranks",
            "psnr",
            "rescaled_rmse",
            "rmse",
            "squared_distances",
            "ssim",
        ],
        "pairs": ["SYNTHETIC", "Pair", "PairCache", "Reader", "find_pairs", "load_pairs", "pair_files"],
        "pasting": ["paste"],
        "pictures": [
            "as_photo",
            "decode_picture",
            "draw_polygons",
            "encode_picture",
            "interpolate",
            "list_images",
            "picture_size",
            "read_photo",
            "read_sketch",
            "resample",
            "resize",
            "side_by_side",
            "sort_out",
            "stacked",
            "to_luma",
            "to_pillow",
            "warp",
            "write_image",
        ],
        "preprocessing": [
            "DIRECTIONS",
            "PHOTO_TO_SKETCH",
            "SKETCH_TO_PHOTO",
            "Preprocessing",
            "crop_centre",
            "crop_corner",
            "in_other_light",
        ],
        "raw_folders": ["EyesOf", "align_person", "check_targets", "find_persons"],
        "synthetic": ["further_pairs", "training_pairs"],
        "variation": [
            "MONK_TONES",
            "Parts",
            "Variation",
            "before_background",
            "find_background",
            "find_parts",
            "in_tone",
            "inner_face",
            "skin_places",
            "synthetic_in_tone",
            "synthetic_pairs",
            "vary",
            "with_screen",
        ],
        "variation.names": ["BACKGROUNDS"],
    },
)

"""Synthetic face photos with matching pencil drawings, where no real person's face is needed.

Both pictures of a pair are made from the same `Face`, a set of parameters; the drawing is not a filter of the photo.
The frame is that of the aligned CUFS photos (Wang and Tang, 2009, "Face Photo-Sketch Synthesis and Recognition"): 200
wide, 250 high, eyes near (75, 125) and (125, 125).

Start reading at `pairs`.
"""

from pysketch.doors import open_door

__all__ = open_door(
    __name__,
    {
        "face": ["Face", "random_face"],
        "pairs": ["face_pair", "further_pairs", "test_pairs", "training_pairs"],
        "photo": ["draw_photo"],
        "sketch": ["draw_sketch"],
    },
)

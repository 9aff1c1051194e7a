"""A photo drawn whole or face by face: each face is brought into the frame that the nets have learned from."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from pysketch.images import align, paste, side_by_side


def draw_faces(
    draw: Callable[[np.ndarray, bool], np.ndarray],
    photo: np.ndarray,
    faces: Sequence[np.ndarray] | None,
    *,
    size_as_input: bool = False,
    pasted: bool = False,
    beside: bool = False,
) -> list[np.ndarray]:
    """The photo's sketch, or one of each face, or the photo with the faces' sketches in it.

    draw: `Sketcher.draw`, of a photo and size_as_input. faces: the eyes of each, as `align` takes them; None: the photo
    is drawn as it is. pasted: put the sketches back into the photo, one picture. beside: each picture beside what was
    drawn, the photo or the aligned face.
    """
    seen = [photo] if faces is None else [align(photo, eyes) for eyes in faces]
    pictures = [draw(each, size_as_input or pasted) for each in seen]
    if pasted:
        picture = photo
        for sketch, eyes in zip(pictures, faces or (), strict=True):
            picture = paste(picture, sketch, eyes)
        seen, pictures = [photo], [picture]
    return [side_by_side(*pair) for pair in zip(seen, pictures, strict=True)] if beside else pictures

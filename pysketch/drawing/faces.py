"""A photo drawn whole or face by face: each face is brought into the frame that the nets have learned from."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from pysketch.images import align, coverage, paste, side_by_side


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
    drawn, the photo or the aligned face. What of a frame lies outside the photo is paper.
    """
    seen = [photo] if faces is None else [align(photo, eyes) for eyes in faces]
    pictures = [draw(each, size_as_input or pasted) for each in seen]
    if faces is not None and pasted:
        seen, pictures = [photo], [paste(photo, pictures, faces)]
    elif faces is not None:
        shares = [coverage(photo.shape[1::-1], eyes) for eyes in faces]
        seen, pictures = ([_on_paper(*pair) for pair in zip(each, shares, strict=True)] for each in (seen, pictures))
    return [side_by_side(*pair) for pair in zip(seen, pictures, strict=True)] if beside else pictures


def _on_paper(picture: np.ndarray, share: np.ndarray) -> np.ndarray:
    """A picture of the frame, or of its middle, that is white where its share of the frame, 0 to 1, is 0."""
    top, left = ((before - after) // 2 for before, after in zip(share.shape, picture.shape, strict=False))
    part = share[top : top + picture.shape[0], left : left + picture.shape[1]]
    part = part if picture.ndim == 2 else part[:, :, None]
    return np.rint(255 - part * (255 - picture.astype(np.float32))).astype(np.uint8)

"""Outlines of a synthetic face's features, in pixels; the photo and the drawing are both made from these.

`side` is -1 for the left of the picture and 1 for the right.
"""

import numpy as np

from pysketch.synthetic.shapes import smooth_curve

SIDES = (-1, 1)


def sided(face, side, points):
    """Points given as distance from the middle line and height, placed on one side of the face."""
    points = np.asarray(points, dtype=float)
    return np.stack([face.centre_x + side * points[:, 0], points[:, 1]], axis=1)


def both_sides(face, points):
    """Points of the right half, from top to bottom, as one loop around both halves."""
    return np.concatenate([sided(face, 1, points), sided(face, -1, points)[::-1]])


def jaw_points(face):
    """Right half of the face's outline from the temple to the chin."""
    wide, chin_y = face.head_width, face.chin_y
    level = 0.55 * face.mouth_y + 0.45 * chin_y - 12
    return [
        (wide, face.eye_y - 14),
        (0.985 * wide, face.eye_y + 14),
        (0.93 * wide, 0.5 * (face.eye_y + 14 + level)),
        (face.jaw * wide, level),
        (0.5 * (face.jaw + face.chin) * wide + 3, chin_y - 14),
        (face.chin * wide, chin_y - 4),
        (face.chin * wide * 0.4, chin_y),
    ]


def head_outline(face):
    wide, crown = face.head_width, face.crown_y
    skull = [(0.2 * wide, crown + 0.5), (0.6 * wide, crown + 10), (0.9 * wide, crown + 33)]
    return smooth_curve(both_sides(face, skull + jaw_points(face)), closed=True)


def ear_outline(face, side):
    wide, top = face.head_width - 2, face.eye_y - 8
    size = face.ear_size
    loop = [
        (wide - 3, top + 4),
        (wide + 3, top - 2),
        (wide + 8.5, top + 0.14 * size),
        (wide + 8, top + 0.5 * size),
        (wide + 4.5, top + 0.85 * size),
        (wide, top + size),
        (wide - 6, top + 0.8 * size),
    ]
    return smooth_curve(sided(face, side, loop), closed=True)


def ear_fold(face, side):
    wide, top, size = face.head_width - 2, face.eye_y - 8, face.ear_size
    return smooth_curve(
        sided(
            face,
            side,
            [
                (wide + 2, top + 3),
                (wide + 5.8, top + 0.2 * size),
                (wide + 5, top + 0.5 * size),
                (wide + 2, top + 0.72 * size),
            ],
        )
    )


def neck_outline(face):
    wide = face.neck * face.head_width
    return smooth_curve(
        both_sides(
            face,
            [(wide, 165), (wide * 0.97, 205), (wide + 1, 218), (wide + 9, 229), (wide + 36, 243), (wide + 45, 262)],
        ),
        closed=True,
    )


def clothes_outline(face):
    """Shoulders with the neck hole of the face's collar."""
    wide = face.neck * face.head_width
    depths = {"crew": (240, 225), "v-neck": (262, 225), "shirt": (254, 220), "turtleneck": (214, 208)}
    depth, top = depths[face.collar]
    if face.collar == "turtleneck":
        hole = [(0, depth + 1), (0.6 * wide, depth - 2), (wide + 2, top), (wide + 4, 222)]
    elif face.collar == "crew":
        hole = [(0, depth), (0.65 * wide, depth - 4), (wide + 5, top)]
    else:
        hole = [(0, depth), (0.5 * wide, depth - 15), (wide + 4, top)]
    hole = smooth_curve(hole)
    shoulder = smooth_curve([hole[-1], (wide + 22, 233), (wide + 46, 241), (wide + 70, 262)])
    return both_sides(face, np.concatenate([hole, shoulder]))


def collar_flaps(face):
    """The two points of a shirt's collar, as outlines; none for other collars."""
    if face.collar != "shirt":
        return []
    wide = face.neck * face.head_width
    flap = [(wide + 2, 213), (wide + 9, 224), (0.72 * wide, 248), (0.1 * wide, 252), (0.6 * wide, 238)]
    return [sided(face, side, flap) for side in SIDES]


def collar_band(face):
    """The line that runs along the neck hole a few pixels below it."""
    wide = face.neck * face.head_width
    half = {
        "crew": [(wide + 10, 227), (0.7 * wide, 241), (0, 246)],
        "shirt": [(1, 252), (0, 256)],
        "v-neck": [(wide + 9, 227), (0.58 * wide, 253), (0.3 * wide, 262)],
        "turtleneck": [(wide + 5, 223), (0.6 * wide, 230), (0, 232)],
    }[face.collar]
    return [smooth_curve(sided(face, side, half)) for side in SIDES]


def eye_centre(face, side):
    return face.centre_x + side * face.eye_distance / 2, face.eye_y


def _around_eye(face, side, points):
    """Points with x growing outwards from the pupil, and y downwards from it."""
    x, y = eye_centre(face, side)
    return smooth_curve([(x + side * out, y + down) for out, down in points])


def upper_lid(face, side, lift=0.0):
    """From the inner to the outer corner; `lift` raises the middle (for the crease above the lid)."""
    wide, high, slant = face.eye_width, face.eye_open, face.eye_slant
    return _around_eye(
        face,
        side,
        [
            (-wide, 1.8 - 0.5 * lift),
            (-0.5 * wide, -0.72 * high - lift),
            (0.05 * wide, -high - lift),
            (0.6 * wide, -0.66 * high - 0.5 * slant - lift),
            (wide, 0.4 - slant - 0.6 * lift),
        ],
    )


def lower_lid(face, side, drop=0.0):
    wide, high, slant = face.eye_width, face.eye_open, face.eye_slant
    return _around_eye(
        face,
        side,
        [
            (-wide, 1.8),
            (-0.4 * wide, 0.62 * high + 0.7 + drop),
            (0.3 * wide, 0.7 * high + 0.3 + drop),
            (wide, 0.4 - slant),
        ],
    )


def brow_line(face, side):
    wide, up = face.eye_width, face.brow_gap
    arch, slant = face.brow_arch, face.brow_slant
    return _around_eye(
        face,
        side,
        [
            (-1.15 * wide, 1.5 - up),
            (-0.3 * wide, -up - 0.7 * arch - 0.3 * slant),
            (0.55 * wide, -up - arch - 0.7 * slant),
            (1.5 * wide, 2.5 - up - slant),
        ],
    )


def nostril_wing(face, side):
    wide, base = face.nose_width, face.nose_y
    return smooth_curve(
        sided(face, side, [(wide - 2.2, base - 9), (wide, base - 5), (wide - 0.4, base - 1), (wide - 3, base + 0.3)])
    )


def nostril(face, side):
    wide, base = face.nose_width, face.nose_y
    return smooth_curve(
        sided(face, side, [(0.26 * wide, base + 0.8), (0.48 * wide, base - 0.9), (0.72 * wide, base + 0.2)])
    )


def nose_tip(face):
    wide, base = face.nose_width, face.nose_y
    return smooth_curve(
        [
            (face.centre_x + share * wide, base + down)
            for share, down in ((-0.34, 1.2), (-0.1, 2.8), (0.1, 2.8), (0.34, 1.2))
        ]
    )


def nose_side(face, side):
    """From the inner end of the brow down beside the bridge."""
    bridge = face.nose_bridge
    return smooth_curve(
        sided(
            face,
            side,
            [
                (bridge + 4.5, face.eye_y - face.brow_gap + 4),
                (bridge + 0.3, face.eye_y - 4),
                (bridge - 0.6, face.eye_y + 8),
                (0.62 * face.nose_width, face.nose_y - 12),
            ],
        )
    )


def lip_line(face):
    """Between the lips, from left to right."""
    return _across_mouth(face, [(1, -face.smile), (0.5, 0.2), (0.15, 1.0), (0, 0.3)])


def upper_lip(face):
    """Upper edge of the upper lip, from left to right."""
    up = face.upper_lip
    return _across_mouth(face, [(1, -face.smile), (0.55, -0.72 * up), (0.17, -up), (0, -0.72 * up)])


def lower_lip(face):
    """Lower edge of the lower lip, from left to right."""
    down = face.lower_lip
    return _across_mouth(face, [(1, -face.smile), (0.62, 0.62 * down), (0.25, 0.97 * down), (0, down)])


def _across_mouth(face, half):
    """A smooth curve through the half's points (share of mouth_width, pixels down) and their mirror image."""
    points = [(share * face.mouth_width, face.mouth_y + down) for share, down in half]
    return smooth_curve(np.concatenate([sided(face, -1, points), sided(face, 1, points[:-1])[::-1]]))


def smile_fold(face, side):
    """From beside the nostril down to beside the mouth."""
    return smooth_curve(
        sided(
            face,
            side,
            [
                (face.nose_width + 2.5, face.nose_y - 4),
                (face.nose_width + 8, face.nose_y + 6),
                (face.mouth_width + 5, face.mouth_y - 3),
            ],
        )
    )


def rim(face, side):
    """One rim of the glasses, as a closed curve."""
    x, y = eye_centre(face, side)
    angle = np.linspace(0, 2 * np.pi, 80)
    power = {"round": 1.0, "square": 0.45}[face.glasses]
    wide, high = {"round": (17.0, 15.5), "square": (18.5, 13.0)}[face.glasses]
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.stack(
        [
            x + side * 0.8 + wide * np.sign(cosine) * np.abs(cosine) ** power,
            y + 1.5 + high * np.sign(sine) * np.abs(sine) ** power,
        ],
        axis=1,
    )


def glasses_wires(face):
    """The bridge between the rims, and the two arms back to the ears."""
    reach = {"round": 17.0, "square": 18.5}[face.glasses]
    inner, outer = face.eye_distance / 2 - reach + 0.8, face.eye_distance / 2 + reach + 0.8
    bridge = smooth_curve(
        [
            (face.centre_x - inner, face.eye_y - 1),
            (face.centre_x, face.eye_y - 3.5),
            (face.centre_x + inner, face.eye_y - 1),
        ]
    )
    arm = [(outer, face.eye_y - 2), (face.head_width + 1, face.eye_y - 4)]
    return [bridge, *(sided(face, side, arm) for side in SIDES)]


def beard_outline(face):
    """The bearded region: its loop lies outside the jaw, where the head clips it, and above the upper lip."""
    wide = face.head_width
    inside = [
        (0.98 * wide, face.eye_y + 8),
        (0.84 * wide, face.eye_y + 32),
        (0.66 * wide, face.nose_y + 8),
        (face.mouth_width + 8, face.nose_y + 10),
        (0.55 * face.nose_width, face.nose_y + 6.5),
        (0, face.nose_y + 8),
    ]
    outside = [(1.1 * wide, face.eye_y + 8), (1.1 * wide, face.chin_y), (0.5 * wide, face.chin_y + 8)]
    top = smooth_curve(inside)
    return both_sides(face, np.concatenate([top[::-1], outside]))


def moustache_outline(face):
    wide, top = face.mouth_width, face.nose_y + 4
    return smooth_curve(
        both_sides(
            face,
            [
                (0, top + 1),
                (0.5 * wide, top + 2),
                (wide + 2, face.mouth_y - 2),
                (wide + 3, face.mouth_y + 3),
                (0.6 * wide, face.mouth_y - 1.5),
                (0.1 * wide, face.mouth_y - face.upper_lip * 0.6),
            ],
        ),
        closed=True,
    )

"""Pairs varied in training: another background, skin, hair, light, place and camera.

The studio's screen gives each person's outline away (`parts`), so that all may be changed behind and on the person,
while the artist's sketch stays right. `vary` puts it together; what is drawn depends on the generator alone. `probes`
are test photos with one thing changed, to see what a net makes of it.

Start reading at `vary`.
"""

from pysketch.doors import open_door

__all__ = open_door(
    __name__,
    {
        "names": ["BACKGROUNDS"],
        "parts": ["Parts", "find_parts"],
        "probes": [
            "before_background",
            "find_background",
            "in_tone",
            "inner_face",
            "skin_places",
            "synthetic_in_tone",
            "synthetic_pairs",
            "with_screen",
        ],
        "recolour": ["MONK_TONES"],
        "vary": ["Variation", "vary"],
    },
)

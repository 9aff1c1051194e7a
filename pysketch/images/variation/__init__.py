"""Pairs varied in training: another background, skin, hair, light, place and camera.

The studio's screen gives each person's outline away (`parts`), so that all may be changed behind and on the person,
while the artist's sketch stays right. `vary` puts it together; what is drawn depends on the generator alone. `probes`
are test photos with one thing changed, to see what a net makes of it.

Start reading at `vary`.
"""

from pysketch.images.variation.parts import Parts, find_parts
from pysketch.images.variation.probes import (
    BACKGROUNDS,
    before_background,
    find_background,
    in_tone,
    inner_face,
    skin_places,
    synthetic_in_tone,
    synthetic_pairs,
    with_screen,
)
from pysketch.images.variation.recolour import MONK_TONES
from pysketch.images.variation.vary import Variation, vary

__all__ = [
    "BACKGROUNDS",
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
]

"""Pairs varied in training: another background, skin, hair, light, place and camera.

The studio's screen gives each person's outline away (`parts`), so that all may be changed behind and on the person,
while the artist's sketch stays right. `vary` puts it together; what is drawn depends on the generator alone.

Start reading at `vary`.
"""

from pysketch.images.variation.parts import Parts, find_parts
from pysketch.images.variation.vary import Variation, vary

__all__ = ["Parts", "Variation", "find_parts", "vary"]

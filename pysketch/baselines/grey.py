"""The photo itself in grey levels, the paper's baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pysketch.baselines.baseline import Baseline, Progress, register
from pysketch.images import Pair, to_luma


@register
@dataclass(kw_only=True)
class Grey(Baseline):
    """sketch = the photo's 8-bit luma, see images.to_luma. Learns nothing."""

    name = "grey"
    source = "the paper's own baseline"

    def learn(self, pairs: Sequence[Pair], progress: Progress) -> None:
        """Nothing."""

    def draw(self, photo: np.ndarray) -> np.ndarray:
        """(H, W, 3) uint8 RGB -> (H, W) uint8."""
        return to_luma(photo)

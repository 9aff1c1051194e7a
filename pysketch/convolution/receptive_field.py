"""What one element of a blob sees of another blob, along one axis."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Rational


@dataclass(frozen=True)
class ReceptiveField:
    """Element o sees the elements stride * o - before ... stride * o + after, both ends included.

    What lies outside the seen blob is padding. The default is what works element by element. A convolution with
    kernel k, stride s, pad p and dilation d has stride s, before p and after d (k - 1) - p. A layer that enlarges has
    a fraction for its stride: nearest neighbours, twice as large, y[o] = x[o // 2], have 1/2, 1/2 and 0.
    """

    stride: Rational = 1
    before: Rational = 0
    after: Rational = 0

    @property
    def size(self) -> int:
        """How many elements are seen, at most."""
        return math.floor(self.before + self.after) + 1

    def then(self, layer: ReceptiveField) -> ReceptiveField:
        """What is seen through a further layer: if this is what its bottom sees, what its top sees.

        s1 (s2 o - b2) - b1 = s1 s2 o - (s1 b2 + b1), and likewise s1 a2 + a1 behind.
        """
        return ReceptiveField(
            self.stride * layer.stride,
            self.stride * layer.before + self.before,
            self.stride * layer.after + self.after,
        )

    def united(self, other: ReceptiveField) -> ReceptiveField | None:
        """What is seen by either; None if their strides differ, so that they drift apart."""
        if self.stride != other.stride:
            return None
        return ReceptiveField(self.stride, max(self.before, other.before), max(self.after, other.after))

    def seen_range(self, start: int, stop: int) -> tuple[int, int]:
        """What the elements start..stop see, ends excluded; may begin below 0 or end behind the seen blob."""
        first = math.ceil(self.stride * start - self.before)
        return first, math.floor(self.stride * (stop - 1) + self.after) + 1


POINT = ReceptiveField()
"""The field of what works element by element."""

Fields = tuple[ReceptiveField, ReceptiveField]
"""(vertical, horizontal)."""

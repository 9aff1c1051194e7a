"""The numbers that the paper prints, for tools/reproduce.py to stand beside ours."""

from __future__ import annotations

TABLE1 = {
    "grey": (41, 56, 59, 70),
    "et": (71, 81, 88, 96),
    "mrf": (96, None, None, 100),
    "mrf_plus": (99, None, None, 100),
    "svr": (100, None, None, 100),
    "ours": (100, None, None, None),
}
"""Table 1: method -> cumulative match scores in percent at RANKS; None: not printed."""

RANKS = (1, 3, 5, 10)

MPRL = {
    "sr": (34.5, 36.8, 36.2),
    "small": (32.6, 35.0, 34.4),
    "medium": (32.1, 34.6, 34.0),
    "large": (30.0, 32.5, 31.9),
}
"""Figure 5: net -> MPRL at the scales 0.5, 1 and 2."""

RANK1_BY_PAIRS = ((5, 27), (95, 100))
"""Figure 4, as far as the text gives it: numbers of training pairs, rank 1 in percent."""

PAIRS = (1, 3, 5, 10, 15, 20, 27, 40, 88)
"""Figure 4: the numbers of training pairs."""

ALPHA, LAMBDA, RATE = 1e4, 1e9, 1e-11
"""Section 3: the regularizer's weight, the scale of its distances, and the learning rate."""

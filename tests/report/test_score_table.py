import numpy as np

from pysketch.report.evaluation import Evaluation
from pysketch.report.score_table import score_table

HEAD = "method RMSE at .5 at 2 bias PSNR SSIM rank 1 rank 3 rank 5 rank 10 s/photo"
PERFECT = "perfect 0.00 0.00 0.00 +0.00 inf 1.000 100.0 100.0 100.0 100.0 0.5000"


def evaluation(method, drawn):
    """Three sketches of one grey each, drawn in these greys."""
    sketches = [np.full((13, 12), level, np.uint8) for level in (10, 90, 200)]
    pictures = [np.full((13, 12), level, np.uint8) for level in drawn]
    return Evaluation(method, (12, 13), ["a", "b", "c"], pictures, sketches, [0.5, 0.25, 9.0])


def test_each_method_has_a_line_under_the_heads_of_the_columns():
    head, good, bad = score_table([evaluation("perfect", [10, 90, 200]), evaluation("mixed-up", [13, 203, 93])])
    assert head.split() == HEAD.split()
    assert good.split() == PERFECT.split()
    method, error, _, _, bias, *_, rank_1, rank_3, _, _, seconds = bad.split()
    assert (method, error) == ("mixed-up", f"{(3 + 113 + 107) / 3:.2f}")
    assert (bias, rank_1, rank_3, seconds) == (f"{(3 + 113 - 107) / 3:+.2f}", "33.3", "100.0", "0.5000")
    assert len({len(head), len(good), len(bad)}) == 1

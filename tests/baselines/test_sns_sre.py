from __future__ import annotations

import numpy as np
from students import assert_recognised, needs_students

from pysketch.baselines.et import ET
from pysketch.baselines.lle import LLE
from pysketch.baselines.sns_sre import SNSSRE
from pysketch.baselines.sparse_coding import encode, learn_dictionary, least_squares

CONTRACT = {
    "sns_sre": {
        "first": ET(region=None),
        "folds": 2,
        "size": 5,
        "atoms": 20,
        "nonzeros": 2,
        "samples": 90,
        "rounds": 2,
    }
}


def options(**changed):
    return {"first": LLE(size=3), "size": 3, "atoms": 6, "nonzeros": 2, "samples": 100, "rounds": 2, **changed}


def made(seed, n=5):
    """Details p and f, and a difference that is linear in them."""
    rng = np.random.default_rng(seed)
    p, f = rng.normal(0, 20, (n, 3, 2, 9)), rng.normal(0, 5, (n, 3, 2, 9))
    return p, f, p * 0.1 - f


def test_the_correction_is_the_code_of_both_details_in_the_second_dictionary():
    p, f, difference = made(0)
    baseline = SNSSRE(**options())
    baseline.learn_correction(p, f, difference, lambda done, total: None)
    order = baseline.generator(0).choice(30, 30, replace=False)
    x = np.concatenate([each.reshape(-1, 9)[order] / each.std() for each in (p, f)], axis=1)
    D = learn_dictionary(x, 6, 2, 2, baseline.generator(1))
    E = least_squares(encode(D, x, 2), difference.reshape(-1, 9)[order], baseline.ridge)
    (new_p,), (new_f,), _ = made(1, n=1)
    new = np.concatenate([new_p / p.std(), new_f / f.std()], axis=-1).reshape(-1, 18)
    np.testing.assert_allclose(baseline.correct(new_p, new_f).reshape(-1, 9), encode(D, new, 2) @ E, rtol=1e-6)


def test_what_is_missing_of_the_detail_is_partly_filled_in():
    p, f, difference = made(2, n=30)
    baseline = SNSSRE(**options(atoms=60, nonzeros=6, samples=180, rounds=4))
    baseline.learn_correction(p, f, difference, lambda done, total: None)
    left = difference[3] - baseline.correct(p[3], f[3])
    assert (left**2).mean() < 0.6 * (difference[3] ** 2).mean()


def test_details_that_are_all_zero_need_no_correction():
    zeros = np.zeros((2, 3, 2, 9))
    baseline = SNSSRE(**options())
    baseline.learn_correction(*made(3), lambda done, total: None)
    np.testing.assert_array_equal(baseline.correct(zeros[0], zeros[0]), zeros[0])


@needs_students
def test_each_twentieth_of_the_student_set_is_recognised():
    assert_recognised(SNSSRE(first=LLE(), folds=2, samples=3000, atoms=100), rmse=39, train_every=8)

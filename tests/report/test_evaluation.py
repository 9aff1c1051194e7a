from __future__ import annotations

import numpy as np
import pytest

from pysketch.baselines import Baseline
from pysketch.errors import DataError
from pysketch.images import metrics
from pysketch.images.pairs import Pair
from pysketch.report.evaluation import (
    CSV_HEADER,
    WHOLE,
    Evaluation,
    check_strangers,
    csv_rows,
    evaluate,
    fit_seconds,
    net_draw,
    whole_draw,
)


def random_pairs(*names, h=19, w=17):
    rng = np.random.default_rng(len(names))
    return [
        Pair(each, rng.integers(0, 256, (h, w, 3)).astype(np.uint8), rng.integers(0, 256, (h, w)).astype(np.uint8))
        for each in names
    ]


def green(photo):
    return photo[..., 1]


def evaluation_of(drawn, sketches):
    names = [f"p{number}" for number in range(len(drawn))]
    return Evaluation("m", (1, 1), names, [np.uint8([[x]]) for x in drawn], [np.uint8([[x]]) for x in sketches], [0.0])


def test_scores_are_the_measures_of_the_crops():
    pairs = random_pairs("a", "b", "c")
    scores = evaluate("green", green, pairs, crop=(13, 15))
    crops = [(pair.photo[2:17, 2:15, 1], pair.sketch[2:17, 2:15]) for pair in pairs]
    assert scores.crop == (13, 15)
    assert scores.names == ["a", "b", "c"]
    assert scores.rmses.tolist() == [metrics.rmse(*each) for each in crops]
    assert scores.rescaled_rmses.tolist() == [list(metrics.rescaled_rmse(*each)) for each in crops]
    assert scores.psnrs.tolist() == [metrics.psnr(*each) for each in crops]
    assert scores.ssims.tolist() == [metrics.ssim(*each) for each in crops]
    distances = metrics.squared_distances([each[0] for each in crops], [each[1] for each in crops])
    np.testing.assert_array_equal(scores.distances, distances)
    np.testing.assert_array_equal(scores.ranks, metrics.own_ranks(distances))
    assert scores.matched(2) == metrics.cumulative_match_score(scores.ranks, 2)


def test_bias_is_how_much_lighter_the_drawn_is_and_its_mean_is_what_an_unbiased_rmse_leaves_out():
    scores = evaluation_of(drawn=[30, 10, 255], sketches=[20, 20, 225])
    assert scores.biases.tolist() == [10, -10, 30]
    assert scores.rmses.tolist() == [10, 10, 30]
    assert scores.unbiased_rmses.tolist() == [0, 20, 20]


def test_an_unbiased_rmse_keeps_what_varies_within_a_picture():
    pairs = random_pairs("a", "b")
    scores = evaluate("green", green, pairs, crop=(13, 15))
    bias = np.mean([each.mean() for each in scores.drawn]) - np.mean([each.mean() for each in scores.sketches])
    for found, drawn, sketch in zip(scores.unbiased_rmses, scores.drawn, scores.sketches, strict=True):
        assert found == pytest.approx(np.sqrt(((drawn.astype(float) - bias - sketch) ** 2).mean()))


def test_what_is_drawn_is_scored_as_8_bit_grey_levels():
    values = np.float32([[-3.0, 300.0, 10.4, 10.6]])
    (drawn,) = evaluate("m", lambda photo: values, random_pairs("a", h=1, w=4), crop=(4, 1)).drawn
    assert drawn.dtype == np.uint8
    assert drawn.tolist() == [[0, 255, 10, 11]]


def test_a_smaller_drawing_is_cropped_around_its_own_centre():
    pairs = random_pairs("a")
    whole = evaluate("green", green, pairs, crop=(11, 13))
    inner = evaluate("green", lambda photo: green(photo)[1:18, 1:16], pairs, crop=(11, 13))
    np.testing.assert_array_equal(inner.drawn[0], whole.drawn[0])


def test_a_crop_larger_than_the_drawing_is_an_error():
    with pytest.raises(DataError, match="a 143x188 crop does not fit a 17x19 image"):
        evaluate("green", green, random_pairs("a"))


def test_progress_is_told_after_each_photo_and_each_is_timed():
    calls = []
    scores = evaluate("green", green, random_pairs("a", "b"), (17, 19), lambda *each: calls.append(each))
    assert calls == [(1, 2), (2, 2)]
    assert len(scores.seconds) == 2
    assert min(scores.seconds) >= 0


def test_a_net_draws_the_centre_155x200_of_a_photo():
    class Same:
        lost_border = (12, 12)

        def draw(self, photo):
            return photo[..., 0]

    photo = random_pairs("a", h=250, w=200)[0].photo
    np.testing.assert_array_equal(net_draw(Same())(photo), photo[25:225, 22:177, 0])


def test_a_net_whose_sketches_are_as_large_as_photos_draws_all_of_them_and_is_scored_on_the_same_crop():
    class Whole:
        lost_border = (0, 0)

        def draw(self, photo):
            return photo[..., 0]

    pairs = random_pairs("a", h=250, w=200)
    np.testing.assert_array_equal(net_draw(Whole())(pairs[0].photo), pairs[0].photo[..., 0])
    scored = evaluate("m", net_draw(Whole()), pairs)
    np.testing.assert_array_equal(scored.drawn[0], pairs[0].photo[31:219, 28:171, 0])
    np.testing.assert_array_equal(scored.sketches[0], pairs[0].sketch[31:219, 28:171])


def test_a_gallery_has_all_of_a_photo_drawn_as_large_as_it_is():
    class Cropping:
        def draw(self, photo, size_as_input):
            assert size_as_input
            return photo[..., 0]

    pairs = random_pairs("a", h=250, w=200)
    scored = evaluate("m", whole_draw(Cropping()), pairs, WHOLE)
    np.testing.assert_array_equal(scored.drawn[0], pairs[0].photo[..., 0])
    np.testing.assert_array_equal(scored.sketches[0], pairs[0].sketch)


def test_who_comes_first_is_the_nearest_drawn_and_a_tie_counts_against_us():
    scores = evaluation_of(drawn=[10, 50, 50, 90], sketches=[20, 50, 80, 90])
    assert scores.ranks.tolist() == [1, 2, 3, 1]
    assert scores.first() == ["p0", "p2", "p3", "p3"]


def test_csv_rows_have_the_headers_columns():
    (a, b) = csv_rows(evaluate("green", green, random_pairs("a", "b"), (13, 15)))
    row = dict(zip(CSV_HEADER, a, strict=True))
    assert (row["method"], row["crop"], row["pair"], b[2]) == ("green", "13x15", "a", "b")
    scores = evaluate("green", green, random_pairs("a", "b"), (13, 15))
    assert [row["rmse_0.5"], row["rmse"], row["rmse_2"]] == scores.rescaled_rmses[0].tolist()
    assert row["bias"] == scores.biases[0]
    assert (row["psnr"], row["ssim"]) == (scores.psnrs[0], scores.ssims[0])
    assert (row["rank"], row["first"]) == (scores.ranks[0], scores.first()[0])


class Remembering(Baseline):
    name = "remembering"
    source = "nobody"

    def learn(self, pairs, progress):
        self.learned = [pair.name for pair in pairs]
        progress(1, 1)


def test_a_baseline_learns_from_the_training_pairs_and_is_timed():
    baseline, calls = Remembering(), []
    a, b, c = random_pairs("a", "b", "c")
    assert fit_seconds(baseline, [a, b], [c], lambda *each: calls.append(each)) >= 0
    assert baseline.learned == ["a", "b"]
    assert calls == [(1, 1)]


def test_learning_from_a_test_photo_is_an_error_that_names_the_pair():
    a, b = random_pairs("a", "b")
    with pytest.raises(DataError) as error:
        fit_seconds(Remembering(), [a, b], [Pair("c", b.photo, b.sketch)], lambda *each: None)
    assert str(error.value) == (
        'test pair c: its photo is a training photo too; baseline "remembering" needs training pairs of other '
        "people, in train/ of the data folder"
    )


def test_training_people_are_other_people_than_test_people_or_the_pair_is_named():
    one, other = random_pairs("train-000", "train-001")
    check_strangers([one], [other], "a crowd")
    with pytest.raises(DataError, match="test pair train-001: its photo is a training photo too; a crowd needs"):
        check_strangers([one, other], [other], "a crowd")

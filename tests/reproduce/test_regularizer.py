import numpy as np
import pytest

from pysketch.netdef.definitions import Phase
from pysketch.report.evaluation import SKETCH_CROP
from pysketch.reproduce import nets
from pysketch.reproduce import regularizer as regularizer_module
from pysketch.reproduce.paper import LAMBDA
from pysketch.reproduce.regularizer import ALPHAS, gradient_ratio, regularizer
from pysketch.reproduce.runner import Results, run
from pysketch.reproduce.training import SCORES

pytest.importorskip("matplotlib", reason='figures need matplotlib: pip install -e ".[report]"')


def naive_ratio(f, S, alpha):
    """The two parts of dL/df_j, pair by pair, as the paper's Algorithm 1 needs them."""
    n = len(f)
    generative, discriminative = np.zeros_like(f), np.zeros_like(f)
    for j in range(n):
        generative[j] = 2 / n * (f[j] - S[j])
        for i in range(n):
            if i != j:
                e = np.exp(-((S[i] - f[j]) ** 2).sum() / LAMBDA)
                discriminative[j] -= alpha * 2 / (LAMBDA * n * (n - 1)) * e / (1 + e) * (f[j] - S[i])
    return np.linalg.norm(discriminative) / np.linalg.norm(generative)


def test_the_ratio_is_that_of_the_formulas():
    rng = np.random.default_rng(2)
    f, S = rng.uniform(0, 255, (2, 5, 7, 3))
    for alpha in (1e4, 3e8):
        assert gradient_ratio(f, S, alpha) == pytest.approx(naive_ratio(f, S, alpha), rel=1e-9)


def test_without_a_weight_or_without_another_person_the_ratio_is_0():
    rng = np.random.default_rng(3)
    f, S = rng.uniform(0, 255, (2, 3, 7, 5))
    assert gradient_ratio(f, S, 0.0) == 0
    assert gradient_ratio(f[:1], S[:1], 1e9) == 0


def test_the_printed_constants_give_a_few_millionths():
    rng = np.random.default_rng(4)
    S = rng.uniform(0, 255, (5, *SKETCH_CROP[::-1]))
    assert 1e-6 < gradient_ratio(np.full_like(S, 190), S, 1e4) < 1e-5


def a_row(pairs, alpha, rmse, rank1, ratio=4.1e-6):
    values = dict.fromkeys(SCORES, 50) | {"rmse": rmse, "rank1": rank1, "ratio_trained": ratio, "ratio_start": ratio}
    return {name: str(value) for name, value in (values | {"pairs": pairs, "alpha": alpha}).items()}


ROWS = [
    a_row(10, "0", 34.25, 95, 0),
    a_row(10, "1e4", 34.2501, 95),
    a_row(10, "3e8", 34.5, 97, 0.1),
    a_row(88, "1e9", 31.0, 99),
]


def test_what_the_printed_weight_does_is_said_from_the_results():
    (text,) = regularizer_module._printed_constants(ROWS)
    assert "on 10 pairs: its gradient is 4.1e-06 of the generative one" in text
    assert "RMSE changes by +0.0001 and rank 1 by +0." in text
    assert regularizer_module._printed_constants(ROWS[1:]) == []


def test_the_best_weight_is_said_for_each_number_of_pairs_that_has_others():
    (text,) = regularizer_module._best(ROWS)
    assert text.startswith("10 pairs: RMSE 34.25 and rank 1 = 95 without it; ")
    assert "lowest RMSE is 34.25 at alpha = 0, the highest rank 1 97 at alpha = 3e8" in text


def test_no_results_make_no_claims(setting, tmp_path, monkeypatch):
    monkeypatch.setattr(nets, "NET", "tiny")
    section = regularizer(setting).show([], tmp_path)
    assert len(section.paragraphs) == 1
    assert not section.pictures


@pytest.mark.slow
def test_ratios_are_of_the_pairs_that_the_net_has_learned_from(setting, tmp_path, monkeypatch):
    for name, value in (("NET", "tiny"), ("BATCH", 3)):
        monkeypatch.setattr(nets, name, value)
    for name, value in (("ITERATIONS", 2), ("PAIRS", (3,)), ("ALPHAS", ("0", "3e8"))):
        monkeypatch.setattr(regularizer_module, name, value)
    asked = []
    ratio = gradient_ratio

    def noted(drawn, sketches, alpha):
        asked.append(sketches)
        return ratio(drawn, sketches, alpha)

    monkeypatch.setattr(regularizer_module, "gradient_ratio", noted)
    results = Results.load(regularizer(setting), tmp_path)
    run([results], None, lambda *_: None)
    assert results.failures == []
    none, strong = results.done
    assert float(none["ratio_trained"]) == 0 < float(strong["ratio_trained"])
    made = nets.recipe(3, "0", 1, 2)
    learned = regularizer_module.pairs_of(setting, made, Phase.TRAIN)
    assert asked[0].shape == (3, *SKETCH_CROP[::-1])
    assert asked[0][2].mean() == pytest.approx(learned[2].sketch[31:219, 28:171].mean())
    section = results.experiment.show(results.done, tmp_path)
    assert len(section.tables[0].rows) == 2
    assert all((tmp_path / picture.path).is_file() for picture in section.pictures)


def test_the_weights_begin_with_none_and_the_papers():
    assert ALPHAS[:2] == ("0", "1e4")
    assert [float(alpha) for alpha in ALPHAS] == sorted(float(alpha) for alpha in ALPHAS)

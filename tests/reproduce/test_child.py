import json

import numpy as np
import pytest

from pysketch.baselines import baseline_class
from pysketch.drawing.sketcher import Sketcher
from pysketch.errors import BaselineError, DataError
from pysketch.images.pairs import load_pairs
from pysketch.images.pictures import write_image
from pysketch.report.evaluation import evaluate, net_draw
from pysketch.reproduce.child import answer, measure


@pytest.fixture
def test_pairs(faces):
    return load_pairs(faces, "test")


def test_a_baselines_scores_are_those_of_the_evaluation(faces, test_pairs, tmp_path):
    found = measure("grey", tmp_path / "grey.npz", str(faces), 0, 0, 1)
    grey = baseline_class("grey")()
    grey.fit(test_pairs, lambda done, total: None)
    expected = evaluate("grey", grey.sketch, test_pairs)
    assert found["rmse"] == pytest.approx(expected.rmses.mean())
    assert [found["rmse_0.5"], found["rmse"], found["rmse_2"]] == pytest.approx(
        expected.rescaled_rmses.mean(axis=0).tolist()
    )
    assert found["bias"] == pytest.approx(expected.biases.mean())
    assert found["unbiased_rmse"] == pytest.approx(expected.unbiased_rmses.mean())
    assert [found[f"rank{n}"] for n in range(1, 11)] == [expected.matched(n) for n in range(1, 11)]
    assert found["seconds"] > 0
    with np.load(tmp_path / "grey.npz") as file:
        assert np.array_equal(file["drawn"], np.stack(expected.drawn))


def test_a_net_file_draws_and_learns_nothing(faces, net_file, test_pairs, tmp_path):
    found = measure(str(net_file), tmp_path / "net.npz", str(faces), 0, 2, 1)
    expected = evaluate("net", net_draw(Sketcher(net_file)), test_pairs[:2])
    assert found["rmse"] == pytest.approx(expected.rmses.mean())
    assert found["learn_seconds"] == 0
    with np.load(tmp_path / "net.npz") as file:
        assert file["drawn"].shape == (2, 188, 143)


def test_a_baseline_learns_from_the_first_pairs_only(faces, tmp_path, monkeypatch):
    learned = []
    et = baseline_class("et")
    learn = et.learn
    monkeypatch.setattr(
        et, "learn", lambda self, pairs, progress: (learned.append(len(pairs)), learn(self, pairs, progress))
    )
    for pairs in (4, 0):
        measure("et", tmp_path / "et.npz", str(faces), pairs, 1, 1)
    assert learned == [4, 6]


def test_a_test_photo_among_the_training_photos_is_an_error(faces, test_pairs, tmp_path):
    write_image(faces / "train" / "photos" / "a.png", test_pairs[0].photo)
    with pytest.raises(DataError, match="its photo is a training photo too"):
        measure("et", tmp_path / "et.npz", str(faces), 0, 0, 1)


def test_what_it_says_is_one_object_on_one_line(faces, tmp_path):
    (line,) = answer("grey", str(tmp_path / "grey.npz"), str(faces), "0", "1", "0").splitlines()
    found = json.loads(line)
    assert found["rank1"] == 100
    assert found["peak_mib"] is None or found["peak_mib"] > 20


def test_an_unknown_method_is_an_error(faces, tmp_path):
    with pytest.raises(BaselineError, match="unknown baseline"):
        measure("gray", tmp_path / "gray.npz", str(faces), 0, 0, 1)
    said = json.loads(answer("gray", str(tmp_path / "gray.npz"), str(faces), "0", "0", "1"))
    assert said["error"].startswith('unknown baseline "gray"')

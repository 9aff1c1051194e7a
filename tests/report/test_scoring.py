"""An evaluation from beginning to end: lines come as soon as they are known, files at the end."""

import csv

import numpy as np
import pytest
from solver_helpers import SKETCH_NET, write_sketch_net_file

from pysketch.errors import DataError
from pysketch.images import synthetic
from pysketch.images.pairs import SYNTHETIC, Pair
from pysketch.images.preprocessing import SKETCH_TO_PHOTO
from pysketch.report import scoring
from pysketch.report.evaluation import evaluate
from pysketch.report.matches import MATCHES
from pysketch.report.request import Request


@pytest.fixture(scope="module")
def made():
    return [Pair(*each) for each in synthetic.test_pairs(2)]


@pytest.fixture(autouse=True)
def two_pairs(made, monkeypatch):
    """Every set of pairs is the same two synthetic persons."""
    monkeypatch.setattr(scoring, "load_pairs", lambda source, split, direction: made)


def test_lines_come_before_later_tables_are_made_and_files_last(tmp_path, monkeypatch):
    monkeypatch.setattr(scoring, "tell_verification", None)
    path = tmp_path / "pairs.csv"
    lines = scoring.score(Request(SYNTHETIC, pictures=[tmp_path], verify=True, csv=path, match=["pixels"]))
    monkeypatch.setattr(scoring, "evaluate_pictures", lambda folder, pairs, *rest: _copied(pairs, *rest))
    early = [next(lines) for _ in range(3)]
    assert early[0] == "2 pairs, 143x188 pixels, ranks by pixels"
    assert early[2].split()[:2] == ["copied", "0.00"]
    with pytest.raises(TypeError):
        list(lines)
    assert not path.exists()


def test_whole_sketches_and_by_what_ranks_are_stand_above_the_table(tmp_path, monkeypatch):
    monkeypatch.setattr(scoring, "evaluate_pictures", lambda folder, pairs, *rest: _copied(pairs, *rest))
    monkeypatch.setitem(MATCHES, "views", lambda drawn, sketches: 1 - np.eye(2)[::-1])
    path = tmp_path / "pairs.csv"
    request = Request(SYNTHETIC, pictures=[tmp_path], whole=True, match=["views"], csv=path)
    first, *_ = list(scoring.score(request))
    assert first == "2 pairs, 200x250 pixels, ranks by views"
    with path.open(newline="") as stream:
        assert [(row["crop"], row["rank"]) for row in csv.DictReader(stream)] == [("200x250", "2")] * 2


def test_a_net_that_draws_photos_is_not_given_other_skins(tmp_path):
    netdef = SKETCH_NET.replace('{ "batch_size"', f'{{ "direction": "{SKETCH_TO_PHOTO}", "batch_size"')
    net = str(write_sketch_net_file(tmp_path, netdef))
    with pytest.raises(
        DataError, match=r"net\.h5: --skin, --background and --groups are for nets from photo to sketch"
    ):
        next(scoring.score(Request(SYNTHETIC, net=net, skin=["all"])))


def test_a_crowd_is_made_of_other_people(tmp_path):
    with pytest.raises(DataError, match="its photo is a training photo too; a crowd needs training pairs of other"):
        next(scoring.score(Request(SYNTHETIC, baseline=["grey"], match=["views"], distractors=3)))


def test_who_is_left_out_is_said(monkeypatch):
    said = []
    monkeypatch.setattr(scoring, "brought_back", lambda pairs, moves, seed: (pairs[:1], ["test-001"]))
    request = Request(SYNTHETIC, baseline=["grey"], moved=(8, 5, 0.08), realign=True)
    monkeypatch.setattr(scoring, "learned_method", lambda *arguments: scoring.net_method("green", _Green()))
    assert next(scoring.score(request, say=said.append)).startswith("1 pair, ")
    assert said == ["left out, as not one face was found in each picture: test-001"]


class _Green:
    lost_border = (0, 0)

    def draw(self, photo):
        return photo[..., 1]


def _copied(pairs, crop, match):
    """Somebody who copies the artist."""
    sketches = {pair.photo.tobytes(): pair.sketch for pair in pairs}
    return evaluate("copied", lambda photo: sketches[photo.tobytes()], pairs, crop, match=match)

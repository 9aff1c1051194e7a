import csv
import html
import re
from dataclasses import replace

import numpy as np
import pytest

from pysketch.images.pairs import Pair
from pysketch.images.pictures import read_photo
from pysketch.report import evaluation_pages as evaluate_report
from pysketch.report.evaluation import Evaluation
from pysketch.report.matches import MATCHES
from pysketch.report.verification import verify

pytest.importorskip("matplotlib", reason='reports need matplotlib: pip install -e ".[report]"')
pytest.importorskip("jinja2", reason='reports need jinja2: pip install -e ".[report]"')

CROP = (14, 12)


@pytest.fixture
def pairs():
    """Four persons of 16x18 pixels, the second with a name that is HTML."""
    rng = np.random.default_rng(0)
    names = ["ann", "b<b>", "cid", "dee"]
    return [
        Pair(name, rng.integers(0, 256, (18, 16, 3)).astype(np.uint8), rng.integers(0, 256, (18, 16)).astype(np.uint8))
        for name in names
    ]


def evaluation(pairs, order, noise):
    """A method whose drawing of pair k is the sketch of pair order[k], made `noise[k]` darker."""
    sketches = [pair.sketch[3:15, 1:15] for pair in pairs]
    drawn = [np.maximum(sketches[k].astype(int) - n, 0).astype(np.uint8) for k, n in zip(order, noise, strict=True)]
    return Evaluation("net", CROP, [pair.name for pair in pairs], drawn, sketches, [0.5] * len(pairs))


def test_the_page_has_scores_every_pair_and_who_was_taken_for_whom(tmp_path, pairs):
    swapped = evaluation(pairs, [0, 2, 1, 3], [0, 0, 0, 9])
    page = evaluate_report.write_report(tmp_path / "report", [swapped], pairs)
    text = page.read_text(encoding="utf-8")
    assert "<td>net</td>" in text
    assert not (page.parent / "roc.csv").exists()
    assert "<td>50</td>" in text  # rank 1
    assert "2 of 4 queries find another person first" in text
    assert "query b&lt;b&gt;; ranked first cid" in text
    assert "b<b>" not in text
    shown = re.findall(r'src="([^"]+)"', text)
    assert all((page.parent / path).is_file() for path in shown)
    assert len([path for path in shown if "pair_" in path]) == 2 + 2 + 4  # best, worst, all


def test_distances_are_told_as_what_people_were_compared_by_gives_them(tmp_path, pairs, monkeypatch):
    for other in ("cumulative_match", "stacked"):
        monkeypatch.setattr(evaluate_report.figures, other, lambda *arguments: None)
    far = np.full((4, 4), 0.75)
    np.fill_diagonal(far, 0.25)
    far[0, 1] = 0.125
    monkeypatch.setitem(MATCHES, "views", lambda drawn, sketches: far)
    for match, words in (
        ("views", "query ann; ranked first b&lt;b&gt;, distance 0.125; the true one, distance 0.250, has rank 2"),
        ("pixels", "query b&lt;b&gt;; ranked first cid, distance 0; the true one, distance "),
    ):
        made = replace(evaluation(pairs, [0, 2, 1, 3], [0, 0, 0, 9]), match=match)
        text = evaluate_report.write_report(tmp_path, [made], pairs).read_text(encoding="utf-8")
        assert words in text
        assert f"artist&#39;s sketch is compared, by {match}, with all that was drawn" in text
        assert ("Distances are by views." in text) == (match == "views")
        assert ("Distances are roots of the sum of squared differences" in text) == (match == "pixels")


def test_the_curve_of_true_over_false_accepts_stands_beside_the_cumulative_match_score(tmp_path, pairs, monkeypatch):
    for other in ("cumulative_match", "stacked"):
        monkeypatch.setattr(evaluate_report.figures, other, lambda *arguments: None)
    made = evaluation(pairs, [0, 2, 1, 3], [0, 0, 0, 9])
    text = evaluate_report.write_report(tmp_path, [made], pairs, verified=[verify(made, resamples=2)]).read_text()
    scores = text[text.index("Scores</h2>") : text.index("Pair by pair</h2>")]
    assert re.findall(r'src="([^"]+)"', scores) == ["pictures/cms.png", "pictures/roc.png"]
    assert (tmp_path / "pictures" / "roc.png").is_file()
    with (tmp_path / "roc.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [float(row["false_accepts"]) for row in rows] == pytest.approx([100 * k / 12 for k in range(1, 13)])
    assert (rows[0]["method"], float(rows[-1]["true_accepts"])) == ("net", 100)


def test_rmse_and_bias_of_every_pair_are_drawn_in_the_order_of_the_pairs(tmp_path, pairs, monkeypatch):
    seen = {}
    monkeypatch.setattr(
        evaluate_report.figures,
        "stacked",
        lambda path, panels, label: seen.update({panel.label: panel.lines for panel in panels}, path=path),
    )
    made = evaluation(pairs, range(4), [0, 6, 0, 3])
    text = evaluate_report.write_report(tmp_path, [made], pairs).read_text(encoding="utf-8")
    assert seen["RMSE"]["net"] == (range(1, 5), made.rmses.tolist())
    bias = seen["bias"]["net"][1]
    assert bias == made.biases.tolist()
    assert bias[0] == bias[2] == 0 > bias[3] > bias[1]
    assert f'src="{seen["path"].relative_to(tmp_path).as_posix()}"' in text


def test_best_pairs_come_first_and_worst_last(tmp_path, pairs):
    made = evaluation(pairs, range(4), [3, 40, 1, 20])
    text = evaluate_report.write_report(tmp_path, [made], pairs).read_text(encoding="utf-8")
    extremes = text[text.index("Best and worst</h2>") : text.index("Confusions of net</h2>")]
    assert re.findall(r"pair_(\d+)", extremes) == ["003", "001", "004", "002"]


@pytest.mark.parametrize(
    ("direction", "order"),
    [
        ("photo_to_sketch", "From the left: the photo, net, the artist's sketch."),
        ("sketch_to_photo", "From the left: the artist's sketch, net, the photo."),
    ],
)
def test_the_words_are_those_of_the_direction(tmp_path, pairs, direction, order):
    made = evaluation(pairs, range(4), [0] * 4)
    page = evaluate_report.write_report(tmp_path, [made], pairs, direction=direction)
    text = html.unescape(page.read_text(encoding="utf-8"))
    assert order in text
    assert f"of a {direction.rpartition('_')[2]}. RMSE" in text


def test_a_strip_is_photo_drawn_sketches_and_the_artists(tmp_path, pairs):
    made = evaluation(pairs, range(4), [0] * 4)
    evaluate_report.write_report(tmp_path, [made, made], pairs)
    strip = read_photo(tmp_path / "pictures" / "pair_001.png")
    assert strip.shape == (12, 4 * 14 + 3 * 8, 3)
    assert (strip[:, :14] == pairs[0].photo[3:15, 1:15]).all()
    for k in (1, 2, 3):
        assert (strip[:, 22 * k : 22 * k + 14, 0] == pairs[0].sketch[3:15, 1:15]).all()


def test_what_was_measured_of_a_pair_stands_behind_its_scores(tmp_path, pairs):
    made = evaluation(pairs, range(4), [0] * 4)
    measured = [{"fsim": [0.1, 0.2, 0.3, 0.4], "dark": [1, 2, 3, 4]}, {"fsim": [0.5] * 4, "dark": [9] * 4}]
    evaluate_report.write_pairs(tmp_path / "new" / "pairs.csv", [made, made], measured)
    with (tmp_path / "new" / "pairs.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["pair"], row["fsim"], row["dark"]) for row in rows[1:5]] == [
        ("b<b>", "0.2", "2"),
        ("cid", "0.3", "3"),
        ("dee", "0.4", "4"),
        ("ann", "0.5", "9"),
    ]


def test_the_folder_has_a_csv_with_every_pair_and_method(tmp_path, pairs):
    made = evaluation(pairs, range(4), [0] * 4)
    evaluate_report.write_report(tmp_path, [made, made], pairs)
    assert len((tmp_path / "pairs.csv").read_text(encoding="utf-8").splitlines()) == 1 + 2 * 4

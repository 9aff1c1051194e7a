import numpy as np
import pytest

from pysketch.reproduce import nets
from pysketch.reproduce.nets import SEEDS, STRONG, fig3, fig4, fig5, fig6, recipe
from pysketch.reproduce.paper import PAIRS
from pysketch.reproduce.runner import Results, computed, run
from pysketch.reproduce.training import SCORES, net_path, train

pytest.importorskip("matplotlib", reason='figures need matplotlib: pip install -e ".[report]"')


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "results").mkdir()
    return tmp_path / "results"


@pytest.fixture
def shown(monkeypatch):
    """What reaches the figures: {file name: arguments}."""
    found = {}
    for name in ("sheet", "bars", "curves"):
        monkeypatch.setattr(
            nets.figures, name, lambda path, *given, **options: found.update({path.name: (*given, options)})
        )
    return found


def a_row(**values):
    return {name: str(value) for name, value in (dict.fromkeys(SCORES, 50.0) | values).items()}


def four_rows():
    return [
        a_row(pairs=pairs, alpha=alpha, seed=seed, rank1=rank1 + seed, rmse=40 - seed)
        for pairs, alpha, seed, rank1 in ((5, "0", 1, 80), (5, STRONG, 1, 84), (5, "0", 2, 80), (5, STRONG, 2, 78))
    ]


def test_a_small_budget_gives_figure_4_with_one_seed_before_it_begins_another(setting, monkeypatch):
    monkeypatch.setattr(nets, "NET", "tiny")
    cells = fig4(setting).cells
    first = cells[: 2 * len(PAIRS)]
    assert {(cell["pairs"], cell["alpha"]) for cell in first} == {(n, alpha) for n in PAIRS for alpha in ("0", STRONG)}
    assert [cell["seed"] for cell in cells] == sorted(cell["seed"] for cell in cells)
    assert len(cells) == 2 * len(PAIRS) * len(SEEDS)
    assert len(SEEDS) >= 3


def test_with_and_without_the_regularizer_only_its_weight_differs(setting, monkeypatch):
    monkeypatch.setattr(nets, "NET", "tiny")
    without, with_it = (recipe(10, alpha, 2, 30) for alpha in ("0", STRONG))
    assert {**without.options, "alpha": STRONG} == with_it.options
    assert (without.seed, without.iterations) == (with_it.seed, with_it.iterations)
    assert recipe(1, "0", 1, 30).options["batch_size"] == "1"


@pytest.mark.slow
def test_figure_4_trains_and_scores(setting, folder, monkeypatch):
    monkeypatch.setattr(nets, "NET", "tiny")
    monkeypatch.setattr(nets, "ITERATIONS", 2)
    monkeypatch.setattr(nets, "PAIRS", (1, 4))
    monkeypatch.setattr(nets, "SEEDS", (1,))
    results = Results.load(fig4(setting), folder)
    run([results], None, lambda *_: None)
    assert results.failures == []
    assert [(row["pairs"], row["alpha"]) for row in results.done] == [
        ("1", "0"),
        ("1", STRONG),
        ("4", "0"),
        ("4", STRONG),
    ]
    assert results.done[0]["rmse"] == results.done[1]["rmse"]
    section = results.experiment.show(results.done, folder)
    assert all((folder / picture.path).is_file() for picture in section.pictures)


def test_a_training_that_diverges_is_told_as_that_result(setting, folder, monkeypatch):
    for name, value in (("NET", "tiny"), ("ITERATIONS", 2), ("ADAM", {"base_lr": "1e38"})):
        monkeypatch.setattr(nets, name, value)
    results = Results.load(fig4(setting), folder)
    results.keep(computed(results.experiment, results.experiment.cells[0]))
    (row,) = results.diverged
    assert row["status"].startswith("diverged: training diverged")


def test_the_figures_trainings_do_not_change_with_the_shipped_nets_rate(setting, tmp_path, monkeypatch):
    monkeypatch.setattr(nets, "NET", "tiny")
    before = [cell["recipe"] for cell in fig4(setting).cells]
    solver = tmp_path / "root" / "solver" / "tiny_solver.txt"
    solver.write_text(solver.read_text().replace("base_lr: 0.01", "base_lr: 0.02"))
    assert [cell["recipe"] for cell in fig4(setting).cells] == before


def test_figure_4_shows_mean_lowest_and_highest_of_the_seeds(setting, folder, shown):
    section = nets._show_fig4(four_rows(), folder)
    lines, *_, options = shown["fig4_rank1.png"]
    assert [tuple(map(float, np.ravel(lines[f"with it, alpha = {STRONG}"])))] == [(5, 82.5, 80, 85)]
    assert options["printed"] == {"the paper's text": ((5, 27), (95, 100))}
    assert shown["fig4_rmse.png"][-1]["printed"] == {}
    assert len(section.tables[0].rows) == 4


def test_figure_4_says_how_often_the_regularizer_helps(folder, shown):
    ignored = [a_row(pairs=1, alpha=alpha, seed=1, rank1=rank1) for alpha, rank1 in (("0", 3), (STRONG, 90))]
    section = nets._show_fig4([*four_rows(), *ignored], folder)
    assert "rank 1 is higher in 1 and lower in 1 of 2, +1.00 on average" in section.paragraphs[-1]
    assert "RMSE is higher in 0 and lower in 0 of 2, +0.00 on average" in section.paragraphs[-1]


def test_half_a_comparison_is_none(folder, shown):
    section = nets._show_fig4(four_rows()[:1], folder)
    assert len(section.paragraphs) == 1


def test_figure_5_has_a_row_for_each_net_file_and_names_those_that_are_missing(
    setting, folder, net_file, monkeypatch, shown
):
    monkeypatch.setattr(nets, "net_file", lambda name: net_file if name == "small" else net_file.with_name("none"))
    monkeypatch.setattr(nets, "net_digest", lambda name: "12345678")
    results = Results.load(fig5(setting), folder)
    assert [cell["net"] for cell in results.experiment.cells] == ["small"]
    run([results], None, lambda *_: None)
    section = results.experiment.show(results.done, folder)
    assert section.paragraphs[-1] == "No net file, so no row: sr, medium, large."
    (found,) = results.done
    bias, rest = float(found["bias"]), float(found["unbiased_rmse"])
    assert section.paragraphs[1].endswith(f": small by {bias:+.1f}, without it {rest:.2f}.")
    assert rest <= float(found["rmse"])
    (row,) = section.tables[0].rows
    assert row[section.tables[0].header.index("the paper's")] == "32.6 / 35.0 / 34.4"
    groups = shown["fig5.png"][0]
    assert [group["the paper's"] for group in groups.values()] == [32.6, 35.0, 34.4]
    assert shown["fig5_samples.png"][2] == ["photo", "small", "artist"]


def test_figure_6_says_what_leaving_out_the_coordinates_changes_seed_by_seed(setting, folder, shown):
    rows = [
        a_row(xy=xy, seed=seed, **{"rmse_0.5": mprl, "rmse": mprl, "rmse_2": mprl})
        for xy, seed, mprl in (
            ("true", 1, 34),
            ("false", 1, 35.5),
            ("true", 2, 35),
            ("false", 2, 34.75),
            ("true", 3, 1),
        )
    ]
    assert "changes by +1.50, -0.25 (" in nets._xy_change(rows)[0]
    assert nets._xy_change(rows[:1]) == []


def test_figure_6_draws_with_the_first_seeds_nets_and_never_trains_to_show(setting, folder, monkeypatch, shown):
    for name, value in (("XY_NET", "tiny"), ("XY_ITERATIONS", 2), ("XY_SEEDS", (1,))):
        monkeypatch.setattr(nets, name, value)
    results = Results.load(fig6(setting), folder)
    run([results], None, lambda *_: None)
    assert results.failures == []
    monkeypatch.setattr("pysketch.reproduce.training.Solver", None)
    results.experiment.show(results.done, folder)
    assert shown["fig6_samples.png"][2] == ["photo", "with XY", "without XY", "artist"]
    for path in (folder / "nets").glob("*.h5"):
        path.unlink()
    shown.clear()
    results.experiment.show(results.done, folder)
    assert "fig6_samples.png" not in shown


def test_without_coordinates_a_net_has_three_channels(setting):
    made = nets.Recipe("tiny", 1, 1, {"xy": "false"})
    train(setting, made)
    assert net_path(setting, made).is_file()


def test_figure_3_shows_what_is_there_and_names_what_is_missing(setting, folder, shown):
    (folder / "drawn").mkdir()
    crops = np.arange(3, dtype=np.uint8)[:, None, None] * np.ones((1, 188, 143), np.uint8)
    np.savez(folder / "drawn" / "mrf.npz", drawn=crops)
    section = fig3(setting).show([], folder)
    assert section.paragraphs == ["Missing until table1 has drawn them: ours, mrf_plus, svr, sns_sre."]
    rows, names, columns, _ = shown["fig3.png"]
    assert columns == ["photo", "mrf", "artist"]
    assert names == ["u", "u", "v", "w"]
    assert [row[1][0, 0] for row in rows] == [0, 0, 1, 2]
    assert fig3(setting).cells == []

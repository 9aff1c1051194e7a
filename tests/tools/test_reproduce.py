import csv
import io

import common
import pytest
from reproduce import EXAMPLES, main
from tqdm import tqdm

import pysketch
from pysketch.errors import BaselineError, DataError, DivergenceError
from pysketch.report.pages import Section, Table
from pysketch.reproduce.experiments import EXPERIMENTS, claim
from pysketch.reproduce.runner import Experiment
from pysketch.reproduce.training import Setting

pytest.importorskip("matplotlib", reason='figures need matplotlib: pip install -e ".[report]"')
pytest.importorskip("jinja2", reason='a report needs jinja2: pip install -e ".[report]"')


@pytest.fixture
def computed(monkeypatch, few_faces):
    """Two small experiments in place of the paper's; what they compute."""
    found = []

    def make(name, numbers):
        def compute(cell):
            found.append((name, cell["x"]))
            if cell["x"] == 13:
                raise DivergenceError("training diverged & was <stopped>")
            return {"double": 2 * cell["x"]}

        def show(rows, folder):
            return Section(
                f"About {name}", ["Some words."], [Table(["x", "double"], [list(r.values())[:2] for r in rows])]
            )

        return lambda setting: Experiment(name, ("x",), ("double",), [{"x": x} for x in numbers], compute, show)

    made = {"one": make("one", (3, 13)), "two": make("two", (5,))}
    monkeypatch.setattr("pysketch.reproduce.EXPERIMENTS", made)
    monkeypatch.setattr("pysketch.reproduce.EXPERIMENT_NAMES", tuple(made))
    return found


def rows(path):
    with path.open(newline="") as stream:
        return [tuple(row.values()) for row in csv.DictReader(stream)]


def test_everything_is_computed_once_and_shown(computed, tmp_path, capsys):
    for _ in range(2):
        assert main(["--data", "synthetic", "--out", str(tmp_path)]) == 0
    assert computed == [("one", 3), ("one", 13), ("two", 5)]
    assert rows(tmp_path / "one.csv") == [("3", "6", "ok"), ("13", "", "diverged: training diverged & was <stopped>")]
    page = (tmp_path / "index.html").read_text()
    assert page.index("About one") < page.index("About two")
    assert "13 diverged: training diverged &amp; was &lt;stopped&gt;" in page
    assert "Not computed yet" not in page
    out = capsys.readouterr().out.splitlines()
    assert out[-1] == f"report: {tmp_path / 'index.html'}"
    assert out[-3].split() == ["one", "1", "done", "1", "diverged", "0", "missing"]


@pytest.mark.slow
def test_what_fails_is_told_at_the_end_and_makes_the_exit_status_2(computed, tmp_path, monkeypatch, capsys):
    make = pysketch.reproduce.EXPERIMENTS["one"]

    def broken(setting):
        experiment = make(setting)
        good = experiment.compute

        def compute(cell):
            if cell["x"] == 3:
                raise BaselineError("svr needs scikit-learn")
            return good(cell)

        experiment.compute = compute
        return experiment

    monkeypatch.setitem(pysketch.reproduce.EXPERIMENTS, "one", broken)
    assert main(["--data", "synthetic", "--out", str(tmp_path)]) == common.BAD_INPUT
    said = capsys.readouterr()
    assert said.err.splitlines()[-1] == "error: one 3 failed: svr needs scikit-learn"
    assert said.out.splitlines()[-3].split(maxsplit=1) == ["one", "0 done   1 diverged   1 missing, of which 1 failed"]
    page = (tmp_path / "index.html").read_text()
    assert "Not computed yet: 1 of 2." in page
    assert "3 failed: svr needs scikit-learn" in page
    monkeypatch.setitem(pysketch.reproduce.EXPERIMENTS, "one", make)
    assert main(["two", "--data", "synthetic", "--out", str(tmp_path)]) == 0  # nobody asked for the one that failed
    assert main(["one", "--data", "synthetic", "--out", str(tmp_path)]) == 0
    assert "3 failed" not in (tmp_path / "index.html").read_text()


def test_data_that_is_not_there_is_refused_before_anything_is_computed_or_written(computed, tmp_path):
    with pytest.raises(DataError, match="nowhere: no such folder or list file"):
        main(["--data", str(tmp_path / "nowhere"), "--out", str(tmp_path / "out")])
    assert computed == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_only_what_is_asked_for_is_computed_but_all_is_shown(computed, tmp_path):
    main(["two", "--data", "synthetic", "--out", str(tmp_path)])
    assert computed == [("two", 5)]
    page = (tmp_path / "index.html").read_text()
    assert "Not computed yet: 2 of 2." in page
    main(["one", "--data", "synthetic", "--out", str(tmp_path)])
    assert "<td>10</td>" in (tmp_path / "index.html").read_text()


def test_a_used_up_budget_says_what_is_left(computed, tmp_path, capsys):
    main(["--data", "synthetic", "--out", str(tmp_path), "--budget", "0"])
    assert computed == []
    assert capsys.readouterr().out.splitlines()[-1].endswith("; 3 results are left, run the command again")
    assert "Not computed yet: 1 of 1." in (tmp_path / "index.html").read_text()


def test_there_is_one_progress_bar_over_all_results(computed, tmp_path, monkeypatch):
    bars = []

    class Bar(tqdm):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options | {"disable": False, "file": io.StringIO()})
            bars.append(self)

    monkeypatch.setattr("tqdm.tqdm", Bar)
    main(["--data", "synthetic", "--out", str(tmp_path)])
    (bar,) = bars
    assert (bar.total, bar.n) == (3, 3)


def test_quick_results_have_a_folder_of_their_own(computed, tmp_path):
    main(["two", "--data", "synthetic", "--out", str(tmp_path), "--quick"])
    assert rows(tmp_path / "quick" / "two.csv") == [("5", "10", "ok")]
    assert not (tmp_path / "two.csv").exists()


def test_results_of_other_data_are_not_mixed(tmp_path):
    claim(tmp_path / "out", "synthetic")
    claim(tmp_path / "out", "synthetic")
    with pytest.raises(
        DataError, match=r"data.txt: the results there are of synthetic, expected .*faces; give another"
    ):
        claim(tmp_path / "out", str(tmp_path / "faces"))


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="results cannot be kept there"):
        claim(tmp_path / "file" / "out", "synthetic")


def test_an_unknown_experiment_is_refused_with_the_known_ones(capsys):
    with pytest.raises(SystemExit) as exit:
        main(["table3", "--data", "synthetic"])
    assert exit.value.code == common.BAD_INPUT
    said = capsys.readouterr().err
    assert "unknown experiment 'table3'; expected table1, table2, fig3" in said
    assert '; did you mean "table1"?' in said or '; did you mean "table2"?' in said


def test_help_names_every_experiment():
    for name in EXPERIMENTS:
        assert f"\n  {name:<13}" in EXAMPLES


def test_the_real_experiments_have_cells_that_their_keys_tell_apart(tmp_path):
    setting = Setting("synthetic", tmp_path, threads=1)
    for name, make in EXPERIMENTS.items():
        experiment = make(setting)
        keys = [experiment.key(cell) for cell in experiment.cells]
        assert experiment.name == name
        assert len(set(keys)) == len(keys)

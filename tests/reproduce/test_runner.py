import csv

import pytest

from pysketch.errors import BaselineError, DataError, DivergenceError
from pysketch.report.pages import Section
from pysketch.reproduce.runner import Experiment, Results, computed, number, run


def squares(computed, name="squares", numbers=(3, 2, 5)):
    """An experiment whose result is x^2; it notes what it computes, and diverges at 2."""

    def compute(cell):
        computed.append(cell["x"])
        if cell["x"] == 2:
            raise DivergenceError("training diverged at iteration 7")
        return {"square": cell["x"] ** 2}

    cells = [{"x": x} for x in numbers]
    return Experiment(name, ("x",), ("square",), cells, compute, lambda rows, folder: Section(name))


def rows(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_every_result_is_in_the_csv_before_the_next_is_begun(tmp_path):
    seen = []
    results = Results.load(squares([]), tmp_path)
    run(
        [results], None, lambda title, before: seen.append((before, results.path.is_file() and len(rows(results.path))))
    )
    assert seen == [(0, False), (1, 1), (2, 2)]


def test_what_is_there_is_not_computed_again(tmp_path):
    first, second = [], []
    results = Results.load(squares(first), tmp_path)
    results.keep(computed(results.experiment, {"x": 5}))
    assert run([Results.load(squares(second), tmp_path)], None, lambda *_: None) == 0
    assert (first, second) == ([5], [3, 2])
    assert [row["x"] for row in Results.load(squares([]), tmp_path).done] == ["3", "5"]
    assert Results.load(squares([]), tmp_path).missing() == []


def test_a_line_taken_out_is_computed_again(tmp_path):
    run([Results.load(squares([]), tmp_path)], None, lambda *_: None)
    path = tmp_path / "squares.csv"
    path.write_text("".join(line for line in path.read_text().splitlines(True) if not line.startswith("5,")))
    computed = []
    run([Results.load(squares(computed), tmp_path)], None, lambda *_: None)
    assert computed == [5]


def test_a_divergence_is_a_result_kept_with_its_reason_and_the_others_are_computed(tmp_path):
    results = Results.load(squares([]), tmp_path)
    run([results], None, lambda *_: None)
    assert [number(row, "square") for row in results.done] == [9, 25]
    assert results.diverged == [{"x": "2", "square": "", "status": "diverged: training diverged at iteration 7"}]
    assert results.diverged == Results.load(squares([]), tmp_path).diverged
    assert (results.failures, results.missing()) == ([], [])


def test_what_has_failed_is_kept_with_its_reason_and_tried_again_the_next_time(tmp_path):
    broken, tried = squares([]), []

    def compute(cell):
        tried.append(cell["x"])
        raise BaselineError("x needs a library")

    broken.compute = compute
    results = Results.load(broken, tmp_path)
    assert run([results], None, lambda *_: None) == 0
    assert tried == [3, 2, 5]
    assert [row["status"] for row in rows(results.path)] == ["failed: x needs a library"] * 3
    assert len(results.failures) == len(results.missing()) == 3
    computed = []
    results = Results.load(squares(computed), tmp_path)
    run([results], None, lambda *_: None)
    assert computed == [3, 2, 5]
    assert [(row["x"], row["square"]) for row in rows(results.path)] == [("3", "9"), ("2", ""), ("5", "25")]
    assert (results.failures, results.missing()) == ([], [])


def test_an_interruption_loses_only_what_was_being_computed(tmp_path):
    experiment = squares([])
    good = experiment.compute

    def interrupted(cell):
        if cell["x"] == 5:
            raise KeyboardInterrupt
        return good(cell)

    experiment.compute = interrupted
    with pytest.raises(KeyboardInterrupt):
        run([Results.load(experiment, tmp_path)], None, lambda *_: None)
    assert [row["x"] for row in rows(tmp_path / "squares.csv")] == ["3", "2"]
    assert [path.name for path in tmp_path.iterdir()] == ["squares.csv"]


def test_when_the_budget_is_used_up_no_further_result_is_begun(tmp_path):
    computed, titles = [], []
    experiments = [squares(computed, "one", (3, 4)), squares(computed, "two", (7, 8, 9))]
    results = [Results.load(each, tmp_path) for each in experiments]
    times = iter([100.0, 100.0, 101.0, 102.9, 103.0])
    left = run(results, 3.0, lambda title, before: titles.append((title, before)), lambda: next(times))
    assert left == 2
    assert titles == [("one 3", 0), ("one 4", 1), ("two 7", 2)]
    assert computed == [3, 4, 7]
    assert [len(each.missing()) for each in results] == [0, 2]


def test_rows_of_cells_that_are_no_longer_asked_for_stay_in_the_file_unused(tmp_path):
    run([Results.load(squares([]), tmp_path)], None, lambda *_: None)
    results = Results.load(squares([], numbers=(5, 6)), tmp_path)
    run([results], None, lambda *_: None)
    assert [row["x"] for row in results.done] == ["5", "6"]
    assert results.failures == []
    assert [row["x"] for row in rows(tmp_path / "squares.csv")] == ["3", "2", "5", "6"]


def test_a_file_of_another_version_is_refused(tmp_path):
    (tmp_path / "squares.csv").write_text("x,cube,status\n3,27,ok\n")
    with pytest.raises(DataError, match=r"squares.csv: expected the columns x, square, status; found x, cube, status"):
        Results.load(squares([]), tmp_path)


def test_cells_with_one_key_are_told_apart_by_all_of_its_columns(tmp_path):
    cells = [{"pairs": 1, "seed": 11}, {"pairs": 11, "seed": 1}]
    experiment = Experiment("e", ("pairs", "seed"), (), cells, lambda cell: {}, lambda rows, folder: Section(""))
    results = Results.load(experiment, tmp_path)
    results.keep(computed(results.experiment, cells[0]))
    assert results.missing() == [cells[1]]

import dataclasses
import re

import numpy as np
import pytest
from helpers import race_once

from pysketch.baselines.baseline import BASELINES
from pysketch.benchmark import table2 as table2_module
from pysketch.benchmark.nets import Job
from pysketch.errors import BaselineError
from pysketch.reproduce import tables
from pysketch.reproduce.child import CURVE
from pysketch.reproduce.runner import Results, run
from pysketch.reproduce.tables import METHODS, OURS, child, growth, net_digest, net_file, table1, table2

pytest.importorskip("matplotlib", reason='figures need matplotlib: pip install -e ".[report]"')


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "shown").mkdir()
    return tmp_path / "shown"


def a_row(method, rank1, **more):
    scores = {
        "rmse_0.5": 30,
        "rmse": 33.5,
        "rmse_2": 32,
        "bias": 4.5,
        "unbiased_rmse": 33,
        "psnr": 17,
        "ssim": 0.5,
        "seconds": 0.25,
        "learn_seconds": 7,
    }
    row = {
        "method": method,
        **scores,
        "peak_mib": 300,
        **{f"rank{n}": min(100, rank1 + n - 1) for n in range(1, CURVE + 1)},
    }
    return {name: str(value) for name, value in (row | more).items()}


def test_table_1_has_a_cell_for_our_net_and_every_baseline(setting):
    assert [cell["method"] for cell in table1(setting).cells] == list(METHODS)
    assert set(METHODS) == {OURS, *BASELINES}


@pytest.mark.slow
def test_a_method_is_measured_in_a_process_of_its_own_and_its_sketches_are_kept(setting):
    found = child(setting, "grey", "some", 0, 2)
    assert found["rank1"] == 100
    with np.load(setting.out / "drawn" / "some.npz") as file:
        assert file["drawn"].shape == (2, 188, 143)


@pytest.mark.slow
def test_a_method_that_fails_says_why_in_one_line(setting):
    with pytest.raises(BaselineError, match=r'^gray: unknown baseline "gray"; did you mean "grey"'):
        child(setting, "gray", "gray", 0, 0)


def test_table_1_stands_beside_the_papers_numbers(setting, folder):
    section = table1(setting).show([a_row("ours", 98), a_row("et", 71), a_row("lle", 95)], folder)
    (table,) = section.tables
    columns = {row[0]: dict(zip(table.header, row, strict=True)) for row in table.rows}
    assert [columns["et"][f"paper's {n}"] for n in (1, 3, 5, 10)] == [71, 81, 88, 96]
    assert [columns["et"][f"rank {n}"] for n in (1, 3, 5, 10)] == [71, 73, 75, 80]
    assert columns["lle"]["paper's 1"] is None
    assert (columns["ours"]["bias"], columns["ours"]["less bias"]) == (4.5, 33)
    assert (columns["ours"]["RMSE"], columns["ours"]["s/photo"], columns["ours"]["peak MiB"]) == (33.5, 0.25, "300")
    assert all((folder / picture.path).is_file() for picture in section.pictures)


def test_no_results_are_an_empty_table_without_pictures(setting, folder):
    for experiment in (table1(setting), table2(setting), growth(setting)):
        section = experiment.show([], folder)
        assert [list(table.rows) for table in section.tables] == [[]]
        assert not section.pictures
        assert not any("; ." in text or ": ." in text for text in section.paragraphs)


def test_another_net_file_is_another_cell_of_ours_alone(setting, tmp_path, monkeypatch):
    path = tmp_path / "net.h5"
    monkeypatch.setattr(tables, "net_file", lambda name: path)
    cells = {}
    for content in (b"one", b"two"):
        path.write_bytes(content)
        for make in (table1, growth):
            experiment = make(setting)
            cells[content, make] = {experiment.key(cell) for cell in experiment.cells}
    for make in (table1, growth):
        changed = cells[b"one", make] ^ cells[b"two", make]
        assert {key[0] for key in changed} == {OURS}


def test_a_shipped_net_has_a_digest_and_one_that_is_missing_has_none():
    assert re.fullmatch(r"[0-9a-f]{8}", net_digest("medium"))
    assert net_digest("no such net") == ""
    assert net_file("medium").name == "medium.h5"


@pytest.mark.slow
def test_table_2_keeps_median_and_quartiles_beside_the_k40(setting, tiny, folder, monkeypatch):
    monkeypatch.setattr(table2_module, "jobs", lambda job: [Job(tiny, device="cpu")] * 4)
    race_once(monkeypatch)
    results = Results.load(table2(dataclasses.replace(setting, quick=True)), folder)
    run([results], None, lambda *_: None)
    (row,) = results.done
    assert (row["threads"], row["runs"]) == ("1", "3")
    low, median, high = (float(row[f"large{suffix}"]) for suffix in ("_low", "", "_high"))
    assert 0 < low <= median <= high
    (table,) = results.experiment.show(results.done, folder).tables
    assert [(line[0], line[3]) for line in table.rows] == [
        ("sr", 8.5),
        ("small", 8.6),
        ("medium", 17.1),
        ("large", 50.8),
    ]
    assert table.rows[0][4] == 1
    assert table.rows[3][1] == median


def test_growth_says_by_how_much_each_methods_time_grows(setting, folder):
    costs = {"learn_seconds": 1, "peak_mib": 100}
    times = {("mrf", 11): 0.5, ("mrf", 88): 4, ("ours", 11): 0.25, ("ours", 88): 0.25}
    rows = [
        {"method": method, "pairs": str(pairs), "seconds": str(seconds), **{k: str(v) for k, v in costs.items()}}
        for (method, pairs), seconds in times.items()
    ]
    section = growth(setting).show(rows, folder)
    assert "the time grows: mrf: times 8.0; ours: times 1.0." in section.paragraphs[-1]
    assert len(section.tables[0].rows) == 4


def test_growth_measures_each_method_on_more_and_more_pairs(setting):
    cells = growth(setting).cells
    assert [cell["pairs"] for cell in cells if cell["method"] == "lle"] == [11, 22, 44, 88]
    assert {cell["method"] for cell in cells} >= {"ours", "et", "lle", "mrf"}

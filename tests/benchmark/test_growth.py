from types import SimpleNamespace

import pytest

from pysketch.benchmark import growth
from pysketch.benchmark.growth import check_picture, points
from pysketch.benchmark.nets import Job
from pysketch.benchmark.race import run_race
from pysketch.errors import DataError


def test_areas_grow_to_16_times_at_one_aspect_ratio():
    sizes = [point.job.size for point in points("area", Job("x.prototxt"))]
    assert sizes[0] == (155, 200)
    assert [round(w * h / (155 * 200)) for w, h in sizes] == [1, 2, 4, 8, 16]


def test_batches_and_nets_grow_too():
    assert [point.job.batch for point in points("batch", Job("x.prototxt"))] == [1, 2, 4, 8, 16]
    nets = [point.job.netdef for point in points("filters", Job("netdefs/medium.prototxt"))]
    assert [name.replace("\\", "/") for name in nets] == [
        f"netdefs/{name}.prototxt" for name in ("sr", "small", "medium", "large")
    ]


@pytest.mark.slow
def test_the_table_has_a_row_for_every_point(tiny, monkeypatch):
    result = run_race(Job(tiny), (), 3, with_layers=False)
    monkeypatch.setattr(growth, "run_race", lambda *arguments, **options: result)
    rows = list(growth.grow("batch", Job(tiny), (), 3, None))
    assert len(rows) == 2 + 5
    assert len({row.count("|") for row in rows}) == 1


def test_a_plot_must_have_a_name_that_says_its_kind():
    with pytest.raises(DataError, match="a plot's name ends in"):
        check_picture("growth.bmp")


def test_a_plot_is_refused_without_matplotlib(monkeypatch):
    fake = SimpleNamespace(util=SimpleNamespace(find_spec=lambda name: None))
    monkeypatch.setattr(growth, "importlib", fake)
    with pytest.raises(growth.BenchmarkError, match="matplotlib"):
        check_picture("growth.png")

import pytest
from helpers import race_once

from pysketch.benchmark import table2
from pysketch.benchmark.nets import Job
from pysketch.benchmark.race import run_race
from pysketch.benchmark.table2 import jobs, measure_table2, report_table2, summary_table2


@pytest.fixture
def results(tiny, monkeypatch):
    """The races of four nets, all of them the tiny one."""
    monkeypatch.setattr(table2, "jobs", lambda job: [Job(tiny, device="cpu")] * 4)
    race_once(monkeypatch)
    return measure_table2(Job(""), 3)


def test_the_nets_are_the_papers_four_and_the_photo_is_its_size():
    made = jobs(Job("", phase="train", batch=4, device="gpu:1", math="tf32", seed=3))
    assert [job.netdef.replace("\\", "/").split("/")[-2:] for job in made] == [
        ["netdefs", f"{name}.prototxt"] for name in ("sr", "small", "medium", "large")
    ]
    for job in made:
        assert (job.phase, job.batch, job.size) == ("test", 1, (155, 200))
        assert (job.device, job.math, job.seed) == ("gpu:1", "tf32", 3)


@pytest.mark.slow
def test_people_read_median_quartiles_and_the_papers_times(results, monkeypatch):
    for k, result in enumerate(results):
        result.steps["pysketch"].runs = [10.0 + k, 12.0 + k, 20.0 + k]
        result.host.runs = [1.5 + k] * 3
    monkeypatch.setattr("pysketch.benchmark.nets.describe", lambda: "compiled kernels (AVX2)")
    lines = report_table2(results)
    assert lines[0] == (
        "One 155x200 photo on cpu, 1 threads, compiled kernels (AVX2); "
        "3 runs, each after one to warm up; by the host's clock"
    )
    rows = [line.split() for line in lines if line.startswith(("sr", "small", "medium", "large"))]
    assert [(row[0], *row[2:]) for row in rows] == [
        ("sr", "12.0", "11.0-16.0", "1.50", "8.5"),
        ("small", "13.0", "12.0-17.0", "2.50", "8.6"),
        ("medium", "14.0", "13.0-18.0", "3.50", "17.1"),
        ("large", "15.0", "14.0-19.0", "4.50", "50.8"),
    ]


@pytest.mark.slow
def test_programs_read_one_object(results):
    found = summary_table2(results)
    assert list(found["nets"]) == ["sr", "small", "medium", "large"]
    assert found["nets"]["large"]["paper_k40_ms"] == 50.8
    assert len(found["nets"]["sr"]["runs_ms"]) == 3
    assert found["device"] == "cpu"


def test_a_gpu_is_named_with_its_math_mode(tiny, gpu, monkeypatch):
    result = run_race(Job(tiny, device=str(gpu)), (), 3, with_layers=False)
    (head, *_) = report_table2([result] * 4)
    assert head.startswith(f"One 155x200 photo on {gpu}, math mode default; 3 runs")
    assert head.endswith("by the device's own events")

import math
from dataclasses import replace

import numpy as np
import pytest

from pysketch.benchmark import gallery_race, population
from pysketch.benchmark.gallery_race import (
    GalleryJob,
    GalleryResult,
    Searched,
    lower_bound,
    race_in_gallery,
    report_gallery,
    summary_gallery,
)
from pysketch.benchmark.population import Alikeness, Faces


def test_999_of_1000_is_no_more_than_99_and_a_half_percent_in_the_long_run():
    assert lower_bound(1000, 1000) == pytest.approx(0.05 ** (1 / 1000))
    assert lower_bound(999, 1000) == pytest.approx(0.99527, abs=1e-5)
    assert lower_bound(0, 10) == 0
    share = lower_bound(7, 9)
    assert sum(math.comb(9, k) * share**k * (1 - share) ** (9 - k) for k in (7, 8, 9)) == pytest.approx(0.05)


def test_a_peer_without_its_library_or_with_too_little_memory_is_told(monkeypatch):
    monkeypatch.setattr(gallery_race.importlib.util, "find_spec", lambda name: None)
    assert gallery_race._why_not("index", 10, 256) == "pysketch and faiss not installed"
    monkeypatch.setattr(gallery_race.importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(gallery_race, "_available", lambda: 1 << 30)
    assert gallery_race._why_not("faiss-flat", 10**6, 256) == "needs 1172 MiB"
    assert gallery_race._why_not("exhaustive", 10**6, 256) == ""
    monkeypatch.setattr(gallery_race, "_available", lambda: None)
    assert gallery_race._why_not("sklearn", 10**6, 256) == ""


def test_whoever_is_as_near_as_the_first_is_first_too():
    truths = [gallery_race.Nearest(4, 0.25, 1000)] * 3
    entry = Searched(10, "exhaustive")
    found = {"seconds": [1.0] * 3, "cpu": [2.0] * 3, "rows": [4, 5, 6], "distances": [0.25, 0.25, 0.26]}
    gallery_race._count(entry, found, truths, [4, 4, 6])
    assert (entry.same_first, entry.right) == (2, 2)


def test_people_read_a_table_and_programs_an_object(tmp_path):
    job = GalleryJob(tmp_path, (100,), threads=2)
    memory = {"held_bytes": 3 << 20, "peak_bytes": None}
    ours = Searched(100, "exhaustive", 0.5, [0.002, 0.004, 0.003], [0.005] * 3, 3, 2, memory)
    peer = Searched(100, "sklearn", why_not="sklearn not installed")
    alike = {"drawn": Alikeness(0.1, 0.2, 0.3, 0.4)}
    result = GalleryResult(job, alike, [0.1], {100: [10, 30, 20]}, [ours, peer])
    lines = list(report_gallery([replace(result, searched=[]), replace(result, searched=[ours]), result]))
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("| 100")]
    assert rows[0] == ["100", "exhaustive", "0.50", "3.0", "5.0", "3", "-", "3 of 3", "36.8 %", "67 %"]
    assert rows[1][:3] == ["100", "sklearn", "sklearn not installed"]
    assert len(rows) == 2
    assert [line.count("|") for line in lines if "|" in line] == [6] * 3 + [11] * 4
    assert lines[-1] == "100: 20."
    found = summary_gallery(result)
    assert [each["search"] for each in found["searches"]] == ["exhaustive", "sklearn"]
    assert (found["searches"][0]["median_ms"], found["searches"][1]["why_not"]) == (3.0, "sklearn not installed")


@pytest.mark.slow
@pytest.mark.parametrize("strangers", [False, True])
def test_a_race_finds_who_is_looked_for(strangers, tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, 255, (12, 25, 20)).repeat(10, 1).repeat(10, 2).astype(np.uint8)
    monkeypatch.setattr(population, "draw_faces", lambda seed, progress: Faces(drawn, drawn))
    monkeypatch.setattr(gallery_race, "SEARCHERS", {"exhaustive": ("pysketch",), "faiss-flat": ("faiss",)})
    job = GalleryJob(tmp_path / "new", (200, 150), queries=6, described=100, strangers=strangers)
    *_, result = race_in_gallery(job)
    assert [(each.people, each.name) for each in result.searched[::2]] == [(150, "exhaustive"), (200, "exhaustive")]
    for each in result.searched:
        if not each.why_not:
            assert (each.same_first, len(each.seconds)) == (6, 6)
            assert strangers or each.right == 6
    assert [len(each) for each in result.compared.values()] == [6, 6]
    assert len(result.describing) == 12

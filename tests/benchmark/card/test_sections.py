import time
from contextlib import ExitStack

import pytest

from pysketch.benchmark.card import sections
from pysketch.benchmark.card.plan import Plan
from pysketch.benchmark.card.sections import SECTIONS
from pysketch.errors import DeviceError


def test_the_shares_are_of_a_hundred_and_the_large_suite_is_the_last():
    assert sum(section.share for section in SECTIONS.values()) == 100
    assert list(SECTIONS)[-1] == "tests"


def test_races_and_rooflines_are_of_every_net_and_batch(tiny):
    plan = Plan("cpu", nets=("a.prototxt", "b.prototxt"), batches=(1, 8, 88))
    with ExitStack() as stack:
        races = list(SECTIONS["float32"].pieces(plan, stack, time.monotonic()))
        assert len(races) == len(set(races)) == 12
        assert races[:3] == ["a, batch 1, test", "b, batch 1, test", "a, batch 1, train"]
        roofs = list(SECTIONS["roofline"].pieces(plan, stack, 0))
        assert roofs == ["a, batch 1", "b, batch 1", "a, batch 8", "b, batch 8"]


def test_without_tf32_its_races_are_not_begun():
    with pytest.raises(DeviceError, match="math mode tf32 needs a GPU"), ExitStack() as stack:
        SECTIONS["tf32"].pieces(Plan("cpu"), stack, 0)


def test_table_2_and_rooflines_keep_the_lines_that_people_read(monkeypatch, tiny):
    monkeypatch.setattr(sections, "measure_table2", lambda job, runs: [job.device, runs])
    monkeypatch.setattr(sections, "summary_table2", lambda found: {"found": found})
    monkeypatch.setattr(sections, "report_table2", lambda found: ["a line"])
    (piece,) = SECTIONS["table2"].pieces(Plan("gpu:1", runs=5), ExitStack(), 0).values()
    assert piece() == {"found": ["gpu:1", 5], "lines": ["a line"]}

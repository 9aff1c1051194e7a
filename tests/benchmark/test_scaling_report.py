"""The estimates on paper: what is shown follows from the figures, and the parallel room's page shows it."""

import re
from pathlib import Path

import pytest

import pysketch.parallel
from pysketch.benchmark import scaling_report
from pysketch.benchmark.scaling import step
from pysketch.benchmark.scaling_report import (
    NODE,
    cores,
    efficiency,
    limit,
    limits,
    plans,
    report_scaling,
    shared,
    sites,
    times,
)


@pytest.fixture(scope="module")
def planned():
    return plans()


def test_the_batch_is_the_nearest_that_the_processes_can_share():
    assert [shared(88, size) for size in (1, 16, 64)] == [88, 96, 64]
    assert shared(8800, 256) == 8704


def test_two_cores_take_for_four_pairs_what_was_measured(planned):
    processor = cores(planned)
    for plan in planned:
        found = step(plan, 1, scaling_report.PAIRS, processor, scaling_report.ETHERNET)
        assert found.total == pytest.approx(scaling_report.STEPS[plan.name])
        assert found.computing > 0.9 * found.total


def test_more_cards_than_a_machine_has_are_joined_by_infiniband(planned):
    *_, site = sites(planned)
    near, far = (site.step(planned[0], size, 88).gathering for size in (NODE, 2 * NODE))
    assert far > 5 * near


def test_the_larger_net_pays_for_longer_and_alone_nothing_is_lost(planned):
    for site in sites(planned):
        small, large = (efficiency(site, plan, 16, 880) for plan in (planned[0], planned[-1]))
        assert small < large < 1
        assert efficiency(site, planned[0], 1, 880) == pytest.approx(1)
    ethernet = sites(planned)[1]
    name, cause = limit(ethernet, planned[0], 880).split(", ")
    assert efficiency(ethernet, planned[0], int(name), 880) >= scaling_report.PAYS
    assert efficiency(ethernet, planned[0], int(name) + 1, 880) < scaling_report.PAYS
    assert cause == "gathering"


@pytest.mark.slow
def test_the_page_shows_these_tables(planned):
    page = Path(pysketch.parallel.__file__).with_name("README.md").read_text(encoding="utf-8")
    every = sites(planned)
    assert "\n".join(limits(every, planned)) in page
    for site in every:
        assert "\n".join(times(site, planned[2])) in page
    text = re.sub(r"\s+", " ", page)
    for figure in (f"{1e6 * scaling_report.MPI_EXCHANGE:.0f} us", f"{1e6 * scaling_report.MPI_MESSAGE:.0f} us"):
        assert figure in text


@pytest.mark.slow
def test_the_report_says_that_it_is_an_estimate():
    text = "\n".join(report_scaling())
    assert text.count("a step by so many processes") == 3 * 4
    assert "ESTIMATE, not measured" in text


def test_long_times_are_seconds():
    assert [scaling_report.readable(seconds) for seconds in (0.0196, 5.756, 1767.4)] == [
        "19.6 ms",
        "5756 ms",
        "1,767 s",
    ]

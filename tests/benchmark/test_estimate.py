import re
from pathlib import Path

import pytest

from pysketch.benchmark import estimate as estimate_module
from pysketch.benchmark.estimate import (
    CARDS,
    COPY,
    LAUNCH,
    PAPER_CONSTANT_MS,
    PAPER_RATE,
    PRODUCT,
    Card,
    estimate,
    forward_work,
)
from pysketch.benchmark.nets import Job
from pysketch.benchmark.table2 import PAPER_MS, jobs
from pysketch.benchmark.work import Pass, Work

CARD = Card("one", flops=1e12, bandwidth=1e11)


def works(*passes):
    return [Work(None, 0, passes)]


def test_at_best_a_card_does_operations_or_bytes_at_its_peaks_and_likely_at_a_part_of_them():
    found = estimate(CARD, works(Pass("a", int(5e10), 1), Pass("b", 0, int(2e9))))
    assert found.least == pytest.approx(50 + 20)
    assert found.likely == pytest.approx(50 / PRODUCT + 20 / COPY)


def test_small_work_takes_as_long_as_its_launches():
    found = estimate(CARD, works(Pass("a", 1, 1, launches=7)))
    assert found.likely == pytest.approx(7e3 * LAUNCH)
    assert found.least < 1e-6


def test_the_papers_times_of_three_nets_lie_on_the_line_and_sr_does_not():
    for name, job in zip(PAPER_MS, jobs(Job("")), strict=True):
        flops = sum(work.direct_flops for work in forward_work(job))
        line = 1e3 * flops / PAPER_RATE + PAPER_CONSTANT_MS
        assert (abs(line - PAPER_MS[name]) < 0.1) == (name != "sr"), name


def test_newer_cards_are_faster():
    work = forward_work(jobs(Job(""))[2])
    k40, a100, h100 = (estimate(card, work) for card in CARDS)
    assert k40.likely > a100.likely > h100.likely
    assert all(each.likely > each.least for each in (k40, a100, h100))


def test_the_report_says_that_it_is_an_estimate_and_what_it_assumes():
    text = "\n".join(estimate_module.report_estimate())
    assert text.count("ESTIMATE") == 1 + len(CARDS)
    for word in ("not measured", "4.29 TFLOP/s", "3350 GB/s", "0.54 of the peak", "20 us"):
        assert word in text


def test_the_rooms_readme_shows_this_table():
    readme = Path(estimate_module.__file__).with_name("README.md").read_text(encoding="utf-8")
    assert "\n".join(estimate_module.table()) in readme
    sentences = re.sub(r"\s+", " ", readme)
    for number in (f"{PRODUCT:.2f} of", f"{COPY:.2f} of", f"{1e6 * LAUNCH:.0f} microseconds"):
        assert number in sentences

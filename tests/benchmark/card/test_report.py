"""The report: sections in processes of their own, their time, what is kept of those that fail; and all at once."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from pysketch.benchmark.card import report
from pysketch.benchmark.card.plan import Plan
from pysketch.benchmark.card.report import missing, report_card, report_paths, run_section, said_of
from pysketch.benchmark.card.sections import SECTIONS
from pysketch.errors import DataError

DOUBLE = Path(__file__).parents[2] / "torch_double"


@pytest.fixture
def section(monkeypatch, tmp_path):
    """Runs a program in a section's place, which finds its output's path in sys.argv[4]; gives what is kept of it."""

    def run(program, seconds=60.0):
        monkeypatch.setattr(report, "_START", f"import json, sys, time\nout = open(sys.argv[4], 'w')\n{program}")
        monkeypatch.setattr(report, "GRACE", 0.3)
        found = {"title": "X", "planned": [], "pieces": {}}
        run_section("x", tmp_path, seconds, found)
        return found

    return run


LINES = """
for line in {"planned": ["a", "b"]}, {"piece": "a", "found": {"n": 1}}:
    out.write(json.dumps(line) + "\\n")
out.flush()
"""


def test_what_a_section_said_is_gathered(section):
    found = section(LINES + 'out.write(\'{"piece": "b", "error": "no"}\\n{"ended": true}\\n\')')
    assert found["pieces"] == {"a": {"found": {"n": 1}}, "b": {"error": "no"}}
    assert "error" not in found
    assert "ended" not in found
    assert said_of(found) == "1 of 2 pieces, 1 failed"


def test_one_that_dies_is_named_with_its_last_line_and_keeps_what_it_had(section):
    found = section(LINES + 'out.write(\'{"piece": "b", "fo\')\nout.flush()\nsys.exit("error: lost\\nthe card")')
    assert found["pieces"] == {"a": {"found": {"n": 1}}}
    assert found["error"] == "its process ended with status 1: the card"
    assert found["log"] == ["error: lost", "the card"]
    assert missing(found) == ["b"]
    assert said_of(found) == "1 of 2 pieces, 1 not reached; its process ended with status 1: the card"


def test_one_that_hangs_is_ended_and_keeps_what_it_had(section):
    stubborn = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    found = section(stubborn + LINES + "time.sleep(600)", seconds=1.2)
    assert found["pieces"] == {"a": {"found": {"n": 1}}} or not found["pieces"]  # where starting takes a second
    assert found["error"].startswith("its time was over: it was ended after ")


def test_without_time_none_is_begun(section):
    assert section("raise SystemExit(3)", seconds=0.5)["error"] == "no time was left for it"


@pytest.fixture
def ran(monkeypatch):
    """Lets no section run; the seconds that each would have had, and what it finds: nothing, or it raises."""
    seconds = {}

    def run(name, folder, limit, found):
        seconds[name] = limit
        found["seconds"] = 0.0
        if name == seconds.get("interrupted"):
            raise KeyboardInterrupt

    monkeypatch.setattr(report, "run_section", run)
    return seconds


def test_time_that_is_not_used_is_shared_by_those_that_follow(ran, tmp_path):
    lines = []
    paths = report_card(Plan("gpu:0", 1000), str(tmp_path / "new" / "card.md"), lines.append)
    assert paths == (tmp_path / "new" / "card.json", tmp_path / "new" / "card.md")
    assert list(ran) == list(SECTIONS)
    assert ran["versions"] == pytest.approx(1000 * 4 / 100, abs=1)
    assert ran["tests"] == pytest.approx(1000, abs=2)  # the last one has all that is left
    assert lines[0] == "The card and the software: 0 s, nothing"
    assert list(json.loads(paths[0].read_text())["sections"]) == list(SECTIONS)
    assert paths[1].read_text().startswith("# pysketch on a card\n")


def test_ctrl_c_leaves_a_report_of_what_there_is(ran, tmp_path):
    ran["interrupted"] = "calls"
    with pytest.raises(KeyboardInterrupt):
        report_card(Plan("gpu:0", 100), str(tmp_path / "card"), print)
    sections = list(json.loads((tmp_path / "card.json").read_text())["sections"])
    assert sections == list(SECTIONS)[: 1 + list(SECTIONS).index("calls")]


def test_a_place_that_cannot_be_written_is_known_before_anything_runs(ran, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"card\.json: the report cannot be written there: "):
        report_card(Plan("gpu:0", 100), str(tmp_path / "file" / "card"), print)
    with pytest.raises(DataError, match=r"card\.txt: a report is a \.json and a \.md file; expected one of these"):
        report_paths("card.txt")
    assert ran == {}


@pytest.mark.slow
def test_a_whole_report_on_an_emulated_card_with_a_double_of_pytorch(tiny, gpu, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(DOUBLE), *filter(None, [os.environ.get("PYTHONPATH")])]))
    monkeypatch.setenv("FAILING_BATCH", "2")
    names = ("versions", "accuracy", "calls", "float32", "roofline")  # the others test, or draw in full size
    monkeypatch.setattr(report, "SECTIONS", {name: SECTIONS[name] for name in names})
    small = {"small": (11, 12), "runs": 3, "patience": 2, "threads": 1, "order": 33, "copied": 4096}
    plan = Plan(str(gpu), 1500, (tiny,), (1, 2), photo=None, solver=None, **small)
    paths = report_card(plan, str(tmp_path / "card"), print)
    found = json.loads(paths[0].read_text())["sections"]
    assert said_of(found["versions"]) == "3 of 3 pieces"
    assert found["accuracy"]["pieces"]["tiny, a training step"]["found"]["card"] < 1e-5
    races = found["float32"]["pieces"]
    for phase, parts in (("test", ["forward"]), ("train", ["forward", "backward", "update"])):
        both = races[f"tiny, batch 1, {phase}"]["found"]["contenders"]
        assert [list(each["parts_ms"]) for each in both.values()] == [parts, parts]
        assert both["torch"]["difference"] < 1e-5
        assert both["pysketch"]["device_bytes"] > 0
        failed = races[f"tiny, batch 2, {phase}"]
        assert list(failed["found"]["contenders"]) == ["pysketch"]
        assert failed["error"] == "torch: RuntimeError: CUDA out of memory. Tried to allocate more than there is"
    assert said_of(found["roofline"]) == "2 of 2 pieces"
    page = paths[1].read_text()
    assert page.index("- Card: ") < page.index("| tiny, 1 |") < page.index("## What failed")
    assert "tiny, batch 2, test; tiny, batch 2, train: torch: RuntimeError: CUDA out of memory." in page
    if gpu.xp.cuda.runtime.is_hip:
        assert "calls are counted by CUPTI, which knows NVIDIA's driver only" in page

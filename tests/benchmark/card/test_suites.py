import sys
import time

import pytest

from pysketch.benchmark.card import suites
from pysketch.benchmark.card.pieces import Partial
from pysketch.benchmark.card.suites import count, run_tests
from pysketch.benchmark.race import BenchmarkError

ALONE = """
tests/test_x.py::test_a[cpu] PASSED                                      [ 20%]
tests/test_x.py::test_b[a b] SKIPPED (no GPU)                            [ 40%]
tests/sub/test_y.py::test_c FAILED                                       [ 60%]
tests/test_z.py::test_d ERROR                                            [ 80%]
=========================== short test summary info ============================
FAILED tests/sub/test_y.py::test_c - assert 1 == 2
ERROR tests/test_z.py::test_d - NameError
"""
TOGETHER = """
[gw0] [  5%] PASSED tests/test_x.py::test_a[cpu]
[gw1] [ 10%] SKIPPED tests/test_x.py::test_b[a b]
[gw1] [ 15%] FAILED tests/sub/test_y.py::test_c
[gw0] [ 20%] ERROR tests/test_z.py::test_d
tests/test_x.py::test_e
FAILED tests/sub/test_y.py::test_c - assert 1 == 2
ERROR tests/test_z.py::test_d - NameError
"""


@pytest.mark.parametrize("text", [ALONE, TOGETHER])
def test_lines_of_one_process_or_several_are_counted_test_by_test(text):
    assert count(text.splitlines()) == {
        "passed": 1,
        "failed": 2,
        "skipped": 1,
        "failures": ["FAILED tests/sub/test_y.py::test_c - assert 1 == 2", "ERROR tests/test_z.py::test_d - NameError"],
    }


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A folder with these tests in the place of ours."""

    def make(text):
        (tmp_path / "tests").mkdir()
        (tmp_path / "tests" / "test_x.py").write_text(text)
        (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = gpu\n")
        monkeypatch.setattr(suites, "folder", lambda name: tmp_path / name)
        monkeypatch.setattr(suites, "PROCESSES", 1)

    return make


def test_only_files_that_may_hold_such_a_test_are_collected(checkout, monkeypatch, tmp_path):
    checkout("@pytest.mark.gpu\n")
    for name, text in (("a", "def test(device): pass"), ("b", "gpus = 3"), ("c", "@pytest.mark.on_gpu")):
        (tmp_path / "tests" / f"test_{name}.py").write_text(text)
    asked = []
    monkeypatch.setattr(suites, "_pytest", lambda root, expression, files, log, deadline: asked.append(files) or 0)
    for pieces in (suites.only_real, suites.everything):
        for piece in pieces(None, None, 0).values():
            piece()
    few, many = ["tests/test_x.py"], ["tests/test_a.py", "tests/test_c.py", "tests/test_x.py"]
    assert asked == [few, many, many]


def test_without_pytest_or_the_tests_it_says_so(checkout, monkeypatch, tmp_path):
    monkeypatch.setattr(suites, "folder", lambda name: tmp_path / name)
    with pytest.raises(BenchmarkError, match="the tests come with a checkout only: they were not run"):
        run_tests("gpu", 0)
    monkeypatch.setitem(sys.modules, "pytest", None)
    monkeypatch.setattr(suites.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BenchmarkError, match="pytest is not installed: the tests were not run; pip install pytest"):
        run_tests("gpu", 0)


@pytest.mark.slow
def test_a_suite_that_passes_is_counted_and_one_that_fails_says_which_tests(checkout, tmp_path):
    checkout("import pytest\npytestmark = pytest.mark.gpu\ndef test_a(): pass\ndef test_b(): assert NOTHING")
    with pytest.raises(Partial, match="pytest ended with status 1: 1 passed, 1 failed, 0 skipped; FAILED tests/") as e:
        run_tests("gpu", time.monotonic() + 300)
    assert "NameError" in "".join(e.value.found["end"])
    found = run_tests("not gpu", time.monotonic() + 300)
    assert (found["passed"], found["failed"]) == (0, 0)


@pytest.mark.slow
def test_a_suite_that_takes_too_long_is_ended_and_what_it_did_is_counted(checkout):
    checkout("import time, pytest\npytestmark = pytest.mark.gpu\ndef test_a(): pass\ndef test_b(): time.sleep(900)")
    with pytest.raises(Partial, match=r"the time was over after \d+ s: "):
        run_tests("gpu", time.monotonic() + suites.PAUSE + 8)

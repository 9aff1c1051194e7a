"""Alone without mpirun; with it, one of several."""

import subprocess
import sys

import pytest
from ranks import run_ranks

from pysketch.parallel import start
from pysketch.parallel.communicator import ALONE, Communicator


@pytest.fixture
def fresh(monkeypatch):
    monkeypatch.setattr(start, "_joined", [])


def test_without_an_mpirun_a_process_is_alone(fresh, monkeypatch):
    monkeypatch.setattr(start, "started_size", lambda environment: 1)
    assert start.joined() is ALONE
    assert start.communicator() is ALONE


def test_with_one_it_joins_the_others_once(fresh, monkeypatch):
    joins = []
    monkeypatch.setattr(start, "started_size", lambda environment: 3)
    monkeypatch.setattr(start, "join_world", lambda size: joins.append(size) or Communicator())
    first = start.communicator()
    assert start.communicator() is start.joined() is first
    assert joins == [3]


@pytest.mark.slow
def test_neither_alone_nor_in_a_run_of_one_is_mpi_imported():
    code = (
        "import sys; from pysketch.parallel import communicator; import pysketch, pysketch.solver;"
        "assert communicator().size == 1; sys.exit('mpi4py' in sys.modules)"
    )
    for name in ("OMPI_COMM_WORLD_SIZE", "NONE"):
        assert (
            subprocess.run([sys.executable, "-c", code], env={"PATH": "", "PYTHONPATH": PATH, name: "1"}).returncode
            == 0
        )


PATH = start.__file__.rpartition("pysketch")[0]


def test_threads_are_those_of_the_cores_that_nobody_shares(monkeypatch):
    assert start.own_threads(ALONE) is None
    monkeypatch.setattr(start.os, "sched_getaffinity", lambda process: set(range(6)), raising=False)
    assert run_ranks(2, start.own_threads) == [3, 3]
    assert run_ranks(3, start.own_threads) == [2, 2, 2]
    monkeypatch.setattr(start.os, "sched_getaffinity", lambda process: {4}, raising=False)
    assert run_ranks(2, start.own_threads) == [1, 1]


def test_a_process_that_is_bound_to_cores_of_its_own_uses_them_all(monkeypatch):
    class Bound(Communicator):
        size = 2

        def gather_texts(self, text):
            return [text, "elsewhere [0, 1]"]

    monkeypatch.setattr(start.os, "sched_getaffinity", lambda process: {0, 1}, raising=False)
    assert start.own_threads(Bound()) == 2

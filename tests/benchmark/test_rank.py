"""One of several processes that are timed: its steps are those of a training, its parts add up."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from ranks import run_ranks

from pysketch.benchmark import rank
from pysketch.benchmark.nets import Job
from pysketch.benchmark.rank import Trainer, measure
from pysketch.errors import DataError
from pysketch.parallel.communicator import ALONE


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(rank, "ROUNDS", 3)
    monkeypatch.setattr(rank, "LARGEST", 1 << 12)


def job(tiny, batch):
    return {**asdict(Job(tiny, "train", batch=batch)), "runs": 3}


def test_the_parts_of_a_step_add_up_to_it(tiny):
    one, other = run_ranks(2, lambda communicator: measure(job(tiny, 4), communicator))
    assert one.plain == other.plain
    assert len(one.plain) == len(one.stamped) == len(one.apart) == 3
    np.testing.assert_allclose(np.add(np.add(one.computing, one.communicating), one.waiting), one.stamped)
    assert min(*one.communicating, *one.waiting) > 0
    assert one.exchanges == 2 + 1  # prediction and label are gathered; this communicator sums at once
    assert one.ping_pong.latency > 0
    assert one.ping_pong.bandwidth > 0
    assert one.cores >= 1


def test_alone_a_step_is_all_computing(tiny):
    steps = measure(job(tiny, 4), ALONE)
    assert steps.computing == pytest.approx(steps.stamped)
    assert (steps.waiting, steps.exchanges, steps.ping_pong) == ([0] * 3, 0, None)


def test_several_learn_what_one_does(tiny):
    def learned(communicator):
        trainer = Trainer(Job(tiny, "train", batch=6), communicator)
        for _ in range(3):
            trainer.step()
        return [param.blob.data.copy() for param in trainer.net.learnable]

    alone = learned(ALONE)
    for found in run_ranks(3, learned):
        for one, other in zip(found, alone, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


def test_rank_0_writes_what_was_found_as_a_line(tiny, monkeypatch, capsys):
    monkeypatch.setattr(rank, "communicator", lambda: ALONE)
    rank.run(json.dumps(job(tiny, 2)))
    assert len(json.loads(capsys.readouterr().out)["plain"]) == 3


def test_one_that_cannot_work_says_why_and_ends_all(monkeypatch, capsys):
    class Ends(type(ALONE)):
        def abort(self, status):
            raise SystemExit(status)

    def fails(job, together):
        raise DataError("photo.png: bad")

    monkeypatch.setattr(rank, "communicator", Ends)
    monkeypatch.setattr(rank, "joined", Ends)
    monkeypatch.setattr(rank, "measure", fails)
    with pytest.raises(SystemExit) as stop:
        rank.run("{}")
    assert stop.value.code == rank.FAILED
    assert capsys.readouterr().err == "error: photo.png: bad\n"

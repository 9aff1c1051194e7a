"""What passes on what rank 0 and the working process say. The whole way, with several ranks: test_handout.py."""

from functools import partial

import pytest
from ranks import run_ranks
from thread_workers import ThreadWorker, each

from pysketch.parallel import supervisor
from pysketch.parallel.started import Place
from pysketch.parallel.supervisor import BEAT, BYE, DISMISS, END, JOB, START, supervise
from pysketch.parallel.wire import pack, unpack
from pysketch.parallel.worker import DONE, READY


@pytest.fixture(autouse=True)
def threads(monkeypatch):
    begin = each(lambda place: lambda job: job + place.number)
    monkeypatch.setattr(supervisor, "Worker", partial(ThreadWorker, begin))
    ThreadWorker.started = 0


def talk(*words, told_to_end=lambda: False):
    """What rank 1 answers to these words of rank 0, each of which it answers (None: nothing); what it returns."""

    def work(together):
        if together.rank:
            return supervise(together, [], Place(2, 5), told_to_end)
        heard = []
        for word, answers in words:
            together.post(1, word)
            while answers:
                found = [content for _, content in together.arrived() if content != BEAT]
                heard += found
                answers -= len(found)
        return heard

    return run_ranks(2, work)


def test_it_starts_a_working_process_when_it_is_told_and_passes_on_what_is_said():
    job = JOB + pack([3, 10])
    heard, everybody = talk((START, 1), (job, 1), (END, 1))
    assert [content[:1] for content in heard] == [READY, DONE, BYE]
    assert unpack(heard[1][1:]) == [3, 15, []]
    assert everybody is True
    assert ThreadWorker.started == 1


def test_without_work_there_is_no_working_process_and_the_end_may_be_without_all():
    heard, everybody = talk((END + BYE, 1))
    assert (heard, everybody, ThreadWorker.started) == ([BYE], False, 0)


def test_one_that_was_dismissed_can_be_started_again():
    heard, _ = talk((START, 1), (DISMISS, 0), (START, 1), (JOB + pack([1, 1]), 1), (END, 1))
    assert [content[:1] for content in heard] == [READY, READY, DONE, BYE]
    assert ThreadWorker.started == 2


def test_it_says_again_and_again_that_it_is_there(monkeypatch):
    monkeypatch.setattr(supervisor, "PERIOD", 0.01)

    def work(together):
        if together.rank:
            return supervise(together, [], Place(1, 1))
        beats = 0
        while beats < 3:
            beats += [content for _, content in together.arrived()].count(BEAT)
        together.post(1, END)
        return beats

    assert run_ranks(2, work)[0] >= 3


def test_told_to_end_it_does_not_wait_for_rank_0_for_ever():
    assert talk(told_to_end=lambda: True) == [[], False]

"""Jobs and whoever is free: results in order, whoever made them; what a killed process was at is done by another."""

import random
import threading
import time
from functools import partial

import pytest
from ranks import run_ranks
from thread_workers import Killed, ThreadWorker, each

from pysketch.errors import DataError, ParallelError, PysketchError
from pysketch.parallel import handout
from pysketch.parallel.handout import Hands, Lost
from pysketch.parallel.started import Place
from pysketch.parallel.supervisor import supervise


def let_threads_work(monkeypatch, begin):
    """Threads in place of working processes, here and in the other ranks."""
    for module in ("handout", "supervisor"):
        monkeypatch.setattr(f"pysketch.parallel.{module}.Worker", partial(ThreadWorker, begin))


@pytest.fixture
def make(monkeypatch):
    """Hands of so many threads that do `work`; what they told is in `told`. They are left at the end."""
    made = []

    def make(count, work, begin=None, of_one=True, **where):
        begin = begin or (lambda place: work)
        begin = each(begin) if of_one else begin
        monkeypatch.setattr(handout, "Worker", partial(ThreadWorker, begin))
        hands = Hands(lambda: begin(Place(1, 0)), [], tell=told.append, **where)
        hands.count = count
        made.append(hands)
        return hands

    told = make.told = []
    yield make
    for hands in made:
        assert hands.leave()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_results_come_in_the_order_of_the_jobs_whoever_is_how_fast(count, make):
    chance = random.Random(3)

    def work(job):
        time.sleep(chance.random() / 200)
        return job * job

    hands = make(count, work)
    assert list(hands(range(30))) == [k * k for k in range(30)]
    assert list(hands(iter([5, 6]))) == [25, 36]
    assert list(hands([])) == list(hands(iter([]))) == []


@pytest.mark.parametrize(("count", "given"), [(1, [[0, 1, 2, 3]]), (2, [[0], [1], [2], [3]])])
def test_a_process_alone_is_given_all_jobs_at_once_and_working_processes_one_at_a_time(count, given, make):
    found = []

    def work(jobs):
        found.append(list(jobs))
        yield from found[-1]

    assert list(make(count, None, lambda place: work, of_one=False)(range(4))) == [0, 1, 2, 3]
    assert sorted(found) == given


def test_a_job_is_asked_for_when_somebody_is_free_and_no_more_are_started_than_there_are_jobs(make):
    asked, done = [], []

    def jobs():
        for k in range(5):
            asked.append((k, len(done)))
            yield k

    hands = make(2, lambda job: done.append(job))
    list(hands(jobs()))
    assert all(given <= finished + 2 for given, finished in asked)
    ThreadWorker.started = 0
    list(make(4, lambda job: job)([1, 2]))
    assert ThreadWorker.started == 2


def test_each_has_its_share_of_the_cores_or_as_many_threads_as_are_asked_for(make):
    for count, given, expected in ((2, {"cores": 5}, 2), (3, {"cores": 2}, 1), (2, {"threads": 4, "cores": 2}, 4)):
        places = set()

        def begin(place, places=places):
            places.add(place)
            return lambda job: time.sleep(0.02)

        list(make(count, None, begin, **given)(range(count)))
        assert sorted(places) == [Place(expected, k) for k in range(count)]


def test_what_a_job_raises_is_raised_in_its_turn(make):
    def work(job):
        if job == 2:
            raise DataError("two.png: bad")
        return job

    for count in (1, 2):
        found = []
        with pytest.raises(PysketchError, match=r"^two\.png: bad$"):
            for result in make(count, work)(range(6)):
                found.append(result)
        assert found == [0, 1]


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (MemoryError("9 GiB"), PysketchError, "^not enough memory: 9 GiB; fewer processes need less$"),
        (KeyError("oops"), RuntimeError, "(?s)in a working process:.*Traceback.*KeyError: 'oops'"),
    ],
)
def test_too_little_memory_is_one_line_and_a_mistake_of_ours_has_its_traceback(make, error, kind, message):
    def work(job):
        raise error

    with pytest.raises(kind, match=message):
        list(make(2, work)([1]))


def test_what_a_killed_process_was_at_is_done_by_another_one_and_told(make):
    tries = []

    def work(job):
        tries.append(job)
        if job == 3 and tries.count(3) == 1:
            raise Killed("was killed by SIGKILL")
        return job

    cleaned = []
    hands = make(2, work)
    assert list(hands(range(8), name="photo {}".format, clean=cleaned.append)) == list(range(8))
    assert sorted(tries) == sorted([*range(8), 3])
    assert cleaned == [3]
    (line,) = [line for line in make.told if "lost" in line]
    assert "lost its working process, which was killed by SIGKILL, at photo 3; that is given to another" in line


def test_a_job_that_kills_two_is_given_up_and_the_others_are_done(make):
    def work(job):
        if job == 1:
            raise Killed("was killed by SIGSEGV")
        return job

    for count in (2, 3):
        zero, one, *others = make(count, work)(range(6))
        assert (zero, others) == (0, [2, 3, 4, 5])
        assert isinstance(one, Lost)
        assert str(one) == "two working processes were killed at it, one after the other"


def test_one_that_dies_twice_without_a_result_takes_no_further_part(make):
    def begin(place):
        def work(job):
            if place.number == 1:
                raise Killed("was killed by SIGKILL")
            time.sleep(0.005)
            return job

        return work

    assert list(make(2, None, begin)(range(9))) == list(range(9))
    lines = [line for line in make.told if "lost" in line]
    assert len(lines) == 2
    assert lines[1].endswith("it takes no further part")


def test_what_nobody_can_begin_is_said_once_and_what_one_cannot_is_told(make):
    def refuse(place):
        raise DataError("net.h5: no such file")

    with pytest.raises(PysketchError, match=r"^net\.h5: no such file$"):
        list(make(3, None, refuse)(range(5)))
    begun = threading.Event()

    def some(place):
        if place.number:
            begun.wait(10)
            raise DataError("net.h5: no such file")
        return lambda job: begun.set() or time.sleep(0.02) or job

    assert list(make(2, None, some)(range(4))) == list(range(4))
    assert make.told[-1] == "process 2 of 2 takes no part: net.h5: no such file"


def test_if_all_end_before_they_can_begin_there_is_an_end(make, monkeypatch):
    class Ending(ThreadWorker):
        def start(self):
            self._events.put((self._number, handout.ENDED + handout.pack("ended with status 1")))

    hands = make(2, lambda job: job)
    monkeypatch.setattr(handout, "Worker", partial(Ending, None))
    with pytest.raises(ParallelError, match="no working process is left"):
        list(hands(range(5)))
    assert len(make.told) == 2


def test_what_others_print_is_told_once_and_what_differs_with_its_process(make):
    list(make(2, lambda job: time.sleep(0.01))(range(8)))
    assert make.told == ["at 1"]


def test_jobs_that_are_given_up_on_the_way_leave_nothing_behind(make):
    hands = make(2, lambda job: job)
    results = hands(range(100))
    assert next(results) == 0
    results.close()
    assert list(hands([7, 8])) == [7, 8]


def test_few_results_wait_for_an_earlier_one(make, monkeypatch):
    monkeypatch.setattr(handout, "HELD", 200)
    slow, done = threading.Event(), []

    def work(job):
        if job == 0:
            slow.wait(10)
        else:
            done.append(job)
        return "x" * 100

    def jobs():
        for k in range(50):
            yield k
            if k >= 6:
                slow.set()
        slow.set()

    threading.Timer(0.2, slow.set).start()
    hands = make(2, work)
    results = hands(jobs())
    next(results)
    assert len(done) < 10
    assert len(list(results)) == 49


# under an mpirun, whose ranks are threads here


def rank(together, jobs, told):
    """Rank 0 hands out; the others supervise a thread each."""
    if together.rank:
        return supervise(together, [], Place(1, together.local_rank))
    hands = Hands(None, [], together, threads=1, tell=told.append)
    try:
        return list(hands(jobs))
    finally:
        told.append(hands.leave())


@pytest.mark.parametrize("size", [2, 3])
def test_ranks_do_the_jobs_and_end_together(size, monkeypatch):
    begin = each(lambda place: lambda job: -job)
    let_threads_work(monkeypatch, begin)
    told = []
    first, *others = run_ranks(size, lambda together: rank(together, range(20), told))
    assert first == [-k for k in range(20)]
    assert others == [True] * (size - 1)
    assert told == ["at 1", True]


def test_a_rank_whose_process_is_killed_says_so_and_goes_on_with_another(monkeypatch):
    killed = []

    def begin(place):
        def work(job):
            if place.number == 1 and not killed:
                killed.append(job)
                raise Killed("was killed by SIGKILL")
            time.sleep(0.005)
            return job

        return work

    let_threads_work(monkeypatch, each(begin))
    told = []
    first, *_ = run_ranks(2, lambda together: rank(together, range(20), told))
    assert first == list(range(20))
    assert f"rank 1 of 2 lost its working process, which was killed by SIGKILL, at {killed[0]}" in told[1]


def test_a_rank_of_which_nothing_is_heard_is_lost_and_its_job_is_done_by_others(monkeypatch):
    monkeypatch.setattr(handout, "SILENT", 0.3)
    monkeypatch.setattr(handout, "_PATIENCE", 0.3)
    monkeypatch.setattr("pysketch.parallel.supervisor.PERIOD", 0.05)
    left = threading.Event()

    def begin(place):
        def work(job):
            if place.number == 1:
                left.set()
                time.sleep(0.5)
            left.wait(10)
            return job

        return work

    let_threads_work(monkeypatch, each(begin))
    told = []

    def of(together):
        if together.rank == 1:  # ends, as if killed, while its thread is at a job
            return supervise(together, [], Place(1, 1), left.is_set)
        return rank(together, range(12), told)

    first, lost, other = run_ranks(3, of)
    assert first == list(range(12))
    assert (lost, other) == (False, False)
    assert told[-1] is False
    assert any("rank 1 of 3 is lost, there is no sign of its life, at " in line for line in told[:-1])

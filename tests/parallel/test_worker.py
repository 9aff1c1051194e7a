"""Both ends of a working process: what it is told and says, how it ends, and that it ends with its parent."""

import json
import os
import signal
import sys
import threading
from functools import partial
from queue import SimpleQueue

import pytest

from pysketch.errors import DataError
from pysketch.parallel import worker
from pysketch.parallel.started import Place
from pysketch.parallel.wire import pack, read_frame, unpack, write_frame
from pysketch.parallel.worker import DONE, ENDED, FAILED, READY, REFUSED, Worker, work_off

ECHO = """
import json, os, signal, sys
def read():
    length = sys.stdin.buffer.read(8)
    return sys.stdin.buffer.read(int.from_bytes(length, "big")) if length else None
def say(content):
    sys.stdout.buffer.write(len(content).to_bytes(8, "big") + content)
    sys.stdout.buffer.flush()
say(b"r" + os.environ["PYSKETCH_WORKER"].encode() + os.environ["OPENBLAS_NUM_THREADS"].encode())
while (content := read()) is not None:
    if content == b"die":
        os.kill(os.getpid(), 9)
    elif content == b"exit":
        sys.exit(3)
    elif content == b"blocked":
        content = json.dumps(sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, [])))).encode()
    say(b"d" + content)
"""
"""A working process that imports nothing of ours, to be quick."""

POSIX = pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")


@pytest.fixture
def started(monkeypatch):
    """Starts a working process; its events."""
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    made = []

    def start():
        events = SimpleQueue()
        made.append(Worker([sys.executable, "-S", "-c", ECHO], Place(3, 1), events, 7))
        made[-1].start()
        return made[-1], lambda: events.get(timeout=60)

    yield start
    for each in made:
        each.dismiss()
        each.wait()


@POSIX
def test_a_worker_is_given_jobs_says_what_it_has_made_and_hears_no_signal_that_is_meant_for_all(started):
    one, hear = started()
    assert hear() == (7, READY + b"[3, 1]3")
    one.give(b"x" * 100_000)
    assert hear() == (7, DONE + b"x" * 100_000)
    one.give(b"blocked")
    assert json.loads(hear()[1][1:]) == [signal.SIGINT, signal.SIGTERM]


@POSIX
@pytest.mark.parametrize(("word", "how"), [(b"die", "was killed by SIGKILL"), (b"exit", "ended with status 3")])
def test_how_it_ended_is_an_event_and_it_can_be_started_again(word, how, started):
    one, hear = started()
    hear()
    one.give(word)
    number, content = hear()
    assert (number, content[:1], unpack(content[1:])) == (7, ENDED, how)
    one.give(b"to nobody")
    one.start()
    assert hear()[1][:1] == READY


@POSIX
def test_one_that_is_dismissed_ends_and_is_heard_no_more(started):
    one, hear = started()
    hear()
    process = one._process
    one.dismiss()
    one.wait()
    assert process.returncode == 0
    assert one._events.empty()


@POSIX
def test_one_that_does_not_end_is_killed(started, monkeypatch):
    monkeypatch.setattr(worker, "LAST", 0.05)
    one, hear = started()
    hear()
    process = one._process
    os.kill(process.pid, signal.SIGSTOP)
    one.dismiss()
    one.wait()
    assert process.returncode == -signal.SIGKILL


class Pipes:
    """work_off in a thread, with pipes to it."""

    def __init__(self, begin, said=list, interrupt=lambda: None):
        pipes = [os.pipe(), os.pipe()]
        (jobs, self.give), (self.hear, answers) = ((os.fdopen(r, "rb"), os.fdopen(w, "wb")) for r, w in pipes)
        self.ends = jobs, answers
        self.thread = threading.Thread(target=work_off, args=(begin, jobs, answers, said, interrupt))
        self.thread.start()

    def ask(self, number, job):
        write_frame(self.give, pack([number, job]))
        return self.answer()

    def answer(self):
        content = read_frame(self.hear)
        return content[:1], unpack(content[1:])

    def end(self):
        self.give.close()
        self.thread.join(30)
        for stream in (*self.ends, self.hear):
            stream.close()


def test_jobs_are_done_until_there_are_no_more_and_errors_are_answers_too():
    def work(job):
        if job == "bad":
            raise DataError("bad.png: no picture")
        if job == "large":
            raise MemoryError("9 GiB")
        return {"twice": 2 * job}

    lines = iter([["Use CPU"], ["a warning"]])
    pipes = Pipes(lambda: partial(map, work), lambda: next(lines, []))
    assert pipes.answer() == (READY, ["Use CPU"])
    assert pipes.ask(4, 21) == (DONE, [4, {"twice": 42}, ["a warning"]])
    assert pipes.ask(5, "bad") == (FAILED, [5, "error", "bad.png: no picture", []])
    assert pipes.ask(6, "large") == (FAILED, [6, "memory", "not enough memory: 9 GiB", []])
    letter, (number, kind, text, _) = pipes.ask(7, {})
    assert (letter, number, kind) == (FAILED, 7, "bug")
    assert "Traceback" in text and "TypeError" in text
    assert pipes.ask(8, 1) == (DONE, [8, {"twice": 2}, []])
    pipes.end()
    assert not pipes.thread.is_alive()


def test_what_cannot_begin_says_why():
    def begin():
        raise DataError("net.h5: no such file")

    pipes = Pipes(begin)
    assert pipes.answer() == (REFUSED, "net.h5: no such file")
    pipes.end()


def test_one_whose_parent_has_ended_is_interrupted_at_its_job():
    begun, interrupted = threading.Event(), threading.Event()

    def work(job):
        begun.set()
        assert interrupted.wait(30)

    pipes = Pipes(lambda: partial(map, work), interrupt=interrupted.set)
    pipes.answer()
    write_frame(pipes.give, pack([0, 0]))
    assert begun.wait(30)
    pipes.end()
    assert interrupted.is_set()
    assert not pipes.thread.is_alive()


@pytest.mark.parametrize(("error", "printed"), [(SystemExit, "last\n"), (KeyboardInterrupt, "")])
def test_what_is_printed_to_standard_error_is_kept_for_the_parent_and_comes_out_with_an_error(error, printed, capsys):
    with pytest.raises(error), worker._kept_from_stderr() as said:
        sys.stderr.write("one\ntwo\n")
        assert said() == ["one", "two"]
        assert said() == []
        sys.stderr.write("last\n")
        raise error
    assert capsys.readouterr().err == printed

"""Reads training logs, pysketch's and Caffe's: losses, rates and scores over iterations.

Lines are told apart by their text, as Caffe's own parse_log.py does it; what stands before the text does not matter.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from pysketch.errors import DataError
from pysketch.files import read_text

_LOSS = re.compile(r"Iteration (\d{1,18})(?: \([^)]*\))?, loss = (\S+)")
_RATE = re.compile(r"Iteration (\d{1,18}), lr = (\S+)")
_TESTING = re.compile(r"Iteration (\d{1,18}), Testing net \(#(\d{1,9})\)")
_OUTPUT = re.compile(r"(Train|Test) net output #(\d{1,9}): (\S+) = (\S+)")
_SOLVING = re.compile(r"\] Solving ")


@dataclass
class Curve:
    """Values over iterations, which ascend."""

    iterations: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def add(self, iteration: int, value: float) -> None:
        """A value; one that the iteration already has is replaced."""
        self.cut(iteration)
        self.iterations.append(iteration)
        self.values.append(value)

    def cut(self, iteration: int) -> None:
        """Forget everything from this iteration on."""
        while self.iterations and self.iterations[-1] >= iteration:
            self.iterations.pop()
            self.values.pop()


@dataclass
class TrainingLog:
    """loss: the solver's mean of the last losses. rate: the learning rate.

    train, test: the outputs of the training net, and the scores of the test nets, by name. A name of the second test
    net has " (#1)" behind it, and so on; elements of an output that has several are told apart by their numbers.
    """

    loss: Curve = field(default_factory=Curve)
    rate: Curve = field(default_factory=Curve)
    train: dict[str, Curve] = field(default_factory=dict)
    test: dict[str, Curve] = field(default_factory=dict)

    def curves(self) -> Iterator[Curve]:
        """All of them."""
        yield from (self.loss, self.rate, *self.train.values(), *self.test.values())


def read_log(path: str | os.PathLike[str]) -> TrainingLog:
    """Read a log file.

    Where another run was appended, such as one that went on from a snapshot, its values replace the earlier ones from
    its first iteration on. DataError for a file that cannot be read, a value that is no number (with its line), or a
    file without a line of an iteration.
    """
    reader = _Reader(os.fspath(path))
    for number, line in enumerate(_lines(path), start=1):
        reader.read(line, number)
    if not any(curve.iterations for curve in reader.log.curves()):
        raise DataError(f'{path}: expected a training log, found no line such as "Iteration 0, loss = 1.5"')
    return reader.log


def _lines(path: str | os.PathLike[str]) -> Iterator[str]:
    try:
        yield from read_text(path, damaged=True).splitlines()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None


class _Reader:
    """Takes a log line by line: where the last line of an iteration stood decides what an output belongs to."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.log = TrainingLog()
        self.begins = False
        self.iteration: int | None = None
        self.net = 0
        self.taken: dict[str, str] = {}

    def read(self, line: str, number: int) -> None:
        """One line; most say nothing."""
        if _SOLVING.search(line):
            self.begins = True
        elif match := _TESTING.search(line):
            self._begin(int(match[1]))
            self.net = int(match[2])
        elif match := _LOSS.search(line):
            self._begin(int(match[1]))
            self.log.loss.add(self.iteration, self._value(match[2], number))
        elif match := _RATE.search(line):
            self._begin(int(match[1]))
            self.log.rate.add(self.iteration, self._value(match[2], number))
        elif (match := _OUTPUT.search(line)) and self.iteration is not None:
            self._output(*match.groups(), number)

    def _begin(self, iteration: int) -> None:
        """Lines of an iteration follow."""
        if self.begins:
            for curve in self.log.curves():
                curve.cut(iteration)
        self.begins = False
        self.iteration = iteration
        self.taken = {}

    def _output(self, kind: str, output: str, name: str, value: str, number: int) -> None:
        curves = self.log.train if kind == "Train" else self.log.test
        if kind == "Test" and self.net:
            name = f"{name} (#{self.net})"
        if self.taken.setdefault(name, output) != output:
            name = f"{name} {output}"
        curves.setdefault(name, Curve()).add(self.iteration, self._value(value, number))

    def _value(self, text: str, number: int) -> float:
        try:
            return float(text)
        except ValueError:
            raise DataError(f'{self.path}:{number}: expected a number, found "{text}"') from None

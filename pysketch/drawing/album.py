"""Many photos, one after another: while one is drawn the next are read and the last are written."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pysketch.drawing.choice import Choice
from pysketch.drawing.targets import Job
from pysketch.errors import DataError
from pysketch.images import read_photo, write_image

AHEAD = 2
"""Photos that are read before their turn, and sketches that wait to be written: two hide a file that takes longer."""

Pictures = list[tuple[Path, np.ndarray]]
"""Files to be written and what is in each, uint8."""


class Drawn(NamedTuple):
    """What became of a photo: the files of its sketches, or the error; the choice of its faces, if it was read."""

    photo: Path
    sketches: Sequence[Path] = ()
    choice: Choice = Choice(None)
    error: DataError | None = None


def draw_album(
    jobs: Iterable[Job],
    choose: Callable[[np.ndarray], Choice],
    draw: Callable[[Job, np.ndarray, Choice], Pictures],
) -> Iterator[Drawn]:
    """Draw each job's photo; what became of it, in the jobs' order, once its files are written.

    choose: which faces of a photo (H, W, 3) uint8 are drawn; called by one thread. draw: the files of a job's sketches,
    and the sketches; called by the caller's thread, in order. A DataError of these, of a photo that cannot be read or
    of a file that cannot be written is that photo's; the rest go on. jobs: is asked for a job when there is room for
    it, AHEAD photos early. Files are written one after another, each whole or not at all. When the caller stops early,
    or is stopped by Ctrl-C, what is being written is finished and no more is begun.
    """
    jobs = iter(jobs)
    coming: deque[tuple[Job, Future[tuple[np.ndarray, Choice]]]] = deque()
    going: deque[Future[Drawn]] = deque()
    with ThreadPoolExecutor(1, "pysketch-read") as reader, ThreadPoolExecutor(1, "pysketch-write") as writer:
        try:
            while True:
                for job in islice(jobs, AHEAD + 1 - len(coming)):
                    coming.append((job, reader.submit(_read, job, choose)))
                if not coming:
                    break
                going.append(_drawn(*coming.popleft(), draw, writer))
                while len(going) > AHEAD or (going and going[0].done()):
                    yield going.popleft().result()
            while going:
                yield going.popleft().result()
        finally:
            for pool in (reader, writer):
                pool.shutdown(cancel_futures=True)


def _read(job: Job, choose: Callable[[np.ndarray], Choice]) -> tuple[np.ndarray, Choice]:
    photo = read_photo(job[0])
    return photo, choose(photo)


def _drawn(
    job: Job,
    read: Future[tuple[np.ndarray, Choice]],
    draw: Callable[[Job, np.ndarray, Choice], Pictures],
    writer: ThreadPoolExecutor,
) -> Future[Drawn]:
    """What becomes of a photo: drawn now, written soon."""
    choice = Choice(None)
    try:
        photo, choice = read.result()
        pictures = draw(job, photo, choice)
    except DataError as error:
        return writer.submit(Drawn, job[0], choice=choice, error=error)
    return writer.submit(_write, job[0], choice, pictures)


def _write(photo: Path, choice: Choice, pictures: Pictures) -> Drawn:
    try:
        for path, picture in pictures:
            write_image(path, picture)
    except DataError as error:
        return Drawn(photo, choice=choice, error=error)
    return Drawn(photo, [path for path, _ in pictures], choice)

import threading
import time

import numpy as np
import pytest

from pysketch.drawing import album
from pysketch.drawing.album import AHEAD, Drawn, draw_album
from pysketch.drawing.choice import Choice
from pysketch.errors import DataError
from pysketch.images.pictures import read_photo, write_image

AS_IT_IS = Choice(None)


@pytest.fixture
def jobs(tmp_path):
    """Nine photos, each of one level and one pixel wider than the one before, and where their sketches go."""
    made = [(tmp_path / f"{k}.png", tmp_path / "out" / f"{k}.png") for k in range(9)]
    for k, (path, _) in enumerate(made):
        write_image(path, np.full((3, k + 2, 3), 20 * k, np.uint8))
    return made


def darker(job, photo, choice):
    return [(job[1], photo // 2)]


def test_each_photos_files_are_written_when_it_is_told_of_and_in_their_order(jobs):
    told = []
    for k, drawn in enumerate(draw_album(jobs, lambda photo: AS_IT_IS, darker)):
        np.testing.assert_array_equal(read_photo(jobs[k][1]), read_photo(jobs[k][0]) // 2)
        told.append(drawn)
    assert told == [Drawn(photo, [sketch], AS_IT_IS) for photo, sketch in jobs]


def test_no_photos_are_no_trouble():
    assert list(draw_album([], lambda photo: AS_IT_IS, darker)) == []


def test_while_a_photo_is_drawn_the_next_are_read_and_the_last_is_written(jobs, monkeypatch):
    """Drawing waits until the next photo is read and the last one's file is there: one by one it would wait forever."""
    read = [threading.Event() for _ in jobs]
    written = [threading.Event() for _ in jobs]

    def choose(photo):
        read[photo.shape[1] - 2].set()
        return AS_IT_IS

    def draw(job, photo, choice):
        k = jobs.index(job)
        assert k + 1 == len(jobs) or read[k + 1].wait(30)
        assert k == 0 or written[k - 1].wait(30)
        return darker(job, photo, choice)

    def write(path, picture):
        write_image(path, picture)
        written[picture.shape[1] - 2].set()

    monkeypatch.setattr(album, "write_image", write)
    assert [drawn.error for drawn in draw_album(jobs, choose, draw)] == [None] * len(jobs)


def test_only_a_few_photos_wait_in_memory_for_the_net_and_for_the_disk(jobs, monkeypatch):
    taken, drawn, told = [], [], []

    def take():
        for job in jobs:
            taken.append(job)
            assert len(taken) - len(drawn) <= AHEAD + 1
            yield job

    def draw(job, photo, choice):
        drawn.append(job)
        assert len(drawn) - len(told) <= AHEAD + 2
        return darker(job, photo, choice)

    def write(path, picture):
        time.sleep(0.01)  # longer than drawing takes here
        write_image(path, picture)

    monkeypatch.setattr(album, "write_image", write)
    for each in draw_album(take(), lambda photo: AS_IT_IS, draw):
        told.append(each)
    assert len(told) == len(jobs)


def test_what_goes_wrong_with_a_photo_is_told_in_its_turn_and_the_rest_go_on(jobs):
    jobs[1][0].write_bytes(b"no picture")
    jobs[4] = jobs[4][0], jobs[4][1].with_suffix(".none")

    def choose(photo):
        if photo.shape[1] == 4:
            raise DataError("no face in the third")
        return Choice(None, f"{photo.shape[1]} wide")

    def draw(job, photo, choice):
        if job == jobs[3]:
            raise DataError("the fourth is too small")
        return darker(job, photo, choice)

    told = list(draw_album(jobs, choose, draw))
    assert [drawn.photo for drawn in told] == [photo for photo, _ in jobs]
    wrong = {k: str(drawn.error) for k, drawn in enumerate(told) if drawn.error}
    assert list(wrong) == [1, 2, 3, 4]
    assert "1.png" in wrong[1]
    assert (wrong[2], wrong[3]) == ("no face in the third", "the fourth is too small")
    assert 'cannot write an image with the suffix ".none"' in wrong[4]
    assert [drawn.choice.remark for drawn in told][2:5] == ["", "5 wide", "6 wide"]
    assert sorted(path.name for path in jobs[0][1].parent.iterdir()) == ["0.png", *(f"{k}.png" for k in range(5, 9))]


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_whoever_stops_early_leaves_whole_files_only_and_no_more_are_begun(jobs, monkeypatch, error):
    begun = []

    def draw(job, photo, choice):
        begun.append(job)
        if len(begun) == 4:
            raise error
        return darker(job, photo, choice)

    with pytest.raises(error):
        list(draw_album(jobs, lambda photo: AS_IT_IS, draw))
    assert len(begun) == 4
    written = sorted(jobs[0][1].parent.iterdir())
    assert len(written) <= 3
    for path in written:
        np.testing.assert_array_equal(read_photo(path), read_photo(path.parents[1] / path.name) // 2)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith(("pysketch-read", "pysketch-wri"))]

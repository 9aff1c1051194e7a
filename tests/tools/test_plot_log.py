import common
import plot_log
import pytest

from pysketch.errors import DataError
from pysketch.images.pictures import read_photo

pytest.importorskip("matplotlib", reason='figures need matplotlib: pip install -e ".[report]"')

LOG = """x] Iteration 0, Testing net (#0)
x]     Test net output #0: {score} = 3
x] Iteration 0, loss = 4
x] Iteration 0, lr = 0.1
x] Iteration 2, loss = 1
"""


@pytest.fixture
def logs(tmp_path):
    """Two logs of one name in two folders."""
    paths = []
    for folder, score in (("a", "loss"), ("b", "mae")):
        (tmp_path / folder).mkdir()
        paths.append(tmp_path / folder / "train.log")
        paths[-1].write_text(LOG.format(score=score))
    return list(map(str, paths))


def test_a_picture_is_written_in_the_format_of_its_name(logs, tmp_path):
    assert plot_log.main([logs[0], "-o", str(tmp_path / "one.png")]) == 0
    assert plot_log.main([*logs, "-o", str(tmp_path / "two.svg")]) == 0
    assert read_photo(tmp_path / "one.png").shape[1] == 936
    assert "<svg" in (tmp_path / "two.svg").read_text()


def test_logs_of_one_name_are_called_by_their_paths(logs):
    assert plot_log._names([*logs, "c/other.log"]) == {logs[0]: logs[0], logs[1]: logs[1], "other": "c/other.log"}


def test_a_bad_name_for_the_picture_is_one_line_before_anything_is_read():
    with pytest.raises(DataError, match=r"curve\.gif: a figure's name ends in \.png, \.svg, \.pdf"):
        plot_log.main(["missing.log", "-o", "curve.gif"])


def test_the_picture_must_be_named(capsys):
    with pytest.raises(SystemExit) as stop:
        plot_log.main(["train.log"])
    assert stop.value.code == common.BAD_INPUT


def test_a_log_is_not_overwritten_by_its_picture(tmp_path):
    (tmp_path / "log.png").write_text(LOG.format(score="loss"))
    with pytest.raises(DataError, match="is read by this command, and would be overwritten"):
        plot_log.main([str(tmp_path / "log.png"), "-o", str(tmp_path / "log.png")])

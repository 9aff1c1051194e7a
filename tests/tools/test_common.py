import logging

import common
import pytest

from pysketch.errors import DataError


def test_bad_input_is_one_line_on_stderr_and_exit_status_2(capsys):
    def main(arguments):
        raise DataError("photo.png: not an image\nof any kind")

    with pytest.raises(SystemExit) as stop:
        common.run(main)
    captured = capsys.readouterr()
    assert stop.value.code == 2
    assert captured.err == "error: photo.png: not an image of any kind\n"
    assert captured.out == ""


def test_too_little_memory_is_one_line_too(capsys):
    def main(arguments):
        raise MemoryError("Unable to allocate 9 TiB")

    with pytest.raises(SystemExit) as stop:
        common.run(main)
    assert stop.value.code == 2
    assert capsys.readouterr().err.startswith("error: not enough memory: Unable to allocate 9 TiB; try a smaller")


def test_the_status_that_a_tool_returns_is_the_process_status():
    with pytest.raises(SystemExit) as stop:
        common.run(lambda arguments: 0)
    assert stop.value.code == 0


def test_an_interrupt_ends_with_status_130_and_no_traceback(capsys):
    def main(arguments):
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as stop:
        common.run(main)
    assert stop.value.code == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_a_programming_error_is_not_dressed_up_as_bad_input():
    def main(arguments):
        raise ZeroDivisionError("ours")

    with pytest.raises(ZeroDivisionError, match="ours"):
        common.run(main)


def test_the_log_goes_to_stderr_in_caffes_format(capsys):
    common.log_to(None)
    logging.getLogger("pysketch.somewhere").info("Iteration %d", 7)
    err = capsys.readouterr().err
    assert err.startswith("I")
    assert err.endswith("] Iteration 7\n")


def test_a_log_file_is_appended_to(tmp_path, capsys):
    for text in ("first", "second"):
        common.log_to(str(tmp_path / "run.log"))
        logging.getLogger("pysketch").warning(text)
    common.log_to(None)
    lines = (tmp_path / "run.log").read_text().splitlines()
    assert [line.split("] ")[1] for line in lines] == ["first", "second"]
    assert capsys.readouterr().err == ""


def test_a_log_file_that_cannot_be_written_is_bad_input(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        common.log_to(str(tmp_path / "missing" / "run.log"))
    assert stop.value.code == 2
    assert "run.log: the log cannot be written there: No such file" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["0", "-1", "two"])
def test_threads_must_be_a_positive_number(text, capsys):
    parser = common.parser("tool.py", "A tool.", "")
    common.add_threads(parser)
    assert parser.parse_args(["--threads", "3"]).threads == 3
    assert parser.parse_args([]).threads is None
    with pytest.raises(SystemExit):
        parser.parse_args(["--threads", text])
    assert "--threads" in capsys.readouterr().err

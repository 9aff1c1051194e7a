import argparse
import logging
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import benchmark
import common
import deploy
import draw_net
import evaluate
import pytest
import show_data
import solve
import summarize
from solver_helpers import solver_def

import pysketch
from pysketch.device.backend import CPU
from pysketch.errors import DataError, DeviceError, NetdefError
from pysketch.native import loader


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


@pytest.mark.parametrize("text", ["-0.5", "1.5", "nan", "inf", "much", ""])
def test_a_number_out_of_its_range_is_refused_with_the_range(text):
    with pytest.raises(argparse.ArgumentTypeError, match=f"^expected a number from 0 to 1, found {text}$"):
        common.number(0, 1)(text)
    if text != "1.5":
        with pytest.raises(argparse.ArgumentTypeError, match=f"^expected a number of 0 or more, found {text}$"):
            common.number(0)(text)


def test_a_number_in_its_range_is_taken():
    assert [common.number(0, 1)(text) for text in ("0", "0.25", "1")] == [0, 0.25, 1]
    assert common.number(0)("1e9") == 1e9


def test_the_status_that_a_tool_returns_is_the_process_status():
    with pytest.raises(SystemExit) as stop:
        common.run(lambda arguments: 0)
    assert stop.value.code == 0


def test_at_its_end_a_tool_does_not_look_through_what_the_system_frees():
    code = """
import common


class Circle:
    def __init__(self):
        self.me = self

    def __del__(self):
        print("found")


def main(arguments):
    Circle()
    return 0


common.run(main)
"""
    tools = Path(common.__file__).parent
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tools), str(tools.parent)])}
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert (told.returncode, told.stdout) == (0, ""), told.stderr


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
        common.log_to(str(tmp_path))
    assert stop.value.code == 2
    assert f"{tmp_path}: the log cannot be written there: Is a directory" in capsys.readouterr().err


def test_a_log_files_folders_are_made_as_those_of_other_files(tmp_path):
    common.log_to(str(tmp_path / "new" / "folder" / "run.log"))
    logging.getLogger("pysketch").warning("hello")
    common.log_to(None)
    assert (tmp_path / "new" / "folder" / "run.log").read_text().endswith("] hello\n")


@pytest.mark.parametrize("text", ["0", "-1", "two"])
def test_threads_must_be_a_positive_number(text, capsys):
    parser = common.parser("tool.py", "A tool.", "")
    common.add_threads(parser)
    assert parser.parse_args(["--threads", "3"]).threads == 3
    assert parser.parse_args([]).threads is None
    with pytest.raises(SystemExit):
        parser.parse_args(["--threads", text])
    assert "--threads" in capsys.readouterr().err


def chosen(arguments, solver=None, say=None):
    """What use_device makes of a command line."""
    parser = common.parser("tool.py", "A tool.", "")
    common.add_device(parser)
    return common.use_device(parser.parse_args(arguments), solver, say)


@pytest.fixture
def no_gpu(monkeypatch):
    """There is none."""
    monkeypatch.setattr("pysketch.device.backend.gpu_problem", lambda cupy, index: f"no GPU {index} here")
    monkeypatch.setattr("pysketch.device.backend._import_cupy", lambda: None)


@pytest.fixture
def gpus(monkeypatch):
    """All are there."""
    monkeypatch.setattr("pysketch.device.backend.gpu_problem", lambda cupy, index: None)
    monkeypatch.setattr("pysketch.device.backend.gpu_name", lambda cupy, index: f"card {index}")
    monkeypatch.setattr("pysketch.device.backend._import_cupy", lambda: None)


def solver(options):
    return solver_def(f'net: "n" max_iter: 1 {options}', "s.txt")


@pytest.mark.parametrize("arguments", [[], ["--device", "auto"]])
def test_auto_says_in_one_line_what_it_took_and_why(arguments, no_gpu, monkeypatch, capsys):
    monkeypatch.setattr(pysketch.native, "describe", lambda: "no compiled kernels")
    assert chosen(arguments).kind == "cpu"
    assert capsys.readouterr().err == "Use CPU (no GPU: no GPU 0 here), math mode default, no compiled kernels.\n"


def test_auto_takes_a_gpu_that_works(gpus, capsys):
    assert str(chosen([])) == "gpu:0"
    assert capsys.readouterr().err == "Use GPU with device ID 0 (card 0; it passed the self-test), math mode default.\n"


def test_a_device_that_was_named_needs_no_words(gpus, capsys):
    assert [str(chosen(["--device", name])) for name in ("cpu", "gpu", "gpu:3")] == ["cpu", "gpu:0", "gpu:3"]
    assert capsys.readouterr().err == ""


def test_a_log_is_told_in_any_case(gpus, monkeypatch, capsys):
    monkeypatch.setattr(pysketch.native, "describe", lambda: "compiled kernels (AVX2)")
    lines = []
    chosen(["--device", "cpu"], say=lines.append)
    assert lines == ["Use CPU (asked for), math mode default, compiled kernels (AVX2)."]
    assert capsys.readouterr().err == ""


def test_kernels_that_are_no_choice_are_an_error_before_anything_is_computed(monkeypatch):
    monkeypatch.setenv("PYSKETCH_KERNELS", "avx3")
    loader._found.cache_clear()
    with pytest.raises(DeviceError, match=r"^PYSKETCH_KERNELS=avx3: expected none, .*; did you mean \"avx2\"\?$"):
        chosen(["--device", "cpu"])


@pytest.mark.parametrize(
    ("options", "device"),
    [("solver_mode: CPU", "cpu"), ("solver_mode: GPU device_id: 2", "gpu:2"), ("device_id: 1", "gpu:1"), ("", "gpu:0")],
)
def test_without_device_the_solver_file_decides(options, device, gpus):
    assert str(chosen([], solver(options))) == device


@pytest.mark.parametrize("options", ["solver_mode: CPU", "solver_mode: GPU device_id: 2", ""])
@pytest.mark.parametrize("name", ["cpu", "gpu:1"])
def test_the_command_line_wins_over_the_solver_file(name, options, gpus):
    assert str(chosen(["--device", name], solver(options))) == name


def test_a_solver_file_without_a_mode_falls_back_to_the_cpu(no_gpu):
    assert chosen([], solver("device_id: 1")).reason == "no GPU: no GPU 1 here"


def test_a_solver_files_gpu_that_is_not_there_is_an_error_with_its_place_and_a_way_out(no_gpu):
    message = r"^s\.txt:1:\d+: solver_mode GPU: device gpu:0 cannot be used: no GPU 0 here; --device cpu works without"
    with pytest.raises(DeviceError, match=message):
        chosen([], solver("solver_mode: GPU"))
    assert chosen(["--device", "cpu"], solver("solver_mode: GPU")).kind == "cpu"


def test_a_gpu_of_the_command_line_that_is_not_there_is_an_error(no_gpu):
    with pytest.raises(
        DeviceError, match=r"^device gpu:4 cannot be used: no GPU 4 here; --device cpu works without one$"
    ):
        chosen(["--device", "gpu:4"], solver("solver_mode: CPU"))


def test_tf32_is_off_unless_asked_for_and_refused_on_a_cpu(no_gpu, capsys):
    with pytest.raises(DeviceError, match=r"math mode tf32 needs a GPU; this is the CPU \(no GPU: no GPU 0 here\)"):
        chosen(["--math", "tf32"])


def test_the_math_mode_is_named(gpus, monkeypatch):
    lines, modes = [], []
    monkeypatch.setattr("pysketch.device.allow_tf32", modes.append)
    device = chosen(["--math", "tf32"], say=lines.append)
    assert modes == [device]
    assert lines[0].endswith(", math mode tf32.")


@pytest.mark.parametrize("tool", [solve, deploy, evaluate, benchmark])
def test_every_tool_knows_device_and_math(tool, capsys):
    with pytest.raises(SystemExit):
        tool.main(["--help"])
    text = capsys.readouterr().out
    assert "--device auto|cpu|gpu[:N]" in text
    assert "--math {default,tf32}" in text


def test_a_gpu_with_too_little_memory_is_one_line_with_a_way_out_and_status_2(gpu, solver_file, pairs):
    """In a process of its own, where no free blocks of earlier tests are left to take."""
    command = [sys.executable, solve.__file__, str(solver_file), "--data", str(pairs), "--device", str(gpu)]
    environment = {**os.environ, "CUPY_GPU_MEMORY_LIMIT": "16384"}
    run = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert run.returncode == 2, run.stderr
    assert "Traceback" not in run.stderr
    last = run.stderr.splitlines()[-1]
    assert re.match(
        r"error: not enough memory on gpu:0: \d+\.\d MiB asked for, \d+\.\d MiB of \d+\.\d MiB free; try", last
    )
    assert "micro_batch in the solver file, or --device cpu" in last


def test_words_may_be_prepared_before_they_are_parsed(monkeypatch, capsys):
    def prepare(parser, words):
        if "never" in words:
            parser.error("not that word")
        return [word.replace("two", "2") for word in words]

    parser = common.parser("tool.py", "Counts.", "", prepare)
    parser.add_argument("--count", type=int)
    assert parser.parse_args(["--count", "two"]).count == 2
    monkeypatch.setattr(sys, "argv", ["tool.py", "--count=two"])
    assert parser.parse_args().count == 2
    with pytest.raises(SystemExit):
        parser.parse_args(["never"])
    assert capsys.readouterr().err.endswith("tool.py: error: not that word\n")


@pytest.mark.parametrize("tool", [draw_net, show_data, summarize])
def test_a_stage_that_no_layer_knows_and_a_phase_without_layers_are_refused(tool, tiny, tmp_path):
    if tool is draw_net:
        pytest.importorskip("grandalf", reason="drawing graphs needs grandalf")
    more = {draw_net: ["-o", "a.svg"], show_data: ["-o", "a.png"]}.get(tool, [])
    with pytest.raises(NetdefError, match=r'no layer has a rule for the stage "depoly"; did you mean "deploy"\?$'):
        tool.main([str(tiny), *more, "--stage", "depoly"])
    (tmp_path / "empty.prototxt").write_text("# nothing\n")
    with pytest.raises(
        NetdefError, match=r"empty\.prototxt: has no layers in phase T(EST|RAIN); there is nothing to show$"
    ):
        tool.main([str(tmp_path / "empty.prototxt"), *more])


class Together:
    """A process of three, that notes how it ended all."""

    size = 3

    def __init__(self, rank):
        self.rank, self.local_rank, self.ended = rank, rank, []

    def abort(self, status):
        self.ended.append(status)
        raise SystemExit(status)


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (DataError("bad\nphoto"), 2, "rank 1 of 3: error: bad photo\n"),
        (KeyboardInterrupt(), 130, "rank 1 of 3: interrupted\n"),
    ],
)
def test_one_of_several_processes_says_its_rank_and_ends_all(monkeypatch, capsys, error, status, line):
    together, waits = Together(1), []
    monkeypatch.setattr("pysketch.parallel.joined", lambda: together)
    monkeypatch.setattr(common.time, "sleep", waits.append)

    def main(arguments):
        raise error

    with pytest.raises(SystemExit):
        common.run(main)
    assert (together.ended, waits) == ([status], [common.LEAVE])
    assert capsys.readouterr().err == line


def test_of_several_processes_the_first_one_logs(monkeypatch, capsys, tmp_path):
    for rank, path in ((0, None), (1, None), (2, tmp_path / "log" / "train.log")):
        monkeypatch.setattr("pysketch.parallel.joined", lambda rank=rank: Together(rank))
        common.log_to(path and str(path))
        logging.getLogger("pysketch.solver").warning("of rank %d", rank)
    assert re.findall(r"of rank (\d)", capsys.readouterr().err) == ["0"]
    assert not (tmp_path / "log" / "train.log").exists()


def test_each_process_of_a_machine_takes_the_next_gpu(monkeypatch):
    asked = []
    monkeypatch.setattr("pysketch.parallel.joined", lambda: Together(2))
    monkeypatch.setattr("pysketch.device.choose_device", lambda name, number: asked.append((name, number)) or CPU)
    parser = argparse.ArgumentParser()
    common.add_device(parser)
    common.use_device(parser.parse_args(["--device", "gpu"]))
    assert asked == [("gpu", 2)]
    solver = solver_def('net: "a" base_lr: 1 lr_policy: "fixed" solver_mode: GPU device_id: 10')
    with pytest.raises(DeviceError, match=r"gpu:12 cannot be used"):
        common.use_device(parser.parse_args([]), solver)


def test_what_takes_long_is_shown_as_a_bar_each_and_nothing_where_nobody_looks(capsys, monkeypatch):
    def work():
        with common.bars(delay=0) as progress:
            for done in (3, 7):
                progress("photos written", done, 7)
            progress("people compared", 1, 2)

    work()
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    work()
    err = capsys.readouterr().err
    assert "photos written: " in err
    assert err.index("photos written") < err.index("people compared")
    with common.bars() as progress:
        progress("photos written", 1, 7)
    assert "written" not in capsys.readouterr().err


def test_a_checkout_that_is_not_installed_names_the_libraries_that_are_missing():
    root = Path(__file__).parents[2]
    command = [sys.executable, "-S", "-E", str(root / "tools" / "benchmark.py")]  # -S: nothing is installed
    run = subprocess.run(command, capture_output=True, text=True)
    project = (root / "pyproject.toml").read_text(encoding="utf-8")
    needed = re.findall(r'"(\w+)[>=]', re.search(r"^dependencies = \[(.*?)\]", project, re.MULTILINE | re.DOTALL)[1])
    assert run.returncode == 2
    assert run.stderr.startswith("error: not installed: ")
    assert {*run.stderr.rpartition("pip install ")[2].split()} == {*needed}


@pytest.mark.slow
def test_a_checkout_that_is_not_installed_works_from_any_folder(tmp_path):
    root = Path(__file__).parents[2]
    libraries = sysconfig.get_path("purelib")
    environment = {**os.environ, "PYTHONPATH": libraries}
    command = [sys.executable, "-S", str(root / "tools" / "benchmark.py"), "--estimate"]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert (run.returncode, run.stderr) == (0, "")
    assert "ESTIMATE, not measured" in run.stdout

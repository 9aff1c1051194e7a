"""Every tool that hands out jobs gives the same files and lines, whoever does them: alone, processes, an mpirun.

And what it does when some of those are killed, or all are told to end.
"""

from __future__ import annotations

import csv
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import deploy
import enroll
import evaluate
import numpy as np
import prepare
import pytest
from mpiruns import MPIRUN, ROOT, needs_mpirun, start_all
from thread_workers import ThreadWorker

from pysketch.images.pictures import write_image
from pysketch.parallel import handout
from pysketch.search import enrolment

COMMANDS = {
    "deploy": ["net.h5", "photos", "-o", "made/sketches", "--side-by-side", "--align", "none", "--device", "auto"],
    "enroll": ["photos", "-o", "made/gallery.h5", "--net", "net.h5", "--align", "none"],
    "prepare": ["raw", "made/aligned", "--eyes", "eyes.csv"],
    "evaluate": [
        *["net.h5", "--data", "faces", "--baseline", "grey", "lle", "--light", "0.3", "0.1", "--csv", "made/pairs.csv"],
        *["--match", "pixels", "--distractors", "9", "--seed", "4"],
    ],
}
STATUS = {"deploy": 2, "enroll": 2, "prepare": 2, "evaluate": 0}
SEVERAL = {
    "two processes": ([], ["--processes", "2"]),
    "three processes": ([], ["--processes", "3"]),
    "an mpirun of two": ([MPIRUN, "-n", "2"], []),
    "an mpirun of three": ([MPIRUN, "-n", "3"], []),
}
needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes as Linux tells them")


@pytest.fixture
def inputs(tmp_path, net_file, faces):
    """A folder with what the commands read: seven photos, one of which is none; raw pairs and some of their eyes."""
    folder = tmp_path / "inputs"
    (folder / "made").mkdir(parents=True)
    rng = np.random.default_rng(2)
    for k in range(7):
        write_image(folder / "photos" / f"{k}.png", rng.integers(0, 256, (60 + k, 50, 3)).astype(np.uint8))
        for kind in ("photos", "sketches"):
            write_image(folder / "raw" / kind / f"{k}.png", rng.integers(0, 256, (71, 83, 3)).astype(np.uint8))
    (folder / "photos" / "3.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    rows = [f"{kind}/{k}.png,33,40.5,52,36" for kind in ("photos", "sketches") for k in range(7) if k != 4]
    (folder / "eyes.csv").write_text("\n".join(["file,left_x,left_y,right_x,right_y", *rows]) + "\n")
    shutil.copy(net_file, folder / "net.h5")
    shutil.copytree(faces, folder / "faces")
    return folder


def outcome(folder, out, err):
    """What was written, but for times: lines, and each file's bytes."""
    files = {path.relative_to(folder / "made"): path.read_bytes() for path in (folder / "made").rglob("*.*")}
    for path in [path for path in files if path.suffix == ".csv"]:
        rows = csv.DictReader(files[path].decode().splitlines())
        files[path] = [{name: text for name, text in row.items() if name != "seconds"} for row in rows]
    lines = [re.sub(r" +\d+\.\d+$", "", line) for line in out.splitlines()]  # s/photo stands last
    said = [line for line in err.splitlines() if not line.startswith(("[mpiexec", "drawing"))]
    return lines, said, files


def outcomes(tool, inputs, folder, command, options):
    """(status, lines, files) of a command in a copy of the inputs."""
    shutil.copytree(inputs, folder)
    words = [*command, sys.executable, str(ROOT / "tools" / f"{tool}.py"), *COMMANDS[tool], *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=300, env=environment)
    return done.returncode, *outcome(folder, done.stdout, done.stderr)


@pytest.mark.slow
@pytest.mark.parametrize("tool", COMMANDS)
def test_the_outcome_is_the_same_whoever_does_the_jobs(tool, inputs, tmp_path):
    status, *expected = outcomes(tool, inputs, tmp_path / "alone", [], ["--processes", "1"])
    assert status == STATUS[tool], expected[1]
    for name, (command, options) in SEVERAL.items():
        if command and needs_mpirun.args[0]:
            continue
        found = outcomes(tool, inputs, tmp_path / name, command, options)
        assert found == (status, *expected), name


MAKERS = {
    "deploy": (deploy, deploy._drawer),
    "enroll": (enroll, enroll._drawing),
    "prepare": (prepare, prepare._aligner),
    "evaluate": (evaluate, evaluate._drawing),
}


@pytest.mark.parametrize(
    "tool", [pytest.param(tool, marks=[pytest.mark.slow] * (tool == "evaluate")) for tool in COMMANDS]
)
def test_the_outcome_is_the_same_in_threads_in_the_place_of_processes(tool, inputs, tmp_path, monkeypatch, capsys):
    """The same in a moment: here a job's way there and back is all that differs."""
    module, make = MAKERS[tool]
    found = []
    monkeypatch.setattr(enrolment, "describe", lambda sketch: (np.zeros(5, np.int8), sketch[:2, :2].astype(np.int8)))
    words = [word for word in COMMANDS[tool] if word not in ("--distractors", "9", "lle")]
    monkeypatch.setattr(handout, "Worker", partial(ThreadWorker, lambda place: make(module._parse(words))))
    for count in ("1", "2"):
        shutil.copytree(inputs, tmp_path / count)
        monkeypatch.chdir(tmp_path / count)
        assert module.main([*words, "--processes", count]) == STATUS[tool]
        out, err = capsys.readouterr()
        said = [line for line in err.splitlines() if not line.startswith(("Use CPU", "at "))]
        found.append(outcome(tmp_path / count, out, "\n".join(said)))
    assert found[0] == found[1]


# what is killed


def pictures(folder, count=200):
    """So many made pictures, each of which takes some time."""
    rng = np.random.default_rng(7)
    picture = rng.integers(0, 256, (700, 500, 3)).astype(np.uint8)
    for k in range(count):
        write_image(folder / f"{k:03d}.jpg", np.roll(picture, k, axis=0))


def working(folder):
    """The working processes of a command in whose words the folder stands, and the ranks that supervise them."""
    found = {True: [], False: []}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words, environment = ((path / name).read_bytes() for name in ("cmdline", "environ"))
        except OSError:
            continue
        if str(folder).encode() in words and words.split(b"\0")[0].endswith((b"python", b"python3")):
            found[b"PYSKETCH_WORKER=" in environment].append(int(path.name))
    return found[True], found[False]


def drawn(folder):
    return len([path for path in folder.glob("*.png") if not path.name.startswith(".")])


def draw(tmp_path, net_file, command, options=(), wait=8):
    """A deploy of 200 pictures that has drawn some; its log."""
    pictures(tmp_path / "photos")
    words = [
        *command,
        sys.executable,
        ROOT / "tools" / "deploy.py",
        net_file,
        tmp_path / "photos",
        "-o",
        tmp_path / "o",
    ]
    words += ["--align", "none", "--device", "cpu", "--threads", "1", *options]
    process = start_all([str(word) for word in words], tmp_path / "log")
    while drawn(tmp_path / "o") < wait:
        assert process.poll() is None, (tmp_path / "log").read_text()
        time.sleep(0.02)
    return process, tmp_path / "log"


@needs_proc
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["an mpirun of two", "an mpirun of three", "two processes"])
def test_a_deploy_of_200_pictures_with_two_killed_on_the_way_gives_200_sketches(kind, tmp_path, net_file):
    command, options = SEVERAL[kind]
    if command and needs_mpirun.args[0]:
        pytest.skip(needs_mpirun.kwargs["reason"])
    chance = random.Random(kind)
    process, log = draw(tmp_path, net_file, command, options)
    killed = set()
    while len(killed) < 2:
        time.sleep(chance.random() / 2)
        workers, _ = working(tmp_path / "photos")
        victim = chance.choice([each for each in workers if each not in killed])  # one that dies is seen a while yet
        os.kill(victim, signal.SIGKILL)
        killed.add(victim)
        # a picture at which two are killed is left out: the next one is killed when this one's is drawn
        given_back = []
        told = r"lost its working process, which was killed by SIGKILL(?:, at .*?(\d+)\.jpg)?"
        while len(given_back) < len(killed) or not (tmp_path / "o" / f"{given_back[-1] or '000'}.png").exists():
            given_back = re.findall(told, log.read_text())
            assert process.poll() is None or len(given_back) == len(killed) == 2, log.read_text()
            time.sleep(0.02)
    assert process.wait(timeout=200) == 0, log.read_text()
    assert drawn(tmp_path / "o") == 200
    assert sorted(path.name for path in (tmp_path / "o").iterdir()) == [f"{k:03d}.png" for k in range(200)]
    told = log.read_text().splitlines()
    assert told[-1] == "200 of 200 photos drawn"
    assert len([line for line in told if "lost its working process, which was killed by SIGKILL" in line]) == 2
    shown = [line.rpartition("/")[2] for line in told if " -> " in line]
    assert shown == [f"{k:03d}.png" for k in range(200)]
    assert working(tmp_path / "photos") == ([], [])


@needs_proc
@needs_mpirun
@pytest.mark.slow
def test_with_open_mpis_recovery_a_rank_may_be_killed_as_well(tmp_path, net_file):
    if "Open MPI" not in subprocess.run([MPIRUN, "--version"], capture_output=True, text=True).stdout:
        pytest.skip("MPICH's -disable-auto-cleanup ends the others nevertheless")
    process, log = draw(tmp_path, net_file, [MPIRUN, "--enable-recovery", "-n", "3"])
    _, ranks = working(tmp_path / "photos")
    is_last = [b"OMPI_COMM_WORLD_RANK=2\0" in Path(f"/proc/{each}/environ").read_bytes() for each in ranks]
    os.kill(ranks[is_last.index(True)], signal.SIGKILL)
    assert process.wait(timeout=200) == 0, log.read_text()
    assert drawn(tmp_path / "o") == 200
    assert "rank 2 of 3 is lost, there is no sign of its life, at " in log.read_text()


# what is told to end


@needs_proc
@pytest.mark.slow
@pytest.mark.parametrize(("name", "status", "line"), [("SIGINT", 130, "interrupted"), ("SIGTERM", 143, "terminated")])
@pytest.mark.parametrize("kind", ["two processes", "an mpirun of three"])
def test_what_is_told_to_end_ends_with_one_line_and_what_is_drawn_stays(kind, name, status, line, tmp_path, net_file):
    command, options = SEVERAL[kind]
    if command and needs_mpirun.args[0]:
        pytest.skip(needs_mpirun.kwargs["reason"])
    process, log = draw(tmp_path, net_file, command, options)
    process.send_signal(getattr(signal, name))
    process.wait(timeout=30)
    assert process.returncode == status, log.read_text()
    deadline = time.monotonic() + 10
    while working(tmp_path / "photos") != ([], []):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    there = list((tmp_path / "o").iterdir())
    assert 8 <= len(there) < 200
    assert not [path for path in there if path.name.startswith(".")]
    said = [line for line in log.read_text().splitlines() if " -> " not in line and not line.startswith("[mpiexec")]
    assert said == [line]


@needs_mpirun
@pytest.mark.slow
def test_what_is_wrong_with_a_command_is_told_once(inputs, tmp_path):
    for words, line in (
        (
            ["net.h5", "nowhere.png", "--tile", "x"],
            "deploy.py: error: argument --tile: expected auto or a whole number",
        ),
        (["nowhere.h5", "photos"], "error: nowhere.h5: no such file"),
        (["net.h5", "photos", "--device", "gpu:7"], "error: device gpu:7 cannot be used"),
        (["net.h5", "photos", "--processes", "2"], "error: mpirun says how many processes there are, 3"),
    ):
        command = [MPIRUN, "-n", "3", sys.executable, str(ROOT / "tools" / "deploy.py"), *words]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, cwd=inputs, capture_output=True, text=True, timeout=120, env=environment)
        assert done.returncode == 2, done.stderr
        assert done.stderr.count(line) == 1, done.stderr
        assert done.stderr.count("error:") == 1, done.stderr


@needs_proc
@needs_mpirun
@pytest.mark.slow
def test_an_enrolment_that_was_stopped_goes_on_with_other_numbers_of_processes(inputs, tmp_path, net_file):
    rng = np.random.default_rng(1)
    for k in range(40):
        write_image(tmp_path / "photos" / f"{k}.png", rng.integers(0, 256, (250, 200, 3)).astype(np.uint8))
    tool = [sys.executable, str(ROOT / "tools" / "enroll.py"), str(tmp_path / "photos"), "--align", "none"]
    tool += ["--net", str(net_file), "-o"]
    process = start_all([MPIRUN, "-n", "2", *tool, str(tmp_path / "g.h5")], tmp_path / "log")
    while not (tmp_path / "g.h5.enrolling").exists() or (tmp_path / "g.h5.enrolling").stat().st_size < 50_000:
        assert process.poll() is None, (tmp_path / "log").read_text()
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130, (tmp_path / "log").read_text()
    for command, options in (SEVERAL["three processes"], SEVERAL["an mpirun of three"]):
        assert start_all([*command, *tool, str(tmp_path / "g.h5"), *options], tmp_path / "log").wait(timeout=200) == 0
    assert start_all([*tool, str(tmp_path / "straight.h5"), "--workers", "1"], tmp_path / "log").wait(timeout=200) == 0
    assert (tmp_path / "g.h5").read_bytes() == (tmp_path / "straight.h5").read_bytes()

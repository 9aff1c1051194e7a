"""Every command and every Python block of the README is run, in a copy of the tree with shortened training."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pysketch.images.pictures import read_sketch, write_image

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)
SHELL = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines()]
SETUP = 'python3 -m venv .venv && .venv/bin/pip install -e ".[test]" && '
COMMANDS = [line for line in SHELL if line.startswith("python ")]
PYTHON = [text for kind, text in BLOCKS if kind == "python"]


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The tree's runnable parts, with solver files that train for one small batch, and pairs in DIR."""
    root = tmp_path_factory.mktemp("copy")
    for name in ("netdefs", "solver", "tools"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (root / "solver").glob("*.txt"):
        text = re.sub(r"max_iter: \d+", "max_iter: 1", path.read_text())
        text = re.sub(r"test_interval: \d+", "test_interval: 0", text)
        path.write_text(re.sub(r"test_iter: \d+", "test_iter: 1", text))
    for path in (root / "netdefs").glob("*.prototxt"):
        path.write_text(path.read_text().replace('"batch_size": 4', '"batch_size": 1'))
    rng = np.random.default_rng(1)
    for split in ("train", "test"):
        for name in ("one", "two"):
            photo = rng.integers(0, 256, (250, 200, 3)).astype(np.uint8)
            write_image(root / "DIR" / split / "photos" / f"{name}.png", photo)
            write_image(root / "DIR" / split / "sketches" / f"{name}.png", photo[:, :, 0])
    return root


def run(command, root):
    """Run a README command in the copy, with this Python; its standard output."""
    words = [sys.executable if word == "python" else word for word in shlex.split(command)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(words, capture_output=True, text=True, check=False, cwd=root, env=environment)
    assert result.returncode == 0, result.stderr[-3000:]
    return result.stdout


def test_the_readme_has_two_set_up_commands_and_the_ci_runs_the_second():
    first, second = (line for line in SHELL if line.startswith(SETUP))
    assert "tools/deploy.py" in first
    assert "tools/solve.py solver/quick_solver.txt --data synthetic" in first
    assert second.removeprefix(SETUP) == ".venv/bin/python -m pytest"
    ci = (ROOT / ".ci" / "run").read_text()
    for part in ("python3 -m venv", '-e ".[test]"', ".venv/bin/python -m pytest", ".venv/bin/python -m ruff check"):
        assert part in ci


def test_every_shell_line_of_the_readme_is_a_command_that_these_tests_know():
    assert all(line in COMMANDS or line.startswith(SETUP) for line in SHELL)
    assert len(COMMANDS) >= 6


@pytest.mark.slow
def test_the_first_commands_parts_are_commands_of_the_tour_or_run_here(copy):
    first = next(line for line in SHELL if line.startswith(SETUP))
    for part in first.removeprefix(SETUP).split(" && "):
        run(part.replace(".venv/bin/python", "python"), copy)
    assert read_sketch(copy / "sketch.png").shape == (238, 188)


@pytest.mark.slow
def test_the_tours_commands_run_in_their_order(copy):
    for command in COMMANDS:
        if "--resume" in command:
            prefix, iteration = re.search(r"(snapshots/\w+)_iter_(\d+)", command).groups()
            for kind in ("solverstate", "caffemodel"):
                shutil.copy(copy / f"{prefix}_iter_1.{kind}.h5", copy / f"{prefix}_iter_{iteration}.{kind}.h5")
        run(command, copy)
    assert read_sketch(copy / "quick.png").shape == (238, 188)
    assert (copy / "snapshots" / "medium.h5").is_file()


@pytest.mark.parametrize("block", PYTHON, ids=range(len(PYTHON)))
def test_the_python_of_the_readme_runs(block, copy):
    run(f"python -c {shlex.quote(block)}", copy)


def test_the_error_that_the_readme_shows_is_the_one_that_is_printed(copy):
    shown = re.search(r"^error: (netdefs/.*kernal_size.*)$", README, re.MULTILINE)[1]
    path = copy / "netdefs" / "medium.prototxt"
    before = path.read_text()
    path.write_text(before.replace("num_output: 128 kernel_size", "num_output: 128 kernal_size", 1))
    words = [sys.executable, "tools/solve.py", "solver/medium_solver.txt", "--data", "DIR"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(words, capture_output=True, text=True, check=False, cwd=copy, env=environment)
    path.write_text(before)
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1] == f"error: {shown}"


def test_the_readme_lists_every_room_of_the_house_in_order():
    from test_architecture import ROOMS

    table = README.split("| room |")[1].split("\n\n")[0]
    rows = dict(re.findall(r"^\| (\w+) \| (.*) \|$", table, re.MULTILINE))
    for room, modules in ROOMS.items():
        named = re.findall(r"`(\w+)`", rows[room])
        assert named == [name for name in modules.split() if "." not in name and name != "pysketch"]


def test_every_file_that_the_readme_names_is_there():
    for name in re.findall(r"`((?:netdefs|solver|tools|tests)/[\w/.]+\.\w+)`", README):
        if "NAME" not in name:
            assert (ROOT / name).is_file(), name
    for picture in re.findall(r"!\[[^]]*\]\(([^)]+)\)", README):
        assert (ROOT / picture).is_file(), picture

"""pysketch away from its checkout: an sdist, a wheel of it, and the command in a fresh environment."""

from __future__ import annotations

import re
import shutil
import sys
import zipfile
from pathlib import Path

import kernel_builds
import numpy as np
import pytest
from kernel_builds import QUIET, built_sets, copy_tree, file_of, fresh, needs_setuptools

from pysketch import Sketcher, __version__
from pysketch.images.pictures import read_photo, read_sketch
from pysketch.native.loader import kernels

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.slow


def run(*words: object, cwd: Path, **more: str) -> str:
    """The standard output of a command, which must end with status 0; more: of its environment."""
    return kernel_builds.run(*words, cwd=cwd, **more)[0]


def build(source: Path, folder: Path, **more: str) -> Path:
    """The wheel that pip builds; more: of its environment."""
    run(sys.executable, "-m", "pip", "wheel", *QUIET, "--wheel-dir", folder, source, cwd=folder.parent, **more)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A copy of the tree, without what an earlier build or install left in it."""
    needs_setuptools()
    return copy_tree(tmp_path_factory.mktemp("source") / "pysketch")


@pytest.fixture(scope="module")
def wheel(source):
    """The wheel of the tree."""
    return build(source, source.parent / "wheels")


@pytest.fixture(scope="module")
def programs(wheel, tmp_path_factory):
    """The programs of a fresh environment with the wheel; it sees what is installed here, but no editable pysketch."""
    python = fresh(tmp_path_factory.mktemp("fresh") / "venv")
    run(sys.executable, "-m", "pip", "--python", python, "install", *QUIET, wheel, cwd=python.parent)
    return python.parent


def test_the_wheel_has_the_package_and_what_is_shipped_and_nothing_else(wheel, source):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    expected = {path.relative_to(source).as_posix() for path in (source / "pysketch").rglob("*.py")}
    learned = [*source.glob("pysketch/search/*.json"), *source.glob("pysketch/search/*.npz")]
    finder = [*source.glob("pysketch/images/frontal_faces.*")]
    expected |= {path.relative_to(source).as_posix() for path in learned + finder}
    assert (len(learned), len(finder)) == (3, 2)
    for folder in ("netdefs", "solver", "tools"):
        files = [path for path in (source / folder).rglob("*") if path.is_file()]
        expected |= {f"pysketch/shipped/{path.relative_to(source).as_posix()}" for path in files}
    assert names == expected | {*map(file_of, built_sets())}
    assert {Path(name).name for name in names if name.endswith(".png")} == {"face.png", "example.png"}
    (tag,) = re.fullmatch(rf"pysketch-{__version__}-(.*)\.whl", wheel.name).groups()
    assert tag.startswith(f"cp3{sys.version_info[1]}-") if built_sets() else tag == "py3-none-any"


def test_without_a_compiler_the_wheel_has_all_but_the_kernels_and_is_for_any_machine(wheel, tmp_path):
    plain = build(copy_tree(tmp_path / "pysketch"), tmp_path / "wheels", CC="false")
    assert plain.name == f"pysketch-{__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(plain) as other:
        assert {*one.namelist()} - {*other.namelist()} == {*map(file_of, built_sets())}
        assert {*other.namelist()} <= {*one.namelist()}


def test_the_wheel_of_an_sdist_is_that_of_the_tree(wheel, source, tmp_path):
    run(
        sys.executable,
        "-c",
        f"from setuptools import build_meta; build_meta.build_sdist({str(tmp_path)!r})",
        cwd=source,
    )
    (sdist,) = tmp_path.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(build(sdist, tmp_path / "wheels")) as other:
        assert sorted(one.namelist()) == sorted(other.namelist())
        for name in one.namelist():
            assert one.read(name) == other.read(name) or name.endswith("/RECORD"), name


def test_a_photo_is_drawn_from_an_empty_folder(programs, tmp_path):
    assert run(programs / "pysketch", "--version", cwd=tmp_path) == f"pysketch {__version__}\n"
    code = "import pysketch; from pysketch.shipped import folder; print(pysketch.__file__); print(folder('netdefs'))"
    package, netdefs = map(Path, run(programs / "python", "-c", code, cwd=tmp_path).splitlines())
    assert package.is_relative_to(programs.parent)
    assert netdefs == package.parent / "shipped" / "netdefs"
    shutil.copy(netdefs / "pretrained" / "face.png", tmp_path)
    same = {} if kernels() else {"PYSKETCH_KERNELS": "none"}  # the wheel has some where this checkout may have none
    words = ["draw", "medium", "face.png", "-o", "sketch.png", "--device", "cpu"]
    run(programs / "pysketch", *words, cwd=tmp_path, **same)
    expected = Sketcher(ROOT / "netdefs/pretrained/medium.h5").draw(read_photo(tmp_path / "face.png"))
    np.testing.assert_array_equal(read_sketch(tmp_path / "sketch.png"), expected)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["face.png", "sketch.png"]


def test_layers_and_netdefs_are_told_of_from_an_empty_folder(programs, tmp_path):
    assert "pooling_param:" in run(programs / "pysketch", "layers", "Pooling", cwd=tmp_path)
    assert run(programs / "pysketch", "summarize", "sr", cwd=tmp_path).startswith("sr: phase TEST")


def test_a_net_is_trained_and_drawn_with_from_an_empty_folder(programs, tmp_path):
    (solver,) = programs.parent.rglob("quick_solver.txt")
    text = re.sub(r"max_iter: \d+", "max_iter: 1", solver.read_text())
    solver.write_text(re.sub(r"test_interval: \d+", "test_interval: 0", text))
    run(programs / "pysketch", "train", "quick", "--data", "synthetic", "--log", "train.log", cwd=tmp_path)
    shutil.copy(solver.parents[1] / "netdefs/pretrained/face.png", tmp_path)
    run(programs / "pysketch", "draw", "snapshots/quick.h5", "face.png", "-o", "sketch.png", cwd=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["face.png", "sketch.png", "snapshots", "train.log"]


def test_a_net_is_timed_beside_a_process_of_its_own_from_an_empty_folder(programs, tmp_path):
    command = ["benchmark", "sr", "--size", "31x33", "--iterations", "3", "--device", "cpu"]
    assert run(programs / "pysketch", *command, cwd=tmp_path).startswith("sr: forward, input 1x5x33x31")

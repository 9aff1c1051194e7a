"""Compiled kernels built anew, in copies of the tree: with the compiler of this machine, or without any."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import venv
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NAMES = {"pysketch", "netdefs", "solver", "tools", "tests", "setup.py", "pyproject.toml", "README.md", "LICENSE"}
SETS = {
    "avx512": ["-mavx512f", "-mavx512dq", "-mavx512vl", "-mavx512bw", "-mavx2", "-mfma"],
    "avx2": ["-mavx2", "-mfma"],
    "generic": [],
}
"""Instruction sets -> the compiler's flags."""
QUIET = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
"""What pip is told: to use what is installed here."""
HEADERS = sysconfig.get_path("include")


def compiler() -> list[str] | None:
    """The words of the C compiler that a build takes here; None without one, or without Python's headers."""
    words = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "")
    there = words and shutil.which(words[0]) and Path(HEADERS, "Python.h").exists()
    return words if there else None


def built_sets() -> list[str]:
    """The sets that a build makes here."""
    x86 = sysconfig.get_platform().endswith(("x86_64", "amd64"))
    return [name for name, flags in SETS.items() if compiler() and (x86 or not flags)]


needs_compiler = pytest.mark.skipif(compiler() is None, reason="needs GCC or Clang, and Python's headers")


def file_of(name: str) -> str:
    """The module of a set, in the tree or a wheel."""
    return f"pysketch/native/_{name}{sysconfig.get_config_var('EXT_SUFFIX')}"


def copy_tree(folder: Path, optimize: str = "-O3") -> Path:
    """A copy of the tree without what an earlier build or install left in it.

    optimize: -O0 is built in an eighth of the time, and computes the same, slowly.
    """
    left = shutil.ignore_patterns("*.pyc", "*.so", "*.pyd")
    shutil.copytree(
        ROOT, folder, ignore=lambda at, found: left(at, found) | ({*found} - NAMES if at == str(ROOT) else set())
    )
    setup = folder / "setup.py"
    setup.write_text(setup.read_text(encoding="utf-8").replace('"-O3"', f'"{optimize}"'), encoding="utf-8")
    return folder


def needs_setuptools() -> None:
    """Skip where there is no pip, or no setuptools that can build."""
    try:
        old = int(version("setuptools").split(".")[0]) < 77
    except PackageNotFoundError:
        old = True
    if old or find_spec("pip") is None:
        pytest.skip('needs pip and setuptools>=77: pip install -e ".[test]"')


def run(*words: object, cwd: Path, status: int = 0, **more: str) -> tuple[str, str]:
    """What a command wrote to stdout and stderr; it must end so. more: of its environment, which has no PYTHONPATH."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYSKETCH_KERNELS")}
    told = {"capture_output": True, "text": True, "check": False}
    done = subprocess.run(list(map(str, words)), cwd=cwd, env=environment | more, **told)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout, done.stderr


def fresh(folder: Path) -> Path:
    """The Python of a new environment that sees what is installed here, but no editable pysketch."""
    venv.create(folder, symlinks=os.name != "nt", with_pip=False)
    (site,) = folder.rglob("site-packages")
    dependencies = dict.fromkeys(sysconfig.get_path(kind) for kind in ("purelib", "platlib"))
    (site / "dependencies.pth").write_text("\n".join(dependencies))
    return folder / ("Scripts" if os.name == "nt" else "bin") / "python"


def build_in_place(tree: Path, **more: str) -> str:
    """The kernels beside their sources; what the build says."""
    return "".join(run(sys.executable, "setup.py", "build_ext", "--inplace", cwd=tree, **more))

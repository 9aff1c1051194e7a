"""The compiled kernels built, changed, built again, left out; installs with and without a compiler."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from kernel_builds import (
    HEADERS,
    QUIET,
    ROOT,
    SETS,
    build_in_place,
    built_sets,
    compiler,
    copy_tree,
    file_of,
    fresh,
    needs_compiler,
    needs_setuptools,
    run,
)

pytestmark = pytest.mark.slow

NONE = "no compiled kernels: this install has none; they need GCC or Clang and Python's headers: pip install -e . again"
DRAW = """
import sys
import numpy as np
import pysketch
module = pysketch.native.kernels()
net = pysketch.Sketcher("netdefs/pretrained/sr.h5").net
x = np.random.default_rng(1).random((1, 5, 41, 37), np.float32)
np.save(sys.argv[1], net.forward(data=x)["prediction"])
print(module and module.__file__, "|", *pysketch.native.loader.import_module("pysketch.native._generic").sets)
"""


@pytest.fixture
def tree(tmp_path):
    """A copy of its own."""
    needs_setuptools()
    return copy_tree(tmp_path / "tree", "-O0")


@needs_compiler
def test_every_set_is_built_and_those_that_this_cpu_has_compute_the_same(tmp_path):
    needs_setuptools()
    tree = copy_tree(tmp_path / "tree")
    build_in_place(tree)
    assert sorted(path.relative_to(tree).as_posix() for path in tree.glob("pysketch/native/_*.*")) == sorted(
        ["pysketch/native/__init__.py", *map(file_of, built_sets())]
    )
    found, runs = {}, ["generic"]
    for name in ("none", *built_sets()[::-1]):
        if name in ("none", *runs):
            out = tmp_path / f"{name}.npy"
            told, _ = run(sys.executable, "-c", DRAW, out, cwd=tree, PYSKETCH_KERNELS=name)
            file, runs = told.split("|")[0].strip(), told.split("|")[1].split()
            assert file == ("None" if name == "none" else str(tree / file_of(name)))
            found[name] = np.load(out)
    for name, prediction in found.items():
        np.testing.assert_allclose(prediction, found["none"], rtol=1e-4, atol=1e-2, err_msg=name)
    assert len(found) >= 2


def kernels_of(tree, **more):
    """What a fresh process says of the tree's kernels, and its stderr."""
    code = "import pysketch; print(pysketch.native.describe()); pysketch.native.kernels()"
    out, err = run(sys.executable, "-c", code, cwd=tree, **more)
    return out.strip(), err.strip()


@needs_compiler
def test_kernels_of_a_changed_header_are_refused_until_they_are_built_again(tree):
    said = build_in_place(tree)
    assert said.count("building 'pysketch.native._") == len(built_sets())
    before = kernels_of(tree)
    assert before[0].startswith("compiled kernels (")
    assert before[1] == ""
    assert "building" not in build_in_place(tree)
    with open(tree / "pysketch/native/calls.h", "a", encoding="utf-8") as header:
        header.write("/* changed */\n")
    told, warned = kernels_of(tree)
    assert "was built from other sources than lie here now; pip install -e . again" in told
    assert warned == told
    assert build_in_place(tree).count("building 'pysketch.native._") == len(built_sets())
    assert kernels_of(tree) == before


@needs_compiler
def test_a_build_that_fails_leaves_no_kernels_of_an_earlier_one(tree):
    build_in_place(tree)
    with open(tree / "pysketch/native/calls.h", "a", encoding="utf-8") as header:
        header.write("#if !defined(__AVX2__)\n#error none of this\n#endif\n")
    said = build_in_place(tree)
    assert 'building extension "pysketch.native._generic" failed' in said
    assert not (tree / file_of("generic")).exists()
    assert kernels_of(tree) == (NONE, "")


def install(python, tree, **more):
    """What `pip install -e .` does, with what is there."""
    run(sys.executable, "-m", "pip", "--python", python, "install", *QUIET, "-e", tree, cwd=tree.parent, **more)


def drawn(python, tree, folder):
    """The lines that a tool says on its way, from an empty folder; it draws."""
    folder.mkdir()
    shutil.copy(tree / "netdefs/pretrained/face.png", folder)
    _, err = run(python, tree / "tools/deploy.py", "sr", "face.png", "-o", "sketch.png", cwd=folder)
    assert (folder / "sketch.png").exists()
    return err


def test_an_editable_install_without_a_compiler_succeeds_draws_and_says_so(tree, tmp_path):
    python = fresh(tmp_path / "venv")
    install(python, tree, CC="false")
    assert f"math mode default, {NONE}." in drawn(python, tree, tmp_path / "out")
    words = [python, tree / "tools/deploy.py", "sr", "face.png"]
    _, err = run(*words, cwd=tmp_path / "out", status=2, PYSKETCH_KERNELS="generic")
    assert err.splitlines() == [f"error: PYSKETCH_KERNELS=generic: not built; {NONE.partition('; ')[2]}"]


@needs_compiler
def test_editable_installs_follow_what_is_there_and_two_environments_share_the_kernels(tree, tmp_path):
    one, two = fresh(tmp_path / "one"), fresh(tmp_path / "two")
    install(one, tree)
    assert "math mode default, compiled kernels (" in drawn(one, tree, tmp_path / "1")
    install(two, tree)
    for k, python in enumerate((one, two)):
        assert "math mode default, compiled kernels (" in drawn(python, tree, tmp_path / f"2{k}")
    install(one, tree, CC="false")
    for k, python in enumerate((one, two)):
        assert f"math mode default, {NONE}." in drawn(python, tree, tmp_path / f"3{k}")


COMPILERS = [words for words in (compiler(), ["clang"]) if words and shutil.which(words[0])]


@needs_compiler
@pytest.mark.parametrize("words", COMPILERS, ids=lambda words: words[0])
@pytest.mark.parametrize("name", built_sets())
def test_the_c_is_compiled_without_a_warning(words, name, tmp_path):
    strict = ["-Wall", "-Wextra", "-Werror", "-Wno-psabi", "-std=gnu11", "-O3", "-fPIC", *SETS[name]]
    macros = [f"-DKERNELS_NAME={name}", "-DKERNELS_SOURCES=0"]
    source = ROOT / "pysketch/native/module.c"
    run(*words, *strict, *macros, "-isystem", HEADERS, "-c", source, "-o", tmp_path / "module.o", cwd=tmp_path)


USERS = [
    path.relative_to(ROOT).as_posix()
    for path in sorted((ROOT / "tests" / "convolution").glob("test_*.py"))
    if "from pysketch.native import" in path.read_text(encoding="utf-8")
]
"""Tests of what the kernels compute."""
SANITIZED = "-fsanitize=address,undefined"


@pytest.fixture(scope="module")
def sanitized(tmp_path_factory):
    """A tree whose kernels end the process at the first access or operation that is wrong, and what they need."""
    needs_setuptools()
    library = run(*compiler(), "-print-file-name=libasan.so", cwd=ROOT)[0].strip()
    if not Path(library).is_absolute():
        pytest.skip("the compiler has no libasan.so")
    needed = {"LD_PRELOAD": library, "ASAN_OPTIONS": "detect_leaks=0"}
    try:
        run(sys.executable, "-c", "import numpy", cwd=ROOT, **needed)
    except AssertionError:
        pytest.skip("Python does not run under libasan.so here")
    tree = copy_tree(tmp_path_factory.mktemp("sanitized") / "tree", "-O1")
    build_in_place(tree, CFLAGS=f"{SANITIZED} -fno-sanitize-recover=all", LDFLAGS=SANITIZED)
    return tree, needed


@needs_compiler
@pytest.mark.parametrize("name", built_sets())
def test_the_kernels_touch_no_memory_but_theirs(sanitized, name):
    tree, needed = sanitized
    sets = run(sys.executable, "-c", "from pysketch.native import _generic; print(*_generic.sets)", cwd=tree, **needed)
    if name not in sets[0].split():
        pytest.skip(f"this CPU has no {name}")
    assert b"__asan_report" in (tree / file_of(name)).read_bytes()
    # in such a build numbers are rounded at other places
    words = [sys.executable, "-m", "pytest", "-n0", "-q", "-p", "no:cacheprovider", "-k", "not error_is_below"]
    words += ["tests/native", *USERS]
    said, _ = run(*words, cwd=tree, PYSKETCH_KERNELS=name, PYTHONPATH=str(tree), **needed)
    assert "passed" in said


@needs_compiler
@pytest.mark.parametrize("what", ["thread", "address,undefined"])
def test_a_team_does_every_piece_once_and_nothing_at_the_same_time_as_another(what, tmp_path):
    words = [*compiler(), "-O2", "-std=gnu11", "-D_GNU_SOURCE", f"-fsanitize={what}", "-pthread"]
    try:
        run(*words, "-I", ROOT / "pysketch/native", ROOT / "tests/native/team.c", "-o", tmp_path / "team", cwd=tmp_path)
        run(tmp_path / "team", cwd=tmp_path)
    except AssertionError as error:
        if "cannot find" in str(error) or "unexpected memory mapping" in str(error):
            pytest.skip(f"there is no sanitizer of {what} here")
        raise

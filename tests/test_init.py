import subprocess
import sys
from pathlib import Path

import pytest

import pysketch

ROOT = Path(__file__).parents[1]


def test_the_package_offers_what_it_says_it_does():
    assert sorted(pysketch.__all__) == [
        "Context",
        "Gallery",
        "Net",
        "Phase",
        "Sketcher",
        "Solver",
        "get_solver",
        "io",
        "load_solver",
    ]
    assert all(hasattr(pysketch, name) for name in pysketch.__all__)


def test_a_solver_is_got_from_a_file(few_faces):
    path = ROOT / "solver" / "quick_solver.txt"
    solver = pysketch.get_solver(path, seed=3, data_source="synthetic")
    assert isinstance(solver, pysketch.Solver)
    assert (solver.context.seed, solver.iter) == (3, 0)


def brought(code):
    """The modules that a fresh Python has after this code and had not before."""
    code = f"import sys; before = {{*sys.modules}}\n{code}\nprint(*sorted({{*sys.modules}} - before), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {*done.stderr.split()}


def test_importing_it_imports_no_room_and_no_library():
    modules = brought("import pysketch")
    assert {name for name in modules if name.startswith("pysketch")} == {
        *("pysketch", "pysketch.doors", "pysketch.doors.door"),
        *("pysketch.doors.registry", "pysketch.doors.stand_ins"),
    }
    assert {name.split(".")[0] for name in modules} - {*sys.stdlib_module_names} == {"pysketch"}
    assert len(modules) < 40


def test_drawing_a_photo_imports_what_it_needs(tmp_path):
    """No library that takes long and is for something else; of the rooms, no file of training, searching or reports."""
    photo, net = ROOT / "netdefs" / "pretrained" / "face.png", ROOT / "netdefs" / "pretrained" / "sr.h5"
    modules = brought(f"import pysketch; pysketch.Sketcher({str(net)!r})({str(photo)!r})")
    libraries = {name.split(".")[0] for name in modules} - {*sys.stdlib_module_names}
    assert {name for name in libraries if not name.startswith("_")} == {
        *("pysketch", "numpy", "h5py", "PIL", "threadpoolctl", "cython_runtime"),
    }
    assert not modules & {"numpy.random", "secrets", "difflib", "csv"}
    rooms = {name.split(".")[1] for name in modules if name.startswith("pysketch.")}
    assert not rooms & {"baselines", "caffe", "interop", "page", "report", "search", "solver"}
    assert len([name for name in modules if name.startswith("pysketch.")]) < 85


TOOLS = sorted(path.stem for path in (ROOT / "tools").glob("*.py") if path.stem != "common")


@pytest.mark.parametrize("tool", [tool for tool in TOOLS if tool in ("__main__", "evaluate")])
def test_a_tools_help_waits_for_nothing_that_computes(tool):
    help_waits_for_nothing(tool)


@pytest.mark.slow
@pytest.mark.parametrize("tool", [tool for tool in TOOLS if tool not in ("__main__", "evaluate")])
def test_any_tools_help_waits_for_nothing_that_computes(tool):
    help_waits_for_nothing(tool)


def help_waits_for_nothing(tool):
    path = ROOT / "tools" / f"{tool}.py"
    modules = brought(f"""
import runpy
sys.path.insert(0, {str(path.parent)!r})
sys.argv = [{str(path)!r}, "--help"]
try:
    runpy.run_path({str(path)!r}, run_name="__main__")
except SystemExit as stop:
    assert stop.code == 0
""")
    assert {name.split(".")[0] for name in modules} - {*sys.stdlib_module_names} == {"pysketch", "common"}
    assert len(modules) < 130


def test_its_version_is_the_one_that_is_installed():
    from importlib.metadata import version

    assert version("pysketch") == pysketch.__version__

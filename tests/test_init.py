import subprocess
import sys
from pathlib import Path

import pysketch


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
    path = Path(__file__).parents[1] / "solver" / "quick_solver.txt"
    solver = pysketch.get_solver(path, seed=3, data_source="synthetic")
    assert isinstance(solver, pysketch.Solver)
    assert (solver.context.seed, solver.iter) == (3, 0)


def test_importing_it_imports_no_library_that_takes_long_and_may_not_be_needed():
    code = "import sys, pysketch; print(*{'cupy', 'scipy', 'matplotlib', 'torch', 'dlib', 'mpi4py'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_its_version_is_the_one_that_is_installed():
    from importlib.metadata import version

    assert version("pysketch") == pysketch.__version__

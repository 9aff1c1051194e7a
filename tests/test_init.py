import subprocess
import sys
from pathlib import Path

import pysketch


def test_the_package_offers_what_it_says_it_does():
    assert sorted(pysketch.__all__) == [
        "Context",
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


def test_importing_it_on_a_machine_without_a_gpu_does_not_import_cupy():
    code = "import sys, pysketch; sys.exit('cupy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_its_version_is_the_one_that_is_installed():
    from importlib.metadata import version

    assert version("pysketch") == pysketch.__version__

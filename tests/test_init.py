import subprocess
import sys

import pysketch


def test_the_package_offers_what_it_says_it_does():
    assert sorted(pysketch.__all__) == ["Net", "Phase", "Sketcher", "Solver", "load_solver"]
    assert all(callable(getattr(pysketch, name)) for name in pysketch.__all__)


def test_importing_it_on_a_machine_without_a_gpu_does_not_import_cupy():
    code = "import sys, pysketch; sys.exit('cupy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_its_version_is_the_one_that_is_installed():
    from importlib.metadata import version

    assert version("pysketch") == pysketch.__version__

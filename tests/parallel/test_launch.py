"""Which mpirun is taken: that of the MPI which mpi4py finds."""

import json
import subprocess
from types import SimpleNamespace

import pytest

from pysketch.errors import ParallelError
from pysketch.parallel import launch

MPICH, OPEN_MPI = "MPICH Version: 5.0.2\nmore", "Open MPI v4.1.4, package: Debian"


@pytest.fixture
def world(monkeypatch, tmp_path):
    """A machine: what mpi4py says when asked, and what each file called mpirun says of its version."""
    told = {}

    def run(command, **options):
        status, text = told.get(command[0], (0, told["mpi4py"]))
        return SimpleNamespace(returncode=status, stdout=text, stderr=text)

    def mpirun(folder, version, status=0):
        path = tmp_path / folder / "bin" / "mpirun"
        path.parent.mkdir(parents=True)
        path.write_text("")
        path.chmod(0o755)
        told[str(path)] = status, version
        return str(path)

    def loads(version, folder):
        told["mpi4py"] = json.dumps([version, [str(tmp_path / folder / "lib" / "x86" / "libmpi.so")]])

    monkeypatch.setattr(launch, "subprocess", SimpleNamespace(run=run))
    monkeypatch.setattr(launch.sys, "executable", str(tmp_path / "venv" / "bin" / "python"))
    monkeypatch.setenv("PATH", str(tmp_path / "system" / "bin"))
    return SimpleNamespace(mpirun=mpirun, loads=loads, told=told)


def test_the_mpirun_beside_the_library_is_taken_before_others(world):
    world.mpirun("venv", "HYDRA 5.0")
    near = world.mpirun("opt", "HYDRA 4.0")
    world.loads(MPICH, "opt")
    assert launch.find_mpirun() == near


def test_one_of_another_family_or_one_that_fails_is_passed_over(world):
    world.mpirun("opt", "HYDRA 4.0")
    world.mpirun("venv", "mpirun (Open MPI) 5.0", status=1)
    last = world.mpirun("system", "mpirun (Open MPI) 4.1.4")
    world.loads(OPEN_MPI, "opt")
    assert launch.find_mpirun() == last


def test_an_mpi_without_its_mpirun_is_one_line(world):
    world.mpirun("system", "mpirun (Open MPI) 4.1.4")
    world.loads(MPICH, "opt")
    with pytest.raises(ParallelError, match=r"^the MPI of mpi4py \(MPICH Version: 5.0.2\) has no mpirun here; pip"):
        launch.find_mpirun()


def test_without_the_extra_one_line_says_how_to_get_it(monkeypatch):
    failed = SimpleNamespace(returncode=1, stderr="Traceback\nModuleNotFoundError: No module named 'mpi4py'\n")
    monkeypatch.setattr(launch, "subprocess", SimpleNamespace(run=lambda *command, **options: failed))
    message = r"^mpi4py and an MPI are needed \(ModuleNotFoundError: No module named 'mpi4py'\); pip install -e"
    with pytest.raises(ParallelError, match=message):
        launch.find_mpirun()


@pytest.mark.slow
def test_it_starts_as_many_processes_as_it_is_told():
    pytest.importorskip("mpi4py")
    told = subprocess.run([launch.find_mpirun(), "-n", "2", "echo", "here"], capture_output=True, text=True)
    assert told.stdout.split() == ["here", "here"]

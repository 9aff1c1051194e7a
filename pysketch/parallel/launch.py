"""The mpirun that belongs to the MPI which mpi4py finds, for commands that start processes themselves."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from pysketch.errors import ParallelError
from pysketch.shipped import how_to_install

OVERSUBSCRIBED = {"PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe", "OMPI_MCA_rmaps_base_oversubscribe": "1"}
"""Environment variables that let an Open MPI, 5 and 4, start more processes than there are cores; MPICH needs none."""

_ASK = """
import json, os, re
import mpi4py
mpi4py.rc.initialize = False
from mpi4py import MPI
maps = open("/proc/self/maps").read() if os.path.exists("/proc/self/maps") else ""
print(json.dumps([MPI.Get_library_version(), sorted(set(re.findall(r"/\\S*/libmpi\\S*", maps)))]))
"""
"""What a process of its own is asked: this one must not load an MPI, which could then not be started again."""


def find_mpirun() -> str:
    """The path of the mpirun: near the library that mpi4py loads, else beside this Python, else where the shell looks.

    One of another family (Open MPI or not) is passed over. ParallelError if mpi4py, an MPI or its mpirun is not there.
    """
    asked = subprocess.run([sys.executable, "-c", _ASK], capture_output=True, text=True)
    if asked.returncode:
        reason = (asked.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise ParallelError(f"mpi4py and an MPI are needed ({reason}); {how_to_install('mpi')}")
    version, libraries = json.loads(asked.stdout)
    for path in _candidates(libraries):
        told = subprocess.run([path, "--version"], capture_output=True, text=True)
        if not told.returncode and _is_open_mpi(told.stdout) == _is_open_mpi(version):
            return path
    library = version.split(",")[0].split("\n")[0].strip()
    raise ParallelError(f"the MPI of mpi4py ({library}) has no mpirun here; {how_to_install('mpi')}")


def _candidates(libraries: list[str]) -> Iterator[str]:
    """Paths of files called mpirun, the likeliest first."""
    folders = [parent / "bin" for library in libraries for parent in Path(library).parents]
    for folder in [*folders, Path(sys.executable).parent]:
        if found := shutil.which("mpirun", path=str(folder)):
            yield found
    for name in ("mpirun", "mpirun.openmpi", "mpirun.mpich"):
        if found := shutil.which(name):
            yield found


def _is_open_mpi(text: str) -> bool:
    return "Open MPI" in text

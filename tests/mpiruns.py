"""Real mpiruns of this checkout, for tests."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MPIRUN = shutil.which("mpirun", path=os.path.dirname(sys.executable)) or shutil.which("mpirun")
MISSING = [name for name, found in (("mpi4py", importlib.util.find_spec("mpi4py")), ("mpirun", MPIRUN)) if not found]
needs_mpirun = pytest.mark.skipif(bool(MISSING), reason=f'no {" and no ".join(MISSING)}: pip install -e ".[mpi]"')
AS_ROOT = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
}


def start(size, command, log):
    """An mpirun of so many processes; what they write goes to a file."""
    return start_all([MPIRUN, "-n", str(size), *map(str, command)], log)


def start_all(command, log):
    """A command, whose PYTHONPATH leads to this checkout."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, **AS_ROOT, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"}
    with open(log, "wb") as file:
        return subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, env=environment, cwd=log.parent)


def run(size, command, log):
    """(status, what was written)."""
    status = start(size, command, log).wait(timeout=300)
    return status, log.read_text()


def wait_for(text, log, process, seconds=120):
    """Return when the text is in the log."""
    end = time.monotonic() + seconds
    while text not in log.read_text():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.05)

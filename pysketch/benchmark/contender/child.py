"""One contender of tools/benchmark.py in a process of its own: it works when told to, over a pipe, else sleeps.

So no contender's threads wait busily while another's work is timed, and each has its own peak of memory.
Not for calling by hand: `race` starts it. It reads one request a line and answers each with one JSON object a
line. This process imports pysketch only to be the contender "pysketch".
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import re
import sys
import traceback
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from .clock import clock_of
from .libraries import LIBRARIES
from .peers import Arrays, make_peer
from .searchers import SEARCHERS, make_searcher

OURS = "pysketch"

JOB = "job.json"
"""What is to be done, in a race's folder."""


def main(folder: Path, name: str, requests: TextIO, answers: TextIO) -> None:
    """Serve requests until they end.

    "job K" lays down what was in hand and takes the job in the folder's Kth folder; a folder with a job.json of its
    own begins with that.
    """
    importlib.import_module({**LIBRARIES, **SEARCHERS}.get(name, (OURS,))[0])
    imported = peak_bytes()
    try:
        contender = make_contender(folder, name) if (folder / JOB).exists() else None
        path = folder / f"{name}.npz"
        _say(answers, {"imported_bytes": imported})
        for line in requests:
            request, *numbers = line.split()
            if request == "job":
                contender, path = None, folder / numbers[0] / f"{name}.npz"
                gc.collect()  # before the next one needs the memory
                contender = make_contender(path.parent, name)
                _say(answers, {})
            else:
                _say(answers, REQUESTS[request](contender, path, *map(int, numbers)))
    except Exception as error:
        problem = _bad_luck(name, error)
        if problem is None:
            traceback.print_exc()
            problem = f"{type(error).__name__}: {' '.join(str(error).split())}"
        _say(answers, {"error": problem})


def make_contender(folder: Path, name: str) -> Any:
    """Ourselves or a peer, with the job, weights and inputs in the folder; or somebody who looks for people."""
    job = json.loads((folder / JOB).read_text(encoding="utf-8"))
    if name in SEARCHERS:
        return make_searcher(name, folder, job)
    if name == OURS:
        from pysketch.benchmark.ours import Ours

        return Ours(folder, job)
    rate = job["rate"] if job["phase"] == "train" else None
    return make_peer(
        name, folder, read_arrays(folder / "inputs.npz"), job["threads"], rate, (job["device"], job["math"])
    )


def _bad_luck(name: str, error: Exception) -> str | None:
    """In one line, that there is too little memory or no such device; None for errors of ours."""
    if name != OURS:
        return f"not enough memory: {error}" if isinstance(error, MemoryError) else None
    from pysketch.device import out_of_memory
    from pysketch.errors import PysketchError

    return str(error) if isinstance(error, PysketchError) else out_of_memory(error)


def read_arrays(path: Path) -> Arrays:
    """The arrays of an .npz file, by name."""
    with np.load(path, allow_pickle=False) as file:
        return dict(file)


def peak_bytes() -> int | None:
    """The most memory that this process has had so far, in bytes; None where the system does not say.

    Not getrusage on Linux: there a process also answers for what its parent held when it was started.
    """
    status = Path("/proc/self/status")
    if status.exists():
        found = re.search(r"^VmHWM:\s+(\d+) kB$", status.read_text(), re.MULTILINE)
        return int(found[1]) * 1024 if found else None
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return None


def _check(contender: Any, path: Path) -> dict[str, Any]:
    np.savez(path, **contender.check())
    return {}


def _step(contender: Any, path: Path) -> dict[str, Any]:
    return asdict(*clock_of(contender).time([contender.step]))


def _parts(contender: Any, path: Path) -> dict[str, Any]:
    parts = contender.parts()
    times = clock_of(contender).time(list(parts.values()))
    return {"parts": {name: asdict(each) for name, each in zip(parts, times, strict=True)}}


def _device(contender: Any, path: Path) -> dict[str, Any]:
    return {"device_bytes": contender.device_bytes()}


def _peak(contender: Any, path: Path) -> dict[str, Any]:
    return {"peak_bytes": peak_bytes()}


def _layers(contender: Any, path: Path) -> dict[str, Any]:
    return {"layers": contender.time_layers()}


def _workspace(contender: Any, path: Path) -> dict[str, Any]:
    return {"workspace_bytes": contender.measure_workspace()}


def _work(contender: Any, path: Path) -> dict[str, Any]:
    return {"work": [asdict(work) for work in contender.count_work()]}


def _machine(contender: Any, path: Path, order: int, nbytes: int) -> dict[str, Any]:
    return asdict(contender.measure_machine(order, nbytes))


def _load(contender: Any, path: Path) -> dict[str, Any]:
    return contender.load()


def _find(contender: Any, path: Path) -> dict[str, Any]:
    return contender.find()


def _memory(contender: Any, path: Path) -> dict[str, Any]:
    return contender.memory()


REQUESTS: dict[str, Callable[..., dict[str, Any]]] = {
    "check": _check,
    "step": _step,
    "parts": _parts,
    "device": _device,
    "peak": _peak,
    "layers": _layers,
    "workspace": _workspace,
    "work": _work,
    "machine": _machine,
    "load": _load,
    "find": _find,
    "memory": _memory,
}
"""What can be asked, some with whole numbers after it; "layers" to "machine" only of ourselves, then of searchers."""


def _say(answers: TextIO, answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


def run(folder: str, name: str) -> None:
    """What the process does: `main` on its standard input and output."""
    pipe = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints must not get between the answers
    main(Path(folder), name, sys.stdin, pipe)

"""What processes that train together must agree on: that they do the same, and when they stop."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pysketch.device import to_host
from pysketch.errors import ParallelError
from pysketch.layers import BatchData
from pysketch.net import Net
from pysketch.netdef import Options, netdef_tree, write
from pysketch.parallel import Communicator
from pysketch.solver.definition import SolverDef
from pysketch.solver.updates import Updater

ACTIONS = None, "snapshot", "stop"
"""What may be requested of a solver; the last one wins."""


def agreed_action(action: str | None, communicator: Communicator) -> str | None:
    """What was requested of any process, by a signal: a stop wins over a snapshot."""
    return ACTIONS[communicator.all_gather(np.array([ACTIONS.index(action)], np.uint8)).max()]


def check_agreement(communicator: Communicator, digests: Mapping[str, str]) -> None:
    """ParallelError, in all processes, if one has another text for any of these things than the first one has."""
    first, *others = map(json.loads, communicator.gather_texts(json.dumps(dict(digests))))
    for rank, found in enumerate(others, 1):
        unlike = [name for name in first if found.get(name) != first[name]]
        if unlike:
            raise ParallelError(
                f"rank {rank} of {communicator.size} does not train what rank 0 does: it has another "
                f"{' and another '.join(unlike)}; every process needs the same files and the same command line"
            )


def solver_digests(definition: SolverDef, iteration: int, nets: Sequence[Net], updater: Updater) -> dict[str, str]:
    """What makes a training what it is, in short texts: what runs, what is told, what is learned from, where it is."""
    net = nets[0]
    context = net.context
    states = [each.layer_states() for each in nets]
    data = [(layer.name, layer.digest()) for each in nets for layer in each.layers if isinstance(layer, BatchData)]
    arrays = [param.blob.data for param in net.learnable] + updater.history
    return {
        "version of pysketch": _hash(*(path.read_bytes() for path in sorted(_ROOT.rglob("*.py")))),
        "solver": _hash(repr(_plain(definition.options)).encode(), definition.type.encode()),
        "netdef": _hash(*(write(netdef_tree(each.netdef)).encode() for each in nets)),
        "seed": str(context.seed),
        "kind of device": f"{context.device.kind}, {net.dtype}",
        "data set": _hash(json.dumps(data).encode()),
        "iteration": f"{iteration}, {_hash(json.dumps(states).encode())}",
        "set of weights": _hash(*(to_host(array).tobytes() for array in arrays)),
    }


def _plain(value: Any) -> Any:
    """A message's options by their names, without where they were written."""
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if not isinstance(value, Options):
        return value
    return {name: _plain(each) for name, each in vars(value).items() if name != "extra" and not name.startswith("_")}


_ROOT = Path(__file__).parents[1]


def _hash(*parts: bytes) -> str:
    made = hashlib.sha256()
    for part in parts:
        made.update(len(part).to_bytes(8, "little") + part)
    return made.hexdigest()

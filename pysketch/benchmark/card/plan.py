"""What a report on a card is made of: which nets, batches, sizes and runs, in how much time."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from pysketch.benchmark.machine import COPIED, ORDERS
from pysketch.benchmark.nets import Job
from pysketch.device import Workers
from pysketch.shipped import folder

NETS = ("medium", "sr", "small", "large", "portrait")
"""The nets that are raced, in this order, so that the most telling is there if time runs out."""


def _shipped() -> tuple[str, ...]:
    return tuple(str(folder("netdefs") / f"{name}.prototxt") for name in NETS)


@dataclass(frozen=True)
class Plan:
    """All that a section is told.

    seconds: for all sections together. nets: netdef files. batches, size: of the races; size None: the netdefs' own.
    small: (width, height) of the images whose gradients are compared with the CPU's, which takes its time there.
    runs: how often a step is timed, fewer where `patience` seconds are over. order, copied: of the large product and
    copy that rooflines rest on. photo: what the pretrained nets draw on both devices; None: nothing. solver: the file
    of a training whose iteration's calls are counted; None: none. peers: by math mode.
    """

    device: str = "gpu:0"
    seconds: float = 450
    nets: tuple[str, ...] = field(default_factory=_shipped)
    batches: tuple[int, ...] = (1, 8, 88)
    size: tuple[int, int] | None = None
    small: tuple[int, int] = (80, 104)
    runs: int = 10
    patience: float = 5
    threads: int = field(default_factory=lambda: Workers().threads)
    seed: int = 0
    order: int = ORDERS["gpu"]
    copied: int = COPIED
    photo: str | None = field(default_factory=lambda: str(folder("netdefs") / "pretrained" / "face.png"))
    solver: str | None = field(default_factory=lambda: str(folder("solver") / "quick_solver.txt"))
    peers: dict[str, tuple[str, ...]] = field(
        default_factory=lambda: {"default": ("torch",), "tf32": ("torch", "torch-channels-last")}
    )

    def job(self, netdef: str, phase: str, batch: int, math: str = "default") -> Job:
        """One net's work on the card."""
        return Job(netdef, phase, batch, self.threads, self.seed, self.size, self.device, math, backward=False)

    def small_job(self, netdef: str) -> Job:
        """A training step of two small pairs, whose results are compared with the CPU's."""
        return replace(self.job(netdef, "train", 2), size=self.small)

    def write(self, path: Path) -> None:
        """For another process."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Plan:
        """What `write` wrote."""
        found = json.loads(path.read_text(encoding="utf-8"))
        tuples = {name: tuple(found[name]) for name in ("nets", "batches", "small")}
        size = None if found["size"] is None else tuple(found["size"])
        peers = {math: tuple(names) for math, names in found["peers"].items()}
        return cls(**{**found, **tuples, "size": size, "peers": peers})


def name_of(netdef: str) -> str:
    """What a netdef's net is called in the report: the file's name."""
    return Path(netdef).stem

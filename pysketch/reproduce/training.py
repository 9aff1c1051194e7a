"""Short trainings for tools/reproduce.py: a net of netdefs/ with some options changed, trained, kept and scored."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pysketch.device import Workers
from pysketch.drawing import Sketcher, write_net_file
from pysketch.files import atomic_path
from pysketch.images import Pair, load_pairs
from pysketch.layers import Context
from pysketch.net import Net
from pysketch.netdef import Phase, parse
from pysketch.report import Evaluation, evaluate, net_draw
from pysketch.reproduce.paper import RANKS
from pysketch.shipped import folder
from pysketch.solver import Solver, SolverDef, read_solver

SCORES = ("rmse_0.5", "rmse", "rmse_2", "psnr", "ssim", *(f"rank{n}" for n in RANKS))
"""The columns of a trained net's scores on the test pairs."""


@dataclass(frozen=True)
class Setting:
    """What all experiments share: the data, the folder of results, threads, and how much to shrink trainings.

    quick: trainings of a few iterations and a few test pairs, to see that everything runs.
    """

    data: str
    out: Path
    threads: int | None = None
    quick: bool = False

    def test_pairs(self) -> list[Pair]:
        """The test pairs, or, quick, the first six."""
        return load_pairs(self.data, "test")[: 6 if self.quick else None]

    def training_pairs(self) -> list[Pair]:
        """The training pairs."""
        return load_pairs(self.data, "train")

    def iterations(self, wanted: int) -> int:
        """So many, or, quick, three."""
        return 3 if self.quick else wanted

    def context(self, solver: SolverDef | None = None, seed: int = 0) -> Context:
        """Where and how to work: with `workers`, on the data; as the solver, if it is given, says, else on the CPU."""
        where = {"workers": self.workers, "data_source": self.data}
        return solver.context(**where) if solver else Context(seed=seed, **where)

    @cached_property
    def workers(self) -> Workers:
        """Threads for all nets of this process, all cores unless told otherwise."""
        return Workers(self.threads)


@dataclass(frozen=True)
class Recipe:
    """A training: which net of netdefs/, how many updates, the seed, what differs from its netdef and solver file.

    options: names of options of the data and loss layers -> JSON text, such as "alpha": "0". fields: names of the
    solver file's fields -> text, such as "base_lr": "0.1".
    """

    net: str
    iterations: int
    seed: int
    options: Mapping[str, str]
    fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What the net file is called, so that different recipes never share a file."""
        options = "_".join(f"{name}-{value}" for name, value in self.options.items())
        return re.sub(r"[^\w.+-]", "", f"{self.net}_{self.iterations}_seed{self.seed}_{options}_{self.digest}")

    @property
    def netdef(self) -> str:
        """The netdef's text, with the options."""
        return with_options(_read("netdefs", f"{self.net}.prototxt"), self.options)

    def solver(self, netdef: str) -> str:
        """The text of the solver file, for the netdef at this path; without tests, which only the end result needs."""
        fields = {"net": f'"{netdef}"', "max_iter": str(self.iterations), "random_seed": str(self.seed), "display": "0"}
        fields |= {"snapshot": "0", **self.fields}
        text = re.sub(r"(?m)^test_.*\n", "", _read("solver", f"{self.net}_solver.txt"))
        return with_fields(text, fields)

    @property
    def digest(self) -> str:
        """Tells recipes apart, also where a netdef or a solver file has changed; comments and blanks aside."""
        text = re.sub(r"#.*", "", f"{self.netdef}\n{self.solver('')}")
        return digest(" ".join(text.split()).encode())


def train(setting: Setting, recipe: Recipe) -> Path:
    """Train by the net's practical solver file, with another max_iter and seed; the net file's path.

    Netdef and net are kept in setting.out/nets; a net of this recipe that is there is taken as it is.
    DivergenceError if the training diverges.
    """
    path = net_path(setting, recipe)
    if path.is_file():
        return path
    made = definition(recipe, path)
    solver = Solver(made, setting.context(made), keep_blobs=False)
    with closing(solver):
        solver.step(recipe.iterations)
        write_net_file(path, solver.net)
    return path


def net_path(setting: Setting, recipe: Recipe) -> Path:
    """Where the net of a recipe is kept."""
    return setting.out / "nets" / f"{recipe.name}.h5"


def pairs_of(setting: Setting, recipe: Recipe, phase: Phase) -> list[Pair]:
    """The pairs that a recipe's data layer chooses, not augmented: TRAIN, to learn from; TEST, to be scored on."""
    netdef = definition(recipe, net_path(setting, recipe)).train_net
    net = Net(netdef, phase, setting.context(seed=recipe.seed))
    with closing(net):
        pairs = net.layers[0].pairs
        return [pairs[k] for k in range(len(pairs))]


def definition(recipe: Recipe, path: Path) -> SolverDef:
    """The solver of a recipe; its netdef, with the recipe's options, is written beside the net file `path`."""
    netdef = path.with_suffix(".prototxt")
    with atomic_path(netdef) as temporary:
        temporary.write_text(recipe.netdef, encoding="utf-8")
    return read_solver(parse(recipe.solver(netdef.as_posix()), recipe.name), recipe.name)


def with_options(netdef: str, options: Mapping[str, str]) -> str:
    """A netdef's text with JSON options of its layers' param_str set: name -> JSON text.

    An option that stands there once, comments aside, gets the new value; one that does not is added to the data
    layer, behind its batch_size. ValueError if it stands there twice.
    """
    netdef = re.sub(r"(?m)^\s*#.*\n", "", netdef)
    for name, value in options.items():
        pattern = rf'"{name}": (\[[^\]]*\]|[^,\s}}]+)'
        netdef, found = re.subn(pattern, f'"{name}": {value}', netdef)
        if found > 1:
            raise ValueError(f"{name} stands {found} times in the netdef")
        if not found:
            netdef, found = re.subn(r'("batch_size": \d+,)', rf'\1 "{name}": {value},', netdef)
            if found != 1:
                raise ValueError(f"batch_size stands {found} times in the netdef; expected once")
    return netdef


def with_fields(solver: str, fields: Mapping[str, str]) -> str:
    """A solver file's text with some fields set: name -> text; each must stand there once."""
    for name, value in fields.items():
        solver, found = re.subn(rf"(?m)^{name}: \S+", f"{name}: {value}", solver)
        if found != 1:
            raise ValueError(f"{name} stands {found} times in the solver file; expected once")
    return solver


def score(setting: Setting, path: Path, pairs: Sequence[Pair]) -> Evaluation:
    """A net file on these pairs."""
    return evaluate(path.stem, net_draw(Sketcher(path, setting.context())), pairs)


def scores(evaluation: Evaluation) -> dict[str, float]:
    """The columns of SCORES."""
    means = evaluation.rescaled_rmses.mean(axis=0).tolist()
    values = [*means, float(evaluation.psnrs.mean()), float(evaluation.ssims.mean())]
    values += [evaluation.matched(n) for n in RANKS]
    return dict(zip(SCORES, values, strict=True))


def trained_scores(setting: Setting, recipe: Recipe) -> dict[str, Any]:
    """Train and score: the columns of SCORES."""
    return scores(score(setting, train(setting, recipe), setting.test_pairs()))


def digest(content: bytes) -> str:
    """Eight letters that tell contents apart."""
    return hashlib.sha256(content).hexdigest()[:8]


def _read(kind: str, name: str) -> str:
    return (folder(kind) / name).read_text(encoding="utf-8")

"""Solver definitions: what a solver prototxt says, checked field by field."""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pysketch.device import Device, choose_device
from pysketch.errors import DeviceError, NetdefError, counted, did_you_mean
from pysketch.files import as_read, backslash_hint, find_file, where_looked
from pysketch.layers import Context
from pysketch.netdef import NET_STATE, Choice, Kind, Message, Option, Options, Setting, Table, load, put
from pysketch.solver.lr_policy import LR_POLICIES
from pysketch.solver.updates import UPDATE_RULES

logger = logging.getLogger(__name__)

_SOLVER_TYPES = tuple(UPDATE_RULES)  # in the order of Caffe's enum

SOLVER = Table(
    "SolverParameter",
    (
        Option("net", Kind.STRING, "", help="netdef for training and testing"),
        Option("train_net", Kind.STRING, "", help="netdef for training, instead of net"),
        Option("test_net", Kind.STRING, repeated=True, help="netdefs for testing, besides net"),
        Option("train_state", NET_STATE, help="level and stages of the training net"),
        Option("test_state", NET_STATE, repeated=True, help="one for each test net, or none"),
        Option(
            "test_iter",
            Kind.INT32,
            repeated=True,
            low=0,
            help="batches in a test of each test net; 0 or none at all: every item of its data once",
        ),
        Option("test_interval", Kind.INT32, 0, low=0, help="iterations between tests; 0: no tests"),
        Option("test_compute_loss", Kind.BOOL, False, help="log the test nets' loss too"),
        Option("test_initialization", Kind.BOOL, True, help="test once before the first iteration"),
        Option("base_lr", Kind.FLOAT, 0.0, low=0.0, help="the learning rate that lr_policy starts from"),
        Option("display", Kind.INT32, 0, low=0, help="iterations between log lines; 0: none"),
        Option("average_loss", Kind.INT32, 1, low=1, help="log the mean loss of so many iterations"),
        Option("max_iter", Kind.INT32, 0, low=0, help="updates that solve() makes; step(n) needs none"),
        Option("iter_size", Kind.INT32, 1, low=1, help="batches whose gradients make one update"),
        Option("micro_batch", Kind.INT32, 0, low=0, help="pysketch's own: run a batch so many items at a time"),
        Option("lr_policy", Kind.STRING, "fixed", help=", ".join(LR_POLICIES)),
        Option("gamma", Kind.FLOAT, 0.0, low=0.0, help="step, exp, inv, multistep, sigmoid"),
        Option("power", Kind.FLOAT, 0.0, help="inv, poly"),
        Option("stepsize", Kind.INT32, 0, low=0, help="step, sigmoid: iterations"),
        Option("stepvalue", Kind.INT32, repeated=True, low=0, help="multistep: iterations, ascending"),
        Option("type", Kind.STRING, "SGD", help=", ".join(_SOLVER_TYPES)),
        Option("solver_type", Choice({name.upper(): k for k, name in enumerate(_SOLVER_TYPES)}), help="old `type`"),
        Option("momentum", Kind.FLOAT, 0.0, low=0.0, help="mu; Adam's beta1"),
        Option("momentum2", Kind.FLOAT, 0.999, low=0.0, help="Adam's beta2"),
        Option("rms_decay", Kind.FLOAT, 0.99, low=0.0, help="RMSProp's rho"),
        Option("delta", Kind.FLOAT, 1e-8, low=0.0, help="keeps divisions finite"),
        Option("weight_decay", Kind.FLOAT, 0.0, help="strength of regularization_type"),
        Option("regularization_type", Kind.STRING, "L2", help="L2 or L1"),
        Option("clip_gradients", Kind.FLOAT, -1.0, help="longest gradient over all params; < 0: any"),
        Option("snapshot", Kind.INT32, 0, low=0, help="iterations between snapshots; 0: only at the end"),
        Option("snapshot_prefix", Kind.STRING, "", help="path that snapshots' names begin with"),
        Option("snapshot_diff", Kind.BOOL, False, help="store the gradients too"),
        Option(
            "snapshot_format", Choice({"HDF5": 0, "BINARYPROTO": 1}), "HDF5", help="Caffe's own default is BINARYPROTO"
        ),
        Option("snapshot_after_train", Kind.BOOL, True, help="one more at the end"),
        Option("solver_mode", Choice({"CPU": 0, "GPU": 1}), "GPU", help="neither: the GPU if it works, or the CPU"),
        Option("device_id", Kind.INT32, 0, low=0, help="which GPU"),
        Option("random_seed", Kind.INT64, -1, high=2**32 - 1, help="of fillers and data order; < 0: another each time"),
        Option("debug_info", Kind.BOOL, False, help="log every blob's mean magnitude"),
        Option("weights", Kind.STRING, repeated=True, help="weights files to start from"),
        Option("layer_wise_reduce", Kind.BOOL, True, help="Caffe's; has no effect here"),
    ),
    unsupported=("train_net_param", "test_net_param", "net_param"),
    instead="; write the net into a file of its own and name it with net",
)


@dataclass(frozen=True)
class SolverDef:
    """A solver file: its options, where it stands, and what was set beside it, in it and in its netdefs."""

    options: Options
    filename: str
    settings: tuple[Setting, ...] = ()

    def error(self, option: str, message: str) -> NetdefError:
        """An error that points at an option of the file."""
        return NetdefError(f"{self.options.position(option)}: {message}")

    @property
    def type(self) -> str:
        """The solver's type, also where the old `solver_type` names it."""
        if self.options.given("solver_type"):
            return next(name for name in _SOLVER_TYPES if name.upper() == self.options.solver_type)
        return self.options.type

    @property
    def train_net(self) -> str:
        """Path of the netdef to train."""
        return self.options.train_net or self.options.net

    @property
    def test_nets(self) -> list[str]:
        """Paths of the netdefs to test, one for each test_iter: those of test_net, then net.

        Without any test_iter each of them once, if there are tests.
        """
        nets = list(self.options.test_net)
        tests = len(self.options.test_iter) or (len(nets) + 1 if self.options.test_interval else 0)
        if self.options.net:
            nets += [self.options.net] * (tests - len(nets))
        return nets

    @property
    def layer_settings(self) -> tuple[Setting, ...]:
        """What was set of the netdefs' layers."""
        return tuple(each for each in self.settings if not _is_of_solver(each))

    def find_netdef(self, path: str) -> str:
        """Where a netdef of the file is: from the working directory, else beside the file, else in the folder above.

        NetdefError says where it was looked for.
        """
        option = next((name for name in ("net", "train_net") if path == getattr(self.options, name)), "test_net")
        return self._find(option, path, "netdef")

    @property
    def folders(self) -> tuple[str, ...]:
        """Where relative paths are looked for after the working directory: beside the file, in the folder above."""
        here = Path(self.filename).absolute().parent
        return os.fspath(here), os.fspath(here.parent)

    @property
    def weights(self) -> list[str]:
        """Where the weights files to start from are, looked for as netdefs; Caffe lets a text name several, by commas.

        NetdefError says where one was looked for.
        """
        texts = (
            each for text in self.options.weights for each in ([text] if os.path.exists(text) else text.split(","))
        )
        return [self._find("weights", text.strip(), "weights file") for text in texts]

    def _find(self, option: str, path: str, what: str) -> str:
        found = find_file(path, self.folders)
        if os.path.exists(found) or (os.path.isabs(found) and what == "netdef"):
            return found
        raise self.error(option, f"{as_read(path)}: no such {what}{where_looked(path, self.folders)}")

    @property
    def prefix(self) -> str:
        """What snapshots' names begin with: the file's path without suffix if the file says nothing."""
        prefix = self.options.snapshot_prefix
        if not prefix:
            return os.fspath(Path(self.filename).with_suffix(""))
        if Path(prefix).is_dir() or prefix.endswith(("/", os.sep)):
            return os.fspath(Path(prefix) / Path(self.filename).stem)
        return prefix

    def context(self, device: Device | None = None, seed: int | None = None, **others: Any) -> Context:
        """Where and how to work, as the file says: solver_mode, device_id, random_seed; what is given here wins.

        Without a seed here and there another one is drawn each time. others: fields of a `Context`. DeviceError as
        `choose_device`.
        """
        if seed is None:
            seed = self.options.random_seed if self.options.random_seed >= 0 else secrets.randbits(31)
        others.setdefault("folders", self.folders)
        return Context(device or self.choose_device(), seed=seed, **others)

    def choose_device(self, number: int = 0) -> Device:
        """The device of solver_mode and device_id; without a solver_mode the GPU if it works, else the CPU.

        number: of the GPUs from device_id on, which one.
        DeviceError, with its place in the file, for a GPU that is asked for and cannot be used.
        """
        options = self.options
        if not options.given("solver_mode"):
            return choose_device("auto", options.device_id + number)
        if options.solver_mode == "CPU":
            return choose_device("cpu")
        try:
            return choose_device("gpu", options.device_id + number)
        except DeviceError as error:
            raise DeviceError(f"{options.position('solver_mode')}: solver_mode GPU: {error}") from None


def load_solver(path: str | os.PathLike[str], settings: Sequence[str] = ()) -> SolverDef:
    """Read a solver file; NetdefError says where it is wrong.

    settings: ``path=value`` each, as if they stood in the file (``base_lr=0.0005``) or, where the path begins with a
    layer's name, in its netdefs (``data.hold_out=18``, see `net.with_settings`); the last of a path counts, and a
    warning says so.
    """
    last: dict[str, Setting] = {}
    for setting in map(Setting, settings):
        before = last.get(setting.path)
        if before is not None and before.value != setting.value:
            logger.warning("%s is set twice: %s counts, not %s", setting.path, setting.value, before.value)
        last[setting.path] = setting
    return read_solver(load(path), os.fspath(path), tuple(last.values()))


def read_solver(message: Message, filename: str, settings: Sequence[Setting] = ()) -> SolverDef:
    """Check a solver's message tree, into which the settings of the solver's options are put."""
    for layer in (each for each in message.fields if each.name in ("layer", "layers")):
        hint = f'expected a solver file, which names its netdef: net: "{filename}"'
        raise NetdefError(f'{layer.position}: "{layer.name}" belongs in a netdef; {hint}')
    for setting in settings:
        if not _is_of_solver(setting):
            continue
        try:
            put(message, SOLVER, setting.names, setting)
        except NetdefError as error:
            raise NetdefError(f"{error}; an option of a layer is set by LAYER.OPTION, as data.hold_out") from None
    definition = SolverDef(SOLVER.read(message), filename, tuple(settings))
    options = definition.options
    if options.given("type") and options.given("solver_type"):
        raise definition.error("solver_type", "give either type or the old solver_type, not both")
    _check_name(definition, "type", definition.type, UPDATE_RULES)
    _check_name(definition, "lr_policy", options.lr_policy, LR_POLICIES)
    _check_name(definition, "regularization_type", options.regularization_type, ("L1", "L2"))
    _check_paths(definition)
    if not definition.train_net:
        raise NetdefError(f'{filename}: no net to train; give net: "netdefs/medium.prototxt"')
    if options.net and options.train_net:
        raise definition.error("train_net", "give either net or train_net, not both")
    _check_policy(definition)
    _check_tests(definition)
    if definition.type in ("AdaGrad", "RMSProp") and options.momentum:
        raise definition.error("momentum", f"{definition.type} has no momentum; remove it")
    return definition


def _is_of_solver(setting: Setting) -> bool:
    """Whether it is an option of the solver, or in a message of the solver's; else the path begins with a layer."""
    first, *rest = setting.names
    return not rest or any(option.name == first and isinstance(option.kind, Table) for option in SOLVER.options)


def _check_name(definition: SolverDef, option: str, name: str, known: object) -> None:
    if name not in known:
        raise definition.error(
            option, f'unknown {option} "{name}"; expected one of {", ".join(known)}{did_you_mean(name, known)}'
        )


def _check_paths(definition: SolverDef) -> None:
    """Where a backslash of a Windows path became a line break, no file can be meant."""
    for option in ("net", "train_net", "test_net", "weights", "snapshot_prefix"):
        value = getattr(definition.options, option)
        for path in (value,) if isinstance(value, str) else value:
            if not path.isprintable():
                raise definition.error(option, f"{option}: {as_read(path)} is no path{backslash_hint(path)}")


def _check_policy(definition: SolverDef) -> None:
    options = definition.options
    if options.lr_policy == "poly" and not options.max_iter:
        raise definition.error("lr_policy", "lr_policy poly needs a max_iter, at which the rate is 0")
    if options.lr_policy == "step" and options.stepsize < 1:
        raise definition.error("lr_policy", "lr_policy step needs a stepsize of at least 1")
    if options.lr_policy == "multistep" and list(options.stepvalue) != sorted(set(options.stepvalue)):
        raise definition.error("stepvalue", f"stepvalues must ascend, found {list(options.stepvalue)}")


def _check_tests(definition: SolverDef) -> None:
    options = definition.options
    tests = len(definition.test_nets)
    if options.test_interval and not tests:
        raise definition.error("test_interval", "test_interval without a net to test; give net, or test_net")
    if len(options.test_iter) not in (0, tests):
        raise definition.error("test_iter", f"{len(options.test_iter)} test_iter for {counted(tests, 'test net')}")
    if len(options.test_state) not in (0, tests):
        raise definition.error("test_state", f"{len(options.test_state)} test_state for {counted(tests, 'test net')}")

"""Net definitions: what a prototxt file says of a net, checked field by field, before anything is built.

`load_netdef` gives a `NetDef`: a list of `LayerDef` with their positions in the file. A layer's own
section (``convolution_param``) stays unread here: the layer itself declares its options (see `layer`).
"""

from __future__ import annotations

import enum
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from pysketch.errors import NetdefError, Position, did_you_mean
from pysketch.netdef.options import Choice, Kind, Option, Options, Table
from pysketch.netdef.prototxt import Message, Scalar, parse, quote, read_text
from pysketch.netdef.upgrade import upgrade_net


class Phase(enum.IntEnum):
    """Whether a net trains or is used; the numbers are Caffe's."""

    TRAIN = 0
    TEST = 1


PHASE = Choice({"TRAIN": 0, "TEST": 1})

PARAM_SPEC = Table(
    "ParamSpec",
    (
        Option("name", Kind.STRING, "", help="params of one name are one param"),
        Option("share_mode", Choice({"STRICT": 0, "PERMISSIVE": 1}), "STRICT", help="same shape, or same count"),
        Option("lr_mult", Kind.FLOAT, 1.0, help="times the solver's rate; 0: never changed"),
        Option("decay_mult", Kind.FLOAT, 1.0, help="times the solver's weight_decay"),
    ),
)

NET_STATE_RULE = Table(
    "NetStateRule",
    (
        Option("phase", PHASE, "TRAIN"),
        Option("min_level", Kind.INT32, 0),
        Option("max_level", Kind.INT32, 0),
        Option("stage", Kind.STRING, repeated=True, help="all of these must be given"),
        Option("not_stage", Kind.STRING, repeated=True, help="none of these may be given"),
    ),
)

NET_STATE = Table(
    "NetState",
    (
        Option("phase", PHASE, "TEST"),
        Option("level", Kind.INT32, 0),
        Option("stage", Kind.STRING, repeated=True),
    ),
)

LAYER = Table(
    "LayerParameter",
    (
        Option("name", Kind.STRING, ""),
        Option("type", Kind.STRING, required=True),
        Option("bottom", Kind.STRING, repeated=True, help="names of the blobs it reads"),
        Option("top", Kind.STRING, repeated=True, help="names of the blobs it writes"),
        Option("loss_weight", Kind.FLOAT, repeated=True, help="one for each top, or none"),
        Option("param", PARAM_SPEC, repeated=True, help="one for each param, in order; or fewer"),
        Option("include", NET_STATE_RULE, repeated=True),
        Option("exclude", NET_STATE_RULE, repeated=True),
        Option("phase", PHASE, "TRAIN"),
        Option("propagate_down", Kind.BOOL, repeated=True, help="one for each bottom, or none"),
    ),
    unsupported=("blobs",),
    open_suffix="_param",
)

BLOB_SHAPE = Table("BlobShape", (Option("dim", Kind.INT64, repeated=True, low=0),))

NET = Table(
    "NetParameter",
    (
        Option("name", Kind.STRING, ""),
        Option("layer", LAYER, repeated=True),
        Option("state", NET_STATE),
        Option("force_backward", Kind.BOOL, False, help="compute the diff of every blob"),
        Option("debug_info", Kind.BOOL, False, help="log every blob's mean magnitude"),
    ),
)


DEPLOY = ("deploy",)
"""The stages of a net that draws, in phase TEST."""

AUTOMATIC = "(automatic)"
"""What Caffe calls a top that it adds to a loss without one; no layer can read it, and it is no output."""


@dataclass(frozen=True)
class LayerDef:
    """One ``layer { ... }``: the generic fields read, its own sections unread, where it stands.

    automatic: how many of its last tops were added by the net. key: its name, made another one than those of all other
    layers of its net; empty until the net is built.
    """

    name: str
    type: str
    position: Position
    bottom: tuple[str, ...] = ()
    top: tuple[str, ...] = ()
    loss_weight: tuple[float, ...] = ()
    param: tuple[Options, ...] = ()
    propagate_down: tuple[bool, ...] = ()
    include: tuple[Options, ...] = ()
    exclude: tuple[Options, ...] = ()
    phase: Phase | None = None
    sections: dict[str, Message] = field(default_factory=dict)
    automatic: int = 0
    key: str = ""

    @property
    def where(self) -> str:
        """How messages name the layer."""
        return f'layer "{self.name}"' if self.name else f"a {self.type} layer without a name"

    @property
    def written_top(self) -> tuple[str, ...]:
        """The tops that the netdef gives it: those that other layers can read."""
        return self.top[: len(self.top) - self.automatic]

    def error(self, message: str, kind: type[Exception] = NetdefError, at: Position | None = None) -> Exception:
        """An exception of `kind` that says where the layer stands."""
        return kind(f"{at or self.position}: {self.where}: {message}")


@dataclass(frozen=True)
class NetState:
    """What include and exclude rules are compared with."""

    phase: Phase = Phase.TEST
    level: int = 0
    stages: tuple[str, ...] = ()

    def meets(self, rule: Options) -> bool:
        """True if phase, levels, all stages and no not_stages of the rule fit this state."""
        return (
            (not rule.given("phase") or Phase[rule.phase] == self.phase)
            and (not rule.given("min_level") or self.level >= rule.min_level)
            and (not rule.given("max_level") or self.level <= rule.max_level)
            and all(stage in self.stages for stage in rule.stage)
            and not any(stage in self.stages for stage in rule.not_stage)
        )


@dataclass(frozen=True)
class NetDef:
    """A whole netdef file: every layer of every phase, and the text it was read from."""

    name: str
    layers: tuple[LayerDef, ...]
    text: str
    filename: str
    state: Options
    force_backward: bool = False
    debug_info: bool = False

    def resolve_state(self, phase: Phase, level: int | None = None, stages: tuple[str, ...] = ()) -> NetState:
        """The state of a net in `phase`: the file's own `state`, with stages appended."""
        level = self.state.level if level is None else level
        return NetState(phase, level, tuple(self.state.stage) + tuple(stages))

    def unknown_stages(self, stages: Sequence[str]) -> list[str]:
        """What to say of each stage that no rule of a layer names: mistyped, it changes nothing, without a word."""
        rules = [rule for layer in self.layers for rule in (*layer.include, *layer.exclude)]
        known = dict.fromkeys(stage for rule in rules for stage in (*rule.stage, *rule.not_stage))
        return [
            f'{self.filename}: no layer has a rule for the stage "{stage}"'
            + (did_you_mean(stage, known) or f"; stages: {', '.join(known) or 'none'}")
            for stage in stages
            if stage not in known
        ]

    def select(self, state: NetState) -> NetDef:
        """The netdef with only those layers that the state includes."""
        return replace(self, layers=tuple(layer for layer in self.layers if is_included(layer, state)))


def is_included(layer: LayerDef, state: NetState) -> bool:
    """Caffe's rule: with includes, any of them must fit; with excludes, none may."""
    if layer.include:
        return any(state.meets(rule) for rule in layer.include)
    return not any(state.meets(rule) for rule in layer.exclude)


def load_netdef(path: str | os.PathLike[str]) -> NetDef:
    """Read a netdef file; NetdefError says where it is wrong."""
    return parse_netdef(read_text(path), os.fspath(path))


def parse_netdef(text: str, filename: str = "<netdef>") -> NetDef:
    """Read a netdef from text; `filename` is what messages call it."""
    message = parse(text, filename)
    _refuse_solver_file(message)
    return netdef_of(upgrade_net(message), text, filename)


def netdef_tree(netdef: NetDef) -> Message:
    """The message tree of a netdef's text, in today's form, to be changed and given to `netdef_of`."""
    return upgrade_net(parse(netdef.text, netdef.filename))


def netdef_of(message: Message, text: str, filename: str) -> NetDef:
    """The netdef of a message tree in today's form; text: what it says, kept as it is."""
    layers = tuple(_layer_def(field.value) for field in message.all("layer") if isinstance(field.value, Message))
    rest = [field for field in message.fields if field.name != "layer" or isinstance(field.value, Scalar)]
    net = NET.read(Message(message.position, rest, message.empty_lists))
    return NetDef(net.name, layers, text, filename, net.state, net.force_backward, net.debug_info)


def _refuse_solver_file(message: Message) -> None:
    """A solver file is told by its options, so that not each of them is an unknown field."""
    options = [each for each in message.fields if each.name in ("net", "train_net", "base_lr", "lr_policy", "max_iter")]
    if options and not message.all("layer") + message.all("layers"):
        what = f'"{options[0].name}" is an option of a solver file'
        raise NetdefError(f"{options[0].position}: {what}; expected a netdef, such as the one that its net names")


def _layer_def(message: Message) -> LayerDef:
    named = [field.value.text for field in message.all("name") if isinstance(field.value, Scalar)]
    options = LAYER.read(message, f"layer {quote(named[0])}" if named else "a layer without a name")
    position = message.position
    layer = LayerDef(
        options.name,
        options.type,
        position,
        options.bottom,
        options.top,
        options.loss_weight,
        options.param,
        options.propagate_down,
        options.include,
        options.exclude,
        Phase[options.phase] if options.given("phase") else None,
        options.extra,
    )
    if layer.include and layer.exclude:
        raise layer.error("include and exclude rules cannot be used together")
    for option, what in (("loss_weight", "top"), ("propagate_down", "bottom")):
        count = len(getattr(layer, what))
        given = len(getattr(layer, option))
        if given not in (0, count) and not (option == "loss_weight" and count == 0):  # the net may add a top
            raise layer.error(
                f"{option} is given {given} times; expected once for each {what} ({count}) or not at all",
                at=options.position(option),
            )
    return layer


def told_apart(names: Iterable[str]) -> list[str]:
    """The names, each once: of several that are equal the first stays, "x", the others become "x#2", "x#3" ..."""
    names = list(names)
    found: dict[str, None] = {}
    for name in names:
        number, made = 1, name
        while made in found or (number > 1 and made in names):
            number += 1
            made = f"{name}#{number}"
        found[made] = None
    return list(found)

"""The base class of all layers and their registry.

A layer declares its type, options and numbers of bottoms and tops, and writes Caffe's four methods::

    @register
    class Scale2(Layer):
        type = "Scale2"
        bottoms = tops = Count(1)

        def reshape(self, bottom, top):
            top[0].reshape(bottom[0].shape)

        def forward(self, bottom, top):
            top[0].data[...] = 2 * bottom[0].data

        def backward(self, top, propagate_down, bottom):
            if propagate_down[0]:
                bottom[0].diff[...] = 2 * top[0].diff
"""

from __future__ import annotations

import math
import os
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from pysketch.convolution import POINT, Fields
from pysketch.device import Blob
from pysketch.doors import Registry
from pysketch.errors import DataError, NetdefError, Position, ShapeError, counted, did_you_mean
from pysketch.files import as_read, find_file, where_looked
from pysketch.layers.context import Context
from pysketch.layers.filling import Filling
from pysketch.layers.share import Share
from pysketch.layers.unsupported import UNSUPPORTED_LAYERS
from pysketch.netdef import Kind, LayerDef, Option, Options, Phase, Table, check_filler

LARGEST_PARAM = 2**28
"""Elements of a param, at most: 1 GiB in float32. A netdef of a few bytes must not take a machine's memory."""


@dataclass(frozen=True)
class Count:
    """How many bottoms or tops a layer takes: exactly `low`, or low..high; high None: any number."""

    low: int
    high: int | None = -1

    def allows(self, n: int) -> bool:
        """True if n blobs are right."""
        high = self.low if self.high == -1 else self.high
        return self.low <= n and (high is None or n <= high)

    def __str__(self) -> str:
        if self.high == -1:
            return f"{self.low}"
        return f"{self.low} or more" if self.high is None else f"{self.low} to {self.high}"


PYTHON = Table(
    "PythonParameter",
    (
        Option("module", Kind.STRING, "", help="the Python module with the layer's class"),
        Option("layer", Kind.STRING, "", help="the name of the class"),
        Option("param_str", Kind.STRING, "", help="the layer's options, for our own layers as a JSON object"),
        Option("share_in_parallel", Kind.BOOL, False, help="Caffe's; has no effect here"),
    ),
)


def saved_count(state: Mapping[str, Any], name: str) -> int:
    """A count, from 0, of a layer's saved state; ValueError if it is none, KeyError if it is not there."""
    value = state[name]
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{name} must be a whole number, found {value!r}")
    return value


class Layer:
    """A node of the graph: reads bottoms, writes tops, owns params (`blobs`).

    `reshape` runs before every forward and only computes shapes. `forward` fills the tops.
    `backward` overwrites the diffs of those bottoms that `propagate_down` names, and adds to the
    diffs of those params that `param_propagate_down` names.

    share: which items of the batch the bottoms hold, where several processes share it. own: of a whole batch that all
    of them hold, the items whose diffs this process needs (None: all); a loss may leave those of the others as they
    are, and do its part of the forward by `context.communicator`.
    """

    type: ClassVar[str] = ""
    section: ClassVar[str | None] = None  # the netdef message with its options: "convolution_param"
    table: ClassVar[Table] = Table("LayerOptions", ())
    more_sections: ClassVar[Mapping[str, Table]] = {}  # further sections: "loss_param"; read into `more`
    bottoms: ClassVar[Count] = Count(1)
    tops: ClassVar[Count] = Count(1)
    as_many_tops_as_bottoms: ClassVar[bool] = False
    in_place: ClassVar[bool] = False  # may a top be its bottom?
    is_loss: ClassVar[bool] = False  # is the first top's loss_weight 1 by default?
    mixes_batch: ClassVar[bool] = False  # does one item's output depend on other items of the batch?
    spans_processes: ClassVar[bool] = False  # if it does: on those of other processes too, by `share`?
    pointwise: ClassVar[bool] = False  # does each row and column of a top depend only on the bottoms' same ones?
    refused_sections: ClassVar[tuple[str, ...]] = ()  # those that setup refuses, where another layer's are ignored
    no_gradient: ClassVar[tuple[int, ...]] = ()  # bottoms that force_backward leaves alone
    learns: ClassVar[bool] = True  # False: its params are statistics that forward keeps, their lr_mult is 0
    holds_tops: ClassVar[bool] = False  # must its tops' data outlive a forward?
    joins_channels: ClassVar[bool] = False  # is its top the bottoms' channels one behind the other?
    takes_images: ClassVar[bool] = False  # may its blobs be contiguous image by image only? Each class says it itself

    def __init_subclass__(cls) -> None:
        """A class that declares no type goes by its own name."""
        cls.type = cls.type or cls.__name__

    def __init__(
        self,
        definition: LayerDef,
        context: Context,
        phase: Phase = Phase.TEST,
        filling: Filling | None = None,
    ) -> None:
        """phase: the net's; a layer's own wins. filling: the net's, by which its layers fill their params in turn."""
        self.definition = definition
        self.name = definition.name
        self.context = context
        self.phase = phase if definition.phase is None else definition.phase
        self.filling = filling or Filling(context.seed)
        self.xp = context.xp
        self.blobs: list[Blob] = []
        self.share = Share()
        self.own: slice | None = None
        self.param_propagate_down: list[bool] = []
        self.options = self.read_options(definition)
        self.more = {
            name: table.read(definition.sections.get(name), definition.where, definition.position)
            for name, table in self.more_sections.items()
        }
        self._check_counts()

    @classmethod
    def resolve(cls, definition: LayerDef, context: Context) -> type[Layer]:
        """The class that really serves a definition of this type; `Python` gives another one."""
        return cls

    @classmethod
    def sections_read(cls, definition: LayerDef) -> set[str]:
        """The names of the sections with its options."""
        python = {"python_param"} if definition.type == "Python" or cls.section is None else set()
        return {*python, *cls.more_sections, *([cls.section] if cls.section else [])}

    @classmethod
    def read_options(cls, definition: LayerDef) -> Options:
        """The layer's options from its section, or, if it has none of its own, from python_param's param_str (JSON)."""
        section = definition.sections.get("python_param")
        if definition.type == "Python" or (cls.section is None and section is not None):
            python = PYTHON.read(section, definition.where)
            return cls.table.read_json(python.param_str, python.position("param_str"), definition.where)
        return cls.table.read(definition.sections.get(cls.section or ""), definition.where, definition.position)

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Once, before the first reshape: make the params, open files."""

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Give every top its shape, from the bottoms' shapes. ShapeError if they do not fit."""
        raise NotImplementedError(f"{type(self).__name__} has no reshape")

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Fill the tops' data; leave the bottoms as they are (in-place layers excepted)."""
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """From the tops' diffs: overwrite the bottoms' diffs, add to the params' diffs."""
        if any(propagate_down):
            raise self.error(f"a {self.type} layer cannot propagate down to its bottoms")

    def in_place_flaw(self, backward: bool) -> str:
        """What in place does not go by the layer's formula, as it does not in Caffe; "" for nothing.

        backward: whether the layer's backward will run.
        """
        return ""

    def receptive_field(self) -> Fields | None:
        """What an element of a top sees of each bottom, along height and width; None: all of it, or nobody knows.

        Known after setup. `pointwise` layers need not write it.
        """
        return (POINT, POINT) if self.pointwise else None

    def state(self) -> dict[str, Any]:
        """What must be saved so that a resumed run goes on the same: a JSON object; {} for most layers."""
        return {}

    def restore_state(self, state: dict[str, Any]) -> None:
        """Take back what `state` gave. ValueError, KeyError or TypeError if it is malformed."""

    @property
    def leaves_traces(self) -> bool:
        """Whether a forward changes what later ones do, or the world: then none may be left out."""
        return bool(self.state())

    def close(self) -> None:
        """End what runs in the background and close files; a later forward starts anew. For most layers: nothing."""

    def generator(self, purpose: str, number: int = 0) -> np.random.Generator:
        """A generator that gives the same numbers for the same seed, layer (by its name), purpose and number."""
        keys = (zlib.crc32(text.encode()) for text in (self.definition.key or self.name, purpose))
        return np.random.default_rng([self.context.seed, *keys, number])

    def add_param(self, values: np.ndarray) -> Blob:
        """Append a param that starts with `values`, in the net's dtype, on the net's device.

        The net moves it when all layers are set up: ask for `blob.data` whenever it is needed.
        """
        blob = Blob(values.shape, self.context.dtype, self.xp)
        blob.hold_data(self.xp.asarray(values, dtype=blob.dtype))
        self.blobs.append(blob)
        self.param_propagate_down.append(True)
        return blob

    def add_filled(self, filler: Options, shape: tuple[int, ...]) -> Blob:
        """Append a param of this shape that starts as its filler says; ShapeError for one that is out of all reason."""
        self._check_param(shape)
        check_filler(filler, self.definition.where, shape)
        blob = self.add_param(np.zeros(shape, np.float32))
        self.filling.add(blob, filler)
        return blob

    def add_constant(self, value: float, shape: tuple[int, ...]) -> Blob:
        """Append a param of this shape whose elements all start as `value`; ShapeError as `add_filled`."""
        self._check_param(shape)
        return self.add_param(np.full(shape, value, np.float32))

    def error(self, message: str, kind: type[Exception] = NetdefError, at: Position | None = None) -> Exception:
        """An exception that says where in the netdef the layer (or `at`) stands."""
        return self.definition.error(message, kind, at)

    def find_file(self, path: str, what: str, at: Position | None = None) -> str:
        """Where a file is that the netdef names: from the working directory (Caffe's rule) or in `search_folders`.

        DataError, with the place `at`, says where `what` was looked for.
        """
        found = find_file(path, self.search_folders)
        if not os.path.exists(found):
            looked = where_looked(path, self.search_folders)
            raise self.error(f"{as_read(path)}: not a readable {what}: no such file{looked}", DataError, at)
        return found

    @property
    def search_folders(self) -> tuple[str, ...]:
        """Where relative paths are looked for after the working directory: the context's `folders`, the netdef's."""
        return *self.context.folders, os.path.dirname(self.definition.position.filename) or os.curdir

    def shape_error(self, message: str) -> Exception:
        """A ShapeError that says where in the netdef the layer stands."""
        return self.error(message, ShapeError)

    def _check_param(self, shape: tuple[int, ...]) -> None:
        if math.prod(shape) > LARGEST_PARAM:
            raise self.shape_error(f"a param of shape {shape} has more than {LARGEST_PARAM} elements")

    def _check_counts(self) -> None:
        for what, count, names in (
            ("bottom", self.bottoms, self.definition.bottom),
            ("top", self.tops, self.definition.top),
        ):
            if not count.allows(len(names)):
                raise self.error(
                    f"a {self.type} layer takes {count} {what} blob{'s' * (str(count) != '1')}, found {len(names)}"
                )
        if self.as_many_tops_as_bottoms and len(self.definition.bottom) != len(self.definition.top):
            raise self.error(
                f"a {self.type} layer takes as many tops as bottoms, "
                f"found {counted(len(self.definition.bottom), 'bottom')} and {counted(len(self.definition.top), 'top')}"
            )


LAYERS: Registry[type[Layer]] = Registry("pysketch.layers")
"""Every layer class that a netdef's `type` can name."""

_CAFFE_SECTIONS = """
    transform loss accuracy argmax batch_norm bias clip concat contrastive_loss convolution crop data dropout
    dummy_data elu eltwise embed exp flatten hdf5_data hdf5_output hinge_loss image_data infogain_loss
    inner_product input log lrn memory_data mvn parameter pooling power prelu python recurrent reduction relu
    reshape scale sigmoid slice softmax spp swish tanh threshold tile window_data
"""
CAFFE_SECTIONS = tuple(f"{name}_param" for name in _CAFFE_SECTIONS.split())
"""The sections that Caffe's LayerParameter has, ours or not."""


def register(cls: type[Layer]) -> type[Layer]:
    """Class decorator: a netdef may now say ``type: "<cls.type>"``."""
    LAYERS[cls.type] = cls
    return cls


def layer_class(definition: LayerDef, context: Context) -> type[Layer]:
    """The class that the netdef's `type` names; NetdefError lists the known ones."""
    if definition.type in UNSUPPORTED_LAYERS and definition.type not in LAYERS:
        raise definition.error(
            f'not supported: layer type "{definition.type}" (Caffe has it); near: {UNSUPPORTED_LAYERS[definition.type]}'
        )
    if definition.type not in LAYERS:
        raise definition.error(
            f'unknown layer type "{definition.type}"'
            + did_you_mean(definition.type, LAYERS)
            + f"; known types: {', '.join(sorted(LAYERS))}"
        )
    return LAYERS[definition.type].resolve(definition, context)


def check_sections(definition: LayerDef) -> None:
    """Read every ``..._param`` section by its owner's table, whatever the phase the layer belongs to.

    NetdefError for a section that nobody knows, and for a mistake in one that pysketch knows. What stands in the others
    is not looked at, nor in a layer that only Caffe has: its type is refused, by `layer_class`, where it is used.
    """
    own = LAYERS.get(definition.type)
    tables = _tables([own] if own else [])
    if not definition.sections.keys() <= tables.keys():
        tables = _tables(LAYERS.values()) | tables
    for name, message in definition.sections.items():
        if name not in tables and name not in CAFFE_SECTIONS:
            raise definition.error(
                f'unknown field "{name}" in LayerParameter' + did_you_mean(name, tables), at=message.position
            )
        if own is not None and name in tables:
            read = name in own.sections_read(definition)
            (tables[name] if read else _only_names(tables[name])).read(message, definition.where)


def _tables(classes: Collection[type[Layer]]) -> dict[str, Table]:
    """The sections that these classes read, each with its options."""
    tables = {cls.section: cls.table for cls in classes if cls.section}
    return tables | {name: table for cls in classes for name, table in cls.more_sections.items()}


def unread_sections(definition: LayerDef, cls: type[Layer]) -> str:
    """What stands in a layer's ``..._param`` sections that its class does not read, in words; "" for nothing.

    Caffe takes such sections and ignores them: somebody's template may have them, or somebody's mistake.
    """
    found = []
    for name, message in definition.sections.items():
        if name not in cls.sections_read(definition) and name not in cls.refused_sections:
            given = ", ".join(dict.fromkeys(field.name for field in message.fields))
            found.append(f"{name} ({given})" if given else name)
    return " and ".join(found)


def _only_names(table: Table) -> Table:
    """The table for a section that is not read: its options' names and kinds are checked, not what is required."""
    return replace(table, options=tuple(replace(each, required=False, low=None, high=None) for each in table.options))

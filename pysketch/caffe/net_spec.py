"""Nets written in Python, as pycaffe's NetSpec does it: attributes become layers, and the whole a prototxt.

    n = NetSpec()
    n.data = layers.Input(shape=dict(dim=[1, 3, 8, 8]))
    n.conv = layers.Convolution(n.data, num_output=4, kernel_size=3, weight_filler=dict(type="xavier"))
    n.relu = layers.ReLU(n.conv, in_place=True)
    print(n.to_proto())

Keywords are fields of the layer's own message (``num_output``), or of LayerParameter (``param``, ``include``,
``loss_weight``, ``transform_param``); ``ntop`` asks for several tops, or none, ``in_place`` names the top after the
bottom. A value may be a dict for a message, a list for a repeated field, or one value for a repeated field of one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pysketch.caffe.proto import caffe_pb2
from pysketch.errors import did_you_mean
from pysketch.layers import LAYERS


class Top:
    """One top of a layer that is being written, a bottom for others: number `n` of the Function `fn`."""

    def __init__(self, fn: Function, n: int) -> None:
        self.fn = fn
        self.n = n

    def to_proto(self) -> Any:
        """A NetParameter with all that this top needs; its str is a prototxt."""
        return to_proto(self)


class Function:
    """A layer that is being written: type_name, inputs (Tops), params (keywords), ntop, in_place and its tops."""

    def __init__(self, type_name: str, inputs: tuple[Top, ...], params: Mapping[str, Any]) -> None:
        for index, bottom in enumerate(inputs):
            if not isinstance(bottom, Top):
                raise TypeError(f"{type_name} input {index} is not a Top (type is {type(bottom)})")
        self.type_name = type_name
        self.inputs = inputs
        self.params = {key: value for key, value in params.items() if key not in ("ntop", "in_place")}
        self.ntop = params.get("ntop", 1)
        self.in_place = params.get("in_place", False)
        self.tops = tuple(Top(self, n) for n in range(self.ntop))


class Layers:
    """``layers.Convolution(bottom, ..., num_output=4)``: any type.

    Returns a Top, with an ntop above 1 a tuple of them, with ntop 0 the Function. TypeError for a bottom that is none.
    """

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)

        def make(*inputs: Top, **params: Any) -> Top | tuple[Top, ...] | Function:
            made = Function(name, inputs, params)
            if made.ntop == 0:
                return made
            return made.tops[0] if made.ntop == 1 else made.tops

        return make


class Parameters:
    """``params.Pooling.MAX``: the number of an enum's name in a layer's message."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Enums(getattr(caffe_pb2, f"{name}Parameter").DESCRIPTOR)


class _Enums:
    def __init__(self, message: Any) -> None:
        self._message = message

    def __getattr__(self, name: str) -> int:
        values = {value.name: value.number for enum in self._message.enum_types for value in enum.values}
        if name not in values:
            raise AttributeError(f"{self._message.name} has no {name}{did_you_mean(name, values)}")
        return values[name]


layers, params = Layers(), Parameters()


class MissingTop(AttributeError, KeyError):
    """No top of that name: what `hasattr` expects, and pycaffe's KeyError."""

    __str__ = Exception.__str__


class NetSpec:
    """A net whose attributes are tops: ``n.conv1 = layers.Convolution(n.data, ...)``; names of tops are attributes'."""

    tops: dict[str, Top | Function]

    def __init__(self) -> None:
        super().__setattr__("tops", {})

    def __setattr__(self, name: str, value: Top | Function) -> None:
        if not isinstance(value, Top | Function):
            hint = f"; it has {len(value)}: give as many names" if isinstance(value, tuple) else ""
            raise AttributeError(f"{name}: expected one top of a layer, found {type(value).__name__}{hint}")
        self.tops[name] = value

    __setitem__ = __setattr__

    def __getattr__(self, name: str) -> Any:
        if name == "tops" or name not in self.tops:
            raise MissingTop(f"no top {name} has been written{did_you_mean(name, vars(self).get('tops', ()))}")
        return self.tops[name]

    __getitem__ = __getattr__

    def __delattr__(self, name: str) -> None:
        getattr(self, name)
        del self.tops[name]

    __delitem__ = __delattr__

    def __contains__(self, name: str) -> bool:
        return name in self.tops

    def keys(self) -> list[str]:
        """The names of the tops, in their order."""
        return list(self.tops)

    def vals(self) -> list[Top | Function]:
        """The tops, in their order."""
        return list(self.tops.values())

    def update(self, name: str, params: Mapping[str, Any]) -> None:
        """Add keywords to the layer of a top, or change them."""
        _function(self[name]).params.update(params)

    def to_proto(self) -> Any:
        """A NetParameter with all layers; its str is a prototxt. AttributeError for a keyword that is no field."""
        return _write(list(self.tops.values()), {id(top): name for name, top in self.tops.items()})


def to_proto(*tops: Top | Function) -> Any:
    """A NetParameter with all that these tops need, with names made up; its str is a prototxt."""
    return _write(list(tops), {})


def param_name_dict() -> dict[str, str]:
    """Layer type -> the name of its section without _param: {"Convolution": "convolution", ...}."""
    return {
        field.message_type.name.removesuffix("Parameter"): field.name.removesuffix("_param")
        for field in caffe_pb2.LayerParameter.DESCRIPTOR.fields
        if field.name.endswith("_param")
    }


def assign_proto(proto: Any, name: str, val: Any) -> None:
    """Set a message's field from plain values: numbers, texts, dicts for messages, lists for repeated fields.

    AttributeError for what is no field, TypeError or ValueError for a value that does not fit.
    """
    field = proto.DESCRIPTOR.fields_by_name.get(name)
    if field is None:
        known = proto.DESCRIPTOR.fields_by_name
        raise AttributeError(f'{proto.DESCRIPTOR.name} has no field "{name}"{did_you_mean(name, known)}')
    target = getattr(proto, name)
    if field.is_repeated:
        for each in val if isinstance(val, list | tuple) else [val]:
            if field.message_type:
                _fill(target.add(), each, name)
            else:
                with _naming(proto, name, each):
                    target.append(each)
    elif field.message_type:
        _fill(target, val, name)
    else:
        with _naming(proto, name, val):
            setattr(proto, name, val)


@contextmanager
def _naming(proto: Any, name: str, value: Any) -> Iterator[None]:
    """Say in protobuf's errors which field the value is for."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise type(error)(f"{proto.DESCRIPTOR.name}.{name}: {value!r} does not fit: {error}") from None


def _fill(message: Any, values: Any, name: str) -> None:
    if not isinstance(values, Mapping):
        raise TypeError(f"{name}: expected a dict, the fields of a {message.DESCRIPTOR.name}, found {values!r}")
    for key, value in values.items():
        assign_proto(message, key, value)


def _function(top: Top | Function) -> Function:
    return top.fn if isinstance(top, Top) else top


def _write(tops: list[Top | Function], names: dict[int, str]) -> Any:
    net = caffe_pb2.NetParameter()
    names, automatic = dict(names), Counter()
    done: dict[int, list[str]] = {}
    for function in _in_order([_function(top) for top in tops]):
        layer = net.layer.add(type=function.type_name)
        layer.bottom.extend(done[id(bottom.fn)][bottom.n] for bottom in function.inputs)
        if function.in_place:
            layer.top.extend(layer.bottom)
        else:
            layer.top.extend(_named(top, function, names, automatic) for top in function.tops)
        layer.name = _named(function.tops[0] if function.tops else function, function, names, automatic)
        for key, value in function.params.items():
            assign_proto(_owner(layer, function.type_name, key), key, value)
        done[id(function)] = list(layer.top)
    return net


def _in_order(functions: list[Function]) -> Iterator[Function]:
    """The functions and all that they read, each once, after what it reads."""
    done: set[int] = set()
    waiting = [(function, False) for function in reversed(functions)]
    while waiting:
        function, is_read = waiting.pop()
        if id(function) in done:
            continue
        if is_read:
            done.add(id(function))
            yield function
            continue
        waiting.append((function, True))
        waiting += [(bottom.fn, False) for bottom in reversed(function.inputs)]


def _named(top: Top | Function, function: Function, names: dict[int, str], automatic: Counter[str]) -> str:
    """The name of a top, or of a layer without one: that of its attribute, else the type with a number."""
    if id(top) not in names:
        automatic[function.type_name] += 1
        names[id(top)] = f"{function.type_name}{automatic[function.type_name]}"
    return names[id(top)]


def _owner(layer: Any, type_name: str, key: str) -> Any:
    """The message that has the field: the layer's own section, or the layer. AttributeError if none has."""
    section = _section(type_name)
    own = layer.DESCRIPTOR.fields_by_name[section].message_type.fields_by_name if section else {}
    if key in own and not key.endswith("param"):
        return getattr(layer, section)
    if key in layer.DESCRIPTOR.fields_by_name:
        return layer
    hint = did_you_mean(key, [*own, *layer.DESCRIPTOR.fields_by_name])
    raise AttributeError(f'{type_name}: no field "{key}"{hint}')


def _section(type_name: str) -> str | None:
    """The name of a layer type's own section: that of our layer, else of the message called after it."""
    if type_name in LAYERS and LAYERS[type_name].section:
        return LAYERS[type_name].section
    known = param_name_dict()
    return f"{known[type_name]}_param" if type_name in known else None

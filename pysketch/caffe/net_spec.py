"""Nets written in Python, as pycaffe's NetSpec does it: attributes become layers, and the whole a prototxt.

    n = NetSpec()
    n.data = layers.Input(shape=dict(dim=[1, 3, 8, 8]))
    n.conv = layers.Convolution(n.data, num_output=4, kernel_size=3, weight_filler=dict(type="xavier"))
    n.relu = layers.ReLU(n.conv, in_place=True)
    print(n.to_proto())

Keywords are fields of the layer's own message (``num_output``), or of LayerParameter (``param``, ``include``,
``loss_weight``); ``ntop`` asks for several tops, ``in_place`` names the top after the bottom.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pysketch.errors import did_you_mean
from pysketch.layers import LAYERS
from pysketch.weights import message_class


class Top:
    """One top of a layer that is being written: a bottom for others."""

    def __init__(self, function: Function, index: int) -> None:
        self.function = function
        self.index = index

    def to_proto(self) -> Any:
        """A NetParameter with all that this top needs; its str is a prototxt."""
        return to_proto(self)


class Function:
    """A layer that is being written: its type, bottoms, keywords and tops."""

    def __init__(self, type: str, bottoms: tuple[Top, ...], keywords: dict[str, Any]) -> None:
        self.type = type
        self.bottoms = bottoms
        for bottom in bottoms:
            if not isinstance(bottom, Top):
                raise TypeError(f"{type}: expected tops of other layers for bottoms, found {bottom!r}")
        self.count = keywords.pop("ntop", 1)
        self.in_place = keywords.pop("in_place", False)
        self.name = keywords.pop("name", None)
        self.keywords = keywords
        self.tops = tuple(Top(self, k) for k in range(self.count))


class _Layers:
    """``layers.Convolution(bottom, ..., num_output=4)``: any type; returns a Top, with an ntop above 1 a tuple."""

    def __getattr__(self, type: str) -> Any:
        if type.startswith("__"):
            raise AttributeError(type)

        def make(*bottoms: Top, **keywords: Any) -> Top | tuple[Top, ...]:
            made = Function(type, bottoms, keywords)
            if made.count == 0:
                return Top(made, 0)  # stands for the layer, so that an attribute can hold it
            return made.tops[0] if made.count == 1 else made.tops

        return make


class _Params:
    """``params.Pooling.MAX``: the number of an enum's name in a layer's message."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Enums(name)


class _Enums:
    def __init__(self, name: str) -> None:
        self._message = message_class(f"{name}Parameter").DESCRIPTOR

    def __getattr__(self, name: str) -> int:
        for enum in self._message.enum_types:
            if name in enum.values_by_name:
                return enum.values_by_name[name].number
        known = [value.name for enum in self._message.enum_types for value in enum.values]
        raise AttributeError(f"{self._message.name} has no {name}{did_you_mean(name, known)}")


layers, params = _Layers(), _Params()


class NetSpec:
    """A net whose attributes are tops: ``n.conv1 = layers.Convolution(n.data, ...)``; names of tops are attributes'."""

    def __init__(self) -> None:
        super().__setattr__("tops", {})

    def __setattr__(self, name: str, value: Top) -> None:
        self.tops[name] = value

    __setitem__ = __setattr__

    def __getattr__(self, name: str) -> Top:
        if name not in self.tops:
            raise AttributeError(f"no top {name} has been written{did_you_mean(name, self.tops)}")
        return self.tops[name]

    __getitem__ = __getattr__

    def to_proto(self) -> Any:
        """A NetParameter with all layers; its str is a prototxt."""
        return _write(list(self.tops.values()), {id(top): name for name, top in self.tops.items()})


def to_proto(*tops: Top) -> Any:
    """A NetParameter with all that these tops need, with names made up; its str is a prototxt."""
    return _write(list(tops), {})


def _write(tops: list[Top], names: dict[int, str]) -> Any:
    net = message_class("NetParameter")()
    counts: dict[str, int] = {}
    done: dict[int, list[str]] = {}
    for top in tops:
        _add(top.function, net, names, counts, done)
    return net


def _add(
    function: Function, net: Any, names: dict[int, str], counts: dict[str, int], done: dict[int, list[str]]
) -> list[str]:
    """Write a layer after those that it reads; the names of its tops."""
    if id(function) in done:
        return done[id(function)]
    bottoms = [_add(top.function, net, names, counts, done)[top.index] for top in function.bottoms]
    given = [names.get(id(top)) for top in function.tops]
    counts[function.type] = counts.get(function.type, 0) + 1
    name = function.name or next((name for name in given if name), f"{function.type}{counts[function.type]}")
    own = [names_of or (name if k == 0 else f"{name}_{k}") for k, names_of in enumerate(given)]
    tops = bottoms[:1] if function.in_place else own
    layer = net.layer.add(name=name, type=function.type, bottom=bottoms, top=tops)
    for key, value in function.keywords.items():
        _set(_owner(layer, function.type, key), key, value)
    done[id(function)] = tops
    return tops


def _owner(layer: Any, type: str, key: str) -> Any:
    """The message that has the field: the layer's own section, or the layer. TypeError if none has."""
    section = _section(type)
    own = layer.DESCRIPTOR.fields_by_name[section].message_type.fields_by_name if section else {}
    if key in own:
        return getattr(layer, section)
    if key in layer.DESCRIPTOR.fields_by_name:
        return layer
    raise TypeError(f'{type}: no field "{key}"{did_you_mean(key, [*own, *layer.DESCRIPTOR.fields_by_name])}')


def _section(type: str) -> str | None:
    """The name of a layer type's own section: that of our layer, else of the message called after it."""
    if type in LAYERS and LAYERS[type].section:
        return LAYERS[type].section
    fields = message_class("LayerParameter").DESCRIPTOR.fields
    return next(
        (field.name for field in fields if field.message_type and field.message_type.name == f"{type}Parameter"), None
    )


def _set(message: Any, key: str, value: Any) -> None:
    """Set a field from plain values: numbers, texts, dicts for messages, lists for repeated fields."""
    field = message.DESCRIPTOR.fields_by_name.get(key)
    if field is None:
        known = message.DESCRIPTOR.fields_by_name
        raise TypeError(f'{message.DESCRIPTOR.name}: no field "{key}"{did_you_mean(key, known)}')
    target = getattr(message, key)
    if field.is_repeated:
        for each in value if isinstance(value, (list, tuple)) else [value]:
            if field.message_type:
                _fill(target.add(), each)
            else:
                target.append(each)
    elif field.message_type:
        target.SetInParent()
        _fill(target, value)
    else:
        setattr(message, key, value)


def _fill(message: Any, values: Mapping[str, Any]) -> None:
    for key, value in values.items():
        _set(message, key, value)

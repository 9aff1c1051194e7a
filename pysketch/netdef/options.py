"""Typed option tables: what a message may say, checked once, with one wording for every mistake.

    POOLING = Table("PoolingParameter", (Option("kernel_size", Kind.UINT32, low=1, required=True),))
    options = POOLING.read(message, 'layer "pool1"')
    options.kernel_size, options.given("kernel_size"), options.position("kernel_size")

The same table reads JSON (a Python layer's `param_str`), turned into a message tree first, so that there
is one set of checks; where JSON is stricter, the code asks `self.json`. Every mistake is a NetdefError.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property, partial
from typing import Any, NoReturn

from pysketch.errors import NetdefError, Position, did_you_mean
from pysketch.netdef.prototxt import EmptyList, Field, Message, Scalar, quote


class Kind(Enum):
    """The type of a plain option; the value says what an error message expects."""

    INT32 = "an integer from -2147483648 to 2147483647"
    UINT32 = "an integer from 0 to 4294967295"
    INT64 = "an integer from -9223372036854775808 to 9223372036854775807"
    FLOAT = "a decimal number up to 1.8e308"
    BOOL = "true or false"
    STRING = "a quoted string"


_RANGES = {Kind.INT32: range(-(2**31), 2**31), Kind.UINT32: range(2**32), Kind.INT64: range(-(2**63), 2**63)}
_BOOLS = dict.fromkeys(("true", "True", "t", "1"), True) | dict.fromkeys(("false", "False", "f", "0"), False)
_INTEGER = re.compile(r"-?(?:(?P<hex>0[xX][0-9a-fA-F]+)|(?P<octal>0[0-7]+)|0|[1-9][0-9]*)")
_NOWHERE = Position("<defaults>", 1, 1)
_V1_HINT = '; a bare word is V1\'s "layers", in "layer" write a quoted name such as "Convolution"'


@dataclass(frozen=True)
class Choice:
    """An enum: its names, in order, and their numbers. The value read is the name."""

    numbers: Mapping[str, int]


@dataclass(frozen=True)
class Option:
    """One field of a message type; `low` and `high` are inclusive bounds, `help` is one sentence."""

    name: str
    kind: Kind | Choice | Table
    default: object = None
    repeated: bool = False
    required: bool = False
    low: float | None = None
    high: float | None = None
    help: str = ""


class Options:
    """The values of one message, an attribute for every option of its table.

    A repeated option is a tuple; a message that was not written has its table's defaults.
    `extra` holds the unread messages whose names end in the table's `open_suffix`.
    """

    def __init__(
        self,
        values: dict[str, object],
        fields: dict[str, list[Field]],
        position: Position,
        extra: dict[str, Message],
    ) -> None:
        vars(self).update(values)
        self._fields, self._position, self.extra = fields, position, extra

    def __getattr__(self, name: str) -> Any:
        # Called only for what __init__ did not set; it also tells type checkers that options exist.
        raise AttributeError(f"the table has no option {name!r}")

    def given(self, name: str) -> bool:
        """Whether the file gives this option a value (an empty list gives none)."""
        assert name in vars(self), f"no option is called {name!r}"
        return name in self._fields

    def position(self, name: str, index: int = 0) -> Position:
        """Where the option's value was written, or else where its message begins."""
        fields = self._fields.get(name, [])
        return fields[index].place if index < len(fields) else self._position


@dataclass(frozen=True)
class Table:
    """A message type: its name and its options.

    `unsupported` names fields that Caffe knows and we refuse, `instead` says what to write in their place. If
    `open_suffix` is set, messages whose names end so need no option: they are collected, unread, in `Options.extra`.
    """

    name: str
    options: tuple[Option, ...]
    unsupported: tuple[str, ...] = ()
    open_suffix: str = ""
    instead: str = ""

    @cached_property
    def _by_name(self) -> dict[str, Option]:
        return {option.name: option for option in self.options}

    def defaults(self, position: Position | None = None) -> Options:
        """What an absent message means; required options are None. `position` is its stand-in."""
        values = {option.name: _default(option, position or _NOWHERE) for option in self.options}
        return Options(values, {}, position or _NOWHERE, {})

    def read(self, message: Message | None, where: str = "", position: Position | None = None) -> Options:
        """The checked options of a message; None is an empty one, said to stand at `position`."""
        return _Reader(self, where).read(message or Message(position or _NOWHERE))

    def read_json(self, text: str, position: Position, where: str = "") -> Options:
        """The checked options of a JSON object's text; every error points at `position`."""
        reader = _Reader(self, f"{where}: param_str" if where else "param_str", json=True)
        return reader.read(_json_message(text, position, reader))


def _default(option: Option, position: Position) -> object:
    if isinstance(option.kind, Table) and not option.repeated:
        return option.kind.defaults(position)
    return () if option.repeated and option.default is None else option.default


@dataclass(frozen=True)
class _Reader:
    """Checks messages against one table; `where` is said in every error."""

    table: Table
    where: str
    json: bool = False

    def fail(self, position: Position, what: str) -> NoReturn:
        raise NetdefError(f"{position}: {self.where}: {what}" if self.where else f"{position}: {what}")

    def label(self, name: str) -> str:
        return f"{self.table.name}.{name}"

    def read(self, message: Message) -> Options:
        for empty in message.empty_lists:
            option = self.known(empty)
            if option is None or not option.repeated:
                self.fail(empty.position, f"{self.label(empty.name)} takes one value, found an empty list")
        fields, extra = {}, {}
        for field in message.fields:
            option = self.known(field)
            earlier = fields.setdefault(field.name, [])
            self.check_count(option, field, earlier)
            earlier.append(field)
            if option is None:
                extra[field.name] = self.message_of(field)
        values = {}
        for option in self.table.options:
            found = tuple(self.value(option, field) for field in fields.get(option.name, ()))
            if option.required and not found:
                self.fail(message.position, f"required field {self.label(option.name)} is missing")
            given = found if option.repeated else next(iter(found), None)
            values[option.name] = given if found else _default(option, message.position)
        return Options(values, fields, message.position, extra)

    def known(self, field: Field | EmptyList) -> Option | None:
        """The option of this field, or None for one that the open suffix lets in."""
        option = self.table._by_name.get(field.name)
        suffix = self.table.open_suffix
        if option is None and field.name in self.table.unsupported:
            self.fail(field.position, f"not supported: {self.label(field.name)}{self.table.instead}")
        if option is None and not (suffix and field.name.endswith(suffix)):
            hint = did_you_mean(field.name, self.table._by_name)
            self.fail(field.position, f"unknown field {quote(field.name)} in {self.table.name}{hint}")
        return option

    def check_count(self, option: Option | None, field: Field, earlier: list[Field]) -> None:
        """One value for a singular option, and in JSON a list for a repeated one."""
        if option is not None and option.repeated:
            if self.json and not field.in_list:
                self.wrong_type(field, "a list")
        elif field.in_list or earlier:
            what = "a list" if field.in_list else f"a second one; the first is at {earlier[0].position}"
            self.fail(field.position, f"{self.label(field.name)} takes one value, found {what}")

    def wrong_type(self, field: Field, expected: str, hint: str = "") -> NoReturn:
        found = field.value.describe() if isinstance(field.value, Scalar) else "a message"
        self.fail(field.value.position, f"{self.label(field.name)}: expected {expected}, found {found}{hint}")

    def message_of(self, field: Field) -> Message:
        if isinstance(field.value, Scalar):
            self.wrong_type(field, "an object" if self.json else "a message { ... }")
        return field.value

    def value(self, option: Option, field: Field) -> object:
        """The checked value of one field."""
        kind, found = option.kind, field.value
        if isinstance(kind, Table):
            return _Reader(kind, self.where, self.json).read(self.message_of(field))
        value = None if isinstance(found, Message) else self.convert(kind, found)
        if value is None:
            expected = kind.value if isinstance(kind, Kind) else f"one of {', '.join(kind.numbers)}"
            self.wrong_type(field, expected, "" if isinstance(found, Message) else self.hint(option, found))
        if option.low is not None and not value >= option.low:
            self.wrong_type(field, f"at least {option.low}")
        if option.high is not None and not value <= option.high:
            self.wrong_type(field, f"at most {option.high}")
        return value

    def convert(self, kind: Kind | Choice, scalar: Scalar) -> object:
        """The scalar's value, or None if it is not of this kind."""
        if isinstance(kind, Choice):
            if scalar.kind == "number" and not self.json:
                number = _integer(Kind.INT32, scalar)
                return next((name for name, each in kind.numbers.items() if each == number), None)
            is_name = scalar.kind == ("string" if self.json else "identifier")
            return scalar.text if is_name and scalar.text in kind.numbers else None
        if kind in _RANGES:
            return _integer(kind, scalar)
        if kind is Kind.FLOAT:
            return _float(scalar)
        if kind is Kind.BOOL:
            is_bool = scalar.kind == "identifier" or (scalar.kind == "number" and not self.json)
            return _BOOLS.get(scalar.text) if is_bool else None
        if kind is Kind.STRING:
            return scalar.text if scalar.kind == "string" else None
        raise AssertionError(f"no conversion to {kind}")

    def hint(self, option: Option, found: Scalar) -> str:
        """What the user may have meant by a scalar of the wrong type."""
        kind = option.kind
        if isinstance(kind, Choice) and found.text not in kind.numbers:
            return did_you_mean(found.text, kind.numbers)
        if kind is Kind.STRING and found.kind == "identifier" and not self.json:
            return _V1_HINT if self.label(option.name) == "LayerParameter.type" else "; write it in quotes"
        if found.kind == "string":
            return "; write it without quotes"
        if kind in _RANGES and found.kind == "number" and not _INTEGER.fullmatch(found.text):
            return "; write it without a point or an exponent"
        return ""


def _integer(kind: Kind, scalar: Scalar) -> int | None:
    match = _INTEGER.fullmatch(scalar.text) if scalar.kind == "number" else None
    if match is None or (kind is Kind.UINT32 and scalar.text.startswith("-")):
        return None
    base = 16 if match["hex"] else 8 if match["octal"] else 10
    if base == 10 and len(scalar.text) > 20:  # beyond 64 bits, and Python refuses to convert long ones
        return None
    value = int(scalar.text, base)
    return value if value in _RANGES[kind] else None


def _float(scalar: Scalar) -> float | None:
    text = scalar.text.lower()
    if scalar.kind == "identifier":
        return float(text) if text.lstrip("-") in ("inf", "infinity", "nan") else None
    if scalar.kind == "string" or re.match(r"-?0[x0-9]", text):  # hexadecimal and octal are for integers
        return None
    value = float(text.removesuffix("f"))
    return None if math.isinf(value) else value


def _json_message(text: str, position: Position, reader: _Reader) -> Message:
    """A JSON object as a message, all of it said to stand at `position`; blank text is an empty object."""
    number = partial(Scalar, "number", position=position)
    word = partial(Scalar, "identifier", position=position)

    def scalar(found: object) -> Scalar | Message:
        if isinstance(found, list):
            reader.fail(position, "expected a plain value or an object in a list, found a list")
        if isinstance(found, str):
            return Scalar("string", found, position)
        return found if isinstance(found, (Scalar, Message)) else word(json.dumps(found))

    def message(pairs: list[tuple[str, object]]) -> Message:
        result, names = Message(position), set()
        for name, found in pairs:
            if name in names:
                reader.fail(position, f"the key {quote(name)} is given twice in one object")
            names.add(name)
            in_list = isinstance(found, list)
            values = found if in_list else [found]
            result.fields += [Field(name, scalar(each), position, in_list) for each in values]
            result.empty_lists += [] if values else [EmptyList(name, position)]
        return result

    hooks = {"object_pairs_hook": message, "parse_int": number, "parse_float": number, "parse_constant": word}
    try:
        found = json.loads(text if text.strip() else "{}", **hooks)
    except (json.JSONDecodeError, RecursionError) as error:
        backslash = any(what in str(error) for what in ("escape", "control character"))
        hint = "; in a path write / in place of each backslash" if backslash else ""
        reader.fail(position, f"cannot be read as JSON: {error}{hint}")
    if not isinstance(found, Message):
        reader.fail(position, "expected a JSON object, found a list or a single value")
    return found

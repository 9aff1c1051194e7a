"""Options set beside a file, as ``path=value``: put into its message tree as if they stood in it.

    setting = Setting("base_lr=0.0005")
    put(message, SOLVER, setting.names, setting)

Values are parsed as the file's are, and read by the same tables; what is wrong is said to stand at
``--set path=value``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pysketch.errors import NetdefError, Position, did_you_mean
from pysketch.netdef.options import Kind, Option, Table
from pysketch.netdef.prototxt import Field, Message, Scalar, parse, quote


class _Aside(Position):
    """A place outside of every file; it has no lines."""

    def __str__(self) -> str:
        return self.filename


@dataclass(frozen=True)
class Setting:
    """One ``path=value``. path: names joined by dots; value: as in a file, but a string needs no quotes.

    NetdefError if the text is nothing of the kind, or of several lines.
    """

    text: str

    def __post_init__(self) -> None:
        if not self.path or not self.value or not self.text.isprintable():
            raise self.error("expected PATH=VALUE on one line, such as base_lr=0.0005 or data.hold_out=18")

    @property
    def path(self) -> str:
        """What stands before the first "="."""
        return self.text.partition("=")[0].strip()

    @property
    def names(self) -> list[str]:
        """The path's parts."""
        return self.path.split(".")

    @property
    def value(self) -> str:
        """What stands behind the first "="."""
        return self.text.partition("=")[2].strip()

    @property
    def position(self) -> Position:
        """Where error messages say that the value stands."""
        return _Aside(f"--set {self.text}", 1, 1)

    def error(self, message: str) -> NetdefError:
        """An error that names the setting."""
        return NetdefError(f"{self.position}: {message}")


def put(message: Message, table: Table, names: Sequence[str], setting: Setting, where: str = "") -> None:
    """Give an option of the message, which is changed, the setting's value; the table says what it may hold.

    names: of the option and of the messages around it, outermost first; behind one of which there may be several comes
    its number, from 0. A message that is not there is made. Whether the value is right is left to who reads the
    message. NetdefError for a name that the table does not have.
    """
    option = _find(table, names[0], setting, where)
    if len(names) == 1:
        message.fields[:] = [each for each in message.fields if each.name != option.name]
        message.empty_lists[:] = [each for each in message.empty_lists if each.name != option.name]
        message.fields += _fields(option, setting)
        return
    inner, rest = _inner(message, option, names[1:], table, setting, where)
    put(inner, option.kind, rest, setting, where)


def put_json(text: str, table: Table, names: Sequence[str], setting: Setting, where: str = "") -> str:
    """The JSON object's text, which the table has accepted, with an option's value set; as `put`."""
    whole = json.loads(text if text.strip() else "{}")
    place = whole
    for name in names[:-1]:
        option = _find(table, name, setting, where)
        if not isinstance(option.kind, Table) or option.repeated:
            raise setting.error(f"{table.name}.{name} is no object with options of its own")
        table, place = option.kind, place.setdefault(name, {})
    option = _find(table, names[-1], setting, where)
    place[option.name] = _json_value(option, setting)
    return json.dumps(whole)


def _find(table: Table, name: str, setting: Setting, where: str) -> Option:
    """The table's option; NetdefError names the nearest one, or all."""
    for option in table.options:
        if option.name == name:
            return option
    known = [option.name for option in table.options]
    hint = did_you_mean(name, known) or f"; expected one of {', '.join(known) or 'none'}"
    raise setting.error(f"{where}{': ' if where else ''}unknown field {quote(name)} in {table.name}{hint}")


def _inner(
    message: Message, option: Option, names: Sequence[str], table: Table, setting: Setting, where: str
) -> tuple[Message, Sequence[str]]:
    """The message that an option holds, and the names that are left."""
    label = f"{table.name}.{option.name}"
    if not isinstance(option.kind, Table):
        raise setting.error(f"{label} is no message; nothing in it is called {quote(names[0])}")
    found = [each.value for each in message.all(option.name) if isinstance(each.value, Message)]
    if option.repeated:
        number = int(names[0]) if re.fullmatch(r"\d{1,6}", names[0]) else -1
        if len(names) < 2 or not 0 <= number < len(found):
            numbers = f"0 to {len(found) - 1}" if len(found) > 1 else "only 0" if found else "but there is none"
            there = f"in the file {where or 'it'} has {len(found) or 'no'} {option.name} {{ }}"
            hint = f"{there}, counted from 0" if found else f"{there} that could be changed; write one there"
            raise setting.error(f"{label}: expected the number of one, {numbers}: {option.name}.0.NAME; {hint}")
        return found[number], names[1:]
    if not found:
        found = [Message(setting.position)]
        message.fields.append(Field(option.name, found[0], setting.position))
    return found[0], names


def _fields(option: Option, setting: Setting) -> list[Field]:
    """The option with the setting's value, or several with the values of a list."""
    text = setting.value
    if option.kind is Kind.STRING and text[0] not in ("\"'[" if option.repeated else "\"'"):
        text = quote(text)
    place = "<value>"
    try:
        fields = parse(f"{option.name}: {text}", place).fields
    except NetdefError as error:
        what = re.sub(rf"{place}:\d+:\d+(: )?", "", str(error))
        raise setting.error(what.replace("the end of the file", "its end")) from None
    if any(each.name != option.name for each in fields) or (len(fields) > 1 and not fields[0].in_list):
        raise setting.error("expected one value, or a list of values in [ ]")
    return [_moved(each, setting.position) for each in fields]


def _moved(field: Field, position: Position) -> Field:
    """The field and all that is in it, said to stand elsewhere."""
    value = field.value
    if isinstance(value, Scalar):
        return Field(field.name, Scalar(value.kind, value.text, position), position, field.in_list)
    inner = Message(position, [_moved(each, position) for each in value.fields], value.empty_lists)
    return Field(field.name, inner, position, field.in_list)


def _json_value(option: Option, setting: Setting) -> Any:
    """The value as JSON has it; where a string or a name is due, what is no JSON is one."""
    try:
        value = json.loads({"True": "true", "False": "false"}.get(setting.value, setting.value))
    except (ValueError, RecursionError):
        if option.kind is not Kind.STRING and isinstance(option.kind, Kind):
            raise setting.error(f"{option.name}: expected {option.kind.value}, found {setting.value}") from None
        value = setting.value
    if option.kind is Kind.STRING and not isinstance(value, (str, list)):
        value = setting.value
    return [value] if option.repeated and not isinstance(value, list) else value

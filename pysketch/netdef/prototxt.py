"""Caffe's text format, read into a tree that remembers file, line and column.

Only syntax is judged here; fields and their types are the business of `options.py`. The grammar::

    file    = field*
    field   = NAME ( ":" scalar | [":"] message | [":"] list ) [ "," | ";" ]
    message = "{" field* "}" | "<" field* ">"
    list    = "[" [ value ( "," value )* ] "]"       (a list of scalars needs the colon)
    scalar  = STRING+ | ["-"] NUMBER | WORD | "-" ( "inf" | "infinity" | "nan" )

Linear time: no pattern reads a text in two ways. Source: Caffe 1.0.0, but a number must not run into a name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, NoReturn

from pysketch import files
from pysketch.errors import NetdefError, Position

MAX_DEPTH = 100
_CLOSING = {"{": "}", "<": ">"}
_SIMPLE_ESCAPES = dict(zip(b"abfnrtv\\?'\"", b"\a\b\f\n\r\t\v\\?'\"", strict=True))
_QUOTED = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\"}
_HINTS = {
    "/": '; comments start with "#"',
    "+": "; a positive number is written without a sign",
    "\xa0": "; a no-break space, as web pages have it: write a plain one",
    "\ufeff": "; a byte-order mark may only begin a file",
    **dict.fromkeys("\u201c\u201d\u201e\u2018\u2019", "; write straight quotes"),
    **dict.fromkeys("'\"", "; this string is not closed on its line; a line break inside one is written \\n"),
}
_TOKEN = re.compile(
    r"""(?P<space>[ \t\v\f]+|\r(?=\n)|\#[^\n\r]*)
      | (?P<newline>\n|\r)
      | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<number>\.?[0-9][A-Za-z0-9_.]*(?:(?<=[eE])[+-][A-Za-z0-9_.]*)*)
      | (?P<string>"[^"\\\n]*(?:\\.[^"\\\n]*)*" | '[^'\\\n]*(?:\\.[^'\\\n]*)*')
      | (?P<symbol>[][{}<>:,;-])""",
    re.VERBOSE,
)
_NUMBER = re.compile(r"0[xX][\da-fA-F]+|0[0-7]+|((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][+-]?\d+)?[fF]?")
_PATH_HINT = "; in a Windows path write / in place of each backslash"
_LIKE_A_PATH = re.compile(r"[^\\]+\\\w|\\\\\\\\\w")
_ESCAPE = re.compile(
    rb"\\(?:x(?P<hex>[0-9a-fA-F]{1,2})|(?P<octal>[0-7]{1,3})|(?P<unicode>u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})|.)",
)


@dataclass(frozen=True)
class Scalar:
    """A single value; its kind is "string", "number" or "identifier".

    The text of a string is decoded (escapes resolved, adjacent literals joined). The text of the
    others is as written: `-3`, `0x10`, `.5`, `1f`, and as identifiers `MAX`, `true`, `inf`, `-inf`, `nan`.
    """

    kind: str
    text: str
    position: Position = field(compare=False)

    def describe(self) -> str:
        """How an error message shows this value: on one line, cut if long."""
        return f"the string {quote(_cut(self.text))}" if self.kind == "string" else _cut(self.text)


@dataclass(frozen=True)
class Field:
    """One value of a field. A list of three values makes three fields, all with `in_list`."""

    name: str
    value: Scalar | Message
    position: Position = field(compare=False)  # of the name
    in_list: bool = False

    @property
    def place(self) -> Position:
        """Where to point at this field: its name, or in a list the value itself."""
        return self.value.position if self.in_list else self.position


@dataclass(frozen=True)
class EmptyList:
    """A field written `name: []`: it has no value, but its name can still be wrong."""

    name: str
    position: Position = field(compare=False)


@dataclass
class Message:
    """The fields between two brackets, or of a whole file. Equality ignores positions."""

    position: Position = field(compare=False)  # of the opening bracket
    fields: list[Field] = field(default_factory=list)
    empty_lists: list[EmptyList] = field(default_factory=list)

    def all(self, name: str) -> list[Field]:
        """Every field of this name, in the order of the file."""
        return [each for each in self.fields if each.name == name]


def parse(text: str, filename: str = "<string>") -> Message:
    """The message tree of a text; `filename` is used in positions. Raises NetdefError."""
    return _Parser(text, filename).file()


def load(path: str | os.PathLike[str]) -> Message:
    """The message tree of a file. Raises NetdefError if it is missing, not UTF-8 or malformed."""
    return parse(read_text(path), os.fspath(path))


def read_text(path: str | os.PathLike[str]) -> str:
    """A file's text, line ends as they are, without a byte-order mark. NetdefError if it is missing or no text."""
    try:
        return files.read_text(path)
    except files.NotText as error:
        expected = "" if error.line else "; expected a netdef or solver file, which is text"
        raise NetdefError(error.at(path) + expected) from None
    except (OSError, ValueError) as error:
        raise NetdefError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None


def quote(text: str) -> str:
    """A literal for `text`, in double quotes and on one line; whatever cannot be printed is escaped."""
    return '"' + "".join(c if c.isprintable() and c not in '"\\' else _escape(c) for c in text) + '"'


def write(message: Message, indent: str = "") -> str:
    """The message as text that `parse` reads back: a field a line, messages in braces, nothing of the old layout."""
    lines = []
    for each in message.fields:
        if isinstance(each.value, Message):
            lines.append(f"{indent}{each.name} {{\n{write(each.value, indent + '  ')}{indent}}}\n")
        else:
            text = quote(each.value.text) if each.value.kind == "string" else each.value.text
            lines.append(f"{indent}{each.name}: {text}\n")
    return "".join(lines)


def _escape(character: str) -> str:
    code = ord(character)
    return _QUOTED.get(character) or (f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")


def _cut(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


def _fail(position: Position, what: str) -> NoReturn:
    raise NetdefError(f"{position}: {what}")


class _Token(NamedTuple):
    kind: str  # "word", "number", "string" (with quotes and escapes as written), "symbol" or "end"
    text: str
    position: Position

    def describe(self) -> str:
        if self.kind == "string":
            return f"the string {quote(_cut(self.text[1:-1]))}"
        return quote(_cut(self.text)) if self.text else "the end of the file"


def _tokens(text: str, filename: str) -> Iterator[_Token]:
    """The tokens of a text, without spaces and comments; the last one is "end"."""
    start, line, line_start = 0, 1, 0
    while start < len(text):
        match = _TOKEN.match(text, start)
        kind = match and match.lastgroup
        if kind == "newline":
            line, line_start = line + 1, match.end()
        elif kind != "space":
            position = Position(filename, line, start - line_start + 1)
            found = match.group() if match else text[start]
            if match is None:
                _fail(position, f"expected a field or a value, found {found!r}{_HINTS.get(found, '')}")
            if kind == "number" and not _NUMBER.fullmatch(found):
                _fail(position, f"expected a number such as 12, 0x1F, 017 or 1.5e-3, found {_cut(found)}")
            yield _Token(kind, found, position)
        start = match.end()
    yield _Token("end", "", Position(filename, line, start - line_start + 1))


def _unescape(literal: _Token) -> bytes:
    """The bytes that a string literal stands for."""

    def replace(match: re.Match[bytes]) -> bytes:
        kind, code = match.lastgroup, match.group()[1:]
        if kind is None and code[0] in _SIMPLE_ESCAPES:
            return bytes([_SIMPLE_ESCAPES[code[0]]])
        if kind == "unicode" and int(code[1:], 16) <= 0x10FFFF:
            return chr(int(code[1:], 16)).encode("utf-8", "surrogatepass")
        if kind == "hex" or (kind == "octal" and int(code, 8) < 256):
            return bytes([int(code[1:], 16) if kind == "hex" else int(code, 8)])
        found = quote(code.decode("utf-8", "replace"))
        hint = _PATH_HINT if _LIKE_A_PATH.match(literal.text[1:-1]) else ""
        _fail(literal.position, f"expected an escape such as \\n or \\u00e9, found a backslash and {found}{hint}")

    return _ESCAPE.sub(replace, literal.text[1:-1].encode("utf-8", "surrogatepass"))


class _Parser:
    """Recursive descent over the tokens, looking one token ahead."""

    def __init__(self, text: str, filename: str) -> None:
        self._tokens = _tokens(text.removeprefix("\ufeff"), filename)
        self._token = next(self._tokens)

    def file(self) -> Message:
        message = Message(Position(self._token.position.filename, 1, 1))
        while self._token.kind != "end":
            self._field(message, None, 0)
        return message

    def _advance(self) -> _Token:
        token, self._token = self._token, next(self._tokens)
        return token

    def _at(self, *symbols: str) -> bool:
        return self._token.kind == "symbol" and self._token.text in symbols

    def _accept(self, *symbols: str) -> bool:
        return self._at(*symbols) and bool(self._advance())

    def _expected(self, what: str, hint: str = "") -> NoReturn:
        _fail(self._token.position, f"expected {what}, found {self._token.describe()}{hint}")

    def _field(self, message: Message, opening: _Token | None, depth: int) -> None:
        """Read one field into the message that `opening` (None: the file) began."""
        if self._token.kind != "word":
            end = opening and f' or "{_CLOSING[opening.text]}" for "{opening.text}" at {opening.position}'
            self._expected(f"a field name{end or ''}")
        name = self._advance()
        colon = self._accept(":")
        if self._accept("["):
            self._list(message, name, colon, depth)
        elif colon or self._at("{", "<"):
            message.fields.append(Field(name.text, self._value(depth), name.position))
        else:
            scalar = self._token.kind in ("string", "number", "word") or self._at("-")
            hint = "; a colon is missing" if scalar else ""
            self._expected(f'":" or "{{" after the field name {quote(_cut(name.text))}', hint)
        self._accept(",", ";")

    def _list(self, message: Message, name: _Token, colon: bool, depth: int) -> None:
        """Read the list behind its opening bracket."""
        if self._accept("]"):
            message.empty_lists.append(EmptyList(name.text, name.position))
            return
        while True:
            if not colon and not self._at("{", "<"):
                self._expected('"{"', "; a list of plain values needs a colon before it")
            message.fields.append(Field(name.text, self._value(depth), name.position, in_list=True))
            if not self._accept(","):
                break
        if not self._accept("]"):
            self._expected('"," or "]" in this list')

    def _value(self, depth: int) -> Scalar | Message:
        if self._at("{", "<"):
            return self._message(depth + 1)
        if self._token.kind == "string":
            return self._string()
        if self._at("-"):
            return self._negative()
        if self._token.kind not in ("number", "word"):
            self._expected("a value")
        token = self._advance()
        return Scalar("number" if token.kind == "number" else "identifier", token.text, token.position)

    def _message(self, depth: int) -> Message:
        opening = self._advance()
        if depth > MAX_DEPTH:
            _fail(opening.position, f"messages may be nested {MAX_DEPTH} levels deep, found one more level")
        message = Message(opening.position)
        while not self._accept(_CLOSING[opening.text]):
            self._field(message, opening, depth)
        return message

    def _negative(self) -> Scalar:
        position = self._advance().position
        word = self._token.text.lower() in ("inf", "infinity", "nan")  # no quotes, so no string
        if not word and self._token.kind != "number":
            self._expected('a number after "-"')
        return Scalar("identifier" if word else "number", "-" + self._advance().text, position)

    def _string(self) -> Scalar:
        """Adjacent literals, joined as bytes, so that a character may be split between them."""
        position, literals, hint = self._token.position, [], ""
        while self._token.kind == "string":
            hint = hint or (_PATH_HINT if _LIKE_A_PATH.match(self._token.text[1:-1]) else "")
            literals.append(_unescape(self._advance()))
        try:
            return Scalar("string", b"".join(literals).decode("utf-8"), position)
        except UnicodeDecodeError:
            _fail(position, f"expected a string whose escapes make UTF-8 text, found other bytes{hint}")

"""The text format: what is accepted and what it means, what is refused and in which words."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from helpers import refused

from pysketch.errors import NetdefError, Position
from pysketch.netdef.prototxt import MAX_DEPTH, EmptyList, Message, Scalar, load, parse, quote


def values(text: str) -> list[tuple[str, str, str]]:
    """Name, kind and text of every scalar field at the top."""
    return [(field.name, field.value.kind, field.value.text) for field in parse(text).fields]


def text_of(literal: str) -> str:
    """What a string literal stands for."""
    field = parse(f"a: {literal}").fields[0]
    assert field.value.kind == "string"
    return field.value.text


def refusal(text: str) -> str:
    """What refuses this text."""
    return refused(NetdefError, parse, text, "net.prototxt")


@pytest.mark.parametrize(
    "text",
    [
        "layer { a: 1 }",
        "layer: { a: 1 }",
        "layer < a: 1 >",
        "layer: < a: 1 >",
        "layer{a:1}",
        "layer { a: 1, }",
        "layer { a: 1; };",
        "layer { a: 1 },",
        "\tlayer\t{\r\n\ta\t: 1\r\n}\r\n",
        "# a net\nlayer { # here } \n a: 1 # 2\n} # end",
    ],
)
def test_a_message_may_be_written_in_many_ways(text: str) -> None:
    layer = parse("layer { a: 1 }").fields[0]
    assert parse(text).fields == [layer]
    assert [(each.name, each.value.text) for each in layer.value.fields] == [("a", "1")]


def test_the_two_kinds_of_brackets_nest_in_each_other() -> None:
    assert parse("a { b < c { } > }") == parse("a < b { c < > } >")


def test_an_empty_file_is_an_empty_message() -> None:
    assert parse(" # nothing\n") == Message(Position("x", 1, 1))


@pytest.mark.parametrize(
    "number",
    ["0", "3", "-3", "0x10", "0XfF", "010", "1.", ".5", "-.5", "1.5", "1e-3", "1E+3", "1.e5", "1f", "2.5F"],
)
def test_a_number_keeps_its_text(number: str) -> None:
    assert values(f"a: {number} b: {number}") == [("a", "number", number), ("b", "number", number)]


@pytest.mark.parametrize("word", ["MAX", "true", "t", "inf", "-inf", "nan", "-nan", "_x9"])
def test_a_bare_word_is_an_identifier(word: str) -> None:
    assert values(f"a: {word}") == [("a", "identifier", word)]


def test_a_minus_may_stand_apart_from_its_number() -> None:
    assert values("a: - 3") == [("a", "number", "-3")]


@pytest.mark.parametrize(
    ("literal", "text"),
    [
        (r'"plain"', "plain"),
        (r"'single \" quoted'", 'single " quoted'),
        (r""" "it's" """, "it's"),
        (r'"one" "two"', "onetwo"),
        ("'one'\n  # between\n\"two\"", "onetwo"),
        ('"a # b // c"', "a # b // c"),
        (r'"\n\t\r\a\b\f\v\\\"\'\?"', "\n\t\r\a\b\f\v\\\"'?"),
        (r'"\x41\x4a\x9"', "AJ\t"),
        (r'"\101\1011\7"', "AA1\a"),
        (r'"\u00e9\u20AC\U0001F600"', "\u00e9\u20ac\U0001f600"),
        (r'"\xc3\xa9"', "\u00e9"),
        (r'"\303" "\251"', "\u00e9"),
        ('"\u00e9"', "\u00e9"),
        ('""', ""),
    ],
)
def test_a_string_is_decoded(literal: str, text: str) -> None:
    assert text_of(literal) == text


def test_no_separator_is_needed_after_a_string() -> None:
    assert values("a: 'x'b: \"y\"c:1") == [("a", "string", "x"), ("b", "string", "y"), ("c", "number", "1")]


def test_a_list_of_scalars_gives_a_field_for_each_value() -> None:
    fields = parse("dim: [1, -2, MAX] dim: 3").fields
    assert [each.value.text for each in fields] == ["1", "-2", "MAX", "3"]
    assert [each.in_list for each in fields] == [True, True, True, False]
    assert {each.name for each in fields} == {"dim"}


@pytest.mark.parametrize("text", ["layer [{a: 1}, <b: 2>]", "layer: [<a: 1>, {b: 2}],"])
def test_a_list_of_messages_gives_a_field_for_each_message(text: str) -> None:
    fields = parse(text).fields
    assert [each.value.fields[0].name for each in fields] == ["a", "b"]
    assert all(each.in_list for each in fields)


@pytest.mark.parametrize("text", ["dim: []", "dim []", "dim: [ # none\n ];"])
def test_an_empty_list_gives_no_field_but_is_remembered(text: str) -> None:
    message = parse(text)
    assert message.fields == []
    assert message.empty_lists == [EmptyList("dim", Position("", 0, 0))]
    assert message != parse("")


def test_positions_count_lines_and_columns_from_one() -> None:
    message = parse("# first\r\na: 1\r\n  layer {\n\tb: [10,\n 'x']\n}", "net.prototxt")
    a, layer = message.fields
    ten, x = layer.value.fields
    assert str(message.position) == "net.prototxt:1:1"
    assert str(a.position) == "net.prototxt:2:1"
    assert str(a.value.position) == "net.prototxt:2:4"
    assert (layer.position.line, layer.position.column) == (3, 3)
    assert (layer.value.position.line, layer.value.position.column) == (3, 9)
    assert ten.position == x.position == Position("net.prototxt", 4, 2)
    assert x.value.position == Position("net.prototxt", 5, 2)


def test_a_field_is_placed_at_its_name_and_in_a_list_at_its_value() -> None:
    plain, listed = parse("a: 1 a: [2]").fields
    assert (plain.place.column, listed.place.column) == (1, 10)


def test_all_gives_every_field_of_a_name_in_order() -> None:
    message = parse("a: 1 b: 2 a: 3")
    assert [each.value.text for each in message.all("a")] == ["1", "3"]
    assert message.all("c") == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a {\n b: 1 >", '2:7: expected a field name or "}" for "{" at net.prototxt:1:3, found ">"'),
        ("a < }", '1:5: expected a field name or ">" for "<" at net.prototxt:1:3, found "}"'),
        (
            "a { b { }",
            '1:10: expected a field name or "}" for "{" at net.prototxt:1:3, found the end of the file',
        ),
        ("a { } }", '1:7: expected a field name, found "}"'),
        ("; a: 1", '1:1: expected a field name, found ";"'),
        ("a: 1;; b: 1", '1:6: expected a field name, found ";"'),
        ("a: 1,, b: 1", '1:6: expected a field name, found ","'),
        ("1: 2", '1:1: expected a field name, found "1"'),
        ("'a': 2", '1:1: expected a field name, found the string "a"'),
        (
            'name "a"',
            '1:6: expected ":" or "{" after the field name "name", found the string "a"; a colon is missing',
        ),
        ("name 3", '1:6: expected ":" or "{" after the field name "name", found "3"; a colon is missing'),
        ("name -3", '1:6: expected ":" or "{" after the field name "name", found "-"; a colon is missing'),
        ("pool MAX", '1:6: expected ":" or "{" after the field name "pool", found "MAX"; a colon is missing'),
        ("name", '1:5: expected ":" or "{" after the field name "name", found the end of the file'),
        ("a [1]", '1:4: expected "{", found "1"; a list of plain values needs a colon before it'),
        ("a [{}, 1]", '1:8: expected "{", found "1"; a list of plain values needs a colon before it'),
        ("a: }", '1:4: expected a value, found "}"'),
        ("a:", "1:3: expected a value, found the end of the file"),
        ("a: [1,]", '1:7: expected a value, found "]"'),
        ("a: [1 2]", '1:7: expected "," or "]" in this list, found "2"'),
        ("a: [1; 2]", '1:6: expected "," or "]" in this list, found ";"'),
        ("a: [1", '1:6: expected "," or "]" in this list, found the end of the file'),
        ("a: [[1]]", '1:5: expected a value, found "["'),
        ("a: -MAX", '1:5: expected a number after "-", found "MAX"'),
        ("a: -'x'", '1:5: expected a number after "-", found the string "x"'),
        ("a: -'inf'", '1:5: expected a number after "-", found the string "inf"'),
        ("a: +3", "1:4: expected a field or a value, found '+'; a positive number is written without a sign"),
        ("// note", "1:1: expected a field or a value, found '/'; comments start with \"#\""),
        ("a: 1 \u00e9", "1:6: expected a field or a value, found '\u00e9'"),
        ("a: \x00", r"1:4: expected a field or a value, found '\x00'"),
        ("a: 08", "1:4: expected a number such as 12, 0x1F, 017 or 1.5e-3, found 08"),
        ("a: 0x", "1:4: expected a number such as 12, 0x1F, 017 or 1.5e-3, found 0x"),
        ("a: 1e", "1:4: expected a number such as 12, 0x1F, 017 or 1.5e-3, found 1e"),
        ("a: 1.2.3", "1:4: expected a number such as 12, 0x1F, 017 or 1.5e-3, found 1.2.3"),
        ("a: 3b: 1", "1:4: expected a number such as 12, 0x1F, 017 or 1.5e-3, found 3b"),
        (
            "a: 1 \ufeffb: 2",
            "1:6: expected a field or a value, found '\\ufeff'; a byte-order mark may only begin a file",
        ),
        (
            "a:\xa01",
            "1:3: expected a field or a value, found '\\xa0'; a no-break space, as web pages have it: "
            "write a plain one",
        ),
        ("a: \u201cx\u201d", "1:4: expected a field or a value, found '\u201c'; write straight quotes"),
    ],
)
def test_wrong_syntax_is_refused_with_its_place(text: str, message: str) -> None:
    assert refusal(text) == f"net.prototxt:{message}"


@pytest.mark.parametrize("text", ["a: 'x\ny'", 'a: "x', "a: 'x\"", 'a: "x\\\n"', 'a: "x\\"', 'a: "\\'])
def test_a_string_must_close_on_its_own_line(text: str) -> None:
    expected = "this string is not closed on its line; a line break inside one is written \\n"
    assert refusal(text) == f"net.prototxt:1:4: expected a field or a value, found {text[3]!r}; {expected}"


@pytest.mark.parametrize(
    ("escape", "found"),
    [(r"\q", "q"), (r"\xg", "x"), (r"\u12", "u"), (r"\777", "777"), (r"\U00110000", "U00110000")],
)
def test_an_unknown_escape_is_refused(escape: str, found: str) -> None:
    expected = r"expected an escape such as \n or \u00e9, found a backslash and"
    assert refusal(f'a: "{escape}"') == f'net.prototxt:1:4: {expected} "{found}"'


@pytest.mark.parametrize("literal", [r'"\xff"', r'"\ud800"', '"\ud800"'])
def test_a_string_must_be_utf8_in_the_end(literal: str) -> None:
    message = "expected a string whose escapes make UTF-8 text, found other bytes"
    assert refusal(f"a: {literal}") == f"net.prototxt:1:4: {message}"


@pytest.mark.parametrize(("opening", "closing"), [("a {", "}"), ("a: <", ">"), ("a [{", "}]")])
def test_a_hundred_levels_are_read_and_one_more_is_refused(opening: str, closing: str) -> None:
    message = parse(opening * MAX_DEPTH + closing * MAX_DEPTH)
    for _ in range(MAX_DEPTH):
        (field,) = message.fields
        message = field.value
    assert message.fields == []
    too_deep = opening * (MAX_DEPTH + 1) + closing * (MAX_DEPTH + 1)
    assert "messages may be nested 100 levels deep, found one more level" in refusal(too_deep)


def test_endless_nesting_is_an_error_and_no_recursion() -> None:
    assert "levels deep" in refusal("a{" * 100_000)
    assert 'expected a value, found "["' in refusal("a:" + "[" * 100_000)


HOSTILE = {
    "long number": lambda n: "a: " + "1" * n + "x",
    "exponents": lambda n: "a: 1" + "e+" * n,
    "escapes never closed": lambda n: 'a: "' + r"\n" * n,
    "text never closed": lambda n: 'a: "' + "x" * n,
    "bad escape at the end": lambda n: 'a: "' + r"\n" * n + r'\q"',
    "long name": lambda n: "a" * n + " 1",
    "list never closed": lambda n: "a: [" + "1," * n,
    "literals, then a slash": lambda n: "a: " + '""' * n + "/",
    "lines and comments": lambda n: "\n#\n" * n + "/",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_refused_briefly_and_soon(name: str) -> None:
    start = time.monotonic()
    message = refusal(HOSTILE[name](50_000))
    # A quadratic reader would need a minute; a linear one needs half a second on a slow machine.
    assert time.monotonic() - start < 20
    assert len(message) < 300


def test_what_an_error_shows_of_a_scalar_is_cut_and_on_one_line() -> None:
    here = Position("x", 1, 1)
    assert Scalar("string", "a\nb", here).describe() == r'the string "a\nb"'
    assert Scalar("identifier", "MAX", here).describe() == "MAX"
    assert Scalar("number", "1" * 61, here).describe() == "1" * 57 + "..."


def test_load_reads_a_file_and_names_it_in_positions(tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    path.write_bytes("a: 'é'\r\n".encode())
    message = load(path)
    assert [field.value.text for field in message.fields] == ["é"]
    assert message.fields[0].position == Position(str(path), 1, 1)
    assert load(str(path)) == message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"a: 1\n# \xe9\n",
            '2:3: expected UTF-8 text, found other bytes; is it Latin-1 (Windows-1252), where it is "é"? '
            "save the file as UTF-8",
        ),
        (b"\xef\xbb\xbfa: 1 }", '1:6: expected a field name, found "}"'),
        (b"a: 1\nb", '2:2: expected ":" or "{" after the field name "b", found the end of the file'),
    ],
)
def test_load_says_where_a_file_is_wrong(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "net.prototxt"
    path.write_bytes(content)
    with pytest.raises(NetdefError, match=f"^{re.escape(f'{path}:{message}')}$"):
        load(path)


@pytest.mark.parametrize(("name", "reason"), [("missing", "No such file"), (".", "Is a directory"), ("a\0b", "null")])
def test_load_says_why_a_file_cannot_be_read(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(NetdefError, match=f"{re.escape(str(tmp_path / name))}: cannot be read: .*{reason}"):
        load(tmp_path / name)


def test_quote_writes_one_line_that_reads_back() -> None:
    text = "\x00\n\r\t\x7f\x85\u2028\"'\\é😀" + "0"
    assert quote(text).isprintable()
    assert text_of(quote(text)) == text


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfa: 'x'\nb: 2\n",
        "\ufeffa: 'x'\nb: 2\n".encode("utf-16-le"),
        b"a:\t'x'\r\nb:\t2\r\n",
        b"# a comment ends with its line\ra: 'x'\rb: 2\r",
    ],
    ids=["UTF-8 with a mark", "UTF-16", "tabs and CRLF", "CR alone"],
)
def test_a_file_is_read_whatever_editor_saved_it(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "net.prototxt").write_bytes(content)
    message = load(tmp_path / "net.prototxt")
    assert [(field.name, field.value.text) for field in message.fields] == [("a", "x"), ("b", "2")]
    assert message.fields[1].position.line == message.fields[0].position.line + 1


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0", "a PNG picture"),
        (b"\x89HDF\r\n\x1a\n\0\0", "an HDF5 file"),
        (b"\n<!DOCTYPE html>\n<html>", "a web page (HTML), perhaps saved in place of the file itself"),
    ],
)
def test_a_file_of_another_kind_is_named_as_what_it_is(tmp_path: Path, content: bytes, kind: str) -> None:
    (tmp_path / "net.prototxt").write_bytes(content)
    expected = f"{tmp_path / 'net.prototxt'}: is {kind}; expected a netdef or solver file, which is text"
    assert refused(NetdefError, load, tmp_path / "net.prototxt") == expected


@pytest.mark.parametrize(
    "path", [r"C:\data\train.prototxt", r"models\quick", r"C:\users", r"C:\202", r"\\\\server\share"]
)
def test_a_windows_path_whose_backslashes_are_no_escapes_is_told_to_use_slashes(path: str) -> None:
    assert refusal(f'a: "{path}"').endswith("; in a Windows path write / in place of each backslash")

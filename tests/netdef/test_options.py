"""Option tables: the values they read, from text and from JSON, and every mistake they report."""

from __future__ import annotations

import copy
import json
import math
import re

import pytest
from helpers import refused

from pysketch.errors import NetdefError, Position
from pysketch.netdef.options import Choice, Kind, Option, Options, Table
from pysketch.netdef.prototxt import parse

FILLER = Table(
    "Filler",
    (Option("type", Kind.STRING, "constant"), Option("std", Kind.FLOAT, 1.0, low=0.0, help="deviation")),
    unsupported=("sparse",),
)
TABLE = Table(
    "Thing",
    (
        Option("i32", Kind.INT32, 7),
        Option("u32", Kind.UINT32, 5),
        Option("i64", Kind.INT64, 3),
        Option("real", Kind.FLOAT, 0.5),
        Option("flag", Kind.BOOL, True),
        Option("text", Kind.STRING, "none"),
        Option("pool", Choice({"MAX": 0, "AVE": 1, "STOCHASTIC": 4}), "MAX"),
        Option("weight_filler", FILLER),
        Option("dim", Kind.INT64, repeated=True, low=1, high=9),
        Option("stride", Kind.UINT32, (1, 1), repeated=True),
        Option("shape", FILLER, repeated=True),
    ),
    unsupported=("engine_v0", "old_param"),
    open_suffix="_param",
)
LAYER = Table("LayerParameter", (Option("type", Kind.STRING, required=True), Option("num_output", Kind.UINT32)))
NEEDY = Table("Needy", (Option("source", Kind.STRING, required=True), Option("n", Kind.INT32)))
BOUNDED = Table("Bounded", (Option("ratio", Kind.FLOAT, low=0, high=1),))
HERE = Position("net.prototxt", 4, 2)


def read(text: str, table: Table = TABLE, where: str = "") -> Options:
    """The options of a text in the text format."""
    return table.read(parse(text, "a"), where)


def refusal(text: str, table: Table = TABLE, where: str = "") -> str:
    """What refuses a text in the text format."""
    return refused(NetdefError, read, text, table, where)


def json_refusal(text: str, table: Table = TABLE, where: str = 'layer "x"') -> str:
    """The message, less its beginning, that refuses a JSON text."""
    with pytest.raises(NetdefError) as caught:
        table.read_json(text, HERE, where)
    beginning = 'net.prototxt:4:2: layer "x": param_str: '
    assert str(caught.value).startswith(beginning)
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(beginning)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("i32: 12", 12),
        ("i32: -3", -3),
        ("i32: 0", 0),
        ("i32: -0", 0),
        ("i32: 0x10", 16),
        ("i32: -0X1f", -31),
        ("i32: 010", 8),
        ("i32: 2147483647", 2**31 - 1),
        ("i32: -2147483648", -(2**31)),
        ("u32: 4294967295", 2**32 - 1),
        ("i64: 9223372036854775807", 2**63 - 1),
        ("i64: -9223372036854775808", -(2**63)),
        ("real: 1", 1.0),
        ("real: -2", -2.0),
        ("real: 0", 0.0),
        ("real: 1.", 1.0),
        ("real: .5", 0.5),
        ("real: 0.25", 0.25),
        ("real: 1e-3", 0.001),
        ("real: 1f", 1.0),
        ("real: 2.5F", 2.5),
        ("real: inf", math.inf),
        ("real: -inf", -math.inf),
        ("real: 123456789012345678901234567890", 123456789012345678901234567890.0),
        ("text: 'a' \"b\"", "ab"),
        ("text: ''", ""),
        ("pool: AVE", "AVE"),
        ("pool: 4", "STOCHASTIC"),
        ("pool: 0x1", "AVE"),
        ("dim: 2 dim: 3", (2, 3)),
        ("dim: [2, 3] dim: 5", (2, 3, 5)),
        ("dim: []", ()),
        ("stride: [3]", (3,)),
    ],
)
def test_a_value_is_read_by_its_kind(text: str, value: object) -> None:
    found = getattr(read(text), text.split(":")[0])
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("word", ["true", "True", "t", "1"])
def test_true_has_four_spellings(word: str) -> None:
    assert read(f"flag: {word}").flag is True


@pytest.mark.parametrize("word", ["false", "False", "f", "0"])
def test_false_has_four_spellings(word: str) -> None:
    assert read(f"flag: {word}").flag is False


def test_nan_is_a_float() -> None:
    assert math.isnan(read("real: nan").real)


def test_a_message_in_a_message_is_read_by_its_own_table() -> None:
    options = read("weight_filler { type: 'msra' } shape { std: 2 } shape [{ std: 3 }]")
    assert (options.weight_filler.type, options.weight_filler.std) == ("msra", 1.0)
    assert [each.std for each in options.shape] == [2.0, 3.0]
    assert options.weight_filler.given("type") and not options.weight_filler.given("std")


@pytest.mark.parametrize("options", [TABLE.defaults(), TABLE.read(None), read(""), TABLE.read_json("", HERE)])
def test_what_is_not_written_has_its_default(options: Options) -> None:
    assert (options.i32, options.u32, options.i64, options.real) == (7, 5, 3, 0.5)
    assert (options.flag, options.text, options.pool) == (True, "none", "MAX")
    assert (options.dim, options.stride, options.shape) == ((), (1, 1), ())
    assert (options.weight_filler.type, options.weight_filler.std) == ("constant", 1.0)
    assert options.extra == {}
    assert not any(options.given(option.name) for option in TABLE.options)


def test_given_says_what_was_written_even_if_it_is_the_default() -> None:
    options = read("i32: 7 dim: 2 stride: []")
    assert options.given("i32") and options.given("dim")
    assert not options.given("u32") and not options.given("stride")


def test_given_of_a_name_outside_the_table_is_our_own_mistake() -> None:
    with pytest.raises(AssertionError, match="no option is called 'i23'"):
        read("i32: 1").given("i23")


def test_an_attribute_outside_the_table_is_an_error() -> None:
    with pytest.raises(AttributeError, match="the table has no option 'i23'"):
        _ = read("i32: 1").i23


def test_options_can_be_copied() -> None:
    assert copy.deepcopy(read("i32: 1")).i32 == 1


def test_position_points_at_the_written_value_or_at_its_message() -> None:
    options = read("i32: 1\ndim: 2\ndim: [3,\n 4]\nweight_filler {\n  std: 2 }")
    assert options.position("i32") == Position("a", 1, 1)
    assert [options.position("dim", index).line for index in range(3)] == [2, 3, 4]
    assert options.position("u32") == options.position("dim", 3) == Position("a", 1, 1)
    assert options.weight_filler.position("std") == Position("a", 6, 3)
    assert options.weight_filler.position("type") == Position("a", 5, 15)


def test_the_defaults_of_an_absent_message_stand_where_the_outer_one_does() -> None:
    outer = parse("i32: 1", "a")
    assert TABLE.read(outer).weight_filler.position("std") == Position("a", 1, 1)
    assert TABLE.read(None, position=HERE).weight_filler.position("std") == HERE
    assert TABLE.read(None).position("i32") == Position("<defaults>", 1, 1)


def test_messages_with_the_open_suffix_are_collected_unread() -> None:
    options = read("relu_param { slope: 1 } i32: 2 data_param { }")
    assert list(options.extra) == ["relu_param", "data_param"]
    assert options.extra["relu_param"] == parse("slope: 1")


REFUSALS = [
    ("I32: 1", '1:1: unknown field "I32" in Thing; did you mean "i32"?'),
    ("\n  dimm: []", '2:3: unknown field "dimm" in Thing; did you mean "dim"?'),
    ("quite_other: 1", '1:1: unknown field "quite_other" in Thing'),
    ("weight_filler { tipe: 1 }", '1:17: unknown field "tipe" in Filler; did you mean "type"?'),
    ("relu_parameter { }", '1:1: unknown field "relu_parameter" in Thing'),
    ("engine_v0: 1", "1:1: not supported: Thing.engine_v0"),
    ("engine_v0: []", "1:1: not supported: Thing.engine_v0"),
    ("old_param { }", "1:1: not supported: Thing.old_param"),
    ("weight_filler { sparse: 3 }", "1:17: not supported: Filler.sparse"),
    ("i32: [1]", "1:1: Thing.i32 takes one value, found a list"),
    ("i32: []", "1:1: Thing.i32 takes one value, found an empty list"),
    ("relu_param [{ }]", "1:1: Thing.relu_param takes one value, found a list"),
    ("relu_param []", "1:1: Thing.relu_param takes one value, found an empty list"),
    ("i32: 3.0", "1:6: Thing.i32: expected INT32, found 3.0; write it without a point or an exponent"),
    ("i32: 1e5", "1:6: Thing.i32: expected INT32, found 1e5; write it without a point or an exponent"),
    ("i32: 2147483648", "1:6: Thing.i32: expected INT32, found 2147483648"),
    ("i32: -2147483649", "1:6: Thing.i32: expected INT32, found -2147483649"),
    ("i32: 0x80000000", "1:6: Thing.i32: expected INT32, found 0x80000000"),
    ("i32: '1'", '1:6: Thing.i32: expected INT32, found the string "1"; write it without quotes'),
    ("i32: inf", "1:6: Thing.i32: expected INT32, found inf"),
    ("i32 { }", "1:5: Thing.i32: expected INT32, found a message"),
    ("u32: -1", "1:6: Thing.u32: expected UINT32, found -1"),
    ("u32: -0", "1:6: Thing.u32: expected UINT32, found -0"),
    ("u32: 4294967296", "1:6: Thing.u32: expected UINT32, found 4294967296"),
    ("i64: 9223372036854775808", "1:6: Thing.i64: expected INT64, found 9223372036854775808"),
    ("real: '1'", '1:7: Thing.real: expected FLOAT, found the string "1"; write it without quotes'),
    ("real: 'inf'", '1:7: Thing.real: expected FLOAT, found the string "inf"; write it without quotes'),
    ("real: one", "1:7: Thing.real: expected FLOAT, found one"),
    ("real: 0x10", "1:7: Thing.real: expected FLOAT, found 0x10"),
    ("real: -010", "1:7: Thing.real: expected FLOAT, found -010"),
    ("real: 1e999", "1:7: Thing.real: expected FLOAT, found 1e999"),
    ("flag: yes", "1:7: Thing.flag: expected BOOL, found yes"),
    ("flag: 2", "1:7: Thing.flag: expected BOOL, found 2"),
    ("flag: TRUE", "1:7: Thing.flag: expected BOOL, found TRUE"),
    ("flag: '1'", '1:7: Thing.flag: expected BOOL, found the string "1"; write it without quotes'),
    ("text: word", "1:7: Thing.text: expected STRING, found word; write it in quotes"),
    ("text: 3", "1:7: Thing.text: expected STRING, found 3"),
    ("pool: 'MAX'", '1:7: Thing.pool: expected POOL, found the string "MAX"; write it without quotes'),
    ("pool: 'max'", '1:7: Thing.pool: expected POOL, found the string "max"; did you mean "MAX"?'),
    ("pool: ave", '1:7: Thing.pool: expected POOL, found ave; did you mean "AVE"?'),
    ("pool: QQ", "1:7: Thing.pool: expected POOL, found QQ"),
    ("pool: 2", "1:7: Thing.pool: expected POOL, found 2"),
    ("pool: 1.0", "1:7: Thing.pool: expected POOL, found 1.0"),
    ("pool { }", "1:6: Thing.pool: expected POOL, found a message"),
    ("weight_filler: 3", "1:16: Thing.weight_filler: expected a message { ... }, found 3"),
    ("shape: ['x']", '1:9: Thing.shape: expected a message { ... }, found the string "x"'),
    ("relu_param: 3", "1:13: Thing.relu_param: expected a message { ... }, found 3"),
    ("dim: [1, { }]", "1:10: Thing.dim: expected INT64, found a message"),
    ("dim: [1, 0]", "1:10: Thing.dim: expected at least 1, found 0"),
    ("dim: 10", "1:6: Thing.dim: expected at most 9, found 10"),
    ("weight_filler { std: -.5 }", "1:22: Filler.std: expected at least 0.0, found -.5"),
]
EXPECTED = {
    "POOL": "one of MAX, AVE, STOCHASTIC",
    "UINT32": "an integer from 0 to 4294967295",
    "INT32": "an integer from -2147483648 to 2147483647",
    "INT64": "an integer from -9223372036854775808 to 9223372036854775807",
    "FLOAT": "a decimal number up to 1.8e308",
    "BOOL": "true or false",
    "STRING": "a quoted string",
}


@pytest.mark.parametrize(("text", "message"), REFUSALS)
def test_a_wrong_field_is_refused_with_its_place_and_what_was_expected(text: str, message: str) -> None:
    for name, words in EXPECTED.items():
        message = message.replace(f"expected {name},", f"expected {words},")
    assert refusal(text) == f"a:{message}"


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("i32: 1\ni32: 2", "Thing.i32"),
        ("weight_filler { }\nweight_filler { }", "Thing.weight_filler"),
        ("relu_param { }\nrelu_param { }", "Thing.relu_param"),
    ],
)
def test_a_singular_field_given_twice_names_both_places(text: str, label: str) -> None:
    assert refusal(text) == f"a:2:1: {label} takes one value, found a second one; the first is at a:1:1"


def test_a_misspelled_capital_is_told_from_the_real_name() -> None:
    message = refusal("type: 'Convolution'\nNum_output: 3", LAYER, 'layer "conv1"')
    assert message == ('a:2:1: layer "conv1": unknown field "Num_output" in LayerParameter; did you mean "num_output"?')


def test_where_stands_behind_the_position_in_messages_of_messages_too() -> None:
    assert refusal("weight_filler { std: 'x' }", where='layer "y"').startswith('a:1:22: layer "y": Filler.std: ')


def test_a_bare_type_in_a_layer_hints_at_the_old_form() -> None:
    assert refusal("type: CONVOLUTION", LAYER) == (
        "a:1:7: LayerParameter.type: expected a quoted string, found CONVOLUTION"
        '; a bare word is V1\'s "layers", in "layer" write a quoted name such as "Convolution"'
    )


@pytest.mark.parametrize("text", ["n: 1", "n: 1 # source", ""])
def test_a_required_field_that_is_missing_is_named(text: str) -> None:
    assert refusal(text, NEEDY) == "a:1:1: required field Needy.source is missing"


def test_an_absent_message_misses_its_required_fields() -> None:
    with pytest.raises(NetdefError, match=r'^net.prototxt:4:2: layer "x": required field Needy.source is'):
        NEEDY.read(None, 'layer "x"', HERE)
    assert NEEDY.defaults().source is None


@pytest.mark.parametrize(("ratio", "expected"), [("nan", "at least 0"), ("inf", "at most 1"), ("1.01", "at most 1")])
def test_bounds_hold_for_what_is_hardly_a_number(ratio: str, expected: str) -> None:
    assert refusal(f"ratio: {ratio}", BOUNDED) == f"a:1:8: Bounded.ratio: expected {expected}, found {ratio}"


@pytest.mark.parametrize("ratio", ["0", "1", "0.5"])
def test_bounds_are_inclusive(ratio: str) -> None:
    assert read(f"ratio: {ratio}", BOUNDED).ratio == float(ratio)


@pytest.mark.parametrize("digits", ["9" * 100_000, "0x" + "f" * 100_000, "0" + "7" * 100_000])
@pytest.mark.parametrize("name", ["i32", "u32", "i64", "real", "pool", "flag"])
def test_an_endless_number_is_out_of_range(name: str, digits: str) -> None:
    message = refusal(f"{name}: {digits}")
    assert message.startswith(f"a:1:{len(name) + 3}: Thing.{name}: expected ")
    assert message.endswith(f"found {digits[:57]}...")


def test_json_is_read_by_the_same_table() -> None:
    value = {
        "i32": -3,
        "real": 1e-3,
        "flag": False,
        "text": "é\n",
        "pool": "AVE",
        "weight_filler": {"std": 2},
        "dim": [2, 3],
        "stride": [],
        "shape": [{"std": 4}, {}],
        "relu_param": {"any": [1]},
    }
    options = TABLE.read_json(json.dumps(value), HERE)
    assert (options.i32, options.real, options.flag, options.text) == (-3, 0.001, False, "é\n")
    assert (options.pool, options.dim, options.stride) == ("AVE", (2, 3), (1, 1))
    assert [filler.std for filler in (options.weight_filler, *options.shape)] == [2.0, 4.0, 1.0]
    assert list(options.extra) == ["relu_param"]
    assert options.position("dim", 1) == options.position("u32") == HERE
    assert options.given("dim") and not options.given("stride")


@pytest.mark.parametrize(
    ("text", "value"), [("3", 3.0), ("Infinity", math.inf), ("-Infinity", -math.inf), ("1e400", None)]
)
def test_json_floats_take_integers_and_infinities(text: str, value: float | None) -> None:
    if value is None:
        assert "expected a decimal number up to 1.8e308, found 1e400" in json_refusal(f'{{"real": {text}}}')
    else:
        found = TABLE.read_json(f'{{"real": {text}}}', HERE).real
        assert (type(found), found) == (float, value)
    assert math.isnan(TABLE.read_json('{"real": NaN}', HERE).real)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"i32": 1, "i32": 1}', 'the key "i32" is given twice in one object'),
        ('{"a": {"b": 1, "b": 1}}', 'the key "b" is given twice in one object'),
        ('{"I32": 1}', 'unknown field "I32" in Thing; did you mean "i32"?'),
        ('{"engine_v0": 1}', "not supported: Thing.engine_v0"),
        ('{"i32": true}', "Thing.i32: expected INT32, found true"),
        ('{"i32": 3.0}', "Thing.i32: expected INT32, found 3.0; write it without a point or an exponent"),
        ('{"i32": null}', "Thing.i32: expected INT32, found null"),
        ('{"i32": NaN}', "Thing.i32: expected INT32, found NaN"),
        ('{"i32": "3"}', 'Thing.i32: expected INT32, found the string "3"; write it without quotes'),
        ('{"u32": -1}', "Thing.u32: expected UINT32, found -1"),
        ('{"i64": ' + "9" * 9999 + "}", "Thing.i64: expected INT64, found " + "9" * 57 + "..."),
        ('{"real": "1"}', 'Thing.real: expected FLOAT, found the string "1"; write it without quotes'),
        ('{"real": true}', "Thing.real: expected FLOAT, found true"),
        ('{"flag": 1}', "Thing.flag: expected BOOL, found 1"),
        ('{"flag": "true"}', 'Thing.flag: expected BOOL, found the string "true"; write it without quotes'),
        ('{"text": 1}', "Thing.text: expected STRING, found 1"),
        ('{"text": null}', "Thing.text: expected STRING, found null"),
        ('{"pool": 0}', "Thing.pool: expected POOL, found 0"),
        ('{"pool": "max"}', 'Thing.pool: expected POOL, found the string "max"; did you mean "MAX"?'),
        ('{"weight_filler": 1}', "Thing.weight_filler: expected an object, found 1"),
        ('{"i32": {}}', "Thing.i32: expected INT32, found a message"),
        ('{"i32": [1]}', "Thing.i32 takes one value, found a list"),
        ('{"i32": []}', "Thing.i32 takes one value, found an empty list"),
        ('{"dim": 3}', "Thing.dim: expected a list, found 3"),
        ('{"dim": [0]}', "Thing.dim: expected at least 1, found 0"),
        ('{"dim": [[1]]}', "expected a plain value or an object in a list, found a list"),
        ("[1]", "expected a JSON object, found a list or a single value"),
        ("3", "expected a JSON object, found a list or a single value"),
    ],
)
def test_a_wrong_json_text_is_refused(text: str, message: str) -> None:
    for name, words in EXPECTED.items():
        message = message.replace(f"expected {name},", f"expected {words},")
    assert json_refusal(text) == message


@pytest.mark.parametrize("text", ["{'i32': 1}", "{", "{} {}", "\ufeff{}", '{"i32": 1,}', '{"i32": 01}', "x\n"])
def test_text_that_is_not_json_is_refused_with_a_place_in_it(text: str) -> None:
    assert re.fullmatch(r"cannot be read as JSON: .* line 1 column \d+ \(char \d+\)", json_refusal(text))


@pytest.mark.parametrize("text", ['{"a":' * 100_000, "[" * 100_000, '{"a":[' * 100_000])
def test_endless_json_is_an_error_and_no_recursion(text: str) -> None:
    assert json_refusal(text).startswith("cannot be read as JSON: ")


def test_json_without_a_where_says_param_str_alone() -> None:
    with pytest.raises(NetdefError, match=r"^net.prototxt:4:2: param_str: required field Needy.source is"):
        NEEDY.read_json(" ", HERE)


@pytest.mark.parametrize("path", ["C:\\data", "C:\new"])
def test_backslashes_of_a_path_in_json_are_told(path: str) -> None:
    table = Table("T", (Option("source", Kind.STRING),))
    message = refused(NetdefError, table.read_json, f'{{"source": "{path}"}}', Position("a", 1, 1))
    assert message.startswith("a:1:1: param_str: cannot be read as JSON: Invalid ")
    assert message.endswith("; in a path write / in place of each backslash")


def test_what_is_not_supported_may_say_what_to_write_instead():
    table = Table("Old", (), unsupported=("scale",), instead="; it belongs elsewhere")
    with pytest.raises(NetdefError, match=r"not supported: Old.scale; it belongs elsewhere$"):
        table.read(parse("scale: 2", "a"))

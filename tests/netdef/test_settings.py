"""Options set beside a file: put into its tree as if they stood there, and refused in one line."""

from __future__ import annotations

import json

import pytest

from pysketch.errors import NetdefError
from pysketch.netdef.options import Choice, Kind, Option, Table
from pysketch.netdef.prototxt import parse, write
from pysketch.netdef.settings import Setting, put, put_json

INNER = Table("Inner", (Option("std", Kind.FLOAT), Option("type", Kind.STRING)))
TABLE = Table(
    "Outer",
    (
        Option("rate", Kind.FLOAT),
        Option("steps", Kind.INT32, repeated=True),
        Option("name", Kind.STRING),
        Option("names", Kind.STRING, repeated=True),
        Option("kind", Choice({"ONE": 1, "TWO": 2})),
        Option("on", Kind.BOOL),
        Option("inner", INNER),
        Option("each", INNER, repeated=True),
    ),
)
TEXT = "rate: 0.5 steps: 1 steps: 2 inner { std: 1 } each { std: 1 } each { std: 2 } # a comment"


def changed(text: str, tree: str = TEXT) -> str:
    """The tree's text, on one line, with the setting."""
    message, setting = parse(tree), Setting(text)
    put(message, TABLE, setting.names, setting)
    TABLE.read(message)
    return " ".join(write(message).split())


def refusal(text: str) -> str:
    with pytest.raises(NetdefError) as error:
        changed(text)
    return str(error.value)


@pytest.mark.parametrize(
    ("setting", "before", "after"),
    [
        ("rate=1e-3", "", "rate: 1e-3"),
        ("rate=2", "rate: 1", "rate: 2"),
        (" rate = -2 ", "rate: 1", "rate: -2"),
        ("steps=[3, 4,5]", "steps: 1", "steps: 3 steps: 4 steps: 5"),
        ("steps=3", "steps: 1 steps: 2", "steps: 3"),
        ("steps=[]", "steps: 1", ""),
        ("name=a b/c=d.txt", "", 'name: "a b/c=d.txt"'),
        ('name="quoted"', "", 'name: "quoted"'),
        ("name=[x]", "", 'name: "[x]"'),
        ('names=["a", "b"]', "", 'names: "a" names: "b"'),
        ("kind=TWO", "kind: ONE", "kind: TWO"),
        ("on=true", "", "on: true"),
        ("inner.std=3", "", "inner { std: 3 }"),
        ("inner.std=3", 'inner { std: 1 type: "x" }', 'inner { type: "x" std: 3 }'),
        ("inner={ std: 4 }", "inner { std: 1 }", "inner { std: 4 }"),
        ("each.1.std=3", "each { std: 1 } each { std: 2 }", "each { std: 1 } each { std: 3 }"),
    ],
)
def test_a_value_takes_the_place_of_what_stood_there(setting: str, before: str, after: str) -> None:
    assert changed(setting, before) == after


def test_the_rest_stays() -> None:
    assert (
        changed("on=false") == "rate: 0.5 steps: 1 steps: 2 inner { std: 1 } each { std: 1 } each { std: 2 } on: false"
    )


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("rat=1", 'unknown field "rat" in Outer; did you mean "rate"?'),
        ("zzz=1", 'unknown field "zzz" in Outer; expected one of rate, steps, name, names, kind, on, inner, each'),
        ("inner.sdt=1", 'unknown field "sdt" in Inner; did you mean "std"?'),
        ("rate.std=1", 'Outer.rate is no message; nothing in it is called "std"'),
        ("each.std=1", "Outer.each: expected the number of one, 0 to 1: each.0.NAME"),
        (
            "each.2.std=1",
            "Outer.each: expected the number of one, 0 to 1: each.0.NAME; in the file it has 2 each { }",
        ),
        ("each.0=1", "Outer.each: expected the number of one, 0 to 1: each.0.NAME"),
        ("rate=abc", "Outer.rate: expected a decimal number up to 1.8e308, found abc"),
        ("rate=1x", "expected a number such as 12, 0x1F, 017 or 1.5e-3, found 1x"),
        ("rate=[1", 'expected "," or "]" in this list, found its end'),
        ("rate=[1]", "Outer.rate takes one value, found a list"),
        ("rate=1 on: true", "expected one value, or a list of values in [ ]"),
        ("rate=1 rate: 2", "expected one value, or a list of values in [ ]"),
        ("kind=THREE", "Outer.kind: expected one of ONE, TWO, found THREE"),
        ("steps=1.5", "Outer.steps: expected an integer from -2147483648 to 2147483647, found 1.5; write it without"),
        ("inner.std={}", "Inner.std: expected a decimal number up to 1.8e308, found a message"),
    ],
)
def test_what_is_wrong_is_said_of_the_setting(setting: str, message: str) -> None:
    assert refusal(setting).startswith(f"--set {setting}: {message}")


@pytest.mark.parametrize("text", ["rate", "=1", "rate=", "rate=1\non: true", ""])
def test_what_is_no_setting_is_refused(text: str) -> None:
    with pytest.raises(NetdefError, match=r"expected PATH=VALUE on one line, such as base_lr=0\.0005"):
        Setting(text)


@pytest.mark.parametrize(
    ("setting", "before", "after"),
    [
        ("rate=2", '{"rate": 1e9, "on": true}', {"rate": 2, "on": True}),
        ("rate=2", " ", {"rate": 2}),
        ("steps=3", "", {"steps": [3]}),
        ("steps=[3, 4]", '{"steps": [1]}', {"steps": [3, 4]}),
        ("name=synthetic", "", {"name": "synthetic"}),
        ('name="x"', "", {"name": "x"}),
        ("name=12", "", {"name": "12"}),
        ("kind=TWO", "", {"kind": "TWO"}),
        ("on=False", "", {"on": False}),
        ("inner.std=3", '{"inner": {"type": "x"}}', {"inner": {"type": "x", "std": 3}}),
        ("inner.std=3", "", {"inner": {"std": 3}}),
    ],
)
def test_an_option_in_json_is_set_as_json_has_it(setting: str, before: str, after: dict) -> None:
    given = Setting(setting)
    text = put_json(before, TABLE, given.names, given)
    assert json.loads(text) == after
    TABLE.read_json(text, given.position)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("rat=1", 'layer "x": unknown field "rat" in Outer; did you mean "rate"?'),
        ("rate.std=1", "Outer.rate is no object with options of its own"),
        ("each.0.std=1", "Outer.each is no object with options of its own"),
        ("rate=many", "rate: expected a decimal number up to 1.8e308, found many"),
        ("steps=[[[", "steps: expected an integer from -2147483648 to 2147483647, found [[["),
    ],
)
def test_what_is_wrong_in_json_is_said_of_the_setting(setting: str, message: str) -> None:
    given = Setting(setting)
    with pytest.raises(NetdefError) as error:
        put_json("", TABLE, given.names, given, 'layer "x"')
    assert str(error.value) == f"--set {setting}: {message}"

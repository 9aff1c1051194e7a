"""The tools, under a word each: python tools draw medium photo.jpg"""

from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import NoReturn

import common

import pysketch
from pysketch.errors import did_you_mean
from pysketch.shipped import COMMANDS

EXAMPLES = """
commands:
{commands}

Each has its own --help, with examples. The nets large, medium, small and sr, their netdefs and their solver files come
with pysketch and are found by name; whatever else a command reads or writes is a path.

examples:
  a photo, drawn:
    {program} draw medium photo.jpg -o sketch.png
  people enrolled by their photos, and looked for by an artist's sketch:
    {program} enroll photos/ -o gallery.h5
    {program} find gallery.h5 sketch.png
  a net of your own in a minute, with faces that are made up, then drawn with:
    {program} train quick --data synthetic
    {program} draw snapshots/quick.h5 photo.jpg -o quick.png
  a folder of photos and sketches, aligned by the eyes, then learned from and scored on:
    {program} prepare RAW DIR
    {program} train medium --data DIR
    {program} evaluate medium --data DIR
  what a layer does, and the options that a netdef may give it:
    {program} layers Pooling
"""


def main(arguments: Sequence[str] | None = None, program: str = "python tools") -> int:
    """Run the tool that the first word names with the other words; the tool's status."""
    word, *rest = (sys.argv[1:] if arguments is None else arguments) or [""]
    if word not in COMMANDS:
        _parser(program).parse_args([word] if word else [])
    common.start_by_word(program)
    return import_module(COMMANDS[word]).main(rest)


def _parser(program: str) -> argparse.ArgumentParser:
    width = max(map(len, COMMANDS))
    commands = "\n".join(f"  {word:<{width}}  {_summary(tool)}" for word, tool in COMMANDS.items())
    description = (
        "Draws pencil sketches of face photos, by nets that it trains, scores, times and converts, and finds people by "
        "sketches."
    )
    parser = common.parser(program, description, EXAMPLES.format(program=program, commands=commands))
    parser.usage = f"{program} COMMAND ..."
    parser.add_argument("command", type=_unknown, metavar="COMMAND", help="one of those below")
    parser.add_argument("--version", action="version", version=f"pysketch {pysketch.__version__}")
    return parser


def _unknown(text: str) -> NoReturn:
    raise argparse.ArgumentTypeError(
        f'no command "{text}"{did_you_mean(text, COMMANDS) or "; expected " + ", ".join(COMMANDS)}'
    )


def _summary(tool: str) -> str:
    """What a tool's docstring says before its example."""
    source = Path(__file__).with_name(f"{tool}.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").partition(": python")[0]


if __name__ == "__main__":
    common.run(lambda arguments: main(arguments, globals().get("PROGRAM", "python tools")))

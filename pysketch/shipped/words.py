"""Words for the tools, and a help in words: ``pysketch draw medium``, not the paths of a checkout."""

from __future__ import annotations

import re

from pysketch.shipped.extras import how_to_install

COMMANDS = {
    "draw": "deploy",
    "find": "find",
    "train": "solve",
    "evaluate": "evaluate",
    "prepare": "prepare",
    "enroll": "enroll",
    "gallery": "gallery",
    "convert": "convert",
    "test": "test_net",
    "layers": "layers",
    "summarize": "summarize",
    "diagram": "draw_net",
    "show-data": "show_data",
    "plot": "plot_log",
    "learn-views": "learn_views",
    "benchmark": "benchmark",
    "reproduce": "reproduce",
    "page": "page",
}
"""Word -> the tool that it runs."""

_SHIPPED = re.compile(r"netdefs/pretrained/(\w+)\.h5|netdefs/(\w+)\.prototxt|solver/(\w+)_solver\.txt")


def in_words(text: str, program: str) -> str:
    """A help text with `program` and a word for a tool's file, names for shipped files, and what installs extras here.

    A line's second column, which stands behind three blanks or more, stays where it is.
    """
    lines = []
    for line in text.split("\n"):
        first, gap, second = re.fullmatch(r"(\s*.*?)(\s{3,}|$)(.*)", line).groups()
        lines.append(f"{_replace(first, program):<{len(first) if second else 0}}{gap}{_replace(second, program)}")
    return "\n".join(lines)


def _replace(text: str, program: str) -> str:
    words = {tool: f"{program} {word}" for word, tool in COMMANDS.items()}
    text = re.sub(r"(?:python )?(?:tools/)?\b(\w+)\.py\b", lambda found: words.get(found[1], found[0]), text)
    text = _SHIPPED.sub(lambda found: found[found.lastindex], text)
    return re.sub(r'pip install -e "\.\[(\w+)\]"', lambda found: how_to_install(found[1]), text)

"""Which layers there are, and what one does and takes: python tools/layers.py Pooling"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import common

import pysketch
from pysketch.errors import NetdefError, did_you_mean

EXAMPLES = """
examples:
  python tools/layers.py                 every type, in a line each
  python tools/layers.py Pooling Crop    what these do, their gradients, their options with defaults
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the list of types, or what the named ones are."""
    types = _parser().parse_args(arguments).types
    texts = [pysketch.report.describe_layer(_layer(name)) for name in types] or [pysketch.report.list_layers()]
    print("\n\n\n".join(map("\n".join, texts)))
    return 0


def _layer(name: str) -> type[pysketch.layers.Layer]:
    if name in pysketch.layers.UNSUPPORTED_LAYERS and name not in pysketch.layers.LAYERS:
        raise NetdefError(f"not supported: {name} (Caffe has it); near: {pysketch.layers.UNSUPPORTED_LAYERS[name]}")
    if name not in pysketch.layers.LAYERS:
        raise NetdefError(
            f"unknown layer type {name!r}{did_you_mean(name, pysketch.layers.LAYERS)}; without a name all are listed"
        )
    return pysketch.layers.LAYERS[name]


def _parser() -> argparse.ArgumentParser:
    parser = common.parser("layers.py", "Which layers there are, and what one does and takes.", EXAMPLES)
    parser.add_argument("types", nargs="*", metavar="TYPE", help="as in a netdef, such as Pooling; none: list all")
    return parser


if __name__ == "__main__":
    common.run(main)

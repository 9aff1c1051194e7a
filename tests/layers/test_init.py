"""Importing pysketch.layers registers every layer that a file of the folder defines."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path

import pysketch.layers
from pysketch.layers import LAYERS, Layer

FILES = {path.stem for path in Path(pysketch.layers.__file__).parent.glob("*.py")} - {"__init__"}


def test_every_layer_that_a_file_defines_is_registered_under_its_type() -> None:
    """Base classes, which others are derived from, are no layers themselves."""
    defined = {
        value
        for stem in FILES
        for value in vars(sys.modules[f"pysketch.layers.{stem}"]).values()
        if inspect.isclass(value) and issubclass(value, Layer) and value.__module__ == f"pysketch.layers.{stem}"
    }
    bases = {base for value in defined for base in value.__mro__[1:]}
    assert len(defined - bases) > 40
    assert all(LAYERS[value.type] is value for value in defined - bases)

"""Importing pysketch.layers registers every layer that it names, and no layer's file is forgotten there."""

from __future__ import annotations

import inspect
from pathlib import Path

import pysketch.layers
from pysketch.layer import LAYERS, Layer

FILES = {path.stem for path in Path(pysketch.layers.__file__).parent.glob("*.py")} - {"__init__"}


def test_every_name_is_a_layer_registered_under_it() -> None:
    for name in pysketch.layers.__all__:
        assert LAYERS[name] is getattr(pysketch.layers, name)


def test_every_file_that_defines_a_layer_is_imported() -> None:
    modules = {stem: getattr(pysketch.layers, stem) for stem in FILES}
    layers = {
        name
        for stem, module in modules.items()
        for name, value in vars(module).items()
        if inspect.isclass(value) and issubclass(value, Layer) and value.__module__ == f"pysketch.layers.{stem}"
    }
    assert layers - {"BaseConvolution"} == set(pysketch.layers.__all__)

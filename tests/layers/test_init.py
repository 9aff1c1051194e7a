"""Every layer that a file of the folder defines is found by its type, and that file alone is imported for it."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pysketch.layers
from pysketch.layers import LAYERS, Layer

FILES = {path.stem for path in Path(pysketch.layers.__file__).parent.glob("*.py")} - {"__init__"}


def test_every_layer_that_a_file_defines_is_registered_under_its_type() -> None:
    """Base classes, which others are derived from, are no layers themselves."""
    assert len(LAYERS) > 40  # now all files are imported
    defined = {
        value
        for stem in FILES
        for value in vars(sys.modules[f"pysketch.layers.{stem}"]).values()
        if inspect.isclass(value) and issubclass(value, Layer) and value.__module__ == f"pysketch.layers.{stem}"
    }
    bases = {base for value in defined for base in value.__mro__[1:]}
    assert all(LAYERS[value.type] is value for value in defined - bases)


def test_a_layers_file_is_called_as_its_type_but_for_case_and_underscores() -> None:
    """So that it is found by the type without a look at the others; else all of them are imported for it."""
    of_ours = {type: cls.__module__ for type, cls in LAYERS.items() if cls.__module__.startswith("pysketch.layers.")}
    assert len(of_ours) > 40
    for type, module in of_ours.items():
        assert module.rpartition(".")[2].replace("_", "") == type.lower()


def test_a_netdefs_layers_are_imported_and_no_others() -> None:
    netdef = """
        layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }
        layer { name: "y" type: "ReLU" bottom: "x" top: "y" relu_param { negative_slope: 0.1 } }
    """
    code = f"""
import sys
from pysketch import Net, Phase
from pysketch.netdef import parse_netdef
Net(parse_netdef({netdef!r}), Phase.TEST)
print(*(name.rpartition(".")[2] for name in sys.modules if name.startswith("pysketch.layers.")))
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"input", "relu"} <= {*done.stdout.split()}
    assert not {"softmax", "lrn", "photo_sketch_data", "data"} & {*done.stdout.split()}

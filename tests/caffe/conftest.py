"""What a script for pycaffe starts with."""

import sys

import pytest

from pysketch.caffe.mode import mode


@pytest.fixture
def script(monkeypatch, tmp_path):
    """A script of its own, in tmp_path, that starts on the CPU without a seed."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    for name, value in (("gpu", False), ("index", 0), ("seed", None)):
        monkeypatch.setattr(mode, name, value)
    yield
    sys.modules.pop("script_layers", None)

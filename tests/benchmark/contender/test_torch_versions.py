import sys

import pytest

from pysketch.benchmark.contender.torch_versions import versions


def test_without_pytorch_it_cannot_tell(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModuleNotFoundError):
        versions()

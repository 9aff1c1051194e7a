"""Stands where PyTorch would, for tests of what races against it: see `sitecustomize` beside it."""

from types import SimpleNamespace

__version__ = "a double"
version = SimpleNamespace(cuda="0.0")
cuda = SimpleNamespace(is_available=lambda: True, get_device_name=lambda index: "a double of a card")
backends = SimpleNamespace(cudnn=SimpleNamespace(version=lambda: 0))

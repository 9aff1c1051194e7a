"""What every test may ask for: each device in turn."""

from __future__ import annotations

from functools import cache

import pytest

from pysketch.backend import CPU, Device, choose_device
from pysketch.errors import DeviceError


@pytest.fixture(params=["cpu", pytest.param("gpu", marks=pytest.mark.on_gpu)])
def device(request: pytest.FixtureRequest) -> Device:
    """Each device in turn: the CPU, then GPU 0, real or emulated; skipped with the reason where there is none."""
    if request.param == "cpu":
        return CPU
    gpu, problem = _gpu()
    if gpu is None:
        pytest.skip(problem)
    return gpu


@cache
def _gpu() -> tuple[Device | None, str]:
    """GPU 0, or why it cannot be used."""
    try:
        return choose_device("gpu"), ""
    except DeviceError as error:
        return None, str(error)

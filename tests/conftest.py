"""What every test may ask for: each device in turn, or a real GPU."""

from __future__ import annotations

from functools import cache

import pytest

from pysketch.backend import CPU, Device, choose_device


@pytest.fixture(params=["cpu", pytest.param("gpu", marks=pytest.mark.on_gpu)])
def device(request: pytest.FixtureRequest) -> Device:
    """Each device in turn: the CPU, then GPU 0, real or emulated; skipped with the reason where there is none."""
    return CPU if request.param == "cpu" else _gpu()


@pytest.fixture(params=[pytest.param("gpu", marks=pytest.mark.on_gpu)])
def gpu() -> Device:
    """GPU 0, real or emulated; skipped with the reason where there is none."""
    return _gpu()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a GPU (mark `on_gpu`), or a real one (mark `gpu`), where there is none."""
    real = item.get_closest_marker("gpu") is not None
    if not real and item.get_closest_marker("on_gpu") is None:
        return
    found = _gpu()
    if found.kind == "cpu":
        pytest.skip(found.reason)
    if real and found.xp.cuda.runtime.is_hip:
        pytest.skip("the GPU is emulated; only a real one can answer this")


@cache
def _gpu() -> Device:
    """GPU 0, or the CPU with the reason why there is none."""
    return choose_device("auto")

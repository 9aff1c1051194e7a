import sys
from contextlib import ExitStack
from types import SimpleNamespace

import pytest

from pysketch.benchmark.card import versions
from pysketch.benchmark.card.plan import Plan
from pysketch.benchmark.card.versions import card, pieces, software


def test_the_card_is_named_with_its_memory_and_cuda(gpu):
    found = card(Plan(str(gpu)))
    assert found["name"] in found["found"]
    assert 0 < found["free_bytes"] <= found["memory_bytes"]
    assert {"runtime", "driver", "cuBLAS", "NVRTC"} <= set(found["libraries"])


def test_python_its_libraries_and_the_processor_are_named(monkeypatch):
    monkeypatch.setattr(versions, "_output", lambda *command: " ".join(command[-2:]))
    found = software()
    assert found["python"] == sys.version.split()[0]
    assert "numpy" in found["libraries"]
    assert found["commit"] == "rev-parse HEAD"
    assert found["processor"]
    assert "compiled kernels" in found["kernels"]


def test_a_program_that_is_not_there_or_fails_tells_nothing():
    assert versions._output("no-such-program") is None
    assert versions._output(sys.executable, "-c", "raise SystemExit(3)") is None
    assert versions._output(sys.executable, "-c", "print(' x ')") == "x"


def test_each_is_a_piece_of_its_own():
    assert list(pieces(Plan("gpu:0"), ExitStack(), 0)) == ["card", "software", "PyTorch"]


@pytest.mark.parametrize(("has", "cudnn"), [(True, 91002), (False, None)])
def test_pytorch_says_what_it_has(monkeypatch, has, cudnn):
    torch = SimpleNamespace(
        __version__="9.1",
        version=SimpleNamespace(cuda="13.0"),
        backends=SimpleNamespace(cudnn=SimpleNamespace(version=lambda: 91002)),
        cuda=SimpleNamespace(is_available=lambda: has, get_device_name=lambda index: "K40"),
    )
    monkeypatch.setitem(sys.modules, "torch", torch)
    found = versions.pytorch()
    assert found == {"version": "9.1", "cuda": "13.0", "cudnn": cudnn, "card": "K40" if has else None}

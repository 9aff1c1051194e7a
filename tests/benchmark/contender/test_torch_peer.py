import pytest

from pysketch.benchmark.nets import Job
from pysketch.benchmark.race import run_race

pytest.importorskip("torch", reason="PyTorch is not installed; it is a peer of the benchmark only")


@pytest.mark.parametrize(
    ("phase", "peer"),
    [("test", "torch"), ("test", "torch-frozen"), ("train", "torch"), ("train", "torch-channels-last")],
)
def test_torch_computes_what_we_compute(phase, peer, tiny):
    result = run_race(Job(tiny, phase, 2), (peer,), 3, with_layers=False)
    assert 0 <= result.differences[peer] < 1e-4
    assert result.ratios[peer] > 0


@pytest.mark.slow
@pytest.mark.parametrize("phase", ["test", "train"])
def test_compiled_torch_computes_what_we_compute(phase, tiny):
    assert 0 <= run_race(Job(tiny, phase, 2), ("torch-compiled",), 3, False).differences["torch-compiled"] < 1e-4

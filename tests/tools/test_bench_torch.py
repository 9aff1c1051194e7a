import pytest
from bench_nets import Job
from bench_race import race

pytest.importorskip("torch", reason="PyTorch is not installed; it is a peer of the benchmark only")


@pytest.mark.parametrize(("phase", "peer"), [("test", "torch"), ("train", "torch"), ("train", "torch-channels-last")])
def test_torch_computes_what_we_compute(phase, peer, tiny):
    result = race(Job(tiny, phase, 2), (peer,), 3, with_layers=False)
    assert 0 <= result.differences[peer] < 1e-4
    assert result.ratios[peer] > 0

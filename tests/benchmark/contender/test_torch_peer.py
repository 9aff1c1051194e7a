import pytest

from pysketch.benchmark.contender.peers import describe, param_name
from pysketch.benchmark.nets import Job, build
from pysketch.benchmark.race import largest_difference, run_race

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


@pytest.fixture
def posing(monkeypatch):
    """PyTorch whose card "cuda:0" is the CPU: tensors stay, events take the host's time."""
    import time

    import torch

    class Event:
        def __init__(self, enable_timing):
            assert enable_timing

        def record(self):
            self.at = time.perf_counter()

        def elapsed_time(self, last):
            return 1e3 * (last.at - self.at)

    moved, stays = [], torch.Tensor.to

    def to(tensor, *arguments, **options):
        if arguments == ("cuda:0",):
            moved.append(tensor)
            return tensor
        return stays(tensor, *arguments, **options)

    monkeypatch.setattr(torch.Tensor, "to", to)
    monkeypatch.setattr(torch.cuda, "Event", Event)
    for name in ("synchronize", "empty_cache", "reset_peak_memory_stats"):
        monkeypatch.setattr(torch.cuda, name, lambda: None)
    monkeypatch.setattr(torch.cuda, "max_memory_reserved", lambda: 7)
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = cudnn.benchmark, cudnn.allow_tf32, matmul.allow_tf32
    yield moved
    cudnn.benchmark, cudnn.allow_tf32, matmul.allow_tf32 = before


@pytest.mark.parametrize("way", ["", "channels-last"])
@pytest.mark.parametrize("phase", ["test", "train"])
@pytest.mark.parametrize("math", ["default", "tf32"])
def test_on_a_card_it_computes_the_same_with_the_cards_switches_clock_and_memory(phase, math, way, tiny, posing):
    import torch

    from pysketch.benchmark.contender.torch_peer import TorchPeer

    net, inputs = build(Job(tiny, phase, 2))
    params = {param_name(param): param.blob.data for param in net.learnable}
    graph, rate = describe(net), 0.01 if phase == "train" else None
    peer = TorchPeer(graph, params, inputs, 1, way, rate, "cuda:0", math)
    assert len(posing) == len(inputs) + len(params)
    assert torch.backends.cudnn.benchmark
    assert {torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32} == {math == "tf32"}
    found, expected = peer.check(), TorchPeer(graph, params, inputs, 1, way, rate).check()
    assert largest_difference(expected, found)[0] < 1e-6
    parts = peer.parts()
    assert list(parts) == ["forward", "backward", "update"][: 3 if rate else 1]
    assert all(0 < each.seconds < 10 for each in peer.clock.time(list(parts.values())))
    assert peer.device_bytes() == 7

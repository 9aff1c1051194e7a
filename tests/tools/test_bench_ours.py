import numpy as np
import pytest
from bench_nets import Job, build
from bench_ours import Ours
from peers import param_name


def ours(tiny, folder, phase):
    net, _ = build(Job(tiny, phase))
    np.savez(folder / "params.npz", **{param_name(param): 0.5 * param.blob.data for param in net.learnable})
    return Ours(folder, {"netdef": tiny, "phase": phase, "batch": 1, "threads": 1, "seed": 0, "size": None}), net


def test_it_takes_the_weights_that_are_given(tiny, tmp_path):
    contender, net = ours(tiny, tmp_path, "test")
    for mine, theirs in zip(contender.net.learnable, net.learnable, strict=True):
        np.testing.assert_array_equal(mine.blob.data, 0.5 * theirs.blob.data)


def test_a_training_step_learns_and_a_drawing_step_does_not(tiny, tmp_path):
    for phase in ("test", "train"):
        contender, _ = ours(tiny, tmp_path, phase)
        before = contender.net.learnable[0].blob.data.copy()
        contender.step()
        assert np.array_equal(before, contender.net.learnable[0].blob.data) == (phase == "test")


def test_a_check_in_training_gives_losses_and_gradients_and_the_second_loss_is_lower(tiny, tmp_path):
    contender, net = ours(tiny, tmp_path, "train")
    found = contender.check()
    assert set(found) == {"loss", "loss after an update"} | {f"gradient of {param_name(p)}" for p in net.learnable}
    assert 0 < found["loss after an update"] < found["loss"]


@pytest.mark.parametrize("phase", ["test", "train"])
def test_every_layer_has_its_times_and_workspace(phase, tiny, tmp_path):
    contender, _ = ours(tiny, tmp_path, phase)
    times = contender.time_layers()
    assert len(times) == len(contender.net.layers)
    assert all(forward > 0 for forward, _ in times)
    backward = [layer.name for layer, (_, b) in zip(contender.net.layers, times, strict=True) if b is not None]
    assert backward == ([] if phase == "test" else ["conv1", "relu1", "conv2", "loss"])
    *layers, whole = contender.measure_workspace()
    assert len(layers) == len(times)
    assert whole >= max(layers) > 0

from pathlib import Path

import numpy as np
import pytest
from helpers import python_layer

from pysketch.benchmark.contender.peers import param_name
from pysketch.benchmark.nets import Job, build
from pysketch.benchmark.ours import Ours

SQUARE = """
from pysketch.layers import Layer


class Square(Layer):
    def reshape(self, bottom, top):
        top[0].reshape(bottom[0].shape)

    def forward(self, bottom, top):
        top[0].data[...] = bottom[0].data ** 2
"""


def ours(tiny, folder, phase, **more):
    net, _ = build(Job(tiny, phase, **more))
    np.savez(folder / "params.npz", **{param_name(param): 0.5 * param.blob.data for param in net.learnable})
    return Ours(
        folder, {"netdef": tiny, "phase": phase, "batch": 1, "threads": 1, "seed": 0, "size": None, **more}
    ), net


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
    assert backward == ["conv1", "relu1", "conv2", "loss"][: 3 if phase == "test" else 4]
    *layers, whole = contender.measure_workspace()
    assert len(layers) == len(times)
    assert whole >= max(layers) > 0


def test_a_drawing_nets_backward_is_timed_only_if_asked_for(tiny, tmp_path):
    contender, _ = ours(tiny, tmp_path, "test", backward=False)
    assert all(backward is None for _, backward in contender.time_layers())


def test_a_layer_that_cannot_go_backward_has_no_time_for_it(tiny, tmp_path):
    text = Path(tiny).read_text(encoding="utf-8")
    score = python_layer("Square", ["prediction"], ["square"]).replace("pysketch.layers", "scoring")
    Path(tiny).write_text(text + score, encoding="utf-8")
    (tmp_path / "scoring.py").write_text(SQUARE, encoding="utf-8")
    contender, _ = ours(tiny, tmp_path, "test", layers=(str(tmp_path),))
    backward = [b is not None for _, b in contender.time_layers()]
    names = [layer.name for layer in contender.net.layers]
    assert [name for name, has in zip(names, backward, strict=True) if has] == ["conv1", "relu1", "conv2"]

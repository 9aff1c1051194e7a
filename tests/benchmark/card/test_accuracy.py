from contextlib import ExitStack

import numpy as np

from pysketch.benchmark.card.accuracy import draws, learns, pieces
from pysketch.benchmark.card.plan import Plan
from pysketch.images.pictures import write_image


def test_gradients_are_compared_with_those_of_float64_on_the_cpu(tiny, device):
    truths = {}
    found = learns(Plan(str(device), small=(11, 12), threads=1).small_job(tiny), truths)
    assert 0 < found["cpu_float32"] < 1e-5
    assert 0 < found["card"] < 1e-5
    truth, _ = truths[tiny]
    assert truth["loss"].dtype == np.float64
    assert found["in"] in truth
    if device.kind == "cpu":
        assert found["card"] == found["cpu_float32"]


def test_a_trained_net_draws_on_both(net_file, device, tmp_path):
    write_image(tmp_path / "photo.png", np.random.default_rng(3).integers(0, 256, (30, 26, 3)).astype(np.uint8))
    found = draws(net_file, str(tmp_path / "photo.png"), device)
    assert found["pixels"] == 26 * 22
    assert found["pixels_differ"] <= 3
    assert found["largest_grey_levels"] < 1e-3


def test_nets_that_were_trained_draw_and_tf32_comes_last():
    plan = Plan("cpu", nets=("netdefs/small.prototxt", "other.prototxt"))
    assert list(pieces(plan, ExitStack(), 0)) == [
        "small.h5 draws",
        "small, a training step",
        "other, a training step",
        "small, a training step, tf32",
        "other, a training step, tf32",
    ]

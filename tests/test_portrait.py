"""The portrait net: what it sees and costs, its two gradients, and a run that stops around the opening of the gate."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from solver_helpers import assert_same_bits, make_solver, weights

from pysketch.drawing.sketcher import Sketcher, deploy_net
from pysketch.images.preprocessing import Preprocessing
from pysketch.images.variation.probes import skin_places, synthetic_in_tone
from pysketch.layers.context import Context
from pysketch.net.gradient_check import check_net_gradients
from pysketch.net.multiply_adds import forward_multiply_adds
from pysketch.net.net import Net
from pysketch.net.tiling import Tiling
from pysketch.netdef.definitions import Phase, load_netdef, parse_netdef
from pysketch.solver.solver import Solver

pytestmark = pytest.mark.usefixtures("few_faces")

ROOT = Path(__file__).parents[1]
NETDEF = ROOT / "netdefs" / "portrait.prototxt"


def small(begin: int = 0) -> str:
    """The netdef with crops of 16x16 pixels, another gate, and biases that keep few ReLUs at their kinks."""
    text = NETDEF.read_text(encoding="utf-8")
    for side in ("photo_width", "photo_height", "sketch_width", "sketch_height"):
        text, count = re.subn(rf'"{side}": \d+', f'"{side}": 16', text)
        assert count == 1
    filler = 'weight_filler { type: "msra" }'
    text = text.replace(filler, filler + ' bias_filler { type: "gaussian" std: 0.2 }')
    text, count = re.subn(r'"begin": \d+', f'"begin": {begin}', text)
    assert count == 1
    return text


def net(text: str, phase: Phase = Phase.TRAIN) -> Net:
    """In float64, with synthetic faces before it."""
    return Net(parse_netdef(text, "p.prototxt"), phase, Context(data_source="synthetic", dtype=np.float64, seed=3))


@pytest.fixture(scope="module")
def drawing() -> Net:
    return deploy_net(load_netdef(NETDEF), Preprocessing())


def macs(name: str) -> float:
    """Multiply-adds a pixel of the photo."""
    net = deploy_net(load_netdef(ROOT / "netdefs" / f"{name}.prototxt"), Preprocessing())
    parts = zip(net.layers, net.bottoms, net.tops, strict=True)
    total = sum(forward_multiply_adds(*part) or 0 for part in parts)
    return total / np.prod(net.blobs["data"].shape[2:])


def test_a_pixel_sees_a_whole_head_for_fewer_multiply_adds_than_medium(drawing: Net) -> None:
    vertical, horizontal = Tiling(drawing).fields
    assert vertical.size == horizontal.size == 201
    assert macs("portrait") < macs("medium")


def test_a_sketch_is_as_large_as_its_photo_and_the_net_fits_into_8_mb(drawing: Net) -> None:
    assert drawing.blobs["prediction"].shape[2:] == drawing.blobs["data"].shape[2:]
    assert sum(param.blob.count for param in drawing.learnable) * 4 < 8e6


def test_drawing_needs_caffes_own_layers_only(drawing: Net) -> None:
    assert {layer.type for layer in drawing.layers} <= {
        "Input",
        "Convolution",
        "ReLU",
        "Deconvolution",
        "Concat",
        "Split",
    }


@pytest.mark.slow
def test_the_graphs_gradients_without_the_critic_are_right() -> None:
    assert check_net_gradients(net(small(), Phase.TEST), samples=1, threshold=1e-4) > 30


def frozen(text: str) -> str:
    """The netdef with a critic that does not learn, and whose own losses do not count."""
    text, count = re.subn(r'(name: "critic\d_[wb]" lr_mult:) 1', r"\1 0", text)
    assert count == 16
    text, count = re.subn(r'(top: "loss_(real|fake)" loss_weight:) 1', r"\1 0", text)
    assert count == 2
    return text


@pytest.mark.slow
def test_with_a_critic_that_stays_as_it_is_the_generators_gradients_are_those_of_all_its_losses() -> None:
    assert check_net_gradients(net(frozen(small())), samples=3, threshold=1e-4) >= 90


def diffs(net: Net, critic: bool) -> list[np.ndarray]:
    """Of the critic's params, or of all others."""
    return [param.blob.diff.copy() for param in net.learnable if param.layer.startswith("real") == critic]


@pytest.mark.slow
def test_the_critics_learning_does_not_change_the_generators_gradients() -> None:
    found, expected = net(small()), net(frozen(small()))
    for each in (found, expected):
        each.forward()
        each.backward()
    assert_same_bits(diffs(found, critic=False), diffs(expected, critic=False))


@pytest.mark.slow
def test_the_critics_gradients_are_those_of_its_own_two_losses_and_the_gate_does_not_matter() -> None:
    playing = net(small())
    states = playing.layer_states()

    def loss() -> float:
        playing.restore_layer_states(states)
        playing.forward()
        return sum(float(playing.blobs[name].data) for name in ("loss_real", "loss_fake"))

    loss()
    playing.backward()
    found = diffs(playing, critic=True)
    critic = [param.blob for param in playing.learnable if param.layer.startswith("real")]
    assert len(critic) == 8
    rng = np.random.default_rng(0)
    for blob, diff in zip(critic, found, strict=True):
        for index in rng.integers(blob.count, size=2):
            values = blob.data.reshape(-1)
            before, losses = values[index], []
            for step in (1e-5, -1e-5):
                values[index] = before + step
                losses.append(loss())
            values[index] = before
            assert diff.reshape(-1)[index] == pytest.approx((losses[0] - losses[1]) / 2e-5, rel=1e-4, abs=1e-8)
    shut = net(small(begin=9))
    shut.forward()
    shut.backward()
    assert_same_bits(diffs(shut, critic=True), found)


@pytest.mark.slow
def test_before_the_gate_opens_the_critic_does_not_move_the_generator() -> None:
    shut, without = (
        net(small(begin=9)),
        net(re.sub(r"(top: \"(loss_hand|match\d)\" loss_weight:) [\d.]+", r"\1 0", small())),
    )
    for each in (shut, without):
        each.forward()
        each.backward()
    assert_same_bits(diffs(shut, critic=False), diffs(without, critic=False))


@pytest.mark.slow
@pytest.mark.parametrize("stop", [2, 3, 4])
def test_a_run_that_stops_before_at_or_after_the_gate_goes_on_bit_for_bit(tmp_path: Path, stop: int) -> None:
    def solver(last: int) -> Solver:
        options = f'type: "Adam" max_iter: {last} lr_policy: "fixed" display: 0'
        return make_solver(tmp_path, options, small(begin=3), data_source="synthetic")

    whole = solver(5)
    whole.solve()
    first = solver(stop)
    first.solve()
    resumed = solver(5)
    resumed.restore(tmp_path / "out" / f"t_iter_{stop}.solverstate.h5")
    resumed.solve()
    assert_same_bits(weights(resumed.net), weights(whole.net))


@pytest.fixture(scope="module")
def shipped() -> Sketcher:
    return Sketcher(ROOT / "netdefs" / "pretrained" / "portrait.h5")


@pytest.mark.slow
def test_the_shipped_net_draws_in_tiles_what_it_draws_whole(shipped: Sketcher) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (41, 53, 3)).astype(np.uint8).repeat(7, axis=0).repeat(6, axis=1)
    whole, tiled = shipped.draw(photo), shipped.draw(photo, tile=104)
    assert whole.shape == photo.shape[:2]
    assert np.abs(whole.astype(int) - tiled).max() <= 1


@pytest.mark.slow
def test_the_shipped_net_leaves_skin_of_any_tone_paper(shipped: Sketcher) -> None:
    levels = []
    for tone in (1, 4, 7, 10):
        pairs = synthetic_in_tone(tone)
        levels.append(np.mean([shipped.draw(pair.photo)[skin_places(pair.photo.shape)].mean() for pair in pairs]))
    assert min(levels) >= 235
    assert max(levels) - min(levels) <= 12

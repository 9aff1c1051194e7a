"""AdversarialLoss against the plain loop, and the game of a generator and a critic in one net."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import Case, SingleLayer, layer_text, make_layer, python_layer

from pysketch.device.backend import CPU, Device
from pysketch.errors import ShapeError
from pysketch.layers.context import Context
from pysketch.net.net import Net
from pysketch.netdef.definitions import Phase, parse_netdef

CONTRACT = {
    "AdversarialLoss": Case(layer_text("AdversarialLoss", ["s"]), ((2, 1, 3, 4),), ((),)),
}


def make(shape: tuple[int, ...], wanted: float, dtype: type = np.float64, device: Device = CPU) -> SingleLayer:
    """The layer on scores of this shape."""
    text = python_layer("AdversarialLoss", ["s"], ["loss"], f'{{ "wanted": {wanted} }}')
    return make_layer(text, [shape], dtype=dtype, device=device)


@pytest.mark.parametrize("wanted", [0, 1, -0.5])
@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-12), (np.float32, 1e-5)])
def test_it_is_the_plain_loop_forward_and_backward(wanted: float, dtype: type, rtol: float, device: Device) -> None:
    single = make((2, 1, 3, 4), wanted, dtype, device)
    (loss,) = single.forward()
    single.backward(0.7)
    scores = single.bottom[0].data.astype(np.float64).ravel().tolist()
    assert loss == pytest.approx(sum((s - wanted) ** 2 for s in scores) / 2 / len(scores), rel=rtol)
    expected = [0.7 * (s - wanted) / len(scores) for s in scores]
    np.testing.assert_allclose(single.bottom[0].diff.ravel(), expected, rtol=10 * rtol)


def test_no_scores_are_refused() -> None:
    with pytest.raises(ShapeError, match=r'layer "it": "s" \(0, 2\) has no scores'):
        make((0, 2), 1)


def layer(name: str, bottom: str, top: str, params: str, more: str = "") -> str:
    return f"""layer {{ name: "{name}" type: "InnerProduct" bottom: "{bottom}" top: "{top}" {params} {more}
      inner_product_param {{ num_output: 1 weight_filler {{ type: "gaussian" std: 1 }} }} }}"""


def loss(name: str, scores: str, wanted: int) -> str:
    text = python_layer("AdversarialLoss", [scores], [name], f'{{ "wanted": {wanted} }}')
    return text.replace('name: "it"', f'name: "{name}"')


def game(adversarial: bool) -> Net:
    """f = a net of x; a critic D sees S and f; with `adversarial`, D's opinion of f goes back into f."""
    inputs = 'layer { name: "in" type: "Input" top: "x" top: "S" input_param { shape { dim: [3, 2] } } }'
    shared = 'param { name: "Dw" lr_mult: 1 } param { name: "Db" lr_mult: 1 }'
    layers = [
        inputs,
        layer("f", "x", "f", "").replace("num_output: 1", "num_output: 2"),
        layer("real", "S", "real", shared),
        layer("fake", "f", "fake", shared, "propagate_down: false"),
        loss("L_real", "real", 1),
        loss("L_fake", "fake", 0),
    ]
    if adversarial:
        layers.append(layer("judged", "f", "judged", shared.replace("lr_mult: 1", "lr_mult: 0")))
        layers.append(loss("L_G", "judged", 1))
    net = Net(parse_netdef("\n".join(layers)), Phase.TRAIN, Context(dtype=np.float64, seed=1))
    rng = np.random.default_rng(0)
    for name in ("x", "S"):
        net.blobs[name].data[...] = rng.standard_normal((3, 2))
    net.forward()
    net.backward()
    return net


def test_one_backward_pass_gives_the_critics_step_and_the_generators() -> None:
    net = game(adversarial=True)
    x, S, f = (net.blobs[name].data for name in ("x", "S", "f"))
    w, b = (blob.data for blob in net.params["real"])
    real, fake = S @ w.T + b, f @ w.T + b
    dw = ((real - 1) * S).mean(axis=0) + (fake * f).mean(axis=0)
    np.testing.assert_allclose(net.params["real"][0].diff[0], dw)
    np.testing.assert_allclose(net.params["real"][1].diff, ((real - 1) + fake).mean(axis=0))
    df = (fake - 1) / 3 @ w
    np.testing.assert_allclose(net.params["f"][0].diff, df.T @ x)


def test_a_critic_alone_teaches_the_generator_nothing() -> None:
    alone, judged = game(adversarial=False), game(adversarial=True)
    assert not alone.params["f"][0].diff.any()
    np.testing.assert_array_equal(alone.params["real"][0].diff, judged.params["real"][0].diff)

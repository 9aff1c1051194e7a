import numpy as np
import pytest
from exported import assert_near

from pysketch.benchmark.contender.peers import TORCH_LAYERS, describe, param_name
from pysketch.benchmark.nets import Job
from pysketch.benchmark.race import run_race
from pysketch.errors import NetdefError
from pysketch.layers.context import Context
from pysketch.net.net import Net
from pysketch.netdef.definitions import Phase, parse_netdef

pytest.importorskip("torch", reason="PyTorch is not installed; it is a peer of the benchmark only")
from pysketch.benchmark.contender.torch_layers import FUNCTIONS
from pysketch.benchmark.contender.torch_peer import TorchPeer

NET = """
    layer { name: "in" type: "Input" top: "x" input_param { shape { dim: [2, 4, 7, 6] } } }
    layer { name: "first" type: "Convolution" bottom: "x" top: "z"
            convolution_param { num_output: 4 kernel_size: 1 weight_filler { type: "gaussian" } } }
    layer { name: "it" type: "%s" bottom: "z" %s top: "y" %s }
    layer { name: "against" type: "Power" bottom: "y" top: "square" power_param { power: 2 } }
    layer { name: "loss" type: "EuclideanLoss" bottom: "y" bottom: "square" top: "loss" }
"""

LAYERS = [
    ("AbsVal", ""),
    ("BNLL", ""),
    ("BatchNorm", ""),
    ("BatchNorm", "batch_norm_param { use_global_stats: true }"),
    ("Bias", ""),
    ("Bias", "bias_param { axis: 0 num_axes: -1 }"),
    ("Convolution", "convolution_param { num_output: 4 kernel_size: [2, 3] stride: [2, 1] pad: 1 group: 2 }"),
    ("Deconvolution", "convolution_param { num_output: 2 kernel_size: [2, 3] stride: 2 pad: 1 group: 2 }"),
    ("ELU", "elu_param { alpha: 0.5 }"),
    ("InnerProduct", "inner_product_param { num_output: 3 }"),
    ("InnerProduct", "inner_product_param { num_output: 3 axis: 2 transpose: true bias_term: false }"),
    ("LRN", "lrn_param { local_size: 3 alpha: 0.5 beta: 0.6 k: 2 }"),
    ("PReLU", ""),
    ("PReLU", "prelu_param { channel_shared: true }"),
    ("Pooling", "pooling_param { kernel_size: 3 stride: 2 }"),
    ("Pooling", "pooling_param { kernel_size: 2 stride: 2 pad: 1 }"),
    ("Pooling", "pooling_param { pool: AVE kernel_size: 3 stride: 2 pad: 1 }"),
    ("Pooling", "pooling_param { pool: AVE kernel_size: 3 stride: 2 round_mode: FLOOR }"),
    ("Pooling", "pooling_param { pool: AVE global_pooling: true }"),
    ("Power", "power_param { power: 2 scale: 0.5 shift: 4 }"),
    ("ReLU", "relu_param { negative_slope: 0.2 }"),
    ("Scale", ""),
    ("Scale", "scale_param { bias_term: true }"),
    ("Sigmoid", ""),
    ("Slice", 'top: "rest" slice_param { slice_point: 1 }'),
    ("Softmax", "softmax_param { axis: 2 }"),
    ("TanH", ""),
]
PAIRS = [
    ("Bias", ""),
    ("Concat", "concat_param { axis: 2 }"),
    ("Eltwise", ""),
    ("Eltwise", "eltwise_param { coeff: 2 coeff: -1 }"),
    ("Eltwise", "eltwise_param { operation: MAX }"),
    ("Eltwise", "eltwise_param { operation: PROD }"),
    ("Scale", ""),
]


def assert_equal_training(type, second, extra):
    """Loss and gradients of a net that holds the layer, ours and PyTorch's."""
    if type in ("Bias", "Scale") and second:
        extra += f" {type.lower()}_param {{ axis: 0 }}"
    net = Net(parse_netdef(NET % (type, second, extra)), Phase.TRAIN, Context(seed=3))
    rng = np.random.default_rng(0)
    for blob in net.params.get("it", ()):
        blob.data[...] = rng.uniform(0.2, 2, blob.shape)
    x = rng.uniform(-1, 1, (2, 4, 7, 6)).astype(np.float32)
    params = {param_name(param): param.blob.data.copy() for param in net.learnable}
    found = TorchPeer(describe(net), params, {"x": x}, 1, rate=0.01).check()
    net.blobs["x"].data[...] = x
    net.forward()
    loss = net.blobs["loss"].data.copy()
    net.backward()
    assert_near(found["loss"].reshape(loss.shape), loss)
    learned = [param for param in net.learnable if param.lr_mult]
    assert len(learned) >= 2
    largest = max(abs(param.blob.diff).max() for param in learned)  # some gradients are 0 but for rounding
    for param in learned:
        assert abs(found[f"gradient of {param_name(param)}"] - param.blob.diff).max() < 1e-4 * largest


@pytest.mark.parametrize(("type", "extra"), LAYERS)
def test_torch_trains_every_layer_as_we_do(type, extra):
    assert_equal_training(type, "", extra)


@pytest.mark.parametrize(("type", "extra"), PAIRS)
def test_torch_trains_layers_of_two_bottoms_as_we_do(type, extra):
    assert_equal_training(type, 'bottom: "x"', extra)


GAME = """
    layer { name: "in" type: "Input" top: "x" input_param { shape { dim: [2, 1, 7, 6] } } }
    layer { name: "draw" type: "Convolution" bottom: "x" top: "drawn"
            convolution_param { num_output: 1 kernel_size: 1 } }
    layer { name: "near" type: "Python" bottom: "drawn" bottom: "x" top: "near" loss_weight: 2
            python_param { module: "pysketch.layers" layer: "AbsoluteLoss" } }
    layer { name: "gate" type: "Python" bottom: "drawn" top: "judged"
            python_param { module: "pysketch.layers" layer: "GradientScale" param_str: '{ "scale": -0.5 }' } }
    layer { name: "judge" type: "Convolution" bottom: "judged" top: "score" param { name: "w" lr_mult: 0 }
            convolution_param { num_output: 2 kernel_size: 3 bias_term: false weight_filler { type: "xavier" } } }
    layer { name: "hand" type: "Python" bottom: "score" top: "hand" loss_weight: 3
            python_param { module: "pysketch.layers" layer: "AdversarialLoss" param_str: '{ "wanted": 0.5 }' } }
    layer { name: "critic" type: "Convolution" bottom: "drawn" top: "fake" propagate_down: false
            param { name: "w" lr_mult: 1 } convolution_param { num_output: 2 kernel_size: 3 bias_term: false } }
    layer { name: "off" type: "Python" bottom: "fake" top: "off" loss_weight: 1
            python_param { module: "pysketch.layers" layer: "AdversarialLoss" param_str: '{ "wanted": 1 }' } }
"""


def test_torch_plays_the_game_of_an_artist_and_a_critic_as_we_do(tmp_path):
    path = tmp_path / "game.prototxt"
    path.write_text('name: "game"' + GAME)
    assert 0 <= run_race(Job(str(path), "train", 2), ("torch",), 3, with_layers=False).differences["torch"] < 1e-4


def test_the_list_of_known_layers_is_that_of_the_functions():
    assert sorted(FUNCTIONS) == sorted(TORCH_LAYERS)


def test_what_torch_has_no_function_for_is_named():
    with pytest.raises(NetdefError, match="norm_region WITHIN_CHANNEL is not known to PyTorch"):
        assert_equal_training("LRN", "", "lrn_param { norm_region: WITHIN_CHANNEL }")

"""Scripts as people write them for pycaffe, and what the stand-in for it offers."""

import sys

import numpy as np
import pytest

import pysketch.caffe as caffe
from pysketch.errors import DeviceError
from pysketch.solver.solver import Solver

DATA = """
layer { name: "data" type: "DummyData" top: "data" top: "target"
  dummy_data_param {
    shape { dim: 4 dim: 2 dim: 6 dim: 5 } shape { dim: 4 dim: 3 }
    data_filler { type: "gaussian" } data_filler { type: "constant" value: 1 } } }
"""
NET = (
    DATA
    + """
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 3 kernel_size: 3 weight_filler { type: "xavier" } } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "score" type: "InnerProduct" bottom: "conv" top: "score"
  inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "EuclideanLoss" bottom: "score" bottom: "target" top: "loss" }
"""
)
SOLVER = (
    'net: "{net}" type: "{type}" base_lr: 0.02 max_iter: 12 solver_mode: CPU snapshot_prefix: "{prefix}" display: 0'
)


@pytest.fixture(autouse=True)
def fresh(monkeypatch, tmp_path):
    """A script of its own, in tmp_path, that starts on the CPU without a seed."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr("pysketch.caffe.nets._mode", {"gpu": False, "device": 0, "seed": None})
    yield
    sys.modules.pop("script_layers", None)


def write(path, text):
    path.write_text(text)
    return str(path)


def solver_file(tmp_path, net, type="SGD"):
    prefix = (tmp_path / "out").as_posix()
    return write(tmp_path / "solver.prototxt", SOLVER.format(net=net, type=type, prefix=prefix))


def test_script_a_loss_written_in_python_trains(tmp_path):
    write(
        tmp_path / "script_layers.py",
        """
import caffe
import numpy as np

class MyEuclideanLoss(caffe.Layer):
    def setup(self, bottom, top):
        if len(bottom) != 2:
            raise Exception("two bottoms, please")
    def reshape(self, bottom, top):
        self.delta = np.zeros_like(bottom[0].data, dtype=np.float32)
        top[0].reshape(1)
    def forward(self, bottom, top):
        self.delta[...] = bottom[0].data - bottom[1].data
        top[0].data[...] = np.sum(self.delta ** 2) / bottom[0].num / 2.0
    def backward(self, top, propagate_down, bottom):
        for i, sign in ((0, 1), (1, -1)):
            if propagate_down[i]:
                bottom[i].diff[...] = sign * top[0].diff * self.delta / bottom[i].num
""",
    )
    mine = NET.replace('type: "EuclideanLoss"', 'type: "Python" loss_weight: 1').replace(
        'top: "loss" }', 'top: "loss" python_param { module: "script_layers" layer: "MyEuclideanLoss" } }'
    )
    losses = []
    for text in (mine, NET):
        caffe.set_random_seed(3)
        solver = caffe.SGDSolver(solver_file(tmp_path, write(tmp_path / "net.prototxt", text)))
        solver.step(5)
        losses.append(float(solver.net.blobs["loss"].data.item()))
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_script_net_surgery_turns_a_full_connection_into_a_convolution(tmp_path):
    caffe.set_mode_cpu()
    head = 'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 2 dim: 4 dim: 3 } } }'
    full = """layer { name: "fc" type: "InnerProduct" bottom: "data" top: "fc"
        inner_product_param { num_output: 5 weight_filler { type: "gaussian" } } }"""
    convolution = """layer { name: "fc-conv" type: "Convolution" bottom: "data" top: "fc-conv"
        convolution_param { num_output: 5 kernel_h: 4 kernel_w: 3 } }"""
    net = caffe.Net(write(tmp_path / "fc.prototxt", head + full), caffe.TEST)
    net.params["fc"][1].data[...] = np.arange(5)
    net.save(str(tmp_path / "fc.caffemodel"))

    net = caffe.Net(str(tmp_path / "fc.prototxt"), str(tmp_path / "fc.caffemodel"), caffe.TEST)
    net_full_conv = caffe.Net(write(tmp_path / "conv.prototxt", head + convolution), caffe.TEST)
    net_full_conv.params["fc-conv"][0].data.flat = net.params["fc"][0].data.flat
    net_full_conv.params["fc-conv"][1].data[...] = net.params["fc"][1].data
    x = np.random.RandomState(0).randn(1, 2, 4, 3)
    np.testing.assert_allclose(
        net_full_conv.forward(data=x)["fc-conv"].ravel(), net.forward(data=x)["fc"].ravel(), rtol=1e-4, atol=1e-5
    )
    wide = np.random.RandomState(1).randn(1, 2, 9, 7)
    net_full_conv.blobs["data"].reshape(1, 2, 9, 7)
    net_full_conv.reshape()
    assert net_full_conv.forward(data=wide)["fc-conv"].shape == (1, 5, 6, 5)


def test_script_features_are_read_from_the_middle_of_a_net(tmp_path):
    net = caffe.Net(write(tmp_path / "net.prototxt", NET), phase=caffe.TEST)
    net.blobs["data"].data[...] = np.random.RandomState(0).randn(4, 2, 6, 5)
    features = net.forward(start="conv", end="relu")["conv"].copy()
    assert features.shape == (4, 3, 4, 3)
    assert features.min() == 0
    blob = net.blobs["conv"]
    assert (blob.num, blob.channels, blob.height, blob.width, blob.count) == (4, 3, 4, 3, 144)
    np.testing.assert_array_equal(blob.data, features)
    shapes = {name: [p.data.shape for p in params] for name, params in net.params.items()}
    assert shapes == {"conv": [(3, 2, 3, 3), (3,)], "score": [(3, 36), (3,)]}
    transformer = caffe.io.Transformer({"data": net.blobs["data"].data.shape})
    transformer.set_transpose("data", (2, 0, 1))
    assert transformer.preprocess("data", np.ones((6, 5, 2))).shape == (2, 6, 5)


def test_script_losses_are_recorded_step_by_step_and_the_solver_goes_on_from_a_snapshot(tmp_path):
    caffe.set_random_seed(1)
    path = solver_file(tmp_path, write(tmp_path / "net.prototxt", NET), "Nesterov")
    solver = caffe.get_solver(path)
    assert isinstance(solver, Solver)
    niter, train_loss = 12, np.zeros(12)
    for it in range(niter):
        solver.step(1)
        train_loss[it] = solver.net.blobs["loss"].data
    assert train_loss[-3:].mean() < train_loss[:3].mean()
    assert solver.iter == niter
    state = solver.snapshot()
    again = caffe.NesterovSolver(path)
    again.restore(state)
    assert again.iter == niter
    np.testing.assert_array_equal(again.net.params["conv"][0].data, solver.net.params["conv"][0].data)


def test_script_a_net_is_written_in_python_then_trained(tmp_path):
    from pysketch.caffe import layers as L
    from pysketch.caffe import params as P

    def net():
        n = caffe.NetSpec()
        fillers = [{"type": "gaussian"}, {"type": "constant", "value": 2}]
        n.data, n.label = L.DummyData(shape=[{"dim": [8, 3]}, {"dim": [8, 1]}], data_filler=fillers, ntop=2)
        n.ip1 = L.InnerProduct(n.data, num_output=4, weight_filler={"type": "xavier"})
        n.sum = L.Eltwise(n.ip1, n.ip1, operation=P.Eltwise.SUM, coeff=[1, -0.5])
        n.relu1 = L.ReLU(n.sum, in_place=True)
        n.ip2 = L.InnerProduct(n.relu1, num_output=1, weight_filler={"type": "xavier"})
        n.loss = L.EuclideanLoss(n.ip2, n.label)
        return n.to_proto()

    caffe.set_random_seed(1)
    with open(tmp_path / "train.prototxt", "w") as f:
        f.write(str(net()))
    solver = caffe.get_solver(solver_file(tmp_path, (tmp_path / "train.prototxt").as_posix(), "Adam"))
    solver.step(1)
    first = float(solver.net.blobs["loss"].data)
    solver.solve()
    assert solver.iter == 12
    assert float(solver.net.blobs["loss"].data) < first


def test_phases_are_pycaffes_numbers():
    assert (caffe.TRAIN, caffe.TEST) == (0, 1)


@pytest.mark.parametrize("phase", [caffe.TRAIN, 1])
def test_a_net_takes_its_arguments_in_either_order(phase, tmp_path):
    path = write(tmp_path / "net.prototxt", NET)
    caffe.Net(path, phase).save(str(tmp_path / "w.caffemodel.h5"))
    for arguments, options in (
        ((str(tmp_path / "w.caffemodel.h5"), phase), {}),
        ((phase,), {"weights": str(tmp_path / "w.caffemodel.h5")}),
        ((), {"phase": phase}),
    ):
        assert caffe.Net(path, *arguments, **options).phase == phase
    with pytest.raises(TypeError, match=r"a net needs a phase: caffe\.TRAIN or caffe\.TEST"):
        caffe.Net(path)


def test_the_seed_tells_the_weights(tmp_path):
    path = write(tmp_path / "net.prototxt", NET)
    weights = []
    for seed in (1, 1, 2):
        caffe.set_random_seed(seed)
        weights.append(caffe.Net(path, caffe.TRAIN).params["conv"][0].data.copy())
    np.testing.assert_array_equal(weights[0], weights[1])
    assert (weights[0] != weights[2]).any()


def test_a_solver_class_is_for_its_type(tmp_path):
    path = solver_file(tmp_path, write(tmp_path / "net.prototxt", NET))
    with pytest.raises(ValueError, match="a solver of type SGD, not Adam; get_solver takes any"):
        caffe.AdamSolver(path)


def test_a_gpu_that_is_not_there_is_said_at_once():
    caffe.set_device(77)
    with pytest.raises(DeviceError):
        caffe.set_mode_gpu()


def test_every_name_is_there():
    assert all(hasattr(caffe, name) for name in caffe.__all__)

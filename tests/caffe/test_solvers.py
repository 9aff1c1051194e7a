"""Scripts that train, as people write them for pycaffe."""

import numpy as np
import pytest
from pycaffe_nets import NET, solver_file, write

import pysketch.caffe as caffe
from pysketch.solver.solver import Solver

pytestmark = pytest.mark.usefixtures("script")


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


def test_a_solver_class_is_for_its_type(tmp_path):
    path = solver_file(tmp_path, write(tmp_path / "net.prototxt", NET))
    with pytest.raises(ValueError, match="a solver of type SGD, not Adam; get_solver takes any"):
        caffe.AdamSolver(path)


def test_script_accuracy_is_read_from_a_test_nets_blobs(tmp_path):
    net = write(tmp_path / "net.prototxt", NET)
    solver = caffe.get_solver(solver_file(tmp_path, net, more="test_iter: 2 test_interval: 5"))
    solver.net.forward()
    solver.test_nets[0].forward()
    first = {name: blob.data.copy() for name, blob in solver.test_nets[0].blobs.items()}
    solver.net.params["score"][0].data[...] += 1
    solver.test_nets[0].forward(start="conv")
    np.testing.assert_array_equal(solver.test_nets[0].blobs["data"].data, first["data"])
    scores = solver.test_nets[0].blobs["score"].data
    assert scores.argmax(1).shape == (4,)
    assert (scores != first["score"]).any()  # the params are the training net's
    assert solver.test_nets[0].blobs["conv"].data.min() == 0


def test_nets_of_a_solver_are_pycaffes(tmp_path):
    net = write(tmp_path / "net.prototxt", NET)
    solver = caffe.SGDSolver(solver_file(tmp_path, net, more="test_iter: 1 test_interval: 5"))
    assert isinstance(solver, caffe.SGDSolver)
    assert all(isinstance(each, caffe.Net) for each in (solver.net, *solver.test_nets))
    assert solver.net.top_names["score"] == ["score"]
    assert solver.param.max_iter == 12
    other = caffe.Net(net, caffe.TEST)
    solver.share_weights(other)
    solver.net.params["conv"][0].data[...] = 5
    assert (other.params["conv"][0].data == 5).all()


@pytest.mark.parametrize(
    ("more", "suffix", "start"),
    [("", "", b"\n"), ("snapshot_format: BINARYPROTO", "", b"\n"), ("snapshot_format: HDF5", ".h5", b"\x89HDF")],
)
def test_snapshots_are_in_caffes_own_format_unless_the_file_says_otherwise(tmp_path, more, suffix, start):
    path = solver_file(tmp_path, write(tmp_path / "net.prototxt", NET), more=more)
    solver = caffe.get_solver(path)
    solver.step(2)
    state = solver.snapshot()
    assert state == f"{(tmp_path / 'out').as_posix()}_iter_2.solverstate{suffix}"
    weights = tmp_path / f"out_iter_2.caffemodel{suffix}"
    assert weights.read_bytes().startswith(start)
    solver.step(3)
    again = caffe.get_solver(path)
    again.solve(state)
    solver.step(7)
    assert again.iter == solver.iter == 12
    np.testing.assert_array_equal(again.net.params["score"][0].data, solver.net.params["score"][0].data)


def test_a_file_that_states_no_type_gets_the_classes(tmp_path):
    net = write(tmp_path / "net.prototxt", NET)
    weights = {}
    for name, type in (("class", None), ("file", "Adam"), ("neither", None)):
        caffe.set_random_seed(1)
        path = solver_file(tmp_path, net, type)
        solver = caffe.SGDSolver(path) if name == "neither" else caffe.AdamSolver(path)
        assert solver.type == solver.definition.type
        solver.step(2)
        weights[name] = solver.net.params["conv"][0].data.copy()
    np.testing.assert_array_equal(weights["class"], weights["file"])
    assert (weights["class"] != weights["neither"]).any()


@pytest.mark.parametrize("type", ["SGD", "Nesterov", "AdaGrad", "RMSProp", "AdaDelta", "Adam"])
def test_get_solver_gives_the_class_of_the_type(tmp_path, type):
    path = solver_file(tmp_path, write(tmp_path / "net.prototxt", NET), type)
    assert isinstance(caffe.get_solver(path), getattr(caffe, f"{type}Solver"))


def test_script_a_callback_counts_and_an_update_is_made_by_hand(tmp_path):
    solver = caffe.get_solver(solver_file(tmp_path, write(tmp_path / "net.prototxt", NET)))
    calls = []
    solver.add_callback(lambda: calls.append("start"), lambda: calls.append("gradients"))
    solver.step(2)
    assert calls == ["start", "gradients"] * 2
    data = solver.net.layers[1].blobs[0].data
    data[...] = 0
    solver.net.layers[1].blobs[0].diff[...] = 1
    solver.apply_update()
    np.testing.assert_allclose(data, np.full(data.shape, -0.02), atol=1e-7)


def test_script_a_solver_is_written_as_a_message_and_two_train_beside_each_other(tmp_path):
    from pysketch.caffe.proto import caffe_pb2

    s = caffe_pb2.SolverParameter()
    s.random_seed = 0xCAFFE
    s.train_net = write(tmp_path / "train.prototxt", NET)
    s.test_net.append(write(tmp_path / "test.prototxt", NET))
    s.test_interval = 500
    s.test_iter.append(2)
    s.max_iter = 10000
    s.type = "SGD"
    s.base_lr, s.momentum, s.weight_decay = 0.01, 0.9, 5e-4
    s.lr_policy, s.gamma, s.power = "inv", 0.0001, 0.75
    s.display = 1000
    s.snapshot = 5000
    s.snapshot_prefix = (tmp_path / "custom_net").as_posix()
    s.solver_mode = caffe_pb2.SolverParameter.GPU
    path = write(tmp_path / "solver.prototxt", str(s))
    caffe.set_mode_cpu()  # which wins over the file's mode
    solvers = {name: caffe.get_solver(path) for name in ("pretrained", "scratch")}
    solvers["scratch"].net.copy_from(_saved(solvers["pretrained"].net, tmp_path))
    losses = {name: [] for name in solvers}
    for _ in range(3):
        for name, each in solvers.items():
            each.step(1)
            losses[name].append(each.net.blobs["loss"].data.copy())
    assert losses["pretrained"] == losses["scratch"]
    assert losses["pretrained"][2] < losses["pretrained"][0]
    shapes = [(name, blob.data.shape) for name, blob in solvers["scratch"].net.blobs.items()]
    assert shapes[:2] == [("data", (4, 2, 6, 5)), ("target", (4, 3))]
    assert solvers["scratch"].net.params["conv"][0].diff[:, 0].shape == (3, 3, 3)


def _saved(net, folder):
    net.save(str(folder / "weights.caffemodel"))
    return str(folder / "weights.caffemodel")


def test_script_frozen_layers_stay_as_they_are(tmp_path):
    text = NET.replace(
        'bottom: "data" top: "conv"', 'bottom: "data" top: "conv" param { lr_mult: 0 } param { lr_mult: 0 }'
    )
    solver = caffe.SGDSolver(solver_file(tmp_path, write(tmp_path / "net.prototxt", text)))
    before = {name: blobs[0].data.copy() for name, blobs in solver.net.params.items()}
    solver.step(3)
    np.testing.assert_array_equal(solver.net.params["conv"][0].data, before["conv"])
    assert (solver.net.params["score"][0].data != before["score"]).any()

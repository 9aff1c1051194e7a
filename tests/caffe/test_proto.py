import numpy as np
import pytest

import pysketch.caffe as caffe
from pysketch.caffe.proto import caffe_pb2
from pysketch.netdef.prototxt import parse
from pysketch.solver.definition import SOLVER, read_solver


def test_a_solver_filled_in_python_is_read_back_from_its_text():
    s = caffe_pb2.SolverParameter(net="net.prototxt", base_lr=0.25, lr_policy="multistep", gamma=0.5)
    s.stepvalue.extend([5, 9])
    s.max_iter = 12
    s.snapshot_prefix = "out/x"
    s.type = "Nesterov"
    s.momentum = 0.5
    s.solver_mode = caffe_pb2.SolverParameter.CPU
    s.snapshot_format = caffe_pb2.SolverParameter.BINARYPROTO
    definition = read_solver(parse(str(s), "solver"), "solver")
    assert definition.type == "Nesterov"
    options = definition.options
    assert (options.base_lr, options.lr_policy, options.gamma, options.max_iter) == (0.25, "multistep", 0.5, 12)
    assert options.stepvalue == (5, 9)
    assert (options.solver_mode, options.snapshot_format) == ("CPU", "BINARYPROTO")


def test_every_field_of_our_solver_files_is_one_of_caffes_or_ours():
    known = {field.name for field in caffe_pb2.SolverParameter.DESCRIPTOR.fields}
    assert {option.name for option in SOLVER.options} - known == {"micro_batch"}


def test_a_net_written_as_messages_is_a_net(tmp_path):
    net = caffe_pb2.NetParameter(name="made")
    layer = net.layer.add(name="in", type="Input", top=["x"])
    layer.input_param.shape.add(dim=[1, 2, 3, 4])
    layer = net.layer.add(name="pool", type="Pooling", bottom=["x"], top=["y"])
    layer.pooling_param.pool = caffe_pb2.PoolingParameter.AVE
    layer.pooling_param.kernel_size = 2
    (tmp_path / "net.prototxt").write_text(str(net))
    made = caffe.Net(str(tmp_path / "net.prototxt"), caffe_pb2.TEST)
    assert made.blobs["y"].data.shape == (1, 2, 2, 3)
    assert made.phase == caffe.TEST


def test_a_mean_file_is_read_as_scripts_do_it(tmp_path):
    mean = np.random.default_rng(0).uniform(0, 255, (1, 3, 4, 5)).astype(np.float32)
    (tmp_path / "mean.binaryproto").write_bytes(caffe.io.array_to_blobproto(mean).SerializeToString())
    blob = caffe.proto.caffe_pb2.BlobProto()
    blob.ParseFromString((tmp_path / "mean.binaryproto").read_bytes())
    np.testing.assert_array_equal(caffe.io.blobproto_to_array(blob), mean)


def test_a_message_type_that_is_not_there_gets_a_hint():
    with pytest.raises(AttributeError, match='caffe_pb2 has no SolverParam; did you mean "SolverParameter"'):
        caffe_pb2.SolverParam  # noqa: B018

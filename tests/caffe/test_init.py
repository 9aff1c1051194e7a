"""The room's door."""

import pysketch.caffe as caffe
from pysketch.layers import LAYERS


def test_every_name_is_there():
    assert all(hasattr(caffe, name) for name in caffe.__all__)


def test_what_pycaffe_exports_is_there():
    names = """
        Net SGDSolver NesterovSolver AdaGradSolver RMSPropSolver AdaDeltaSolver AdamSolver Timer init_log log
        set_mode_cpu set_mode_gpu set_device Layer get_solver layer_type_list set_random_seed solver_count
        set_solver_count solver_rank set_solver_rank set_multiprocess has_nccl __version__ TRAIN TEST Classifier
        Detector io layers params NetSpec to_proto
    """
    assert [name for name in names.split() if not hasattr(caffe, name)] == []


def test_layer_types_are_those_of_the_registry():
    assert caffe.layer_type_list() == sorted(LAYERS)
    assert {"Convolution", "InnerProduct", "Python"} <= set(caffe.layer_type_list())

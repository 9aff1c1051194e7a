"""Where nets work, and what else pycaffe lets a script set and ask."""

import logging
import sys

import numpy as np
import pytest
from pycaffe_nets import NET, write

import pysketch.caffe as caffe
from pysketch.caffe.mode import layer_paths
from pysketch.errors import DeviceError

pytestmark = pytest.mark.usefixtures("script")


def test_phases_are_pycaffes_numbers():
    assert (caffe.TRAIN, caffe.TEST) == (0, 1)


def test_the_seed_tells_the_weights(tmp_path):
    path = write(tmp_path / "net.prototxt", NET)
    weights = []
    for seed in (1, 1, 2):
        caffe.set_random_seed(seed)
        weights.append(caffe.Net(path, caffe.TRAIN).params["conv"][0].data.copy())
    np.testing.assert_array_equal(weights[0], weights[1])
    assert (weights[0] != weights[2]).any()


def test_a_gpu_that_is_not_there_is_said_at_once():
    caffe.set_device(77)
    with pytest.raises(DeviceError):
        caffe.set_mode_gpu()


def test_python_layers_come_from_the_scripts_folder_and_from_what_it_adds_to_sys_path(tmp_path, monkeypatch):
    before = layer_paths()
    assert before[0] == str(tmp_path)
    assert not any(path.endswith("site-packages") for path in before)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "layers")])
    assert layer_paths() == [*before, str(tmp_path / "layers")]


def test_a_script_that_puts_a_folder_first_has_its_own_still(tmp_path, monkeypatch):
    class Main:
        __file__ = str(tmp_path / "mine" / "script.py")
        __spec__ = None

    monkeypatch.setitem(sys.modules, "__main__", Main)
    assert layer_paths()[:2] == [str(tmp_path), str(tmp_path / "mine")]


def test_several_solvers_are_one():
    assert (caffe.solver_count(), caffe.solver_rank(), caffe.has_nccl()) == (1, 0, False)
    caffe.set_solver_count(1)
    caffe.set_solver_rank(0)
    caffe.set_multiprocess(False)
    for refused in (
        lambda: caffe.set_solver_count(2),
        lambda: caffe.set_solver_rank(1),
        lambda: caffe.set_multiprocess(True),
    ):
        with pytest.raises(ValueError, match="that share the work are not supported"):
            refused()


def test_the_log_is_caffes_once_it_is_asked_for(capsys, monkeypatch):
    logger = logging.getLogger("pysketch")
    monkeypatch.setattr(logger, "handlers", [])
    monkeypatch.setattr(logger, "level", logging.NOTSET)
    caffe.init_log(0, False)
    caffe.log("to nobody")
    caffe.init_log()
    caffe.init_log(0, True)
    caffe.log("my own line")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("I")
    assert lines[0].endswith("] my own line")
    caffe.init_log(1)
    caffe.log("not this")
    assert capsys.readouterr().err == ""


def test_a_timer_counts_milliseconds(monkeypatch):
    times = iter([5.0, 5.25])
    monkeypatch.setattr("time.perf_counter", lambda: next(times))
    timer = caffe.Timer()
    timer.start()
    timer.stop()
    assert timer.ms == 250

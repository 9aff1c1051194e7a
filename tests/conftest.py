"""What every test may ask for: each device in turn, or a real GPU; a tiny net, a few pairs, for command lines."""

from __future__ import annotations

import gc
import logging
import os
import signal
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from pysketch.device import workers
from pysketch.device.backend import CPU, Device, choose_device
from pysketch.drawing.net_file import write_net_file
from pysketch.images import synthetic
from pysketch.images.pictures import write_image
from pysketch.layers.context import Context
from pysketch.net.net import Net
from pysketch.netdef.definitions import Phase
from pysketch.reproduce import training

if "PYTEST_XDIST_WORKER_COUNT" in os.environ:  # pytest's processes share the cores: each has no more than its own
    SHARE = max(1, (os.cpu_count() or 1) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"]))
    workers._available_cores = lambda: SHARE

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # started in the background: what tests start must hear Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)

GPU = choose_device("auto")
"""GPU 0, or the CPU with the reason why there is none."""
DEVICES = ["cpu", pytest.param("gpu", marks=pytest.mark.on_gpu)][: 1 if GPU.kind == "cpu" else 2]


def pytest_report_header() -> str | None:
    """Why tests that take each device in turn take the CPU only."""
    return f"no test of a GPU: {GPU.reason}" if GPU.kind == "cpu" else None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """As many processes as cores, 4 at most, for all the tests; none for those that the command line names."""
    everything = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    return min(4, os.cpu_count() or 1) if everything else 0


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> Device:
    """Each device in turn: the CPU, then GPU 0, real or emulated, where there is one."""
    return CPU if request.param == "cpu" else GPU


@pytest.fixture(params=[pytest.param("gpu", marks=pytest.mark.on_gpu)])
def gpu() -> Device:
    """GPU 0, real or emulated; skipped with the reason where there is none."""
    return GPU


def pytest_collection_finish() -> None:
    """Thousands of tests are no garbage; looked through each time, they made a collection take a third of a second."""
    gc.freeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a GPU (mark `on_gpu`), or a real one (mark `gpu`), where there is none."""
    real = item.get_closest_marker("gpu") is not None
    if not real and item.get_closest_marker("on_gpu") is None:
        return
    if GPU.kind == "cpu":
        pytest.skip(GPU.reason)
    if real and GPU.xp.cuda.runtime.is_hip:
        pytest.skip("the GPU is emulated; only a real one can answer this")


@pytest.fixture(autouse=True)
def _log_as_before():
    """Every test finds pysketch's log as a fresh process has it, whatever a command did to it in a fixture before."""
    _fresh_log()
    yield
    _fresh_log()


def _fresh_log() -> None:
    logger = logging.getLogger("pysketch")
    for handler in logger.handlers[:]:
        logger.removeHandler(handler)
        handler.close()
    logger.setLevel(logging.NOTSET)
    logger.propagate = True


NETDEF = """
name: "tiny"
layer {
  name: "data" type: "Python" top: "data" top: "label"
  exclude { stage: "deploy" }
  python_param {
    module: "pysketch.layers" layer: "PhotoSketchData"
    param_str: '{ "batch_size": 2, "photo_width": 17, "photo_height": 19, "sketch_width": 13, "sketch_height": 15,'
               '  "scale": 0.004, "mean": [127.5], "xy_scale": 0.01 }'
  }
}
layer {
  name: "data" type: "Input" top: "data"
  include { phase: TEST stage: "deploy" }
  input_param { shape { dim: 1 dim: 5 dim: 19 dim: 17 } }
}
layer {
  name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 3 kernel_size: 3 weight_filler { type: "msra" } }
}
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer {
  name: "conv2" type: "Convolution" bottom: "conv1" top: "prediction"
  convolution_param {
    num_output: 1 kernel_size: 3 weight_filler { type: "msra" } bias_filler { type: "constant" value: 128 }
  }
}
layer {
  name: "loss" type: "Python" bottom: "prediction" bottom: "label" top: "loss"
  exclude { stage: "deploy" }
  python_param { module: "pysketch.layers" layer: "GenerativeDiscriminativeLoss" }
}
"""

SOLVER = """
net: "{folder}/tiny.prototxt"
type: "Adam" base_lr: 0.01 momentum: 0.9
max_iter: 6 display: 2 snapshot: 3
test_iter: 1 test_interval: 3
random_seed: 5
snapshot_prefix: "{folder}/out/tiny"
solver_mode: CPU
"""


def write_pairs(folder: Path, names: list[str], seed: int = 3) -> None:
    """Pairs of 21x23 pictures: a random photo, and a sketch that is its blurred luma."""
    rng = np.random.default_rng(seed)
    for name in names:
        photo = rng.integers(0, 256, (23, 21, 3)).astype(np.uint8)
        write_image(folder / "photos" / f"{name}.png", photo)
        write_image(folder / "sketches" / f"{name}.png", photo.mean(axis=2).astype(np.uint8))


@pytest.fixture
def pairs(tmp_path):
    """A folder with train/ and test/ pairs."""
    write_pairs(tmp_path / "data" / "train", ["a", "b", "c"])
    write_pairs(tmp_path / "data" / "test", ["x", "y"], seed=4)
    return tmp_path / "data"


@pytest.fixture
def few_faces(monkeypatch):
    """The source "synthetic" makes four training persons and two test persons: 112 take some seconds."""
    for maker, number in (("training_pairs", 4), ("test_pairs", 2)):
        monkeypatch.setattr(synthetic, maker, partial(getattr(synthetic, maker), number))


@pytest.fixture
def solver_file(tmp_path):
    """A solver that trains the tiny net for 6 iterations, with snapshots to tmp_path/out/tiny*."""
    (tmp_path / "tiny.prototxt").write_text(NETDEF)
    path = tmp_path / "tiny_solver.txt"
    path.write_text(SOLVER.format(folder=tmp_path.as_posix()))
    return path


@pytest.fixture
def net_file(tmp_path, pairs):
    """An untrained net file: sketches are 4 pixels smaller than photos."""
    (tmp_path / "tiny.prototxt").write_text(NETDEF)
    net = Net(tmp_path / "tiny.prototxt", Phase.TRAIN, Context(data_source=str(pairs), seed=1))
    write_net_file(tmp_path / "net.h5", net)
    return tmp_path / "net.h5"


TINY = """
name: "tiny"
layer {
  name: "data" type: "Input" top: "data" top: "label" exclude { stage: "deploy" }
  input_param { shape { dim: [2, 3, 12, 11] } shape { dim: [2, 1, 8, 7] } }
}
layer {
  name: "data" type: "Input" top: "data" include { phase: TEST stage: "deploy" }
  input_param { shape { dim: [1, 3, 12, 11] } }
}
layer {
  name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 6 kernel_size: 3 group: 3 pad: 1 weight_filler { type: "msra" } }
}
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" relu_param { negative_slope: 0.1 } }
layer {
  name: "conv2" type: "Convolution" bottom: "conv1" top: "prediction"
  convolution_param { num_output: 1 kernel_size: 5 weight_filler { type: "msra" } }
}
layer {
  name: "loss" type: "EuclideanLoss" bottom: "prediction" bottom: "label" top: "loss"
  exclude { stage: "deploy" }
}
"""


@pytest.fixture
def tiny(tmp_path):
    """The path of a small netdef that can draw and learn."""
    path = tmp_path / "tiny.prototxt"
    path.write_text(TINY, encoding="utf-8")
    return str(path)


RECIPE_SOLVER = """
net: "netdefs/tiny.prototxt"
type: "Adam"
base_lr: 0.01      # a comment
momentum: 0.9
momentum2: 0.999
max_iter: 9
test_iter: 5
test_interval: 3
display: 1
snapshot: 4
random_seed: 1
snapshot_prefix: "snapshots/tiny"
solver_mode: CPU
"""


@pytest.fixture
def faces(tmp_path):
    """Three persons as a test set of 200x250 pictures, six others as a training set: photos of blots, their luma."""
    rng = np.random.default_rng(8)
    for split, names in (("test", "uvw"), ("train", "abcdef")):
        for name in names:
            photo = rng.integers(0, 256, (10, 8, 3)).repeat(25, axis=0).repeat(25, axis=1).astype(np.uint8)
            write_image(tmp_path / "faces" / split / "photos" / f"{name}.png", photo)
            write_image(tmp_path / "faces" / split / "sketches" / f"{name}.png", photo.mean(axis=2).astype(np.uint8))
    return tmp_path / "faces"


@pytest.fixture
def setting(faces, tmp_path, monkeypatch):
    """What reproduce.py's experiments share, where the net "tiny" takes the place of those of netdefs/."""
    loss = '"GenerativeDiscriminativeLoss"'
    netdef = NETDEF.replace(f"{loss} }}", f'{loss} param_str: \'{{ "alpha": 1e4, "lambda": 1e9 }}\' }}')
    netdef = netdef.replace('"scale": 0.004', '"xy": true, "scale": 0.004')
    for path, text in (("netdefs/tiny.prototxt", f"# a comment\n{netdef}"), ("solver/tiny_solver.txt", RECIPE_SOLVER)):
        (tmp_path / "root" / path).parent.mkdir(parents=True)
        (tmp_path / "root" / path).write_text(text)
    monkeypatch.setattr(training, "folder", lambda name: tmp_path / "root" / name)
    return training.Setting(str(faces), tmp_path / "results", threads=1)

"""What the tests of training and drawing share: tiny nets, tiny data, solvers from a few words."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from pysketch.drawing.net_file import write_net_file
from pysketch.images.pictures import write_image
from pysketch.layers.context import Context
from pysketch.net.net import Net
from pysketch.netdef.definitions import Phase, parse_netdef
from pysketch.netdef.prototxt import parse
from pysketch.solver.definition import SolverDef, read_solver
from pysketch.solver.solver import Solver

CAFFE = Path(__file__).parents[1].parent / "shared" / "caffe"
"""Traces and snapshots of real Caffe; not part of the repository."""

CONV_NET = """
name: "tiny"
layer { name: "data" type: "HDF5Data" top: "data" top: "label"
  hdf5_data_param { source: "LIST" batch_size: 2 shuffle: true } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 3 kernel_size: 3 weight_filler { type: "xavier" } } }
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer { name: "conv2" type: "Convolution" bottom: "conv1" top: "prediction"
  convolution_param { num_output: 1 kernel_size: 2 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "EuclideanLoss" bottom: "prediction" bottom: "label" top: "loss" }
"""
"""data (2, 2, 6, 7) -> conv1 (2, 3, 4, 5) -> prediction (2, 1, 3, 4)."""

SKETCH_NET = """
name: "sketch"
layer { name: "data" type: "Python" top: "data" top: "label" exclude { stage: "deploy" }
  python_param { module: "pysketch.layers" layer: "PhotoSketchData"
    param_str: '{ "batch_size": 2, "photo_width": 11, "photo_height": 13, "sketch_width": 7, "sketch_height": 9,'
               '  "mirror": true, "shift": 2, "scale": 0.01, "mean": [127.5], "xy": true, "xy_scale": 0.1 }' } }
layer { name: "data" type: "Input" top: "data" include { phase: TEST stage: "deploy" }
  input_param { shape { dim: 1 dim: 5 dim: 13 dim: 11 } } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 3 kernel_h: 4 kernel_w: 3 weight_filler { type: "xavier" } } }
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer { name: "conv2" type: "Convolution" bottom: "conv1" top: "prediction"
  convolution_param { num_output: 1 kernel_h: 2 kernel_w: 3 weight_filler { type: "gaussian" std: 20 }
    bias_filler { type: "constant" value: 120 } } }
layer { name: "loss" type: "Python" bottom: "prediction" bottom: "label" top: "loss" exclude { stage: "deploy" }
  python_param { module: "pysketch.layers" layer: "GenerativeDiscriminativeLoss" param_str: '{ "lambda": 1e6 }' } }
"""
"""A sketch is 4 rows and 4 columns smaller than its photo."""

RULES = {
    "SGD": "momentum: 0.9 clip_gradients: 10",
    "Nesterov": "momentum: 0.9 clip_gradients: 10",
    "AdaGrad": "",
    "RMSProp": "",
    "AdaDelta": "momentum: 0.9 delta: 1e-6",
    "Adam": "momentum: 0.9",
}
"""Every update rule, with options that suit it."""


def write_rows(folder: Path, rows: int = 5) -> Path:
    """A list file with one HDF5 file: data (rows, 2, 6, 7), label (rows, 1, 3, 4)."""
    rng = np.random.default_rng(8)
    with h5py.File(folder / "rows.h5", "w") as file:
        file["data"] = rng.standard_normal((rows, 2, 6, 7)).astype("f4")
        file["label"] = rng.standard_normal((rows, 1, 3, 4)).astype("f4")
    (folder / "rows.txt").write_text(f"{(folder / 'rows.h5').as_posix()}\n")
    return folder / "rows.txt"


def write_net(folder: Path, text: str = CONV_NET, name: str = "net.prototxt") -> str:
    """A netdef file, with its data where it needs them; its path."""
    if "LIST" in text:
        text = text.replace("LIST", write_rows(folder).as_posix())
    (folder / name).write_text(text)
    return (folder / name).as_posix()


def write_pairs(folder: Path, count: int, size: tuple[int, int] = (17, 15), seed: int = 2) -> Path:
    """A folder of pairs of random pictures, (h, w) pixels large."""
    rng = np.random.default_rng(seed)
    for k in range(count):
        photo = rng.integers(0, 256, (*size, 3)).astype(np.uint8)
        write_image(folder / "photos" / f"{k}.png", photo)
        write_image(folder / "sketches" / f"{k}.png", photo.mean(axis=2).astype(np.uint8))
    return folder


def solver_def(text: str, filename: str = "some/solver.txt") -> SolverDef:
    """A solver definition from text."""
    return read_solver(parse(text, filename), filename)


def make_solver(folder: Path, options: str = "", net: str = CONV_NET, **arguments: Any) -> Solver:
    """A solver of a tiny net that writes to folder/out/t_*; `options` win over rate 0.01, 10 iterations, seed 1."""
    defaults = {
        "base_lr": "0.01",
        "max_iter": "10",
        "random_seed": "1",
        "solver_mode": "CPU",
        "snapshot_prefix": f'"{(folder / "out" / "t").as_posix()}"',
    }
    lines = [f"{name}: {value}" for name, value in defaults.items() if not re.search(rf"\b{name}:", options)]
    text = "\n".join([f'net: "{write_net(folder, net)}"', *lines, options])
    definition = solver_def(text)
    options = {name: arguments.pop(name) for name in ("on_iteration", "keep_blobs") if name in arguments}
    return Solver(definition, definition.context(**arguments), **options)


def weights(net: Net) -> list[np.ndarray]:
    """Copies of all params."""
    return [param.blob.data.copy() for param in net.learnable]


def assert_same_bits(found: list[np.ndarray], expected: list[np.ndarray]) -> None:
    """Equal arrays, and at least one of them."""
    assert found
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def write_sketch_net_file(folder: Path, netdef: str = SKETCH_NET, seed: int = 4) -> Path:
    """A net file of an untrained net, whose data layer needs two pairs."""
    net = Net(
        parse_netdef(netdef, "sketch.prototxt"),
        Phase.TRAIN,
        context=Context(seed=seed, data_source=str(write_pairs(folder / "pairs", 2))),
    )
    write_net_file(folder / "net.h5", net)
    return folder / "net.h5"

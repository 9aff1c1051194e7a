"""Trains tiny nets on a GPU and writes down every kernel that was compiled: `cupy_sources.py FOLDER`, run by itself.

In a process of its own because CuPy keeps what it has compiled once. FOLDER/sources.json holds the sources.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from solver_helpers import SKETCH_NET, make_solver, write_pairs

from pysketch.device.backend import choose_device
from pysketch.layers.context import Context
from pysketch.net.net import Net
from pysketch.netdef.definitions import Phase, parse_netdef
from pysketch.solver.updates import UPDATE_RULES

ALL_LAYERS = """
layer { name: "data" type: "Input" top: "x" top: "S" top: "T"
  input_param { shape { dim: [2, 2, 12, 13] } shape { dim: [2, 1, 8, 9] } shape { dim: [2, 4, 10, 11] } } }
layer { name: "one" type: "Convolution" bottom: "x" top: "y"
  convolution_param { num_output: 4 group: 2 kernel_size: 3 engine: WINOGRAD } }
layer { name: "fit" type: "EuclideanLoss" bottom: "y" bottom: "T" top: "fit" loss_weight: 0.5 }
layer { name: "relu" type: "ReLU" bottom: "y" top: "z" relu_param { negative_slope: 0.1 } }
layer { name: "two" type: "Convolution" bottom: "z" top: "f" convolution_param { num_output: 1 kernel_size: 3 } }
layer { name: "L" type: "Python" bottom: "f" bottom: "S" top: "L" top: "L_gen" top: "L_discrim" loss_weight: [1, 1, 1]
  python_param { module: "pysketch.layers" layer: "GenerativeDiscriminativeLoss" } }
"""


def record(compiler: Any) -> dict[str, None]:
    """The sources that CuPy compiles from now on, in order."""
    sources, compile_module = {}, compiler._compile_module_with_cache

    def compile_and_keep(source: str, *arguments: Any, **options: Any) -> Any:
        sources[source] = None
        return compile_module(source, *arguments, **options)

    compiler._compile_module_with_cache = compile_and_keep
    return sources


def main(folder: Path) -> None:
    """Train with every rule, clipped and regularized; run every layer in both types."""
    from cupy.cuda import compiler

    sources, gpu = record(compiler), choose_device("gpu")
    pairs = write_pairs(folder / "pairs", 3)
    for rule in UPDATE_RULES:
        momentum = "" if rule in ("AdaGrad", "RMSProp") else "momentum: 0.9"
        for kind in ("L1", "L2"):
            more = f'type: "{rule}" {momentum} clip_gradients: 1 weight_decay: 0.01 regularization_type: "{kind}"'
            options = f'{more} lr_policy: "fixed" iter_size: 2 debug_info: true'
            make_solver(folder, options, device=gpu).step(2)
            make_solver(folder, options, SKETCH_NET, device=gpu, data_source=str(pairs)).step(1)
    for dtype in (np.float32, np.float64):
        net = Net(parse_netdef(ALL_LAYERS), Phase.TRAIN, Context(dtype=dtype, device=gpu))
        net.forward()
        net.backward()
    (folder / "sources.json").write_text(json.dumps(list(sources)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Every registered layer, in one list of cases: for the contract that all keep, on each device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from helpers import SingleLayer, layer_text, make_layer, python_layer

from pysketch.images.pictures import write_image
from pysketch.netdef.definitions import Phase


@dataclass(frozen=True)
class Case:
    """A layer's text, its bottoms' shapes, and the shapes its tops must have.

    `prepare` writes the files that the layer reads and returns net options; "{folder}" in the text is their folder.
    `kink`: where its derivative jumps. `whole`: the bottoms that hold whole numbers, each from 0 to below what is said.
    """

    text: str
    bottoms: tuple[tuple[int, ...], ...]
    tops: tuple[tuple[int, ...], ...]
    kink: float | None = None
    prepare: Callable[[Path], dict[str, Any]] = field(default=lambda folder: {})
    whole: dict[int, int] = field(default_factory=dict)


def write_rows(folder: Path) -> dict[str, Any]:
    """list.txt with one HDF5 file of 5 rows."""
    with h5py.File(folder / "a.h5", "w") as file:
        file["x"] = np.random.default_rng(0).standard_normal((5, 2, 3))
        file["t"] = np.arange(5.0)
    (folder / "list.txt").write_text(f"{folder / 'a.h5'}\n")
    return {}


def write_pairs(folder: Path) -> dict[str, Any]:
    """photos/ and sketches/ with 5 pairs of 7 x 8 pixels."""
    rng = np.random.default_rng(0)
    for kind, channels in (("photos", (3,)), ("sketches", ())):
        (folder / kind).mkdir(exist_ok=True)
        for k in range(5):
            write_image(folder / kind / f"{k}.png", rng.integers(0, 256, (8, 7, *channels)).astype(np.uint8))
    return {}


def write_images(folder: Path) -> dict[str, Any]:
    """list.txt with 5 images of 7 x 8 pixels and their labels."""
    rng = np.random.default_rng(0)
    for k in range(5):
        write_image(folder / f"{k}.png", rng.integers(0, 256, (8, 7, 3)).astype(np.uint8))
    (folder / "list.txt").write_text("".join(f"{k}.png {10 + k}\n" for k in range(5)))
    return {}


def allow_output(folder: Path) -> dict[str, Any]:
    """Layers may write to the folder."""
    return {"output_dir": str(folder)}


def write_pycaffe_layer(folder: Path) -> dict[str, Any]:
    """contract_product.py with a layer for pycaffe: y = w a b."""
    (folder / "contract_product.py").write_text("""
import caffe
class Product(caffe.Layer):
    def setup(self, bottom, top):
        self.blobs.add_blob(1)
    def reshape(self, bottom, top):
        top[0].reshape(*bottom[0].data.shape)
    def forward(self, bottom, top):
        top[0].data[...] = self.blobs[0].data * bottom[0].data * bottom[1].data
    def backward(self, top, propagate_down, bottom):
        self.blobs[0].diff[...] += (top[0].diff * bottom[0].data * bottom[1].data).sum()
        for k in range(2):
            if propagate_down[k]:
                bottom[k].diff[...] = self.blobs[0].data * bottom[1 - k].data * top[0].diff
""")
    return {"layer_paths": [str(folder)]}


PAIRS = '{ "source": "{folder}", "batch_size": 2, "photo_width": 5, "photo_height": 6, "sketch_width": 3, '
CASES = {
    "Accuracy": Case(layer_text("Accuracy", ["x", "t"], ["y", "z"]), ((3, 4, 2), (3, 2)), ((), (4,)), whole={1: 4}),
    "BatchNorm": Case(layer_text("BatchNorm", ["x"]), ((3, 2, 4, 5),), ((3, 2, 4, 5),)),
    "BatchNorm, global": Case(
        layer_text("BatchNorm", ["x"], ["y"], "batch_norm_param { use_global_stats: true eps: 0.1 }"),
        ((3, 2, 4, 5),),
        ((3, 2, 4, 5),),
    ),
    "BatchNorm, in-place": Case(layer_text("BatchNorm", ["x"], ["x"]), ((3, 2, 5),), ((3, 2, 5),)),
    "Convolution": Case(
        layer_text(
            "Convolution",
            ["a", "b"],
            ["y", "z"],
            "convolution_param { num_output: 4 kernel_size: [2, 3] stride: 2 pad: 1 dilation: [2, 1] group: 2 }",
        ),
        ((2, 4, 5, 6), (3, 4, 3, 4)),
        ((2, 4, 3, 3), (3, 4, 2, 2)),
    ),
    "Convolution, 1x1": Case(
        layer_text("Convolution", ["a"], ["y"], "convolution_param { num_output: 2 kernel_size: 1 }"),
        ((2, 3, 4, 5),),
        ((2, 2, 4, 5),),
    ),
    "Deconvolution": Case(
        layer_text(
            "Deconvolution",
            ["a", "b"],
            ["y", "z"],
            "convolution_param { num_output: 6 kernel_size: [2, 3] stride: 2 pad: 1 dilation: [2, 1] group: 2 }",
        ),
        ((2, 4, 3, 4), (3, 4, 2, 3)),
        ((2, 6, 5, 7), (3, 6, 3, 5)),
    ),
    "DummyData": Case(
        layer_text(
            "DummyData",
            [],
            ["x", "y"],
            'dummy_data_param { shape { dim: [2, 3] } data_filler { value: 2 } data_filler { type: "gaussian" } }',
        ),
        (),
        ((2, 3), (2, 3)),
    ),
    "EuclideanLoss": Case(layer_text("EuclideanLoss", ["a", "b"]), ((2, 3, 4), (2, 3, 4)), ((),)),
    "GenerativeDiscriminativeLoss": Case(
        python_layer("GenerativeDiscriminativeLoss", ["f", "S"], "LMN", '{ "alpha": 3.0, "lambda": 20.0 }'),
        ((3, 1, 2, 5), (3, 1, 2, 5)),
        ((), (), ()),
    ),
    "HDF5Data": Case(
        layer_text("HDF5Data", [], ["t", "x"], 'hdf5_data_param { source: "{folder}/list.txt" batch_size: 3 }'),
        (),
        ((3,), (3, 2, 3)),
        prepare=write_rows,
    ),
    "HDF5Output": Case(
        layer_text("HDF5Output", ["x", "t"], [], 'hdf5_output_param { file_name: "out.h5" }'),
        ((3, 2, 2), (3,)),
        (),
        prepare=allow_output,
    ),
    "HingeLoss": Case(layer_text("HingeLoss", ["x", "t"]), ((3, 5), (3,)), ((),), whole={1: 5}),
    "HingeLoss, squared": Case(
        layer_text("HingeLoss", ["x", "t"], ["y"], "hinge_loss_param { norm: L2 }"), ((3, 5), (3,)), ((),), whole={1: 5}
    ),
    "ImageData": Case(
        layer_text(
            "ImageData",
            [],
            ["x", "t"],
            'image_data_param { source: "{folder}/list.txt" root_folder: "{folder}/" batch_size: 2 shuffle: true }'
            " transform_param { crop_size: 5 mirror: true }",
        ),
        (),
        ((2, 3, 5, 5), (2,)),
        prepare=write_images,
    ),
    "InnerProduct": Case(
        layer_text("InnerProduct", ["x"], ["y"], "inner_product_param { num_output: 4 }"), ((3, 2, 5),), ((3, 4),)
    ),
    "InnerProduct, transposed": Case(
        layer_text("InnerProduct", ["x"], ["y"], "inner_product_param { num_output: 4 transpose: true axis: -1 }"),
        ((3, 2, 5),),
        ((3, 2, 4),),
    ),
    "Input": Case(layer_text("Input", [], ["x"], "input_param { shape { dim: [2, 3, 5] } }"), (), ((2, 3, 5),)),
    "LRN": Case(layer_text("LRN", ["x"], ["y"], "lrn_param { local_size: 3 k: 2 }"), ((2, 5, 3, 4),), ((2, 5, 3, 4),)),
    "LRN, within": Case(
        layer_text("LRN", ["x"], ["y"], "lrn_param { local_size: 3 norm_region: WITHIN_CHANNEL }"),
        ((2, 2, 5, 4),),
        ((2, 2, 5, 4),),
    ),
    "MVN": Case(layer_text("MVN", ["x"]), ((2, 3, 4, 5),), ((2, 3, 4, 5),)),
    "PhotoSketchData": Case(
        python_layer("PhotoSketchData", [], ["x", "t"], PAIRS + '"sketch_height": 4, "mirror": true, "shift": 1 }'),
        (),
        ((2, 5, 6, 5), (2, 1, 4, 3)),
        prepare=write_pairs,
    ),
    "Pooling": Case(
        layer_text("Pooling", ["x"], ["y"], "pooling_param { kernel_h: 3 kernel_w: 2 stride: 2 pad: 1 }"),
        ((2, 3, 5, 6),),
        ((2, 3, 3, 4),),
    ),
    "Pooling, mean": Case(
        layer_text("Pooling", ["x"], ["y"], "pooling_param { pool: AVE kernel_size: 3 stride: 2 pad: 1 }"),
        ((2, 3, 5, 6),),
        ((2, 3, 3, 4),),
    ),
    "Python": Case(
        layer_text("Python", ["a", "b"], ["y"], 'python_param { module: "contract_product" layer: "Product" }'),
        ((2, 3, 5), (2, 3, 5)),
        ((2, 3, 5),),
        prepare=write_pycaffe_layer,
    ),
    "ReLU": Case(layer_text("ReLU", ["a"]), ((2, 3, 4, 5),), ((2, 3, 4, 5),), kink=0.0),
    "ReLU, in-place": Case(
        layer_text("ReLU", ["a"], ["a"], "relu_param { negative_slope: 0.2 }"), ((2, 3, 4),), ((2, 3, 4),), kink=0.0
    ),
    "SigmoidCrossEntropyLoss": Case(
        layer_text("SigmoidCrossEntropyLoss", ["x", "t"]), ((3, 2, 4), (3, 2, 4)), ((),), whole={1: 2}
    ),
    "Softmax": Case(layer_text("Softmax", ["x"]), ((2, 3, 4, 5),), ((2, 3, 4, 5),)),
    "Softmax, in-place": Case(layer_text("Softmax", ["x"], ["x"]), ((2, 3),), ((2, 3),)),
    "SoftmaxWithLoss": Case(
        layer_text("SoftmaxWithLoss", ["x", "t"], ["y", "p"]), ((2, 3, 4), (2, 4)), ((), (2, 3, 4)), whole={1: 3}
    ),
    "Split": Case(layer_text("Split", ["a"], ["x", "y", "z"]), ((2, 3, 4),), ((2, 3, 4),) * 3),
    "AbsVal": Case(layer_text("AbsVal", ["a"]), ((2, 3, 4),), ((2, 3, 4),), kink=0.0),
    "BNLL": Case(layer_text("BNLL", ["a"]), ((2, 3, 4),), ((2, 3, 4),)),
    "BNLL, in-place": Case(layer_text("BNLL", ["a"], ["a"]), ((2, 3, 4),), ((2, 3, 4),)),
    "Bias": Case(layer_text("Bias", ["a"], ["y"], "bias_param { num_axes: 2 }"), ((2, 3, 4, 5),), ((2, 3, 4, 5),)),
    "Bias, of two": Case(
        layer_text("Bias", ["a", "b"], ["y"], "bias_param { axis: 0 }"), ((2, 3, 4), (2, 3)), ((2, 3, 4),)
    ),
    "Bias, in-place": Case(layer_text("Bias", ["a"], ["a"]), ((2, 3, 4),), ((2, 3, 4),)),
    "Concat": Case(layer_text("Concat", ["a", "b", "c"]), ((2, 3, 4, 5), (2, 1, 4, 5), (2, 2, 4, 5)), ((2, 6, 4, 5),)),
    "Crop": Case(
        layer_text("Crop", ["a", "b"], ["y"], "crop_param { offset: [1, 2] }"),
        ((2, 3, 5, 6), (7, 1, 3, 2)),
        ((2, 3, 3, 2),),
    ),
    "Dropout": Case(
        layer_text("Dropout", ["a"]), ((2, 3, 4),), ((2, 3, 4),), prepare=lambda folder: {"phase": Phase.TEST}
    ),
    "ELU": Case(layer_text("ELU", ["a"], ["y"], "elu_param { alpha: 0.7 }"), ((2, 3, 4),), ((2, 3, 4),), kink=0.0),
    "ELU, in-place": Case(layer_text("ELU", ["a"], ["a"]), ((2, 3, 4),), ((2, 3, 4),), kink=0.0),
    "Eltwise": Case(
        layer_text("Eltwise", ["a", "b", "c"], ["y"], "eltwise_param { coeff: [1, -2, 0.5] }"),
        ((2, 3, 4),) * 3,
        ((2, 3, 4),),
    ),
    "Eltwise, product": Case(
        layer_text("Eltwise", ["a", "b", "c"], ["y"], "eltwise_param { operation: PROD }"),
        ((2, 3, 4),) * 3,
        ((2, 3, 4),),
    ),
    "Eltwise, maximum": Case(
        layer_text("Eltwise", ["a", "b", "c"], ["y"], "eltwise_param { operation: MAX }"),
        ((2, 3, 4),) * 3,
        ((2, 3, 4),),
    ),
    "Exp": Case(
        layer_text("Exp", ["a"], ["y"], "exp_param { base: 2 scale: 0.5 shift: 1 }"), ((2, 3, 4),), ((2, 3, 4),)
    ),
    "Exp, in-place": Case(layer_text("Exp", ["a"], ["a"]), ((2, 3, 4),), ((2, 3, 4),)),
    "Flatten": Case(layer_text("Flatten", ["a"]), ((2, 3, 4, 5),), ((2, 60),)),
    "Log": Case(
        layer_text("Log", ["a"], ["y"], "log_param { base: 3 scale: 0.5 shift: 9 }"), ((2, 3, 4),), ((2, 3, 4),)
    ),
    "Log, in-place": Case(layer_text("Log", ["a"], ["a"], "log_param { shift: 9 }"), ((2, 3, 4),), ((2, 3, 4),)),
    "PReLU": Case(layer_text("PReLU", ["a"]), ((2, 3, 4, 5),), ((2, 3, 4, 5),), kink=0.0),
    "PReLU, shared and in-place": Case(
        layer_text("PReLU", ["a"], ["a"], "prelu_param { channel_shared: true }"), ((2, 3, 4),), ((2, 3, 4),), kink=0.0
    ),
    "Parameter": Case(layer_text("Parameter", [], ["y"], "parameter_param { shape { dim: [2, 3] } }"), (), ((2, 3),)),
    "Power": Case(
        layer_text("Power", ["a"], ["y"], "power_param { power: 3 scale: 0.5 shift: 1 }"), ((2, 3, 4),), ((2, 3, 4),)
    ),
    "Power, in-place": Case(
        layer_text("Power", ["a"], ["a"], "power_param { scale: 0.5 shift: 1 }"), ((2, 3, 4),), ((2, 3, 4),)
    ),
    "Reduction": Case(
        layer_text("Reduction", ["a"], ["y"], "reduction_param { operation: MEAN axis: 1 coeff: 3 }"),
        ((2, 3, 4),),
        ((2,),),
    ),
    "Reduction, squares": Case(
        layer_text("Reduction", ["a"], ["y"], "reduction_param { operation: SUMSQ axis: -1 }"), ((2, 3, 4),), ((2, 3),)
    ),
    "Reshape": Case(
        layer_text("Reshape", ["a"], ["y"], "reshape_param { shape { dim: [0, -1, 2] } }"), ((2, 3, 4),), ((2, 6, 2),)
    ),
    "Scale": Case(
        layer_text("Scale", ["a"], ["y"], "scale_param { num_axes: 2 bias_term: true }"),
        ((2, 3, 4, 5),),
        ((2, 3, 4, 5),),
    ),
    "Scale, of two": Case(
        layer_text("Scale", ["a", "b"], ["y"], "scale_param { axis: 0 }"), ((2, 3, 4), (2, 3)), ((2, 3, 4),)
    ),
    "Scale, in-place": Case(layer_text("Scale", ["a"], ["a"]), ((2, 3, 4),), ((2, 3, 4),)),
    "Sigmoid": Case(layer_text("Sigmoid", ["a"]), ((2, 3, 4),), ((2, 3, 4),)),
    "Sigmoid, in-place": Case(layer_text("Sigmoid", ["a"], ["a"]), ((2, 3, 4),), ((2, 3, 4),)),
    "Silence": Case(layer_text("Silence", ["a", "b"], []), ((2, 3), (4,)), ()),
    "Slice": Case(
        layer_text("Slice", ["a"], ["x", "y", "z"], "slice_param { slice_point: [1, 4] }"),
        ((2, 6, 3, 4),),
        ((2, 1, 3, 4), (2, 3, 3, 4), (2, 2, 3, 4)),
    ),
    "Swish": Case(layer_text("Swish", ["a"], ["y"], "swish_param { beta: 0.7 }"), ((2, 3, 4),), ((2, 3, 4),)),
    "Swish, in-place": Case(layer_text("Swish", ["a"], ["a"]), ((2, 3, 4),), ((2, 3, 4),)),
    "TanH": Case(layer_text("TanH", ["a"]), ((2, 3, 4),), ((2, 3, 4),)),
    "TanH, in-place": Case(layer_text("TanH", ["a"], ["a"]), ((2, 3, 4),), ((2, 3, 4),)),
}
WITH_BOTTOMS = [name for name, case in CASES.items() if case.bottoms]
WITHOUT_BOTTOMS = [name for name, case in CASES.items() if not case.bottoms]


def build(name: str, folder: Path, bottoms: tuple[tuple[int, ...], ...] | None = None, **options: Any) -> SingleLayer:
    """The case's layer; its files, if any, are written to the folder first. bottoms: shapes other than the case's."""
    case = CASES[name]
    options = {**case.prepare(folder), **options}
    single = make_layer(case.text.replace("{folder}", str(folder)), bottoms or case.bottoms, **options)
    for k, above in case.whole.items():
        single.bottom[k].data[...] = np.random.default_rng(k).integers(0, above, single.bottom[k].shape)
    return single

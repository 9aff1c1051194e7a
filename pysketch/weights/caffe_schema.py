"""Caffe's message types: names, numbers and types of their fields, for its binary files. The only importer of protobuf.

`message_class("NetParameter")` gives a class of the protobuf library, which reads and writes the wire format and the
text format. The numbers are those of Caffe 1.0.0's caffe.proto; of V0 and V1 layers only what holds weights is
there, and protobuf keeps what it does not know. pysketch's own fields, from 1000 on, are unknown to Caffe, which
ignores them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from google.protobuf.message import DecodeError, Message

_ENGINE = "engine {} DEFAULT=0|CAFFE=1|CUDNN=2"
_POOL = "pool {} MAX=0|AVE=1|STOCHASTIC=2"
_BASE = "base 1 float, scale 2 float, shift 3 float"
_PHASE = "TRAIN=0|TEST=1"

_SECTIONS = """
    transform 100 Transformation, loss 101 Loss, accuracy 102 Accuracy, argmax 103 ArgMax, concat 104 Concat,
    contrastive_loss 105 ContrastiveLoss, convolution 106 Convolution, data 107 Data, dropout 108 Dropout,
    dummy_data 109 DummyData, eltwise 110 Eltwise, exp 111 Exp, hdf5_data 112 HDF5Data, hdf5_output 113 HDF5Output,
    hinge_loss 114 HingeLoss, image_data 115 ImageData, infogain_loss 116 InfogainLoss,
    inner_product 117 InnerProduct, lrn 118 LRN, memory_data 119 MemoryData, mvn 120 MVN, pooling 121 Pooling,
    power 122 Power, relu 123 ReLU, sigmoid 124 Sigmoid, softmax 125 Softmax, slice 126 Slice, tanh 127 TanH,
    threshold 128 Threshold, python 130 Python, prelu 131 PReLU, spp 132 SPP, reshape 133 Reshape, log 134 Log,
    flatten 135 Flatten, reduction 136 Reduction, embed 137 Embed, tile 138 Tile, batch_norm 139 BatchNorm,
    elu 140 ELU, bias 141 Bias, scale 142 Scale, input 143 Input, crop 144 Crop, parameter 145 Parameter,
    recurrent 146 Recurrent, swish 147 Swish, clip 148 Clip
"""

# Message type: its fields, each "name number type", the type followed by * if repeated and ! if packed as well.
# A type is float, double, int32, int64, uint32, bool, string, an enum's NAME=number|..., or a message type.
_SCHEMA = {
    "BlobShape": "dim 1 int64*!",
    "BlobProto": (
        "num 1 int32, channels 2 int32, height 3 int32, width 4 int32, data 5 float*!, diff 6 float*!, "
        "shape 7 BlobShape, double_data 8 double*!, double_diff 9 double*!"
    ),
    "FillerParameter": (
        "type 1 string, value 2 float, min 3 float, max 4 float, mean 5 float, std 6 float, sparse 7 int32, "
        "variance_norm 8 FAN_IN=0|FAN_OUT=1|AVERAGE=2"
    ),
    "NetState": f"phase 1 {_PHASE}, level 2 int32, stage 3 string*",
    "NetStateRule": f"phase 1 {_PHASE}, min_level 2 int32, max_level 3 int32, stage 4 string*, not_stage 5 string*",
    "ParamSpec": "name 1 string, share_mode 2 STRICT=0|PERMISSIVE=1, lr_mult 3 float, decay_mult 4 float",
    "NetParameter": (
        "name 1 string, layers 2 V1LayerParameter*, input 3 string*, input_dim 4 int32*, force_backward 5 bool, "
        "state 6 NetState, debug_info 7 bool, input_shape 8 BlobShape*, layer 100 LayerParameter*, "
        "pysketch_netdef 1000 string, pysketch_preprocessing 1001 string"
    ),
    "LayerParameter": (
        "name 1 string, type 2 string, bottom 3 string*, top 4 string*, loss_weight 5 float*, param 6 ParamSpec*, "
        f"blobs 7 BlobProto*, include 8 NetStateRule*, exclude 9 NetStateRule*, phase 10 {_PHASE}, "
        "propagate_down 11 bool*, " + re.sub(r"(\w+) (\d+) (\w+)", r"\1_param \2 \3Parameter", _SECTIONS)
    ),
    "V1LayerParameter": (
        "layer 1 V0LayerParameter, bottom 2 string*, top 3 string*, name 4 string, type 5 int32, blobs 6 BlobProto*"
    ),
    "V0LayerParameter": "name 1 string, type 2 string, blobs 50 BlobProto*",
    "TransformationParameter": (
        "scale 1 float, mirror 2 bool, crop_size 3 uint32, mean_file 4 string, mean_value 5 float*, "
        "force_color 6 bool, force_gray 7 bool"
    ),
    "LossParameter": "ignore_label 1 int32, normalize 2 bool, normalization 3 FULL=0|VALID=1|BATCH_SIZE=2|NONE=3",
    "AccuracyParameter": "top_k 1 uint32, axis 2 int32, ignore_label 3 int32",
    "ArgMaxParameter": "out_max_val 1 bool, top_k 2 uint32, axis 3 int32",
    "ClipParameter": "min 1 float, max 2 float",
    "ConcatParameter": "concat_dim 1 uint32, axis 2 int32",
    "ContrastiveLossParameter": "margin 1 float, legacy_version 2 bool",
    "ConvolutionParameter": (
        "num_output 1 uint32, bias_term 2 bool, pad 3 uint32*, kernel_size 4 uint32*, group 5 uint32, "
        "stride 6 uint32*, weight_filler 7 FillerParameter, bias_filler 8 FillerParameter, pad_h 9 uint32, "
        "pad_w 10 uint32, kernel_h 11 uint32, kernel_w 12 uint32, stride_h 13 uint32, stride_w 14 uint32, "
        f"{_ENGINE.format(15)}, axis 16 int32, force_nd_im2col 17 bool, dilation 18 uint32*"
    ),
    "CropParameter": "axis 1 int32, offset 2 uint32*",
    "DataParameter": (
        "source 1 string, scale 2 float, mean_file 3 string, batch_size 4 uint32, crop_size 5 uint32, mirror 6 bool, "
        "rand_skip 7 uint32, backend 8 LEVELDB=0|LMDB=1, force_encoded_color 9 bool, prefetch 10 uint32"
    ),
    "DropoutParameter": "dropout_ratio 1 float",
    "DummyDataParameter": (
        "data_filler 1 FillerParameter*, num 2 uint32*, channels 3 uint32*, height 4 uint32*, width 5 uint32*, "
        "shape 6 BlobShape*"
    ),
    "EltwiseParameter": "operation 1 PROD=0|SUM=1|MAX=2, coeff 2 float*, stable_prod_grad 3 bool",
    "ELUParameter": "alpha 1 float",
    "EmbedParameter": (
        "num_output 1 uint32, input_dim 2 uint32, bias_term 3 bool, weight_filler 4 FillerParameter, "
        "bias_filler 5 FillerParameter"
    ),
    "ExpParameter": _BASE,
    "FlattenParameter": "axis 1 int32, end_axis 2 int32",
    "HDF5DataParameter": "source 1 string, batch_size 2 uint32, shuffle 3 bool",
    "HDF5OutputParameter": "file_name 1 string",
    "HingeLossParameter": "norm 1 L1=1|L2=2",
    "ImageDataParameter": (
        "source 1 string, scale 2 float, mean_file 3 string, batch_size 4 uint32, crop_size 5 uint32, mirror 6 bool, "
        "rand_skip 7 uint32, shuffle 8 bool, new_height 9 uint32, new_width 10 uint32, is_color 11 bool, "
        "root_folder 12 string"
    ),
    "InfogainLossParameter": "source 1 string, axis 2 int32",
    "InnerProductParameter": (
        "num_output 1 uint32, bias_term 2 bool, weight_filler 3 FillerParameter, bias_filler 4 FillerParameter, "
        "axis 5 int32, transpose 6 bool"
    ),
    "InputParameter": "shape 1 BlobShape*",
    "LogParameter": _BASE,
    "LRNParameter": (
        "local_size 1 uint32, alpha 2 float, beta 3 float, norm_region 4 ACROSS_CHANNELS=0|WITHIN_CHANNEL=1, "
        f"k 5 float, {_ENGINE.format(6)}"
    ),
    "MemoryDataParameter": "batch_size 1 uint32, channels 2 uint32, height 3 uint32, width 4 uint32",
    "MVNParameter": "normalize_variance 1 bool, across_channels 2 bool, eps 3 float",
    "ParameterParameter": "shape 1 BlobShape",
    "PoolingParameter": (
        f"{_POOL.format(1)}, kernel_size 2 uint32, stride 3 uint32, pad 4 uint32, kernel_h 5 uint32, "
        f"kernel_w 6 uint32, stride_h 7 uint32, stride_w 8 uint32, pad_h 9 uint32, pad_w 10 uint32, "
        f"{_ENGINE.format(11)}, "
        "global_pooling 12 bool, round_mode 13 CEIL=0|FLOOR=1"
    ),
    "PowerParameter": "power 1 float, scale 2 float, shift 3 float",
    "PReLUParameter": "filler 1 FillerParameter, channel_shared 2 bool",
    "PythonParameter": "module 1 string, layer 2 string, param_str 3 string, share_in_parallel 4 bool",
    "RecurrentParameter": (
        "num_output 1 uint32, weight_filler 2 FillerParameter, bias_filler 3 FillerParameter, debug_info 4 bool, "
        "expose_hidden 5 bool"
    ),
    "ReductionParameter": "operation 1 SUM=1|ASUM=2|SUMSQ=3|MEAN=4, axis 2 int32, coeff 3 float",
    "ReLUParameter": f"negative_slope 1 float, {_ENGINE.format(2)}",
    "ReshapeParameter": "shape 1 BlobShape, axis 2 int32, num_axes 3 int32",
    "ScaleParameter": (
        "axis 1 int32, num_axes 2 int32, filler 3 FillerParameter, bias_term 4 bool, bias_filler 5 FillerParameter"
    ),
    "SigmoidParameter": _ENGINE.format(1),
    "SliceParameter": "slice_dim 1 uint32, slice_point 2 uint32*, axis 3 int32",
    "SoftmaxParameter": f"{_ENGINE.format(1)}, axis 2 int32",
    "SPPParameter": f"pyramid_height 1 uint32, {_POOL.format(2)}, {_ENGINE.format(6)}",
    "SwishParameter": "beta 1 float",
    "TanHParameter": _ENGINE.format(1),
    "ThresholdParameter": "threshold 1 float",
    "TileParameter": "axis 1 int32, tiles 2 int32",
    "SolverParameter": (
        "train_net 1 string, test_net 2 string*, test_iter 3 int32*, test_interval 4 int32, base_lr 5 float, "
        "display 6 int32, max_iter 7 int32, lr_policy 8 string, gamma 9 float, power 10 float, momentum 11 float, "
        "weight_decay 12 float, stepsize 13 int32, snapshot 14 int32, snapshot_prefix 15 string, "
        "snapshot_diff 16 bool, solver_mode 17 CPU=0|GPU=1, device_id 18 int32, test_compute_loss 19 bool, "
        "random_seed 20 int64, train_net_param 21 NetParameter, test_net_param 22 NetParameter*, debug_info 23 bool, "
        "net 24 string, net_param 25 NetParameter, train_state 26 NetState, test_state 27 NetState*, "
        "snapshot_after_train 28 bool, regularization_type 29 string, "
        "solver_type 30 SGD=0|NESTEROV=1|ADAGRAD=2|RMSPROP=3|ADADELTA=4|ADAM=5, delta 31 float, "
        "test_initialization 32 bool, average_loss 33 int32, stepvalue 34 int32*, clip_gradients 35 float, "
        "iter_size 36 int32, snapshot_format 37 HDF5=0|BINARYPROTO=1, rms_decay 38 float, momentum2 39 float, "
        "type 40 string, layer_wise_reduce 41 bool, weights 42 string*"
    ),
    "SolverState": (
        "iter 1 int32, learned_net 2 string, history 3 BlobProto*, current_step 4 int32, pysketch_run 1000 string"
    ),
    "BatchNormParameter": "use_global_stats 1 bool, moving_average_fraction 2 float, eps 3 float",
    "BiasParameter": "axis 1 int32, num_axes 2 int32, filler 3 FillerParameter",
}


@cache
def message_class(name: str) -> type[Message]:
    """The protobuf class of one of Caffe's message types."""
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"caffe.{name}"))


def message_names() -> list[str]:
    """The message types that are here."""
    return list(_SCHEMA)


def parse_text(text: str, message: Message) -> None:
    """Add the fields of a text in the text format to a message; ValueError says what is wrong in it."""
    try:
        text_format.Merge(text, message, descriptor_pool=_pool())
    except text_format.ParseError as error:
        raise ValueError(str(error)) from None


def to_text(message: Message) -> str:
    """A message in the text format."""
    return text_format.MessageToString(message, descriptor_pool=_pool())


def parse_bytes(name: str, content: bytes) -> Message:
    """A message from the wire format; ValueError if it is none: cut off, nested too deeply, or of other types."""
    try:
        return message_class(name).FromString(content)
    except DecodeError as error:
        raise ValueError(str(error)) from None


@cache
def _pool() -> descriptor_pool.DescriptorPool:
    file = descriptor_pb2.FileDescriptorProto(name="pysketch/caffe.proto", package="caffe", syntax="proto2")
    for name, fields in _SCHEMA.items():
        _describe(file.message_type.add(name=name), fields)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool


def _describe(message: Any, fields: str) -> None:
    field_type = descriptor_pb2.FieldDescriptorProto
    for name, number, kind, repeated, packed in _split(fields):
        field = message.field.add(name=name, number=number)
        field.label = field_type.LABEL_REPEATED if repeated else field_type.LABEL_OPTIONAL
        if packed:
            field.options.packed = True
        if "=" in kind:
            enum = message.enum_type.add(name=f"{name}_enum")
            for value in kind.split("|"):
                enum.value.add(name=value.split("=")[0], number=int(value.split("=")[1]))
            field.type, field.type_name = field_type.TYPE_ENUM, f".caffe.{message.name}.{enum.name}"
        elif kind in _SCHEMA:
            field.type, field.type_name = field_type.TYPE_MESSAGE, f".caffe.{kind}"
        else:
            field.type = getattr(field_type, f"TYPE_{kind.upper()}")


def _split(fields: str) -> Iterator[tuple[str, int, str, bool, bool]]:
    for text in fields.split(","):
        name, number, kind = text.split()
        yield name, int(number), kind.rstrip("*!"), "*" in kind, "!" in kind

"""Old forms of a netdef, rewritten into today's: V1 ``layers`` and inputs given at the net's top level.

Works on the message tree, so that every position stays that of the user's own text.
"""

from __future__ import annotations

from pysketch.errors import NetdefError, Position, did_you_mean
from pysketch.netdef.prototxt import Field, Message, Scalar

V1_TYPES = {
    "ABSVAL": "AbsVal",
    "ACCURACY": "Accuracy",
    "ARGMAX": "ArgMax",
    "BNLL": "BNLL",
    "CONCAT": "Concat",
    "CONTRASTIVE_LOSS": "ContrastiveLoss",
    "CONVOLUTION": "Convolution",
    "DATA": "Data",
    "DECONVOLUTION": "Deconvolution",
    "DROPOUT": "Dropout",
    "DUMMY_DATA": "DummyData",
    "ELTWISE": "Eltwise",
    "EUCLIDEAN_LOSS": "EuclideanLoss",
    "EXP": "Exp",
    "FLATTEN": "Flatten",
    "HDF5_DATA": "HDF5Data",
    "HDF5_OUTPUT": "HDF5Output",
    "HINGE_LOSS": "HingeLoss",
    "IM2COL": "Im2col",
    "IMAGE_DATA": "ImageData",
    "INFOGAIN_LOSS": "InfogainLoss",
    "INNER_PRODUCT": "InnerProduct",
    "LRN": "LRN",
    "MEMORY_DATA": "MemoryData",
    "MULTINOMIAL_LOGISTIC_LOSS": "MultinomialLogisticLoss",
    "MVN": "MVN",
    "POOLING": "Pooling",
    "POWER": "Power",
    "RELU": "ReLU",
    "SIGMOID": "Sigmoid",
    "SIGMOID_CROSS_ENTROPY_LOSS": "SigmoidCrossEntropyLoss",
    "SILENCE": "Silence",
    "SLICE": "Slice",
    "SOFTMAX": "Softmax",
    "SOFTMAX_LOSS": "SoftmaxWithLoss",
    "SPLIT": "Split",
    "TANH": "TanH",
    "THRESHOLD": "Threshold",
    "WINDOW_DATA": "WindowData",
}
"""V1's enum names and the layer types they became."""

_PARAM_FIELDS = {"param": "name", "blobs_lr": "lr_mult", "weight_decay": "decay_mult", "blob_share_mode": "share_mode"}

_TRANSFORMS = ("scale", "mean_file", "crop_size", "mirror")


def upgrade_net(net: Message) -> Message:
    """The same net in today's form: V1 ``layers`` as ``layer``, top-level inputs as one Input layer."""
    return _upgrade_inputs(_upgrade_v1(net))


def _upgrade_v1(net: Message) -> Message:
    old = net.all("layers")
    if not old:
        return net
    new = net.all("layer")
    if new:
        raise NetdefError(
            f"{max(old[0], new[0], key=lambda f: f.position.line).position}: a net has either `layers` (V1) "
            f"or `layer`, not both; the other form stands in line "
            f"{min(old[0].position.line, new[0].position.line)}"
        )
    fields = [_upgrade_v1_layer(field) if field.name == "layers" else field for field in net.fields]
    return Message(net.position, fields, net.empty_lists)


def _upgrade_v1_layer(layer: Field) -> Field:
    """One V1 layer as today's ``layer``; fields that did not change are kept as they are."""
    if isinstance(layer.value, Scalar):
        raise NetdefError(f"{layer.position}: layers: expected a message {{ ... }}, found {layer.value.text}")
    fields, params = [], []
    for field in layer.value.fields:
        if field.name == "type":
            fields.append(_upgrade_v1_type(field))
        elif field.name in _PARAM_FIELDS and isinstance(field.value, Scalar):
            params.append(field)
        else:
            fields.append(field)
    fields = _move_transforms(fields) + _param_specs(params)
    empty_lists = [empty for empty in layer.value.empty_lists if empty.name not in _PARAM_FIELDS]
    return Field("layer", Message(layer.value.position, fields, empty_lists), layer.position)


def _upgrade_v1_type(field: Field) -> Field:
    value = field.value
    if isinstance(value, Message) or value.kind != "identifier":
        raise NetdefError(
            f"{field.position}: V1LayerParameter.type: expected a bare word such as CONVOLUTION in V1's `layers`"
            "; a quoted name belongs in `layer`"
        )
    if value.text not in V1_TYPES:
        raise NetdefError(
            f'{value.position}: V1LayerParameter.type: unknown layer type "{value.text}"'
            + did_you_mean(value.text, V1_TYPES)
        )
    return Field("type", Scalar("string", V1_TYPES[value.text], value.position), field.position)


def _move_transforms(fields: list[Field]) -> list[Field]:
    """What data layers' sections said of scale, mean and crops, in the transform_param of today."""
    moved: list[Field] = []
    result: list[Field] = []
    for field in fields:
        if field.name in ("data_param", "image_data_param") and isinstance(field.value, Message):
            moved += [each for each in field.value.fields if each.name in _TRANSFORMS]
            field = _with_fields(field, [each for each in field.value.fields if each.name not in _TRANSFORMS])
        result.append(field)
    for k, field in enumerate(result if moved else ()):
        if field.name == "transform_param" and isinstance(field.value, Message):
            result[k] = _with_fields(field, field.value.fields + moved)
            return result
    return (
        [*result, Field("transform_param", Message(moved[0].position, moved), moved[0].position)] if moved else result
    )


def _with_fields(field: Field, fields: list[Field]) -> Field:
    """A message's field with other fields in it."""
    return Field(field.name, Message(field.value.position, fields, field.value.empty_lists), field.position)


def _param_specs(params: list[Field]) -> list[Field]:
    """V1's parallel lists (blobs_lr, weight_decay, names) as one ``param { ... }`` for each param."""
    specs: list[list[Field]] = []
    counts: dict[str, int] = {}
    for field in params:
        index = counts.get(field.name, 0)
        counts[field.name] = index + 1
        while len(specs) <= index:
            specs.append([])
        specs[index].append(Field(_PARAM_FIELDS[field.name], field.value, field.position))
    return [Field("param", Message(fields[0].position, fields), fields[0].position) for fields in specs]


def _upgrade_inputs(net: Message) -> Message:
    """`input` with `input_shape` or four `input_dim` each becomes one Input layer called "input"."""
    inputs, shapes, dims = net.all("input"), net.all("input_shape"), net.all("input_dim")
    if not inputs:
        for field in shapes + dims:
            raise NetdefError(f"{field.position}: NetParameter.{field.name} without an `input` to give a shape to")
        return net
    if shapes and dims:
        raise NetdefError(f"{dims[0].position}: give either input_shape or input_dim, not both")
    where = inputs[0].position
    if dims:
        if len(dims) != 4 * len(inputs):
            raise NetdefError(
                f"{dims[0].position}: expected 4 input_dim for each of {len(inputs)} inputs, found {len(dims)}"
            )
        shapes = [_shape_of(dims[k : k + 4], where) for k in range(0, len(dims), 4)]
    if len(shapes) != len(inputs):
        raise NetdefError(f"{where}: {len(inputs)} inputs but {len(shapes)} input_shape; expected one for each")
    section = Message(where, [Field("shape", shape.value, shape.position) for shape in shapes])
    fields = [
        _string("name", "input", where),
        _string("type", "Input", where),
        *(Field("top", field.value, field.position) for field in inputs),
        Field("input_param", section, where),
    ]
    kept = [f for f in net.fields if f.name not in ("input", "input_shape", "input_dim")]
    return Message(net.position, [Field("layer", Message(where, fields), where), *kept], net.empty_lists)


def _shape_of(dims: list[Field], where: Position) -> Field:
    fields = [Field("dim", field.value, field.position) for field in dims]
    return Field("input_shape", Message(dims[0].position, fields), where)


def _string(name: str, text: str, where: Position) -> Field:
    return Field(name, Scalar("string", text, where), where)

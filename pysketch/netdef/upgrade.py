"""Old forms of a netdef, rewritten into today's: V0 and V1 ``layers`` and inputs given at the net's top level.

Works on the message tree, so that every position stays that of the user's own text. Source: what Caffe 1.0.0 reads.
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

V0_TYPES = {
    "accuracy": "ACCURACY",
    "bnll": "BNLL",
    "concat": "CONCAT",
    "conv": "CONVOLUTION",
    "data": "DATA",
    "dropout": "DROPOUT",
    "euclidean_loss": "EUCLIDEAN_LOSS",
    "flatten": "FLATTEN",
    "hdf5_data": "HDF5_DATA",
    "hdf5_output": "HDF5_OUTPUT",
    "im2col": "IM2COL",
    "images": "IMAGE_DATA",
    "infogain_loss": "INFOGAIN_LOSS",
    "innerproduct": "INNER_PRODUCT",
    "lrn": "LRN",
    "multinomial_logistic_loss": "MULTINOMIAL_LOGISTIC_LOSS",
    "padding": "",
    "pool": "POOLING",
    "relu": "RELU",
    "sigmoid": "SIGMOID",
    "softmax": "SOFTMAX",
    "softmax_loss": "SOFTMAX_LOSS",
    "split": "SPLIT",
    "tanh": "TANH",
    "window_data": "WINDOW_DATA",
}
"""V0's type names and V1's; a padding layer becomes the pad of those that read it."""

_CONV, _INNER = "convolution_param", "inner_product_param"
_SOURCES = {
    "data": "data_param",
    "hdf5_data": "hdf5_data_param",
    "images": "image_data_param",
    "window_data": "window_data_param",
}
_V0_FIELDS: dict[str, tuple[str, dict[str, str]]] = {
    "num_output": ("num_output", {"conv": _CONV, "innerproduct": _INNER}),
    "biasterm": ("bias_term", {"conv": _CONV, "innerproduct": _INNER}),
    "weight_filler": ("weight_filler", {"conv": _CONV, "innerproduct": _INNER}),
    "bias_filler": ("bias_filler", {"conv": _CONV, "innerproduct": _INNER}),
    "pad": ("pad", {"conv": _CONV, "pool": "pooling_param"}),
    "kernelsize": ("kernel_size", {"conv": _CONV, "pool": "pooling_param"}),
    "group": ("group", {"conv": _CONV}),
    "stride": ("stride", {"conv": _CONV, "pool": "pooling_param"}),
    "pool": ("pool", {"pool": "pooling_param"}),
    "dropout_ratio": ("dropout_ratio", {"dropout": "dropout_param"}),
    **{name: (name, {"lrn": "lrn_param"}) for name in ("local_size", "alpha", "beta", "k")},
    "source": ("source", {**_SOURCES, "infogain_loss": "infogain_loss_param"}),
    "batchsize": ("batch_size", _SOURCES),
    "scale": ("scale", dict.fromkeys(V0_TYPES, "transform_param")),
    "meanfile": ("mean_file", dict.fromkeys(V0_TYPES, "transform_param")),
    "cropsize": ("crop_size", dict.fromkeys(V0_TYPES, "transform_param")),
    "mirror": ("mirror", dict.fromkeys(V0_TYPES, "transform_param")),
    "rand_skip": ("rand_skip", {"data": "data_param", "images": "image_data_param"}),
    "shuffle_images": ("shuffle", {"images": "image_data_param"}),
    "new_height": ("new_height", {"images": "image_data_param"}),
    "new_width": ("new_width", {"images": "image_data_param"}),
    "concat_dim": ("concat_dim", {"concat": "concat_param"}),
    **{
        f"det_{name}": (name, {"window_data": "window_data_param"})
        for name in ("fg_threshold", "bg_threshold", "fg_fraction", "context_pad", "crop_mode")
    },
}
"""V0's field -> what it is called in V1, and in which section, by the layer's V0 type."""

_V0_KEPT = ("name", "blobs_lr", "weight_decay", "hdf5_output_param")

_PARAM_FIELDS = {"param": "name", "blobs_lr": "lr_mult", "weight_decay": "decay_mult", "blob_share_mode": "share_mode"}

_TRANSFORMS = ("scale", "mean_file", "crop_size", "mirror")


def upgrade_net(net: Message) -> Message:
    """The same net in today's form: V0's and V1's ``layers`` as ``layer``, top-level inputs as one Input layer."""
    return _upgrade_inputs(_upgrade_batch_norm(_upgrade_v1(_upgrade_v0(net))))


def _upgrade_v0(net: Message) -> Message:
    """V0's ``layers { layer { ... } bottom top }`` as V1's, without padding layers."""
    old = [each for each in net.all("layers") if isinstance(each.value, Message) and each.value.all("layer")]
    if not old:
        return net
    fields: list[Field] = []
    padding: dict[str, tuple[str, Field]] = {}  # the top of a padding layer -> its bottom, and the pad
    for field in net.fields:
        if field not in old:
            fields.append(field)
            continue
        inner = _message(field.value.all("layer")[0], "layer")
        kind = _v0_type(inner)
        bottoms, tops = field.value.all("bottom"), field.value.all("top")
        if kind == "padding":
            padding |= _padding(field, inner, bottoms, tops)
            continue
        padded = [each for each in bottoms if _text(each) in padding]
        for each in padded:
            if kind not in ("conv", "pool") or len(bottoms) != 1:
                raise NetdefError(
                    f"{each.position}: only a conv or pool layer of one bottom can read what a padding layer makes"
                )
        fields.append(_upgrade_v0_layer(field, inner, kind, padding))
    return Message(net.position, fields, net.empty_lists)


def _upgrade_v0_layer(field: Field, inner: Message, kind: str, padding: dict[str, tuple[str, Field]]) -> Field:
    """One V0 layer as V1's."""
    made = [Field("type", Scalar("identifier", V0_TYPES[kind], inner.position), inner.position)]
    sections: dict[str, list[Field]] = {}
    for each in inner.fields:
        if each.name == "type":
            continue
        if each.name in _V0_KEPT:
            made.append(each)
            continue
        name, homes = _V0_FIELDS.get(each.name, ("", {}))
        if kind not in homes:
            known = [known for known, (_, homes) in _V0_FIELDS.items() if kind in homes]
            raise NetdefError(
                f'{each.position}: V0LayerParameter.{each.name}: unknown for a layer of type "{kind}"'
                + did_you_mean(each.name, known)
            )
        sections.setdefault(homes[kind], []).append(Field(name, each.value, each.position))
    for each in field.value.fields:
        if each.name == "bottom" and _text(each) in padding:
            bottom, pad = padding[_text(each)]
            each = Field("bottom", Scalar("string", bottom, each.value.position), each.position)
            section = sections.setdefault(_V0_FIELDS["pad"][1][kind], [])
            section[:] = [*(other for other in section if other.name != "pad"), pad]
        if each.name != "layer":
            made.append(each)
    made += [Field(name, Message(fields[0].position, fields), fields[0].position) for name, fields in sections.items()]
    return Field("layers", Message(field.value.position, made, field.value.empty_lists), field.position)


def _padding(field: Field, inner: Message, bottoms: list[Field], tops: list[Field]) -> dict[str, tuple[str, Field]]:
    pads = inner.all("pad")
    if len(bottoms) != 1 or len(tops) != 1 or len(pads) != 1:
        raise NetdefError(f"{field.position}: a padding layer takes one bottom, one top and a pad")
    return {_text(tops[0]): (_text(bottoms[0]), pads[0])}


def _v0_type(inner: Message) -> str:
    types = inner.all("type")
    if not types or not isinstance(types[0].value, Scalar) or types[0].value.kind != "string":
        where = types[0].position if types else inner.position
        raise NetdefError(f'{where}: V0LayerParameter.type: expected a quoted name such as "conv"')
    kind = types[0].value.text
    if kind not in V0_TYPES:
        raise NetdefError(
            f'{types[0].value.position}: V0LayerParameter.type: unknown layer type "{kind}"'
            + did_you_mean(kind, V0_TYPES)
        )
    return kind


def _text(field: Field) -> str:
    return field.value.text if isinstance(field.value, Scalar) else ""


def _message(field: Field, name: str) -> Message:
    if isinstance(field.value, Scalar):
        raise NetdefError(f"{field.position}: {name}: expected a message {{ ... }}, found {field.value.text}")
    return field.value


def _upgrade_batch_norm(net: Message) -> Message:
    """A BatchNorm layer with three ``param`` entries, once needed to keep its statistics: no rate, no decay."""
    fields = []
    for field in net.fields:
        layer = field.value
        is_norm = field.name == "layer" and isinstance(layer, Message) and "BatchNorm" in map(_text, layer.all("type"))
        if is_norm and len(layer.all("param")) == 3:
            kept = [_without_rate(each) if each.name == "param" else each for each in layer.fields]
            field = Field("layer", Message(layer.position, kept, layer.empty_lists), field.position)
        fields.append(field)
    return net if fields == net.fields else Message(net.position, fields, net.empty_lists)


def _without_rate(param: Field) -> Field:
    rates = ("lr_mult", "decay_mult")
    spec = _message(param, "param")
    zeros = [Field(name, Scalar("number", "0", spec.position), spec.position) for name in rates]
    kept = [each for each in spec.fields if each.name not in rates]
    return Field("param", Message(spec.position, [*kept, *zeros], spec.empty_lists), param.position)


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
    _message(layer, "layers")
    fields, params = [], []
    for field in _upgrade_v1_transform(layer.value.fields):
        if field.name == "type":
            fields.append(_upgrade_v1_type(field))
        elif field.name in _PARAM_FIELDS and isinstance(field.value, Scalar):
            params.append(field)
        else:
            fields.append(field)
    fields = _move_transforms(fields) + _param_specs(params)
    empty_lists = [empty for empty in layer.value.empty_lists if empty.name not in _PARAM_FIELDS]
    return Field("layer", Message(layer.value.position, fields, empty_lists), layer.position)


_TRANSFORM = ("scale", "mean_file", "crop_size", "mirror")


def _upgrade_v1_transform(fields: list[Field]) -> list[Field]:
    """What data sections said of scale, mean, crop and mirror, before there was a transform_param."""
    kept, moved = [], []
    for field in fields:
        if field.name in _SOURCES.values() and field.name != "hdf5_data_param" and isinstance(field.value, Message):
            old = [each for each in field.value.fields if each.name in _TRANSFORM]
            rest = [each for each in field.value.fields if each.name not in _TRANSFORM]
            moved += old
            field = Field(field.name, Message(field.value.position, rest, field.value.empty_lists), field.position)
        kept.append(field)
    if not moved:
        return fields
    given = [each for each in kept if each.name == "transform_param"]
    for each in given:
        moved = [*_message(each, "transform_param").fields, *moved]
    where = (given or moved)[0].position
    kept = [each for each in kept if each.name != "transform_param"]
    return [*kept, Field("transform_param", Message(where, moved), where)]


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

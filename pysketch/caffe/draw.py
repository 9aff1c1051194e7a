"""pycaffe's `caffe.draw`: the graph of a net that is a message, as a picture or as a text for Graphviz.

    net = caffe_pb2.NetParameter()
    text_format.Merge(open("net.prototxt").read(), net)
    draw_net_to_file(net, "net.png")

The net is drawn as it is written, without building it. Pictures (png, svg, pdf) need matplotlib and grandalf,
``pip install "pysketch[report]"``, and run from top to bottom; the text (dot) needs nothing and heeds rankdir.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pysketch.errors import DataError
from pysketch.files import atomic_path

if TYPE_CHECKING:
    from pysketch.report import Edge, Node

TEXTS = ("dot", "gv", "raw")
"""Formats that are Graphviz's text."""

_PARAMS = {"Convolution", "Deconvolution", "InnerProduct", "Embed", "PReLU", "Scale", "Bias", "BatchNorm"}
_COLOURS = {"Convolution": "#FF5050", "Deconvolution": "#FF5050", "Pooling": "#FF9900", "InnerProduct": "#CC33FF"}
_PLAIN, _IN_PLACE, _BLOB = "#6495ED", "#90EE90", "#E0E0E0"


def draw_net(
    caffe_net: Any, rankdir: str, ext: str = "png", phase: int | None = None, display_lrm: bool = False
) -> bytes:
    """The content of a picture or text of a NetParameter, in the format ext: png, svg, pdf, dot.

    rankdir: LR, TB or BT. phase: only its layers. display_lrm: the layers' lr_mult, too. DataError for another format,
    and where a library is missing.
    """
    if ext in TEXTS:
        return net_text(caffe_net, rankdir, phase, display_lrm).encode()
    from pysketch.report import draw_graph, figures

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"net.{ext}"
        figures.check_path(path)
        nodes, edges = _graph(caffe_net, phase, display_lrm)
        if not nodes:
            raise DataError("the net has no layer to draw")
        draw_graph(nodes, edges, str(path), caffe_net.name or "Net")
        return path.read_bytes()


def draw_net_to_file(
    caffe_net: Any,
    filename: str | os.PathLike[str],
    rankdir: str = "LR",
    phase: int | None = None,
    display_lrm: bool = False,
) -> None:
    """Write what `draw_net` gives, in the format of the file's suffix."""
    content = draw_net(caffe_net, rankdir, Path(filename).suffix.removeprefix("."), phase, display_lrm)
    with atomic_path(filename) as temporary:
        temporary.write_bytes(content)


def net_text(caffe_net: Any, rankdir: str = "LR", phase: int | None = None, display_lrm: bool = False) -> str:
    """A NetParameter as a text for Graphviz's dot: boxes for layers, octagons for blobs."""
    nodes, edges = {}, []
    for layer in _layers(caffe_net, phase):
        kind = _type(layer)
        label = "\n".join([layer.name, f"({kind})", *_details(layer, display_lrm)])
        colour = _IN_PLACE if _is_in_place(layer) else _COLOURS.get(kind, _PLAIN)
        node = f"{layer.name}_{kind}"
        nodes[node] = f"label={_quoted(label)}, shape=box, style=filled, fillcolor={_quoted(colour)}"
        for blob in (*layer.bottom, *layer.top):
            nodes[f"{blob}_blob"] = f"label={_quoted(blob)}, shape=octagon, style=filled, fillcolor={_quoted(_BLOB)}"
        edges += [f"{_quoted(f'{blob}_blob')} -> {_quoted(node)}" for blob in layer.bottom]
        count = _output_count(layer)
        edges += [f"{_quoted(node)} -> {_quoted(f'{blob}_blob')}{count}" for blob in layer.top]
    lines = [f"rankdir={rankdir}", *(f"{_quoted(name)} [{look}]" for name, look in nodes.items()), *edges]
    return f"digraph {_quoted(caffe_net.name or 'Net')} {{\n" + "".join(f"  {line};\n" for line in lines) + "}\n"


def _layers(caffe_net: Any, phase: int | None) -> Iterator[Any]:
    """The layers that are there in a phase, None: all; ValueError for one that has both include and exclude."""
    for layer in caffe_net.layer or caffe_net.layers:
        if layer.include and layer.exclude:
            raise ValueError(f'layer "{layer.name}" has both include and exclude')
        included = not layer.include or any(_meets(rule, phase) for rule in layer.include)
        if phase is None or (included and not any(_meets(rule, phase) for rule in layer.exclude)):
            yield layer


def _meets(rule: Any, phase: int | None) -> bool:
    return rule.HasField("phase") and rule.phase == phase


def _type(layer: Any) -> str:
    """A layer's type; of a V1 layer its enum's name."""
    return layer.type if isinstance(layer.type, str) else layer.LayerType.Name(layer.type)


def _is_in_place(layer: Any) -> bool:
    return len(layer.bottom) == 1 and list(layer.bottom) == list(layer.top)


def _details(layer: Any, display_lrm: bool) -> list[str]:
    """What of its options a layer's box shows."""
    found = []
    if layer.HasField("convolution_param"):
        found = _geometry(layer.convolution_param)
    elif layer.HasField("pooling_param"):
        pooling = layer.pooling_param
        how = "global" if pooling.global_pooling else ", ".join(_geometry(pooling))
        found = [f"{pooling.PoolMethod.Name(pooling.pool)} {how}"]
    if display_lrm and not isinstance(layer.type, int) and layer.param:
        found.append(f"lr_mult: {', '.join(f'{spec.lr_mult:g}' for spec in layer.param)}")
    return found


def _geometry(options: Any) -> list[str]:
    """Kernel size, stride and pad, of one side or of each."""
    found = []
    for name, default in (("kernel_size", 1), ("stride", 1), ("pad", 0)):
        sides = [f"{name.removesuffix('_size')}_{side}" for side in "hw"]
        value = getattr(options, name)
        values = [value] if isinstance(value, int) else list(value)
        if any(options.HasField(side) for side in sides):
            values = [getattr(options, side) for side in sides]
        found.append(f"{name.replace('_', ' ')}: {' '.join(map(str, values)) or default}")
    return found


def _output_count(layer: Any) -> str:
    """The number of a layer's output channels, as what is written on the arrow to its top."""
    for section in ("convolution_param", "inner_product_param"):
        if layer.HasField(section):
            return f' [label="{getattr(layer, section).num_output}"]'
    return ""


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _graph(caffe_net: Any, phase: int | None, display_lrm: bool) -> tuple[list[Node], list[Edge]]:
    """Boxes for layers, with those in place inside the box of what they change, and for blobs that no layer makes."""
    from pysketch.report import Edge, Node

    nodes: list[Node] = []
    makers: dict[str, list[int]] = {}  # several in several phases
    read: dict[tuple[int, int], list[str]] = {}
    tops: dict[int, int] = {}
    for layer in _layers(caffe_net, phase):
        title, lines = f"{layer.name} {_type(layer)}", _details(layer, display_lrm)
        for blob in layer.bottom:
            if blob not in makers:
                makers[blob] = [len(nodes)]
                nodes.append(Node(blob, "data"))
        if _is_in_place(layer):
            for maker in makers[layer.bottom[0]]:
                nodes[maker].lines.append(title)
            continue
        for blob in dict.fromkeys(layer.bottom):
            for maker in makers[blob]:
                read.setdefault((maker, len(nodes)), []).append(blob)
        for blob in layer.top:
            makers.setdefault(blob, []).append(len(nodes))
        tops[len(nodes)] = len(layer.top)
        kind = _type(layer)
        number = "data" if not layer.bottom else "loss" if kind.endswith("Loss") else "params"
        nodes.append(Node(title, number if number != "params" or kind in _PARAMS else "other", lines))
    return nodes, [Edge(*ends, ", ".join(blobs) if tops.get(ends[0], 1) > 1 else "") for ends, blobs in read.items()]

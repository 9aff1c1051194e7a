"""Convert nets between pysketch's, Caffe's and ONNX files: python tools/convert.py net.h5 net.onnx"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import common

import pysketch
from pysketch.errors import DataError, SnapshotError
from pysketch.files import atomic_path, check_output
from pysketch.shipped import find_net, find_netdef

EXAMPLES = """
examples:
  python tools/convert.py netdefs/pretrained/medium.h5 medium.prototxt     a stock Caffe netdef that draws ...
  python tools/convert.py netdefs/pretrained/medium.h5 medium.caffemodel   ... and its weights: for OpenCV, Caffe
  python tools/convert.py netdefs/pretrained/medium.h5 medium.onnx         for onnxruntime and others
  python tools/convert.py netdefs/pretrained/medium.h5 medium.caffemodel.h5   the weights alone, in Caffe's HDF5
  python tools/convert.py medium.prototxt medium.caffemodel back.h5        a net file again, for deploy.py

A .caffemodel and a .caffemodel.h5 that are written keep netdef and preprocessing in places that Caffe does not look at,
so that a .caffemodel of ours becomes a net file again without its prototxt. A net that was made by others, and one for
which any of them is given, gets the preprocessing of --scale, --mean and --xy-scale. How an input must be prepared is
said when a file is written.
"""

SUFFIXES = (".caffemodel", ".prototxt", ".onnx", ".h5")


def main(arguments: Sequence[str] | None = None) -> int:
    """Read, write, say how to feed the result."""
    args = _parser().parse_args(arguments)
    *sources, target = args.files
    if len(sources) not in (1, 2) or not str(target).endswith(SUFFIXES):
        expected = f"NET OUT or NETDEF WEIGHTS OUT, OUT with a suffix of {', '.join(SUFFIXES)}"
        common.fail(f"expected {expected}; found {' '.join(map(str, args.files))}")
    netdef, preprocessing, weights = _read(sources, args)
    check_output(target, [weights, *(find_netdef(str(each)) for each in sources[:-1])])
    net = pysketch.drawing.deploy_net(netdef, preprocessing, weights=weights)
    _write(target, net, netdef, preprocessing)
    steps = pysketch.drawing.steps_of(net)
    sides = f"; height a multiple of {steps[0]}, width of {steps[1]}" if max(steps) > 1 else ""
    channels = pysketch.interop.describe_input(preprocessing)
    print(f"{target}: input, N x {preprocessing.channels} x height x width: {channels}{sides}")
    return 0


def _read(
    sources: Sequence[Path], args: argparse.Namespace
) -> tuple[pysketch.netdef.NetDef, pysketch.images.Preprocessing, Path]:
    """The netdef, the preprocessing and the file with the weights."""
    if len(sources) == 1:
        weights = Path(find_net(str(sources[0])))
        kept = pysketch.weights.read_attributes(weights)
        if "netdef" not in kept:
            raise SnapshotError(f"{weights}: has no netdef in it; put one in front: NETDEF {weights} {args.files[-1]}")
        netdef = pysketch.netdef.parse_netdef(kept["netdef"], f"{weights.name}[netdef]")
        return netdef, _preprocessing(kept.get("preprocessing"), weights, args), weights
    netdef, weights = pysketch.netdef.load_netdef(find_netdef(str(sources[0]))), Path(find_net(str(sources[1])))
    return (
        netdef,
        _preprocessing(pysketch.weights.read_attributes(weights).get("preprocessing"), weights, args),
        weights,
    )


def _preprocessing(kept: str | None, weights: Path, args: argparse.Namespace) -> pysketch.images.Preprocessing:
    """What the file keeps, unless it keeps none or any of the options is given."""
    if kept is not None and (args.scale, args.mean, args.xy_scale) == (None, None, None):
        return pysketch.images.Preprocessing.from_json(kept, str(weights))
    has_xy = args.xy_scale is not None
    scale = 1.0 if args.scale is None else args.scale
    return pysketch.images.Preprocessing(scale, tuple(args.mean or (0.0,)), has_xy, args.xy_scale or 1.0)


def _write(
    target: Path, net: pysketch.net.Net, netdef: pysketch.netdef.NetDef, preprocessing: pysketch.images.Preprocessing
) -> None:
    attributes = {"netdef": netdef.text, "preprocessing": preprocessing.to_json()}
    if target.suffix == ".prototxt":
        _write_bytes(target, pysketch.interop.deploy_prototxt(net, preprocessing).encode())
    elif target.suffix == ".onnx":
        _write_bytes(target, pysketch.interop.onnx_model(net))
    else:
        net.save(target, attributes=attributes)


def _write_bytes(path: Path, content: bytes) -> None:
    try:
        with atomic_path(path) as temporary:
            temporary.write_bytes(content)
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror}") from None


def _parser() -> argparse.ArgumentParser:
    parser = common.parser("convert.py", "Convert nets between pysketch's, Caffe's and ONNX files.", EXAMPLES)
    help = "NET OUT, or NETDEF WEIGHTS OUT; NET and NETDEF may be shipped ones by name, such as medium"
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help=help)
    help = "of a net made by others: (pixel - mean) * scale; default: 1"
    parser.add_argument("--scale", type=float, help=help)
    parser.add_argument("--mean", type=float, nargs="+", metavar="M", help="one number, or R, G, B; default: 0")
    parser.add_argument("--xy-scale", type=float, metavar="S", help="it has X and Y, times this")
    return parser


if __name__ == "__main__":
    common.run(main)

"""Damaged files of every kind that pysketch reads: seeds, mutations, and what must hold whatever they are.

For a long run: ``python tests/fuzzing.py 100000`` (see tools/README.md).
"""

from __future__ import annotations

import argparse
import io
import random
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from solver_helpers import write_pairs

from pysketch import Sketcher
from pysketch.drawing.net_file import write_net_file
from pysketch.errors import PysketchError
from pysketch.images.pictures import read_photo, read_sketch
from pysketch.layers.context import Context
from pysketch.net.net import Net
from pysketch.netdef.definitions import Phase, parse_netdef
from pysketch.netdef.prototxt import parse
from pysketch.solver.definition import read_solver
from pysketch.weights.files import read_solver_state, write_solver_state
from pysketch.weights.snapshot import SolverState

ROOT = Path(__file__).parents[1]
HOSTILE = [
    b"1099511627776",
    b"4294967295",
    b"-1",
    b"nan",
    b"1e400",
    b"{",
    b"}",
    b"\x00",
    b"\xff\xff\xff\xff\x7f",
    b'"',
    b"[" * 9,
]
TINY = """
name: "tiny"
layer { name: "data" type: "Python" top: "data" top: "label" exclude { stage: "deploy" }
  python_param { module: "pysketch.layers" layer: "PhotoSketchData"
                 param_str: '{ "batch_size": 1 }' } }
layer { name: "data" type: "Input" top: "data" include { stage: "deploy" }
  input_param { shape { dim: [1, 5, 9, 8] } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "y"
  convolution_param { num_output: 1 kernel_size: 3 weight_filler { type: "xavier" } } }
layer { name: "silence" type: "Silence" bottom: "label" exclude { stage: "deploy" } }
"""
LAYERS = """
layer { name: "in" type: "Input" top: "x" input_param { shape { dim: [2, 4, 9, 8] } } }
layer { name: "c" type: "Deconvolution" bottom: "x" top: "c"
  convolution_param { num_output: 4 kernel_size: 3 group: 2 } }
layer { name: "p" type: "Pooling" bottom: "c" top: "p" pooling_param { pool: AVE kernel_size: 3 stride: 2 pad: 1 } }
layer { name: "s" type: "Slice" bottom: "p" top: "s1" top: "s2" slice_param { slice_point: 1 } }
layer { name: "k" type: "Concat" bottom: "s2" bottom: "s1" top: "k" }
layer { name: "n" type: "LRN" bottom: "k" top: "n" lrn_param { local_size: 3 } }
layer { name: "b" type: "BatchNorm" bottom: "n" top: "b" }
layer { name: "l" type: "Scale" bottom: "b" top: "l" scale_param { bias_term: true } }
layer { name: "r" type: "Reshape" bottom: "l" top: "r" reshape_param { shape { dim: [0, -1] } } }
layer { name: "f" type: "InnerProduct" bottom: "r" top: "f" inner_product_param { num_output: 3 } }
layer { name: "m" type: "Softmax" bottom: "f" top: "m" }
"""


def seeds(folder: Path) -> dict[str, list[bytes]]:
    """Kind of file -> whole files; some are first written to the folder."""
    source = str(write_pairs(folder / "pairs", 1, (250, 200)))
    net = Net(parse_netdef(TINY), Phase.TRAIN, Context(data_source=source))
    files = []
    for name in ("n.h5", "n.caffemodel"):
        write_net_file(folder / name, net)
        files.append((folder / name).read_bytes())
    history = [np.ones((1, 5, 3, 3), np.float32), np.ones(1, np.float32)]
    for name in ("s.solverstate.h5", "s.solverstate"):
        write_solver_state(folder / name, SolverState(3, "n.h5", 0, history, {"pysketch": "{}"}))
    pictures = []
    for kind, mode in (("PNG", "RGB"), ("PNG", "P"), ("JPEG", "RGB"), ("BMP", "L"), ("GIF", "P"), ("TIFF", "RGB")):
        stream = io.BytesIO()
        Image.fromarray(np.arange(180, dtype=np.uint8).reshape(12, 15)).convert(mode).save(stream, kind)
        pictures.append(stream.getvalue())
    return {
        "netdef": [*(path.read_bytes() for path in sorted((ROOT / "netdefs").glob("*.prototxt"))), LAYERS.encode()],
        "solver": [path.read_bytes() for path in sorted((ROOT / "solver").glob("*.txt"))],
        "net file": files,
        "solver state": [(folder / name).read_bytes() for name in ("s.solverstate.h5", "s.solverstate")],
        "picture": pictures,
    }


def mutate(data: bytes, operation: int, place: float, other: float, value: int) -> bytes:
    """Damage: a byte set, a stretch cut out, doubled, moved, the end lost, or something hostile written over it."""
    a, b = sorted((int(place * len(data)), int(other * len(data))))
    b = min(b, a + 64)
    change = operation % 6
    if change == 0:
        return data[:a] + bytes([value % 256]) + data[a + 1 :]
    if change == 1:
        return data[:a] + data[b:]
    if change == 2:
        return data[:b] + data[a:b] + data[b:]
    if change == 3:
        return data[:a]
    if change == 4:
        return data[:a] + HOSTILE[value % len(HOSTILE)] + data[b if value % 2 else a :]
    return data[:a] + data[a:b][::-1] + data[b:]


def _netdef(data: bytes, folder: Path) -> None:
    text = data.decode("utf-8", "replace")
    Net(parse_netdef(text), Phase.TEST, stages=("deploy",))


def _solver(data: bytes, folder: Path) -> None:
    read_solver(parse(data.decode("utf-8", "replace"), "s.txt"), "s.txt")


def _net_file(data: bytes, folder: Path) -> None:
    (folder / "read.bin").write_bytes(data)
    Sketcher(folder / "read.bin")


def _solver_state(data: bytes, folder: Path) -> None:
    (folder / "read.bin").write_bytes(data)
    read_solver_state(folder / "read.bin", [(1, 5, 3, 3), (1,)])


def _picture(data: bytes, folder: Path) -> None:
    (folder / "read.bin").write_bytes(data)
    read_photo(folder / "read.bin")
    read_sketch(folder / "read.bin")


READERS: dict[str, Callable[[bytes, Path], None]] = {
    "netdef": _netdef,
    "solver": _solver,
    "net file": _net_file,
    "solver state": _solver_state,
    "picture": _picture,
}


def outcome(kind: str, data: bytes, folder: Path) -> str:
    """ "read", or "refused" by one of our one-line errors; whatever else is raised passes through.

    AssertionError if the reader wrote a file of its own, or if the message is not one line.
    """
    try:
        READERS[kind](data, folder)
        found = "read"
    except PysketchError as error:
        assert "\n" not in str(error).strip(), str(error)
        found = "refused"
    assert {path.name for path in folder.iterdir()} <= {"read.bin"}
    return found


def main(count: int, seed: int = 0) -> int:
    """Read so many damaged files, each within 5 seconds, all within 4 GiB of memory; say what came out.

    The alarm cannot end a loop within a C library: then the run itself does not end, which is a finding too.
    """
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))

    def too_long(number: int, frame: object) -> None:
        raise TimeoutError("over 5 seconds")

    signal.signal(signal.SIGALRM, too_long)
    rng, found, slowest = random.Random(seed), Counter(), 0.0
    with tempfile.TemporaryDirectory() as made, tempfile.TemporaryDirectory() as folder:
        files = seeds(Path(made))
        for number in range(count):
            kind = rng.choice(list(files))
            data = rng.choice(files[kind])
            for _ in range(rng.choice((1, 1, 2, 3, 8))):
                data = mutate(data, rng.randrange(6), rng.random(), rng.random(), rng.randrange(256))
            start = time.perf_counter()
            signal.alarm(5)
            try:
                found[kind, outcome(kind, data, Path(folder))] += 1
            except BaseException as error:
                found[kind, f"{type(error).__name__}: {error}"[:150]] += 1
                Path(f"fuzz_{number}.bin").write_bytes(data)
                if isinstance(error, KeyboardInterrupt):
                    break
            finally:
                signal.alarm(0)
            slowest = max(slowest, time.perf_counter() - start)
    lines = [f"{kind:<14}{times:>8}  {what}" for (kind, what), times in sorted(found.items())]
    lines.append(f"slowest {slowest:.2f} s; at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MiB")
    sys.stdout.write("\n".join(lines) + "\n")
    return int(any(what not in ("read", "refused") for _, what in found))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Damage files of all kinds at random and read them.")
    parser.add_argument("count", type=int, help="how many; 100000 take some minutes")
    sys.exit(main(parser.parse_args().count))

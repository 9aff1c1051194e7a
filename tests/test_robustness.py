"""Whatever is read: damaged files are read or refused in one line, quickly, and write and run nothing.

The long run of the same is tests/fuzzing.py.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import fuzzing
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pysketch.errors import PysketchError
from pysketch.images.pictures import read_photo
from pysketch.net.net import Net
from pysketch.netdef.definitions import Phase, parse_netdef

KINDS = tuple(fuzzing.READERS)
PLACES = st.floats(0, 1, exclude_max=True)
DAMAGE = st.tuples(st.integers(0, 5), PLACES, PLACES, st.integers(0, 255))
SHORT = settings(max_examples=60, deadline=5000, derandomize=True, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return fuzzing.seeds(tmp_path_factory.mktemp("seeds"))


@pytest.mark.parametrize("kind", KINDS)
def test_undamaged_files_are_read(kind, files, tmp_path):
    assert {fuzzing.outcome(kind, data, tmp_path) for data in files[kind]} == {"read"}


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=pytest.mark.slow) if kind in ("netdef", "solver") else kind for kind in KINDS]
)
def test_damaged_files_are_read_or_refused_in_one_line(kind, files):
    found = set()

    @SHORT
    @given(st.sampled_from(range(len(files[kind]))), st.lists(DAMAGE, min_size=1, max_size=6))
    def check(number, damage):
        data = files[kind][number]
        for each in damage:
            data = fuzzing.mutate(data, *each)
        with tempfile.TemporaryDirectory() as folder:
            found.add(fuzzing.outcome(kind, data, Path(folder)))

    check()
    assert "refused" in found


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["netdef", "solver"])
def test_any_text_is_read_or_refused(kind, tmp_path):
    @SHORT
    @given(st.text(max_size=200))
    def check(text):
        fuzzing.outcome(kind, text.encode("utf-8", "surrogatepass"), tmp_path)

    check()


@pytest.mark.parametrize("kind", ["net file", "solver state", "picture"])
def test_any_bytes_are_refused(kind, tmp_path):
    @SHORT
    @given(st.binary(max_size=200))
    def check(data):
        assert fuzzing.outcome(kind, data, tmp_path) == "refused"

    check()


def conv(num_output=4, dim="1 dim: 5 dim: 9 dim: 8", kernel=3):
    return parse_netdef(
        f'layer {{ name: "in" type: "Input" top: "x" input_param {{ shape {{ dim: {dim} }} }} }}'
        f'layer {{ name: "c" type: "Convolution" bottom: "x" top: "y"'
        f" convolution_param {{ num_output: {num_output} kernel_size: {kernel} }} }}"
    )


def test_a_param_of_a_claimed_size_takes_no_memory():
    with pytest.raises(PysketchError, match=r'layer "c": a param of shape \(4294967295, 5, 3, 3\) has more than'):
        Net(conv(4294967295), Phase.TEST)


def test_a_blob_that_is_learned_takes_no_memory_either():
    text = 'layer { name: "p" type: "Parameter" top: "y" parameter_param { shape { dim: 1099511627776 } } }'
    with pytest.raises(PysketchError, match=r'layer "p": a param of shape \(1099511627776,\) has more than'):
        Net(parse_netdef(text), Phase.TEST)


def test_a_blob_of_a_claimed_size_takes_no_memory():
    net = Net(conv(dim="1 dim: 5 dim: 1099511627776 dim: 9"), Phase.TEST)
    with pytest.raises(
        MemoryError, match=r"a blob of shape \(1, 5, 1099511627776, 9\) has more than 2147483647 elements"
    ):
        net.forward()


def test_messages_nested_too_deeply_are_refused():
    for text in ("layer { " * 100_000, "a: [" * 100_000, "layer <" * 50_000 + ">" * 50_000):
        with pytest.raises(PysketchError):
            parse_netdef(text)


def test_a_decompression_bomb_is_refused(tmp_path):
    import struct
    import zlib

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(10**6)))
        + chunk(b"IEND", b"")
    )
    (tmp_path / "bomb.png").write_bytes(bomb)
    with pytest.raises(PysketchError, match=r"bomb\.png: cannot read the image \(its header says more than 179"):
        read_photo(tmp_path / "bomb.png")


@pytest.mark.slow
def test_the_long_run_says_what_came_out(tmp_path):
    done = subprocess.run(
        [sys.executable, fuzzing.__file__, "40"], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    counts = [int(line.split("  ")[-2]) for line in done.stdout.splitlines()[:-1]]
    assert sum(counts) == 40
    assert list(tmp_path.iterdir()) == []


def test_damage_changes_a_file():
    data = bytes(np.arange(256, dtype=np.uint8))
    for operation in range(6):
        assert fuzzing.mutate(data, operation, 0.2, 0.3, 7) != data

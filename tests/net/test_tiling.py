"""Nets that run in tiles: the same output as on the whole image, whatever the layers, the sizes and the tiles."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from pysketch.convolution.receptive_field import POINT, ReceptiveField
from pysketch.drawing.sketcher import deploy_net
from pysketch.errors import NetdefError
from pysketch.images.preprocessing import Preprocessing
from pysketch.layers.base import LAYERS, Count, Layer, register
from pysketch.layers.context import Context
from pysketch.net.net import Net
from pysketch.net.tiling import Tiling, blob_fields, whole_image
from pysketch.netdef.definitions import Phase, load_netdef, parse_netdef

NETDEFS = Path(__file__).parents[2] / "netdefs"


@pytest.fixture(autouse=True)
def _test_layers() -> Iterator[None]:
    """A layer with two bottoms, one that enlarges, and one that says nothing, for as long as a test runs."""
    before = dict(LAYERS)

    @register
    class Sum(Layer):
        bottoms = Count(2)
        pointwise = True

        def reshape(self, bottom, top):
            assert bottom[0].shape == bottom[1].shape
            top[0].reshape(bottom[0].shape)

        def forward(self, bottom, top):
            top[0].data[...] = bottom[0].data + bottom[1].data

    @register
    class Nearest(Layer):
        """y[i, j] = x[i // 2, j]."""

        def reshape(self, bottom, top):
            n, c, h, w = bottom[0].shape
            top[0].reshape(n, c, 2 * h, w)

        def receptive_field(self):
            return ReceptiveField(Fraction(1, 2), Fraction(1, 2), 0), POINT

        def forward(self, bottom, top):
            top[0].data[...] = bottom[0].data.repeat(2, axis=2)

    @register
    class Silent(Layer):
        in_place = True

        def reshape(self, bottom, top):
            top[0].reshape(bottom[0].shape)

    yield
    LAYERS.clear()
    LAYERS.update(before)


def conv(name: str, bottom: str, options: str, out: int = 3) -> str:
    """A convolution with normal weights and biases, called as its top is."""
    fillers = 'weight_filler { type: "gaussian" std: 0.3 } bias_filler { type: "gaussian" std: 1 }'
    return f"""layer {{ name: "{name}" type: "Convolution" bottom: "{bottom}" top: "{name}"
      convolution_param {{ num_output: {out} {options} {fillers} }} }}\n"""


def relu(name: str) -> str:
    """In place."""
    return f'layer {{ name: "relu_{name}" type: "ReLU" bottom: "{name}" top: "{name}" }}\n'


def layer(type: str, bottoms: str, top: str) -> str:
    """Without options."""
    names = " ".join(f'bottom: "{name}"' for name in bottoms.split())
    return f'layer {{ name: "{top}" type: "{type}" {names} top: "{top}" }}\n'


def build(text: str, dtype: type = np.float64, size: tuple[int, int] = (40, 43)) -> Net:
    """A net with the input "x" of two channels."""
    shape = f"[1, 2, {size[0]}, {size[1]}]"
    source = f'layer {{ name: "in" type: "Input" top: "x" input_param {{ shape {{ dim: {shape} }} }} }}\n'
    return Net(parse_netdef(source + text, "t.prototxt"), Phase.TEST, Context(dtype=dtype, seed=3))


def run(net: Net, x: np.ndarray) -> np.ndarray:
    """The output, copied."""
    net.blobs["x"].reshape(x.shape)
    net.blobs["x"].data[...] = x
    net.forward()
    return net.blobs[net.outputs[0]].data.copy()


def run_tiled(net: Net, x: np.ndarray, side: int, out_size: tuple[int, int]) -> np.ndarray:
    """The output, put together of tiles; what no tile makes is NaN."""
    out = None
    for down, across in Tiling(net).cut(x.shape[2:], out_size, side):
        tile = run(net, x[:, :, down.seen, across.seen])
        if out is None:
            out = np.full((1, tile.shape[1], *out_size), np.nan, tile.dtype)
        target = out[:, :, down.made, across.made]
        part = tile[:, :, down.kept, across.kept]
        assert part.shape == target.shape
        target[...] = part
    return out


def chain(*options: str) -> str:
    """Convolutions "a", "b", "c" with ReLUs between them."""
    names = "xabc"
    layers = [conv(names[k + 1], names[k], option) for k, option in enumerate(options)]
    return "".join(text + relu(names[k + 1]) for k, text in enumerate(layers[:-1])) + layers[-1]


PLAIN = chain("kernel_size: 5", "kernel_size: 1", "kernel_h: 4 kernel_w: 3")
TWO_WAYS = conv("a", "x", "kernel_size: 3 pad: 1") + conv("b", "x", "kernel_size: 7 pad: 3") + layer("Sum", "a b", "y")
AROUND = conv("a", "x", "kernel_size: 3 pad: 1") + conv("b", "a", "kernel_size: 5 pad: 2") + layer("Sum", "a b", "y")
AGAIN = conv("a", "x", "kernel_size: 2 stride: [2, 1]") + layer("Nearest", "a", "n")
NETS = {
    "plain": PLAIN,
    "Winograd": chain("kernel_size: 5 engine: WINOGRAD", "kernel_size: 3 engine: WINOGRAD"),
    "padded in the middle": chain("kernel_size: 3", "kernel_size: 5 pad: 2"),
    "padded everywhere": chain("kernel_size: 3 pad: 1", "kernel_size: 3 pad: 1"),
    "padded, Winograd": chain("kernel_size: 3 pad: 1 engine: WINOGRAD", "kernel_size: 5 pad: 2 engine: WINOGRAD"),
    "padded more than it sees": chain("kernel_size: 5", "kernel_size: 2 pad_h: 4 pad_w: 0"),
    "dilated": chain("kernel_size: 3 dilation: 3", "kernel_size: 2 dilation: [1, 2] pad: 1"),
    "strided": chain("kernel_size: 3 stride: 2", "kernel_h: 1 kernel_w: 2 stride: [1, 3]"),
    "strided and padded": chain("kernel_size: 5 stride: 3 pad: 2", "kernel_size: 3 stride: 2 pad: 1"),
    "strided with gaps": chain("kernel_size: 2 stride: 3", "kernel_size: 1 stride: 2"),
    "two ways of different reach": TWO_WAYS,
    "past and around": AROUND + conv("c", "y", "kernel_size: 2"),
    "enlarged": layer("Nearest", "x", "n") + conv("b", "n", "kernel_size: 3"),
    "enlarged again": AGAIN + conv("b", "n", "kernel_size: 3 pad: 1"),
}
SIDES = {(13, 11): (1, 2, 3, 5, 100), (16, 29): (5, 13), (23, 17): (8,)}
"""Size of the image -> sides of tiles."""


@pytest.mark.slow
@pytest.mark.parametrize("size", SIDES)
@pytest.mark.parametrize("name", NETS)
def test_tiles_of_any_side_make_what_the_whole_image_makes(name, size):
    net = build(NETS[name])
    x = np.random.default_rng(1).normal(size=(1, 2, *size))
    whole = run(net, x)
    for side in SIDES[size]:
        tiled = run_tiled(net, x, side, whole.shape[2:])
        np.testing.assert_allclose(tiled, whole, rtol=0, atol=1e-12 * np.abs(whole).max(), err_msg=f"side {side}")


@pytest.mark.parametrize("name", NETS)
def test_tiles_in_float32_differ_by_rounding_only(name):
    net = build(NETS[name], np.float32)
    x = np.random.default_rng(2).normal(size=(1, 2, 27, 22)).astype(np.float32)
    whole = run(net, x)
    tiled = run_tiled(net, x, 4, whole.shape[2:])
    np.testing.assert_allclose(tiled, whole, rtol=0, atol=1e-5 * np.abs(whole).max())


@pytest.mark.parametrize("seed", range(25))
def test_nets_of_any_geometry_are_exact_in_tiles(seed):
    rng = np.random.default_rng(seed)
    options = []
    for _ in range(rng.integers(1, 4)):
        kernel, stride, dilation = rng.integers(1, 5, 2), rng.integers(1, 4, 2), rng.integers(1, 3, 2)
        pairs = {"kernel_size": kernel, "stride": stride, "pad": rng.integers(0, 4, 2), "dilation": dilation}
        options.append(" ".join(f"{name}: [{down}, {across}]" for name, (down, across) in pairs.items()))
    net = build(chain(*options))
    x = rng.normal(size=(1, 2, *rng.integers(30, 45, 2)))
    whole = run(net, x)
    for side in (2, 5):
        np.testing.assert_allclose(run_tiled(net, x, side, whole.shape[2:]), whole, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "path", sorted(set(NETDEFS.glob("*.prototxt")) - {NETDEFS / "portrait.prototxt"}), ids=lambda path: path.stem
)
def test_the_papers_nets_see_13_pixels_from_which_an_output_starts(path):
    net = deploy_net(load_netdef(path), Preprocessing())
    vertical, horizontal = Tiling(net).fields
    assert vertical == horizontal == ReceptiveField(stride=1, before=0, after=12)
    assert vertical.size == 13


def test_every_blob_between_has_a_field_of_its_own():
    fields = blob_fields(build(NETS["strided and padded"]), "x")
    assert fields == {
        "x": (POINT, POINT),
        "a": (ReceptiveField(3, 2, 2),) * 2,
        "b": (ReceptiveField(6, 5, 5),) * 2,
    }


def test_rows_and_columns_may_see_differently():
    assert [field.size for field in Tiling(build(PLAIN)).fields] == [8, 7]


def test_each_top_of_a_layer_with_a_top_for_each_bottom_sees_what_its_own_bottom_sees():
    both = 'layer { name: "c" type: "Convolution" bottom: "a" bottom: "b" top: "c" top: "d"'
    both += " convolution_param { num_output: 1 kernel_size: 2 } }"
    net = build(conv("a", "x", "kernel_size: 3") + conv("b", "x", "kernel_size: 5 stride: 2") + both)
    fields = blob_fields(net, "x")
    assert fields["c"] == (ReceptiveField(1, 0, 3),) * 2
    assert fields["d"] == (ReceptiveField(2, 0, 6),) * 2


def test_a_layer_that_does_not_say_what_it_sees_is_named_in_one_line():
    text = conv("a", "x", "kernel_size: 3") + layer("Silent", "a", "s") + relu("s") + layer("Sum", "s s", "z")
    with pytest.raises(NetdefError) as error:
        Tiling(build(text))
    message = r't\.prototxt:4:\d+: layer "s": a Silent layer does not say what it sees of its bottoms, so the image .*'
    assert re.fullmatch(message, str(error.value))


def test_ways_of_different_strides_cannot_be_tiled():
    text = conv("a", "x", "kernel_size: 1 stride: [2, 1]") + conv("b", "x", "kernel_h: 21 kernel_w: 1")
    with pytest.raises(NetdefError, match=r'layer "y": its bottoms have different strides, so the image cannot be'):
        Tiling(build(text + layer("Sum", "a b", "y")))


def test_what_does_not_come_from_the_image_cannot_be_tiled():
    other = 'layer { name: "o" type: "Input" top: "o" input_param { shape { dim: [1, 2, 40, 43] } } }\n'
    net = build(other + layer("Sum", "x o", "y"))
    with pytest.raises(NetdefError, match=r'layer "y": a Sum layer reads what is not made from the image, so'):
        Tiling(net)
    assert "o" not in blob_fields(net, "x")


def test_an_output_that_sees_nothing_of_the_input_cannot_be_tiled():
    net = build('layer { name: "o" type: "Input" top: "o" input_param { shape { dim: [1, 2, 4, 3] } } }\n')
    net.outputs = ["o"]
    with pytest.raises(NetdefError, match=r'^t\.prototxt: the output "o" sees nothing of the input "x"$'):
        Tiling(net)


def test_a_layer_beside_the_way_to_the_output_does_not_matter():
    net = build(PLAIN + layer("Silent", "b", "z"))
    net.outputs = ["c"]
    assert Tiling(net).fields[0].size == 8


@pytest.mark.parametrize(("out_size", "side", "count"), [((20, 33), 8, 15), ((21, 8), 8, 3), ((1, 9), 4, 3)])
def test_tiles_are_as_few_as_can_be_and_equally_large(out_size, side, count):
    size = (out_size[0] + 7, out_size[1] + 6)
    tiles = Tiling(build(PLAIN)).cut(size, out_size, side)
    assert len(tiles) == count
    made = {(down.made.stop - down.made.start, across.made.stop - across.made.start) for down, across in tiles}
    assert len(made) == 1
    assert max(made.pop()) <= side
    seen = {(down.seen.stop - down.seen.start, across.seen.stop - across.seen.start) for down, across in tiles}
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("kernel", "stride", "least"), [(1, 1, 1), (5, 1, 1), (6, 1, 2), (13, 1, 3), (33, 1, 8), (13, 3, 1)]
)
def test_the_least_side_reads_at_most_25_times_what_it_makes(kernel, stride, least):
    side = Tiling(
        build(f"""
layer {{ name: "c" type: "Convolution" bottom: "x" top: "y"
  convolution_param {{ num_output: 1 kernel_size: {kernel} stride: {stride} }} }}""")
    ).least_side()
    assert side == least
    assert (stride * (side - 1) + kernel) <= 5 * stride * side


def test_an_image_smaller_than_a_tile_is_one_tile():
    assert Tiling(build(PLAIN)).cut((20, 19), (13, 13), 13) == [whole_image((20, 19), (13, 13))]


def test_blobs_are_counted_with_shared_memory_once_and_without_making_them():
    text = conv("a", "x", "kernel_size: 3 pad: 1") + conv("b", "a", "kernel_size: 5 pad: 2", 4)
    net = build(text + conv("c", "a", "kernel_size: 3", 5), np.float32)
    net.outputs = ["b"]
    size = (10**5, 10**5 + 1)
    expected = 4 * ((2 + 3 + 4) * size[0] * size[1] + 5 * (size[0] - 2) * (size[1] - 2))
    assert Tiling(net).blob_bytes(size) == expected


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("budget", [10_000, 60_000, 200_000])
def test_the_largest_side_within_a_budget_stays_in_it_and_nearly_fills_it(name, budget):
    net = build(NETS[name], np.float32)
    tiling = Tiling(net)
    size = (500, 700)
    tiling.blob_bytes(size)
    out_size = net.blobs[net.outputs[0]].shape[2:]

    def largest(side: int) -> int:
        tiles = tiling.cut(size, out_size, side)
        seen = {tuple(piece.seen.stop - piece.seen.start for piece in tile) for tile in tiles}
        return max(tiling.blob_bytes(each) for each in seen)

    side = tiling.largest_side(size, out_size, budget)
    assert side == 1 or largest(side) <= budget
    assert tiling.blob_bytes(tuple(tiling._seen_length(axis, side + 1) for axis in (0, 1))) > budget


def test_a_budget_for_everything_gives_one_tile_and_one_for_nothing_tiles_of_one():
    tiling = Tiling(build(PLAIN))
    assert tiling.largest_side((27, 36), (20, 30), 10**9) == 30
    assert tiling.largest_side((27, 36), (20, 30), 1) == 1


@pytest.mark.parametrize("budget", [3 << 20, 10 << 20, 10**8])
def test_a_net_that_joins_what_it_halved_is_asked_for_whole_steps_of_its_grid_only(budget):
    net = deploy_net(load_netdef(NETDEFS / "portrait.prototxt"), Preprocessing())
    tiling, size = Tiling(net), (2000, 3000)
    side = tiling.largest_side(size, size, budget)
    for tile in tiling.cut(size, size, side)[:3]:
        lengths = [piece.seen.stop - piece.seen.start for piece in tile]
        assert [length % 8 for length in lengths] == [0, 0]
        assert side == 1 or tiling.blob_bytes(tuple(lengths)) <= budget

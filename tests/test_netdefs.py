"""The netdefs and solver files that ship: each loads in every use and is what its comments say."""

import re
from pathlib import Path

import numpy as np
import pytest

from pysketch.drawing.sketcher import deploy_net
from pysketch.images import synthetic
from pysketch.images.pictures import write_image
from pysketch.images.preprocessing import Preprocessing, crop_centre
from pysketch.layers.context import Context
from pysketch.layers.photo_sketch_data import PhotoSketchData
from pysketch.net.gradient_check import check_net_gradients
from pysketch.net.net import Net
from pysketch.netdef.definitions import Phase, load_netdef, parse_netdef
from pysketch.solver.definition import load_solver

ROOT = Path(__file__).parents[1]
NETDEFS = sorted(set((ROOT / "netdefs").glob("*.prototxt")) - {ROOT / "netdefs" / "portrait.prototxt"})
SOLVERS = sorted((ROOT / "solver").glob("*.txt"))
SIZES = {  # kernel x filters, layer by layer, and the number of params: notes on the paper's Figure 2
    "sr": ([(9, 64), (1, 32), (5, 1)], 28_865),
    "small": ([(5, 64), (5, 64), (1, 32), (1, 32), (3, 32), (3, 1)], 123_201),
    "medium": ([(5, 128), (5, 128), (1, 64), (1, 64), (3, 64), (3, 1)], 475_777),
    "photo": ([(5, 64), (5, 64), (1, 32), (1, 32), (3, 32), (3, 1)], 120_001),  # not the paper's: small, the other way
    "large": ([(5, 256), (5, 256), (1, 128), (1, 128), (3, 128), (3, 1)], 1_869_057),
}


def by_name(paths):
    return pytest.mark.parametrize("path", paths, ids=[path.stem for path in paths])


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """Three random pairs of the aligned size."""
    folder = tmp_path_factory.mktemp("pairs")
    rng = np.random.default_rng(1)
    for name in "abc":
        write_image(folder / "photos" / f"{name}.png", rng.integers(0, 256, (250, 200, 3)).astype(np.uint8))
        write_image(folder / "sketches" / f"{name}.png", rng.integers(0, 256, (250, 200)).astype(np.uint8))
    return str(folder)


def small(text, batch=2, photo=(15, 16)):
    """The netdef's text with a small crop and batch: (width, height), the sketch 12 pixels smaller."""
    options = f'"photo_width": {photo[0]}, "photo_height": {photo[1]}, '
    options += f'"sketch_width": {photo[0] - 12}, "sketch_height": {photo[1] - 12},'
    changed, count = re.subn(r'"batch_size": \d+,', f'"batch_size": {batch}, {options}', text)
    assert count == 1
    return changed


def edited(path, before, after):
    """The netdef with one edit, made in one place."""
    text = path.read_text()
    assert text.count(before) == 2  # once in the comment that recommends it, once in the layer
    head, tail = text.rsplit(before, 1)
    return parse_netdef(small(head + after + tail), path.name)


def test_there_are_the_papers_four_nets_each_with_two_recipes_one_for_the_other_way_and_portrait():
    recipes = {f"{name}{kind}" for name in SIZES for kind in ("", "_paper")} - {"photo_paper"}
    assert {path.stem for path in NETDEFS} == recipes
    assert {path.stem for path in SOLVERS} == {f"{name}_solver" for name in (*recipes, "quick", "portrait")}


def drawing_net(path):
    """The netdef as a net that draws, from as many channels as its data layer gives."""
    netdef = load_netdef(path)
    data = next(layer for layer in netdef.layers if "python_param" in layer.sections)
    options = PhotoSketchData.read_options(data)
    return deploy_net(netdef, Preprocessing(direction=options.direction))


@by_name(NETDEFS)
def test_a_drawing_net_has_the_papers_filters_params_and_sizes(path):
    layers, params = SIZES[path.stem.removesuffix("_paper")]
    net = drawing_net(path)
    weights = [blobs[0].shape for blobs in net.params.values()]
    assert [(shape[2], shape[0]) for shape in weights] == layers
    assert sum(param.blob.count for param in net.learnable) == params
    assert net.blobs["data"].shape == (1, 3 if path.stem == "photo" else 5, 200, 155)
    assert net.blobs["prediction"].shape == (1, 1, 188, 143)
    assert sum(layer.type == "ReLU" for layer in net.layers) == len(layers) - 1


@by_name(NETDEFS)
def test_every_convolutions_comment_tells_its_kernel_channels_and_output_shape(path):
    net = drawing_net(path)
    comments = re.findall(r"# (\d+)x\1, (\d+) -> (\d+): N x (\d+) x (\d+) x (\d+)\n", path.read_text())
    convolutions = [layer for layer in net.layers if layer.type == "Convolution"]
    assert len(comments) == len(convolutions)
    for comment, layer in zip(comments, convolutions, strict=True):
        filters, channels, kernel, _ = layer.blobs[0].shape
        shape = net.blobs[layer.definition.top[0]].shape
        assert tuple(int(n) for n in comment) == (kernel, channels, filters, *shape[1:])


@by_name(NETDEFS)
@pytest.mark.parametrize("phase", [Phase.TRAIN, Phase.TEST])
def test_training_and_scoring_nets_read_pairs_and_give_the_three_losses(path, phase, pairs):
    net = Net(parse_netdef(small(path.read_text())), phase, Context(data_source=pairs))
    assert np.isfinite(net.forward_loss())
    assert net.outputs == ["L_discrim", "L_gen", "loss"]
    values = [float(net.blobs[name].data) for name in ("loss", "L_gen", "L_discrim")]
    assert values[0] == pytest.approx(values[1] + 1e4 * values[2], rel=1e-6)


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, id=path.stem, marks=[] if path.stem == "sr" else pytest.mark.slow) for path in NETDEFS],
)
def test_the_whole_graphs_gradients_are_right(path, pairs):
    net = Net(parse_netdef(small(path.read_text())), Phase.TRAIN, Context(data_source=pairs, dtype=np.float64, seed=2))
    assert check_net_gradients(net, threshold=1e-4) >= 10 * len(net.params)  # ReLU's kinks are near somewhere


@by_name(NETDEFS)
def test_one_edit_leaves_out_the_coordinates(path, pairs):
    netdef = edited(path, '"xy": true', '"xy": false')
    net = Net(netdef, Phase.TRAIN, Context(data_source=pairs))
    colours = 1 if path.stem == "photo" else 3
    assert net.blobs["data"].shape[1] == colours
    assert deploy_net(netdef, net.layers[0].preprocessing).blobs["data"].shape[1] == colours


@by_name(NETDEFS)
def test_one_edit_leaves_out_the_regularizer(path, pairs):
    net = Net(edited(path, '"alpha": 1e4', '"alpha": 0'), Phase.TRAIN, Context(data_source=pairs))
    net.forward()
    assert float(net.blobs["loss"].data) == float(net.blobs["L_gen"].data)


@by_name([path for path in NETDEFS if path.stem.endswith("_paper")])
def test_the_literal_recipe_starts_from_gaussians_of_std_001_and_raw_pixels(path, pairs):
    net = Net(parse_netdef(small(path.read_text())), Phase.TRAIN, Context(data_source=pairs))
    for param in net.learnable:
        assert (param.lr_mult, param.decay_mult) == (1, 1)
        if param.index == 1:
            assert not param.blob.data.any()
        else:
            assert param.blob.data.std() == pytest.approx(0.01, rel=5 / param.blob.count**0.5)
    net.forward()
    pixels, xy = net.blobs["data"].data[:, :3], net.blobs["data"].data[:, 3:]
    assert (pixels == np.rint(pixels)).all()
    assert pixels.max() > 200
    assert (xy[0, 0, 0] == np.arange(-7, 8)).all()


@by_name(SOLVERS)
def test_a_solver_file_loads_and_names_a_netdef_that_is_there(path):
    definition = load_solver(path)
    assert (ROOT / definition.train_net).is_file()
    assert definition.test_nets == [definition.train_net]
    assert definition.prefix.startswith("snapshots/")
    assert definition.options.random_seed == 1


@by_name([path for path in SOLVERS if path.stem.endswith("_paper_solver")])
def test_the_papers_solver_is_plain_gradient_descent_at_its_rate_in_micro_batches(path):
    options = load_solver(path).options
    assert (options.type, options.momentum, options.base_lr, options.lr_policy) == ("SGD", 0, 1e-11, "fixed")
    assert options.weight_decay == 0
    assert options.micro_batch == 4


@by_name(SOLVERS)
def test_every_number_in_a_solver_file_is_commented(path):
    for line in path.read_text().splitlines():
        if re.match(r"\w+: [-\d.]", line):
            assert "#" in line, line


PHOTO = 60, 50
"""Height and width of the photo that rounding errors are measured with."""

by_net = pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("sr", None),
        ("small", None),
        pytest.param("medium", "netdefs/pretrained/medium.h5", marks=pytest.mark.slow),
        *(pytest.param(name, None, marks=pytest.mark.slow) for name in ("medium", "large")),
    ],
)


def _net(name: str, engine: str, dtype: type, weights: str | None) -> Net:
    """The drawing net, also fit for backward, with params that are float32 numbers."""
    text = (ROOT / "netdefs" / f"{name}.prototxt").read_text(encoding="utf-8")
    text = "force_backward: true\n" + text.replace("convolution_param {", f"convolution_param {{ engine: {engine}")
    shapes = {"data": (1, 5, *PHOTO)}
    net = Net(parse_netdef(text), Phase.TEST, Context(dtype=dtype, seed=1), stages=("deploy",), input_shapes=shapes)
    if weights:
        net.copy_from(ROOT / weights)
    for param in net.learnable:
        param.blob.data[...] = param.blob.data.astype(np.float32)
    return net


def _error(found: np.ndarray, right: np.ndarray) -> float:
    """In the norm of the whole array."""
    return float(np.linalg.norm(found - right) / np.linalg.norm(right))


@by_net
def test_predictions_are_right_to_1e_5_and_10_times_what_im2col_errs(name: str, weights: str | None) -> None:
    def prediction(engine: str, dtype: type) -> np.ndarray:
        net = _net(name, engine, dtype, weights)
        net.blobs["data"].data[...] = np.random.default_rng(0).uniform(-0.5, 0.5, (1, 5, *PHOTO)).astype(np.float32)
        net.forward()
        return net.blobs[net.outputs[0]].data.astype(np.float64)

    right = prediction("CAFFE", np.float64)
    errors = [_error(prediction(engine, np.float32), right) for engine in ("DEFAULT", "CAFFE")]
    assert 0 < errors[0] < 1e-5
    assert errors[0] < 10 * errors[1]


@by_net
def test_gradients_are_right_to_1e_5_and_10_times_what_im2col_errs(name: str, weights: str | None) -> None:
    """Those in the photo and all params of the squared distance between a made face's prediction and sketch.

    Every ReLU is as in float64: where rounding turns the sign of a value next to 0, a gradient is another one, whatever
    the engine.
    """
    photo, sketch = (crop_centre(image, PHOTO[1], PHOTO[0]) for image in synthetic.face_pair(1000))
    exact = _net(name, "CAFFE", np.float64, weights)
    preprocessing = Preprocessing(1 / 255, (127.5,), xy=True, xy_scale=0.005)
    exact.blobs["data"].data[...] = preprocessing.apply(photo)
    exact.forward()
    values = {blob: exact.blobs[blob].data.astype(np.float32) for blob in exact.blobs}
    diff = values[exact.outputs[0]] - crop_centre(sketch, PHOTO[1] - 12, PHOTO[0] - 12)

    def gradients(net: Net) -> list[np.ndarray]:
        for blob, value in values.items():
            net.blobs[blob].data[...] = value
        net.blobs[net.outputs[0]].diff[...] = diff
        net.backward()
        return [blob.diff.astype(np.float64) for blob in (*(p.blob for p in net.learnable), net.blobs["data"])]

    right = gradients(exact)
    found = [gradients(_net(name, engine, np.float32, weights)) for engine in ("DEFAULT", "CAFFE")]
    assert max(map(_error, found[0], right)) < 1e-5
    whole = np.concatenate([gradient.ravel() for gradient in right])
    errors = [_error(np.concatenate([gradient.ravel() for gradient in each]), whole) for each in found]
    assert errors[0] < 10 * errors[1]

"""Python layers: written for pycaffe, or as our own Layer; and that a netdef alone runs no code."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import dedent
from typing import Any

import naive
import numpy as np
import pytest
from helpers import Case, SingleLayer, layer_text, make_layer, refused

from pysketch.device.backend import Device
from pysketch.errors import NetdefError, ShapeError
from pysketch.layers import ReLU
from pysketch.layers.context import Context
from pysketch.layers.python import Python
from pysketch.net.net import Net
from pysketch.netdef.definitions import Phase, parse_netdef

PRODUCT = """
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
"""


def write_product(folder: Path) -> None:
    """A module with a layer for pycaffe, y = w a b, that is imported anew."""
    sys.modules.pop("contract_product", None)
    (folder / "contract_product.py").write_text(PRODUCT)


CONTRACT = {
    "Python": Case(
        layer_text("Python", ["a", "b"], ["y"], 'python_param { module: "contract_product" layer: "Product" }'),
        ((2, 3, 5), (2, 3, 5)),
        ((2, 3, 5),),
        write=write_product,
    ),
}

EUCLIDEAN = '''
    import caffe
    import numpy as np


    class EuclideanLossLayer(caffe.Layer):
        """Compute the Euclidean loss, as one writes it for pycaffe."""

        def setup(self, bottom, top):
            if len(bottom) != 2:
                raise Exception("Need two inputs to compute distance.")

        def reshape(self, bottom, top):
            if bottom[0].count != bottom[1].count:
                raise Exception("Inputs must have the same dimension.")
            self.diff = np.zeros_like(bottom[0].data, dtype=np.float32)
            top[0].reshape(1)

        def forward(self, bottom, top):
            self.diff[...] = bottom[0].data - bottom[1].data
            top[0].data[...] = np.sum(self.diff ** 2) / bottom[0].num / 2.

        def backward(self, top, propagate_down, bottom):
            for i, sign in ((0, 1), (1, -1)):
                if not propagate_down[i]:
                    continue
                bottom[i].diff[...] = sign * self.diff / bottom[i].num
'''

SCALE = """
    import caffe


    class Scale(caffe.Layer):
        '''y = w_c x + the number in param_str, with one w per channel.'''

        def setup(self, bottom, top):
            assert self.phase in (caffe.TRAIN, caffe.TEST)
            self.shift = float(self.param_str or 0) + (100 if self.phase == caffe.TEST else 0)
            self.blobs.add_blob(1, bottom[0].channels, 1, 1)
            self.blobs[0].data[...] = 3

        def reshape(self, bottom, top):
            top[0].reshape(bottom[0].num, bottom[0].channels, bottom[0].height, bottom[0].width)

        def forward(self, bottom, top):
            top[0].data[...] = self.blobs[0].data * bottom[0].data + self.shift

        def backward(self, top, propagate_down, bottom):
            self.blobs[0].diff[...] += (top[0].diff * bottom[0].data).sum(axis=(0, 2, 3), keepdims=True)
            if propagate_down[0]:
                bottom[0].diff[...] = self.blobs[0].data * top[0].diff
"""

POWER = '''
    import numpy as np
    from pysketch.layers import Count, Layer
    from pysketch.netdef import Kind, Option, Table


    class Power(Layer):
        """y = x ** power + b, with one b for all."""

        table = Table("Power", (Option("power", Kind.INT32, 2, low=1),))

        def setup(self, bottom, top):
            self.add_param(np.full(1, 0.5))

        def reshape(self, bottom, top):
            if len(bottom[0].shape) != 2:
                raise self.shape_error(f"expected two axes, found {bottom[0].shape}")
            top[0].reshape(bottom[0].shape)

        def forward(self, bottom, top):
            top[0].data[...] = bottom[0].data ** self.options.power + self.blobs[0].data

        def backward(self, top, propagate_down, bottom):
            self.blobs[0].diff[...] += top[0].diff.sum()
            if propagate_down[0]:
                p = self.options.power
                bottom[0].diff[...] = p * bottom[0].data ** (p - 1) * top[0].diff
'''


@pytest.fixture(autouse=True)
def _forget_modules(tmp_path: Path) -> Iterator[None]:
    """A module that a test wrote and imported is unknown to the next."""
    yield
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


def write_module(folder: Path, name: str, source: str) -> Path:
    """A module's file; returns its folder."""
    path = folder / f"{name.replace('.', '/')}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(source))
    return folder


def text_of(module: str, layer: str, bottoms: Sequence[str] = ("x",), param_str: str = "") -> str:
    """The text of a Python layer."""
    extra = f"python_param {{ module: '{module}' layer: '{layer}' param_str: '{param_str}' }}"
    return layer_text("Python", bottoms, ["y"], extra)


def make(text: str, *shapes: tuple[int, ...], folders: Sequence[Path] = (), **options: Any) -> SingleLayer:
    """The layer, allowed to import from these folders."""
    return make_layer(text, shapes or [(2, 3)], layer_paths=[str(folder) for folder in folders], **options)


def refusal(text: str, *folders: Path) -> str:
    """What refuses this layer, behind where in the netdef it stands."""
    return refused(NetdefError, make, text, folders=folders, where="<netdef>:2:").partition('layer "it": ')[2]


def test_a_layer_written_for_pycaffe_works_unchanged(tmp_path: Path, device: Device) -> None:
    write_module(tmp_path, "pyloss", EUCLIDEAN)
    text = text_of("pyloss", "EuclideanLossLayer", ["a", "b"])
    single = make(text, (4, 2, 3), (4, 2, 3), folders=[tmp_path], dtype=np.float32, device=device)
    assert isinstance(single.layer, Python)
    (loss,) = single.forward()
    single.backward(1.0)
    expected, da, db = naive.euclidean_loss(*(blob.data for blob in single.bottom))
    assert loss.shape == (1,)
    np.testing.assert_allclose(loss, [expected], rtol=1e-5)
    np.testing.assert_allclose(single.bottom[0].diff, da, rtol=1e-5)
    np.testing.assert_allclose(single.bottom[1].diff, db, rtol=1e-5)


def test_a_pycaffe_loss_trains_a_net_once_it_has_a_loss_weight(tmp_path: Path) -> None:
    write_module(tmp_path, "pyloss", EUCLIDEAN)
    loss = text_of("pyloss", "EuclideanLossLayer", ["y1", "t"]).replace('"it"', '"loss" loss_weight: 1')
    text = f"""
        layer {{ name: "in" type: "Input" top: "x" top: "t" input_param {{ shape {{ dim: [2, 3, 4, 5] }} }} }}
        layer {{ name: "conv" type: "Convolution" bottom: "x" top: "y1"
                convolution_param {{ num_output: 3 kernel_size: 1 weight_filler {{ type: "xavier" }} }} }}
        {loss}
    """
    nets = [
        Net(parse_netdef(each), Phase.TRAIN, Context(layer_paths=[str(tmp_path)], seed=1))
        for each in (text, text.replace('type: "Python"', 'type: "EuclideanLoss"').partition("python_param")[0] + "}")
    ]
    losses = []
    for net in nets:
        rng = np.random.default_rng(0)
        net.blobs["x"].data[...], net.blobs["t"].data[...] = rng.standard_normal((2, 2, 3, 4, 5))
        losses.append(net.forward_loss())
        net.backward()
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    for python, ours in zip(*(net.params["conv"] for net in nets), strict=True):
        assert ours.diff.any()
        np.testing.assert_allclose(python.diff, ours.diff, rtol=1e-4, atol=1e-6)


def test_blobs_that_a_pycaffe_layer_adds_are_params_of_the_net(tmp_path: Path) -> None:
    write_module(tmp_path, "scale", SCALE)
    single = make(text_of("scale", "Scale", param_str="0.25"), (2, 3, 4, 5), folders=[tmp_path])
    assert [param.blob for param in single.net.learnable] == single.params
    single.params[0].data[...] = np.reshape([1, 2, 3], (1, 3, 1, 1))
    x = single.bottom[0].data
    np.testing.assert_allclose(single.forward()[0], x * np.reshape([1, 2, 3], (3, 1, 1)) + 0.25)
    assert single.check_gradients() == x.size + 3


def test_a_pycaffe_layers_own_first_values_are_kept(tmp_path: Path) -> None:
    write_module(tmp_path, "scale", SCALE)
    text = f'layer {{ name: "in" type: "Input" top: "x" }} {text_of("scale", "Scale")}'
    assert Net(parse_netdef(text), context=Context(layer_paths=[str(tmp_path)])).params["it"][0].data.tolist() == [
        [[[3]]]
    ]


@pytest.mark.parametrize(("phase", "shift"), [(Phase.TRAIN, 0), (Phase.TEST, 100)])
def test_a_pycaffe_layer_sees_its_phase(tmp_path: Path, phase: Phase, shift: int, device: Device) -> None:
    write_module(tmp_path, "scale", SCALE)
    single = make(text_of("scale", "Scale"), (1, 1, 1, 2), folders=[tmp_path], phase=phase, device=device)
    np.testing.assert_allclose(single.forward()[0] - single.bottom[0].data * single.params[0].data, shift)


def test_a_pycaffe_layer_is_told_which_bottoms_want_a_diff(tmp_path: Path, device: Device) -> None:
    write_module(tmp_path, "pyloss", EUCLIDEAN)
    single = make(
        text_of("pyloss", "EuclideanLossLayer", ["a", "b"]), (2, 3), (2, 3), folders=[tmp_path], device=device
    )
    single.forward()
    single.bottom[0].diff[...] = 7
    single.backward(1.0, propagate_down=[False, True])
    assert (single.bottom[0].diff == 7).all()
    assert not (single.bottom[1].diff == 7).any()


def test_a_pycaffe_class_with_its_own_init_needs_no_super(tmp_path: Path) -> None:
    source = SCALE.replace("def setup", "def __init__(self):\n            self.mine = 1\n\n        def setup")
    assert "__init__" in source
    write_module(tmp_path, "scale", source)
    single = make(text_of("scale", "Scale"), (1, 2, 1, 3), folders=[tmp_path])
    assert len(single.params) == 1


def test_an_exception_in_a_users_layer_comes_through(tmp_path: Path) -> None:
    write_module(tmp_path, "pyloss", EUCLIDEAN)
    with pytest.raises(Exception, match="Need two inputs to compute distance"):
        make(text_of("pyloss", "EuclideanLossLayer"), folders=[tmp_path])


def test_import_caffe_is_answered_only_while_a_layer_is_imported(tmp_path: Path) -> None:
    write_module(tmp_path, "scale", SCALE)
    path = list(sys.path)
    make(text_of("scale", "Scale"), (1, 2, 1, 3), folders=[tmp_path])
    assert "caffe" not in sys.modules
    assert sys.path == path


def test_a_users_subclass_of_our_layer_works_with_checked_options(tmp_path: Path, device: Device) -> None:
    write_module(tmp_path, "power", POWER)
    single = make(text_of("power", "Power", param_str='{ "power": 3 }'), folders=[tmp_path], device=device)
    assert type(single.layer).__name__ == single.layer.type == "Power"
    x = single.bottom[0].data
    np.testing.assert_allclose(single.forward()[0], x**3 + single.params[0].data)
    assert single.check_gradients() == 7


@pytest.mark.parametrize(
    ("bottoms", "param_str", "message"),
    [
        (["x"], '{ "powr": 3 }', 'unknown field "powr" in Power; did you mean "power"?'),
        (["x"], '{ "power": 0 }', "Power.power: expected at least 1, found 0"),
        (["x"], "3", "expected a JSON object"),
        (["x", "z"], "", "a Power layer takes 1 bottom blob, found 2"),
    ],
)
def test_a_users_subclass_gets_our_error_messages(
    tmp_path: Path, bottoms: list[str], param_str: str, message: str
) -> None:
    write_module(tmp_path, "power", POWER)
    with pytest.raises(NetdefError) as caught:
        make(text_of("power", "Power", bottoms, param_str), *[(2, 3)] * len(bottoms), folders=[tmp_path])
    assert message in str(caught.value)


def test_a_users_shape_error_says_where_the_layer_stands(tmp_path: Path) -> None:
    write_module(tmp_path, "power", POWER)
    with pytest.raises(ShapeError, match=r'<netdef>:2:7: layer "it": expected two axes, found \(2, 3, 4\)'):
        make(text_of("power", "Power"), (2, 3, 4), folders=[tmp_path])


@pytest.mark.parametrize("module", ["pysketch.layers", "pysketch.layers.relu"])
def test_our_own_layers_need_no_folder(module: str) -> None:
    single = make(text_of(module, "ReLU", param_str='{ "negative_slope": 0.5 }'))
    assert type(single.layer) is ReLU
    assert single.layer.options.negative_slope == 0.5


def test_modules_may_lie_in_packages_and_in_any_of_the_folders(tmp_path: Path) -> None:
    write_module(tmp_path / "two", "shapes.inner.scale", SCALE)
    for package in ("shapes", "shapes/inner"):
        (tmp_path / "two" / package / "__init__.py").touch()
    (tmp_path / "one").mkdir()
    folders = [tmp_path / "one", tmp_path / "two"]
    assert make(text_of("shapes.inner.scale", "Scale"), (1, 2, 1, 3), folders=folders).layer.blobs


SIDE_EFFECT = """
    from pathlib import Path
    (Path(__file__).parent / "it_ran").touch()
    import caffe
    class Layer(caffe.Layer):
        setup = reshape = forward = backward = lambda self, *blobs: None
"""


def test_without_an_allowed_folder_no_code_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even from the working directory or from sys.path."""
    write_module(tmp_path, "stranger", SIDE_EFFECT)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    message = refusal(text_of("stranger", "Layer"))
    assert message == (
        'the netdef names the Python module "stranger"; to run its code, name its folder with --layers DIR'
    )
    assert not (tmp_path / "it_ran").exists()
    make(text_of("stranger", "Layer"), folders=[tmp_path])
    assert (tmp_path / "it_ran").exists()


def test_a_module_outside_the_allowed_folders_is_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_module(tmp_path / "other", "stranger", SIDE_EFFECT)
    (tmp_path / "allowed").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path / "other"))
    message = refusal(text_of("stranger", "Layer"), tmp_path / "allowed")
    assert message == f'the Python module "stranger" is not in {tmp_path / "allowed"}'
    assert not (tmp_path / "other" / "it_ran").exists()


@pytest.mark.parametrize(
    "module", ["../other/stranger", "..stranger", ".stranger", "other/stranger", "a b", "x.", "-c"]
)
def test_what_is_no_module_name_is_refused(tmp_path: Path, module: str) -> None:
    write_module(tmp_path / "other", "stranger", SIDE_EFFECT)
    (tmp_path / "allowed").mkdir()
    message = refusal(text_of(module, "Layer"), tmp_path / "allowed", tmp_path)
    assert message == f'"{module}" is not the name of a Python module'
    assert not (tmp_path / "other" / "it_ran").exists()


@pytest.mark.parametrize(
    ("module", "layer"),
    [
        ("os", "PathLike"),
        ("subprocess", "Popen"),
        ("os.path", "x"),
        ("builtins", "object"),
        ("pysketch.net", "Net"),
    ],
)
@pytest.mark.parametrize("allowed", [False, True])
def test_modules_of_python_and_ours_are_not_layers(tmp_path: Path, module: str, layer: str, allowed: bool) -> None:
    message = refusal(text_of(module, layer), *([tmp_path] if allowed else []))
    assert message.startswith(f'the Python module "{module}" is not in' if allowed else "the netdef names the Python")


def test_a_folder_named_as_a_module_of_python_does_not_open_that_module(tmp_path: Path) -> None:
    """A plain folder would be a namespace package, and Python would take its own module instead."""
    (tmp_path / "json").mkdir()
    assert refusal(text_of("json.decoder", "JSONDecoder"), tmp_path).startswith('the Python module "json.decoder" is')


def test_a_file_named_as_a_module_of_python_is_refused(tmp_path: Path) -> None:
    write_module(tmp_path, "json", SIDE_EFFECT)
    message = refusal(text_of("json", "JSONDecoder"), tmp_path)
    assert message.startswith(f'{tmp_path / "json.py"}: the name "json" is taken by ')
    assert message.endswith("__init__.py; rename the file")
    assert not (tmp_path / "it_ran").exists()


def test_a_module_of_the_same_name_in_another_folder_is_not_mistaken_for_it(tmp_path: Path) -> None:
    write_module(tmp_path / "one", "mine", SCALE)
    write_module(tmp_path / "two", "mine", SIDE_EFFECT)
    make(text_of("mine", "Scale"), (1, 2, 1, 3), folders=[tmp_path / "one"])
    message = refusal(text_of("mine", "Layer"), tmp_path / "two")
    assert message.endswith(f'mine.py: the name "mine" is taken by {tmp_path / "one" / "mine.py"}; rename the file')


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import there_is_no_such_module", "ModuleNotFoundError: No module named 'there_is_no_such_module'"),
        ("def f(:", "SyntaxError: "),
        ("1 / 0", "ZeroDivisionError: division by zero"),
    ],
)
def test_a_module_that_cannot_be_imported_says_why(tmp_path: Path, source: str, message: str) -> None:
    write_module(tmp_path, "broken", source)
    found = refusal(text_of("broken", "Layer"), tmp_path)
    assert found.startswith(f'the Python module "broken" cannot be imported: {message}')


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("scale", 'no class "scale" in {file}; did you mean "Scale"?'),
        ("nothing", 'no class "nothing" in {file}'),
        ("caffe", 'no class "caffe" in {file}; did you mean "Scale"?'),  # an imported module is no class
        ("Helper", 'class "Helper" in {file} is no layer: it has no setup, forward'),
    ],
)
def test_a_class_that_is_no_layer_is_refused(tmp_path: Path, layer: str, message: str) -> None:
    source = dedent(SCALE) + "\n\nclass Helper:\n    def reshape(self, bottom, top):\n        pass\n"
    write_module(tmp_path, "scaling", source)
    assert refusal(text_of("scaling", layer), tmp_path) == message.format(file=tmp_path / "scaling.py")


UNFINISHED = """
import caffe

class Strict(caffe.Layer):
    def setup(self, bottom, top):
        raise RuntimeError("two bottoms, please")

class Setup(caffe.Layer):
    def setup(self, bottom, top):
        pass

class Nothing(caffe.Layer):
    pass
"""


def test_a_caffe_layers_setup_says_first_what_it_wants_then_its_missing_methods_are_named(tmp_path: Path) -> None:
    write_module(tmp_path, "unfinished", UNFINISHED)
    with pytest.raises(RuntimeError, match="two bottoms, please"):
        make(text_of("unfinished", "Strict"), folders=[tmp_path])
    for layer, missing in (("Setup", "reshape, forward"), ("Nothing", "setup, reshape, forward")):
        message = f'class "{layer}" in {tmp_path / "unfinished.py"} is no layer: it has no {missing}'
        assert refusal(text_of("unfinished", layer), tmp_path) == message


@pytest.mark.parametrize(
    ("module", "layer", "message"),
    [
        ("pysketch.layers", "Relu", 'no layer "Relu" in pysketch.layers; did you mean "ReLU"?'),
        ("pysketch.layers", "Python", 'no layer "Python" in pysketch.layers'),
        ("pysketch.layers", "os", 'no layer "os" in pysketch.layers'),
        ("pysketch.layers.relu", "Split", 'no layer "Split" in pysketch.layers.relu'),
        ("pysketch.layers.os", "ReLU", 'no layer "ReLU" in pysketch.layers.os'),
        ("", "ReLU", "python_param: module is missing"),
        ("pysketch.layers", "", "python_param: layer is missing"),
    ],
)
def test_a_layer_that_is_not_ours_is_refused(module: str, layer: str, message: str) -> None:
    assert refusal(text_of(module, layer)).startswith(message)


def test_a_pycaffe_layer_cannot_be_in_place(tmp_path: Path) -> None:
    write_module(tmp_path, "scale", SCALE)
    text = text_of("scale", "Scale").replace('top: "y"', 'top: "x"')
    assert refusal(text, tmp_path) == 'a Python layer cannot be in-place; give top "x" another name'

"""`import caffe` and `import caffe.io` where caffe stands for pysketch.caffe."""

import importlib
import subprocess
import sys
from types import ModuleType

import pytest

import pysketch.caffe


@pytest.fixture
def as_caffe(monkeypatch):
    """sys.modules["caffe"] is pysketch.caffe for one test."""
    monkeypatch.setitem(sys.modules, "caffe", pysketch.caffe)
    yield
    for name in [name for name in sys.modules if name.startswith("caffe.")]:
        del sys.modules[name]


@pytest.mark.parametrize(
    "name", ["io", "proto", "proto.caffe_pb2", "coord_map", "draw", "net_spec", "classifier", "detector"]
)
def test_a_module_is_found_by_both_names_and_is_one(as_caffe, name):
    ours = sys.modules[f"pysketch.caffe.{name}"]
    spec = ours.__spec__
    assert importlib.import_module(f"caffe.{name}") is ours
    assert ours.__spec__ is spec
    assert spec.name == f"pysketch.caffe.{name}"


def test_names_are_taken_from_modules_as_scripts_do(as_caffe):
    import caffe.io
    import caffe.proto.caffe_pb2 as pb2
    from caffe import layers as L
    from caffe.net_spec import NetSpec
    from caffe.proto import caffe_pb2

    assert caffe is pysketch.caffe
    assert caffe_pb2 is pb2 is caffe.io.caffe_pb2
    n = NetSpec()
    n.x = L.Input(shape={"dim": [1, 2]})
    assert n.to_proto().layer[0].type == "Input"


def test_a_module_that_is_not_there_is_not_found(as_caffe):
    with pytest.raises(ModuleNotFoundError, match=r"caffe\.model_libs"):
        importlib.import_module("caffe.model_libs")


def test_nothing_is_found_by_the_name_while_it_stands_for_something_else(monkeypatch):
    monkeypatch.setitem(sys.modules, "caffe", ModuleType("caffe"))
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("caffe.coord_map")


CAFFE = "import sys\nimport pysketch.caffe\nsys.modules[__name__] = pysketch.caffe\n"
SCRIPT = """
import caffe, caffe.io, caffe.draw
from caffe import layers as L, params as P
from caffe.proto import caffe_pb2
n = caffe.NetSpec()
n.data = L.Input(shape=dict(dim=[1, 2, 3, 4]))
n.mine = L.Python(n.data, module="mine", layer="Twice")
open("net.prototxt", "w").write(str(n.to_proto()))
net = caffe.Net("net.prototxt", caffe.TEST)
net.blobs["data"].data[...] = 4
assert net.forward()["mine"].max() == 8
import caffe as again
assert again is caffe, "the layer's import has taken the name away"
print("done")
"""
LAYER = """
import caffe
import caffe.io
class Twice(caffe.Layer):
    def setup(self, bottom, top): pass
    def reshape(self, bottom, top): top[0].reshape(*bottom[0].shape)
    def forward(self, bottom, top): top[0].data[...] = 2 * bottom[0].data
"""


def test_a_script_and_its_python_layer_run_unchanged_beside_a_caffe_py(tmp_path):
    for name, text in (("caffe.py", CAFFE), ("script.py", SCRIPT), ("mine.py", LAYER)):
        (tmp_path / name).write_text(text)
    run = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert (run.stdout, run.returncode) == ("done\n", 0), run.stderr


@pytest.mark.parametrize("before", [ModuleType("caffe"), pysketch.caffe])
def test_a_python_layers_import_finds_pysketchs_and_leaves_the_name_as_it_was(before, tmp_path, monkeypatch):
    (tmp_path / "alias_layer.py").write_text(LAYER)
    net = """layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 } } }
        layer { name: "mine" type: "Python" bottom: "data" top: "mine"
        python_param { module: "alias_layer" layer: "Twice" } }"""
    (tmp_path / "net.prototxt").write_text(net)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "caffe", before)  # a mere folder of that name, or what the script says
    assert pysketch.caffe.Net(str(tmp_path / "net.prototxt"), 1).forward(data=[1, 2])["mine"].tolist() == [2, 4]
    assert sys.modules["caffe"] is before
    for name in [name for name in sys.modules if name.startswith("caffe.") or name == "alias_layer"]:
        del sys.modules[name]

"""The shape of the whole: who imports whom, how long files and functions are, what is documented and tested."""

from __future__ import annotations

import ast
import itertools
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# From the bottom up. A module imports only modules that stand before it, in its own row or in a row above.
ROOMS = {
    "ground": "errors files self_test backend kernel",
    "netdefs": "prototxt options upgrade fillers netdef",
    "images": "images alignment eye_files eye_finder"
    " synthetic.shapes synthetic.face synthetic.geometry synthetic.clothes synthetic.hair"
    " synthetic.photo synthetic.sketch synthetic pairs preprocessing metrics",
    "layers": "blob cores workers prefetch blocks rectifier receptive_field im2col gemm unfolding_batched unfolding"
    " gemm_engine winograd winograd_engine winograd_transforms winograd_batched engine_choice staging caffe_schema"
    " hdf5_heaps snapshot caffemodel weight_files caffe_layer"
    " pooling unsupported_layers layer layers.batch_order layers.batch_data layers.axes layers.labels"
    " layers.base_convolution layers.convolution layers.deconvolution layers.euclidean_loss"
    " layers.generative_discriminative_loss layers.hdf5_data layers.input layers.photo_sketch_data layers.python"
    " layers.relu layers.split layers.pooling layers.inner_product layers.lrn layers.batch_norm layers.mvn"
    " layers.softmax layers.softmax_with_loss layers.sigmoid_cross_entropy_loss layers.hinge_loss layers.accuracy"
    " layers.dummy_data layers.hdf5_output layers.image_data layers.neuron layers.sigmoid layers.tanh layers.elu"
    " layers.bnll layers.absval layers.power layers.exp layers.log layers.dropout layers.prelu layers.eltwise"
    " layers.concat layers.slice layers.crop layers.reshape layers.flatten layers.reduction layers.silence"
    " layers.parameter layers.scale layers.bias layers",
    "nets": "splits net_weights params flat_params backward_plan fusion lifetimes debug_info"
    " net_calls net divergence multiply_adds"
    " stand_ins tiling summary net_graph graph_layout gradient_check",
    "training": "caffe_log log_reader lr_policy update_kernels updates solver_def micro_batch run_state solver_log"
    " solver",
    "baselines": "baselines.baseline baselines.patches baselines.grey baselines.et baselines.lle"
    " baselines.belief_propagation baselines.boundary_cut baselines.patch_field baselines.mrf"
    " baselines.photo_descriptors baselines.shape_prior baselines.mrf_plus"
    " baselines.refinement baselines.support_vectors baselines.svr baselines.sparse_coding baselines.sns"
    " baselines.sns_sre baselines.hmm baselines.embedded_hmm baselines.paired_gaussians baselines.e_hmm baselines",
    "use": "net_file sketcher onnx_operators export evaluation figures diagram report io caffe.net_spec"
    " caffe.proto caffe pysketch",
}
ORDER = " ".join(ROOMS.values()).split()

SOLE_IMPORTERS = {
    "cupy": {"backend"},
    "cupy_backends": {"backend"},
    "h5py": {"snapshot"},
    "google": {"caffe_schema"},
    "onnx": {"export"},
    "PIL": {"images"},
    "dlib": {"eye_finder"},
    "matplotlib": {"figures", "diagram"},
    "jinja2": {"report"},
    "grandalf": {"graph_layout"},
    "threadpoolctl": {"workers", "gemm"},
    "scipy": {"metrics", "synthetic.shapes", "baselines.photo_descriptors"},
    "sklearn": {"baselines.support_vectors"},
}
FORBIDDEN_MODULES = {"argparse", "optparse", "getopt", "pickle", "marshal", "shelve", "dill", "joblib"}
FORBIDDEN_CALLS = {"print", "input", "exit", "quit", "eval", "exec", "compile", "SystemExit", "breakpoint"}
FORBIDDEN_ATTRIBUTES = {"sys.exit", "os._exit", "os.abort", "sys.argv", "os.system"}

TESTS_WITHOUT_A_SOURCE = {
    "test_architecture",
    "test_devices",
    "test_readme",
    "test_netdefs",
    "test_against_caffe",
    "test_resume",
    "test_signals",
    "test_robustness",
    "test_nvrtc",
    "test_large_arrays",
}
HELPERS = {
    *("caffe_parser", "conftest", "fuzzing", "helpers", "layer_cases", "naive", "solver_helpers", "students"),
    *("cupy_sources", "exported", "fake_cupy", "nvrtc"),
}

MAX_FILE_LINES, MAX_FUNCTION_LINES = 300, 50
MACHINE_PATH = re.compile(r"(?<![\w.~>}*-])/(?:work|home|root|tmp|mnt|opt|var|Users|private)/|\b[A-Z]:\\\\?\w")


def module_name(path: Path) -> str:
    """pysketch/a/b.py -> a.b, pysketch/a/__init__.py -> a, pysketch/__init__.py -> pysketch."""
    parts = path.relative_to(ROOT / "pysketch").with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__") or "pysketch"


SOURCES = {module_name(path): path for path in sorted((ROOT / "pysketch").rglob("*.py"))}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in SOURCES.items()}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def imported_modules(name: str) -> set[str]:
    """What a module imports, in full dotted names; of `from a import b` a.b if that is a module of ours, else a."""
    found = set()
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: a relative import"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                found.add(full if full.removeprefix("pysketch.") in SOURCES else node.module)
    return found


def imported_of_ours(name: str) -> set[str]:
    """Our modules that a module imports, by their short names."""
    ours = (each for each in imported_modules(name) if each.split(".")[0] == "pysketch")
    return {each.removeprefix("pysketch.") for each in ours}


def imported_libraries(name: str) -> set[str]:
    """The first parts of the names that a module imports."""
    return {each.split(".")[0] for each in imported_modules(name)}


def public_definitions(name: str) -> Iterator[tuple[str, ast.ClassDef | Function]]:
    """Public classes, functions and methods, and `__init__`, with their dotted names."""

    def walk(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, ast.ClassDef | Function]]:
        for node in body:
            if isinstance(node, ast.ClassDef | Function) and (not node.name.startswith("_") or node.name == "__init__"):
                yield f"{prefix}.{node.name}", node
                if isinstance(node, ast.ClassDef):
                    yield from walk(node.body, f"{prefix}.{node.name}")

    return walk(TREES[name].body, name)


def unannotated(function: Function) -> Iterator[str]:
    """The arguments without a type, `self` and `cls` excepted, and `return`."""
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    variadic = [each for each in (arguments.vararg, arguments.kwarg) if each]
    yield from (each.arg for each in [*named, *variadic] if each.annotation is None and each.arg not in ("self", "cls"))
    if function.returns is None:
        yield "return"


def body_lines(function: Function, text: list[str]) -> int:
    """Lines of code in a function's body: no docstring, no blank lines, no comments."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    if not body:
        return 0
    lines = text[body[0].lineno - 1 : function.end_lineno]
    return sum(1 for line in lines if line.strip() and not line.lstrip().startswith("#"))


def test_every_module_stands_once_in_the_order_of_imports():
    assert sorted(ORDER) == sorted(SOURCES)


def test_every_import_goes_down():
    place = {name: index for index, name in enumerate(ORDER)}
    upward = [
        f"{name} imports {other}"
        for name in SOURCES
        for other in sorted(imported_of_ours(name))
        if place[other] >= place[name]
    ]
    assert upward == []


def test_the_check_of_imports_sees_them():
    assert imported_of_ours("net") >= {"layers", "backend", "params"}
    assert imported_of_ours("pairs") == {"synthetic", "errors", "images"}
    assert imported_of_ours("layers.python") >= {"caffe_layer", "blob"}


@pytest.mark.parametrize("library", SOLE_IMPORTERS)
def test_a_library_is_imported_only_where_it_belongs(library):
    assert {name for name in SOURCES if library in imported_libraries(name)} == SOLE_IMPORTERS[library]


def test_nothing_else_is_imported_but_numpy_and_harmless_parts_of_the_standard_library():
    allowed = {*sys.stdlib_module_names, "numpy", "pysketch", *SOLE_IMPORTERS} - FORBIDDEN_MODULES
    assert {name: foreign for name in SOURCES if (foreign := imported_libraries(name) - allowed)} == {}


def test_nothing_prints_exits_evaluates_or_pickles():
    found = []
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            called = node.func if isinstance(node, ast.Call) else node.exc if isinstance(node, ast.Raise) else None
            if isinstance(called, ast.Name) and called.id in FORBIDDEN_CALLS:
                found.append(f"{name}:{node.lineno} calls {called.id}")
            if isinstance(node, ast.Attribute) and ast.unparse(node) in FORBIDDEN_ATTRIBUTES:
                found.append(f"{name}:{node.lineno} uses {ast.unparse(node)}")
            if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
                found.append(f"{name}:{node.lineno} allows pickles")
    assert found == []


def test_of(source: Path) -> Path:
    """pysketch/a/b.py -> a/test_b.py; tools/c.py -> tools/test_c.py; an __init__ is tested by test_init."""
    inside = source.relative_to(ROOT)
    folder = inside.parent if inside.parts[0] == "tools" else inside.parent.relative_to("pysketch")
    return folder / f"test_{source.stem.strip('_')}.py"


test_of.__test__ = False


def test_every_source_file_has_its_test_file_and_every_test_file_its_source():
    sources = [*SOURCES.values(), *sorted((ROOT / "tools").glob("*.py"))]
    expected = {test_of(source).as_posix() for source in sources}
    found = {
        path.relative_to(ROOT / "tests").as_posix()
        for path in (ROOT / "tests").rglob("*.py")
        if path.stem not in TESTS_WITHOUT_A_SOURCE | HELPERS
    }
    assert {"without a test": sorted(expected - found), "without a source": sorted(found - expected)} == {
        "without a test": [],
        "without a source": [],
    }


def test_no_file_is_over_300_lines():
    lengths = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in SOURCES.items()}
    assert {name: length for name, length in lengths.items() if length > MAX_FILE_LINES} == {}


def test_no_function_has_over_50_lines_of_code():
    long = {}
    for name, tree in TREES.items():
        text = SOURCES[name].read_text(encoding="utf-8").splitlines()
        for node in ast.walk(tree):
            if isinstance(node, Function) and (length := body_lines(node, text)) > MAX_FUNCTION_LINES:
                long[f"{name}.{node.name}"] = length
    assert long == {}


def test_everything_public_has_a_docstring():
    bare = [name for name, tree in TREES.items() if ast.get_docstring(tree) is None]
    for name, node in itertools.chain.from_iterable(map(public_definitions, TREES)):
        if not name.endswith(".__init__") and ast.get_docstring(node) is None:
            bare.append(name)
    assert bare == []


def test_everything_public_is_annotated():
    found = []
    for name, node in itertools.chain.from_iterable(map(public_definitions, TREES)):
        if isinstance(node, Function):
            found += [f"{name}: {what}" for what in unannotated(node)]
    assert found == []


def test_no_file_mentions_a_path_of_one_machine():
    files = [
        path
        for folder in ("pysketch", "tools", "netdefs", "solver")
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in (".py", ".prototxt", ".txt", ".md")
    ]
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in files
        for match in MACHINE_PATH.finditer(path.read_text(encoding="utf-8"))
    ]
    assert found == []
    assert MACHINE_PATH.search('open("/home/me/x")')

"""The shape of the whole: rooms that import only rooms below them, by their doors; what is documented and tested."""

from __future__ import annotations

import ast
import itertools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("pysketch", "tools", "netdefs", "tests")

ROOMS = [
    "doors",
    "errors",
    "files",
    "shipped",
    "native",
    "device",
    "parallel",
    "netdef",
    "images",
    "convolution",
    "weights",
    "baselines",
    "layers",
    "net",
    "solver",
    "drawing",
    "interop",
    "search",
    "report",
    "caffe",
    "benchmark",
    "reproduce",
    "page",
]
"""From the ground up: a file or folder of pysketch/, which imports only what stands before it, or its own files."""

SOLE_IMPORTERS = {
    "cupy": {"device"},
    "cupy_backends": {"device"},
    "h5py": {"weights", "search"},
    "faiss": {"search", "benchmark"},
    "google": {"weights"},
    "lmdb": {"weights"},
    "mpi4py": {"parallel"},
    "onnx": {"interop"},
    "PIL": {"images"},
    "pillow_heif": {"images"},
    "dlib": {"images"},
    "matplotlib": {"report"},
    "jinja2": {"report"},
    "grandalf": {"report"},
    "threadpoolctl": {"device", "convolution"},
    "scipy": {"images"},
    "sklearn": {"baselines", "benchmark"},
    "skimage": {"images"},
    "torch": {"benchmark"},
    "onnxruntime": {"benchmark"},
    "openvino": {"benchmark"},
    "cv2": {"benchmark"},
    "tqdm": {"benchmark"},
    "gradio": {"page"},
}
"""Library -> the rooms that import it."""

FORBIDDEN_MODULES = {"argparse", "optparse", "getopt", "pickle", "marshal", "shelve", "dill", "joblib"}
FORBIDDEN_CALLS = {"print", "input", "exit", "quit", "eval", "exec", "compile", "SystemExit", "breakpoint"}
FORBIDDEN_ATTRIBUTES = {"sys.exit", "os._exit", "os.abort", "sys.argv", "os.system"}

MACHINE_PATH = re.compile(r"(?<![\w.~>}*-])/(?:work|home|root|tmp|mnt|opt|var|Users|private)/|\b[A-Z]:\\\\?\w")


def module_name(path: Path) -> str:
    """pysketch/a/b.py -> pysketch.a.b, tools/c.py -> tools.c; the name of a folder's __init__ is the folder's."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def room_of(name: str) -> str:
    """pysketch.a.b -> a; of the front door and of the tools none: an empty text."""
    return name.split(".")[1] if name.startswith("pysketch.") else ""


SOURCES = {module_name(path): path for path in sorted((ROOT / "pysketch").rglob("*.py"))}
TOOLS = {module_name(path): path for path in sorted((ROOT / "tools").glob("*.py"))}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in SOURCES.items()}
TOOL_TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in TOOLS.items()}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def read_imports(name: str, tree: ast.Module) -> list[tuple[str, str | None]]:
    """(module, name taken from it, None for the module itself) of every import; relative ones are made absolute.

    What a door's table says is an import, too, and so is `pysketch.ROOM.NAME`, which is how the tools take a name.
    """
    package = name if (ROOT / Path(*name.split("."))).is_dir() else name.rpartition(".")[0]
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, None) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            found += [(module, alias.name) for alias in node.names]
    for file, names in door_table(tree).items():
        found += [(f"{name}.{file}" if file else name, each) for each in names]
    if name.startswith("tools."):
        found += [(module, taken) for module, _, taken in (each.rpartition(".") for each in full_names(tree))]
    return found


def door_table(tree: ast.Module) -> dict[str, list[str]]:
    """File -> names: what an `__init__.py` hands to `open_door`; nothing of another file."""
    for node in tree.body:
        call = getattr(node, "value", None)
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "open_door":
            return ast.literal_eval(call.args[1])
    return {}


def full_names(tree: ast.Module) -> set[str]:
    """Every name that is written out from the front door on, as pysketch.images.read_photo, up to its third part."""
    chains = (ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute))
    return {chain for chain in chains if re.fullmatch(r"pysketch\.\w+\.\w+", chain) and chain.split(".")[1] in ROOMS}


IMPORTS = {name: read_imports(name, tree) for name, tree in {**TREES, **TOOL_TREES}.items()}


def imported_modules(name: str) -> set[str]:
    """What a module of ours imports, in full: of `from a import b` a.b if that is a module of ours, else a."""
    return {full if (full := f"{module}.{taken}") in SOURCES else module for module, taken in IMPORTS[name]}


def imported_libraries(name: str) -> set[str]:
    """The first parts of the names that a module imports."""
    return {each.split(".")[0] for each in imported_modules(name)}


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Every way along imports that comes back to where it began, once."""
    found = []

    def walk(path: list[str]) -> None:
        for other in sorted(graph[path[-1]]):
            if other == path[0]:
                found.append(path)
            elif other > path[0] and other not in path:
                walk([*path, other])

    for name in sorted(graph):
        walk([name])
    return found


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


def test_the_house_has_the_rooms_that_are_listed_and_four_files_at_most():
    found = [path for path in (ROOT / "pysketch").iterdir() if path.name != "__pycache__"]
    assert {path.stem for path in found if path.is_dir() or path.suffix == ".py"} - {"__init__"} == set(ROOMS)
    assert len([path for path in found if path.is_file()]) <= 4


def upward(names: Iterator[str]) -> list[str]:
    """Imports of a room above one's own, or, but for the front door, of the front door."""
    place = {room: index for index, room in enumerate(ROOMS)}
    return [
        f"{name} imports {other}"
        for name in names
        for other in sorted(imported_modules(name))
        if room_of(name) and other.split(".")[0] == "pysketch"
        if not room_of(other) or place[room_of(other)] > place[room_of(name)]
    ]


def test_every_import_goes_down():
    assert upward(SOURCES) == []


def test_an_import_that_goes_up_is_seen(monkeypatch):
    for line in (
        "import pysketch.net",
        "from pysketch.net import Net",
        "def f():\n    from pysketch import net",
        "from ..net import Net",
        "from .. import net",
    ):
        monkeypatch.setitem(IMPORTS, "pysketch.device.blob", read_imports("pysketch.device.blob", ast.parse(line)))
        assert upward(["pysketch.device.blob"]) == ["pysketch.device.blob imports pysketch.net"], line


RUN_TIME_IMPORTS = {
    "pysketch.doors.door: f'{self.__name__}.{file or name}'",  # what a door's table says, which the check sees
    "pysketch.doors.registry: self._closed().pop(plain)",  # a layer, a baseline, or every one of the folder
    "pysketch.doors.stand_ins: STAND_INS[name]",  # the room caffe, which the front door hands in
    "pysketch.native.loader: f'pysketch.native.{module}'",  # the kernels that were built, which are no Python
    "pysketch.layers.python: name",  # a user's module, from the folders that the user allowed
    # a peer's library, or pysketch as a user's
    "pysketch.benchmark.contender.child: {**LIBRARIES, **SEARCHERS}.get(name, (OURS,))[0]",
}


def test_no_module_is_imported_while_it_runs_where_the_check_of_imports_would_not_see_it():
    found = {
        f"{name}: {ast.unparse(node.args[0])}"
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__"))
    }
    assert found == RUN_TIME_IMPORTS


def test_what_a_doors_table_says_is_seen_as_an_import_and_is_in_the_file():
    tree = ast.parse('__all__ = open_door(__name__, {"": ["b"], "c.d": ["E"]}, rooms=["f"])')
    assert read_imports("pysketch.net", tree) == [("pysketch.net", "b"), ("pysketch.net.c.d", "E")]
    missing = [
        f"{door}: {name} of {file}"
        for door, tree in TREES.items()
        for file, names in door_table(tree).items()
        for name in names
        if (name not in top_names(f"{door}.{file}") if file else f"{door}.{name}" not in SOURCES)
    ]
    assert missing == []
    assert sum(bool(door_table(tree)) for tree in TREES.values()) > 15


def top_names(module: str) -> set[str]:
    """What stands at the top of a module: definitions, assignments, imports, and a door's table."""
    found = {name for names in door_table(TREES[module]).values() for name in names}
    for node in TREES[module].body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        found |= {each.id for target in targets if target for each in ast.walk(target) if isinstance(each, ast.Name)}
        found |= {node.name} if isinstance(node, ast.ClassDef | Function) else set()
        found |= {each.asname or each.name for each in getattr(node, "names", []) if isinstance(each, ast.alias)}
    return found


def test_the_front_door_has_all_rooms_that_are_folders_but_doors():
    (call,) = (
        node.value for node in TREES["pysketch"].body if isinstance(node, ast.Assign) and "rooms" in ast.unparse(node)
    )
    rooms = {each.arg: ast.literal_eval(each.value) for each in call.keywords}["rooms"]
    assert set(rooms) == {room for room in ROOMS if (ROOT / "pysketch" / room).is_dir()} - {"doors"}


@pytest.mark.parametrize("room", ROOMS)
def test_no_imports_go_in_a_circle_inside_a_room(room):
    inside = {name for name in SOURCES if room_of(name) == room}
    doors = {name for name in inside if SOURCES[name].stem == "__init__"}
    graph = {name: imported_modules(name) & inside - doors for name in inside - doors}
    assert circles(graph) == []


def test_a_circle_is_seen():
    assert circles({"a": {"b"}, "b": {"c", "d"}, "c": set(), "d": {"a"}}) == [["a", "b", "d"]]


def exported(door: str) -> set[str]:
    """The names in a door's table, or, where it has none, in its __all__."""
    if table := door_table(TREES[door]):
        return {name for names in table.values() for name in names}
    for node in TREES[door].body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


def test_other_rooms_are_entered_by_their_doors_and_take_only_what_these_export():
    found = []
    for name in IMPORTS:
        for module, taken in IMPORTS[name]:
            if module.split(".")[0] != "pysketch" or (room_of(module) and room_of(module) == room_of(name)):
                continue
            if module in ("pysketch", "pysketch.errors", "pysketch.files") or name == "pysketch":
                continue
            if module.count(".") != 1 or (taken is not None and taken not in exported(module)):
                found.append(f"{name}: {module}, {taken}")
    assert found == []


def test_a_door_exports_only_what_another_room_takes_or_a_readme_names():
    taken = {
        (room_of(module), name)
        for importer in IMPORTS
        for module, name in IMPORTS[importer]
        if room_of(module) != room_of(importer)
    }
    pages = [ROOT / "README.md", *(page for folder in FOLDERS for page in sorted((ROOT / folder).rglob("README.md")))]
    words = set(re.findall(r"\w+", "".join(page.read_text(encoding="utf-8") for page in pages)))
    for room in ROOMS:
        if (ROOT / "pysketch" / room).is_dir() and room != "caffe":  # whose names are pycaffe's
            door = f"pysketch.{room}"
            assert [name for name in exported(door) if (room, name) not in taken and name not in words] == [], door
            assert "Start reading at" in ast.get_docstring(TREES[door]), door


@pytest.mark.parametrize("library", SOLE_IMPORTERS)
def test_a_library_is_imported_only_where_it_belongs(library):
    assert {room_of(name) for name in SOURCES if library in imported_libraries(name)} == SOLE_IMPORTERS[library]


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
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                attribute = f"{node.value.id}.{node.attr}"
                if attribute in FORBIDDEN_ATTRIBUTES:
                    found.append(f"{name}:{node.lineno} uses {attribute}")
            if isinstance(node, ast.keyword) and node.arg == "allow_pickle" and ast.unparse(node.value) != "False":
                found.append(f"{name}:{node.lineno} allows pickles")
    assert found == []


def test_of(source: Path) -> Path:
    """pysketch/a/b.py -> a/test_b.py; tools/c.py -> tools/test_c.py."""
    inside = source.relative_to(ROOT)
    folder = inside.parent if inside.parts[0] == "tools" else inside.parent.relative_to("pysketch")
    return folder / f"test_{source.stem.strip('_')}.py"


test_of.__test__ = False


def unmirrored(root: Path) -> dict[str, list[str]]:
    """Sources without their test, and tests in folders, which mirror sources, without theirs. A door needs none."""
    sources = [
        path.relative_to(root) for folder in ("pysketch", "tools") for path in sorted((root / folder).rglob("*.py"))
    ]
    expected = {test_of(ROOT / path).as_posix() for path in sources if path.stem != "__init__"}
    doors = {test_of(ROOT / path).as_posix() for path in sources if path.stem == "__init__"}
    tests = {path.relative_to(root / "tests") for path in (root / "tests").rglob("test_*.py")}
    mirroring = {path.as_posix() for path in tests if len(path.parts) > 1}
    found = {path.as_posix() for path in tests}
    return {"without a test": sorted(expected - found), "without a source": sorted(mirroring - expected - doors)}


def test_every_source_file_has_its_test_file_and_every_test_file_in_a_folder_its_source():
    assert unmirrored(ROOT) == {"without a test": [], "without a source": []}


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


@pytest.mark.parametrize("path", sorted((ROOT / "pysketch" / "native").glob("*.[ch]")), ids=lambda path: path.name)
def test_c_has_lines_of_120_characters_and_no_tabs(path):
    lines = path.read_text(encoding="utf-8").split("\n")
    assert [k for k, line in enumerate(lines, 1) if len(line) > 120 or "\t" in line or line != line.rstrip()] == []
    assert lines[-1] == ""


CUBIC = '''"""Cubic: the third power."""

from __future__ import annotations

from pysketch.device import Array
from pysketch.layers.base import register
from pysketch.layers.neuron import Neuron


@register
class Cubic(Neuron):
    """y = x^3, and so dy/dx = 3 x^2; any shape, not in-place, where x would be lost."""

    type = "Cubic"
    in_place = False

    def value(self, x: Array, y: Array) -> None:
        """y = x^3."""
        y[...] = x**3

    def slope(self, x: Array, y: Array) -> Array:
        """3 x^2."""
        return 3 * x**2
'''
CUBIC_TEST = '''"""Cubic has the contract, and this."""

from helpers import Case, layer_text, make_layer

CONTRACT = {"Cubic": Case(layer_text("Cubic", ["x"]), ((2, 3, 5),), ((2, 3, 5),))}


def test_2_gives_8():
    single = make_layer(layer_text("Cubic", ["x"]), [(1,)])
    single.bottom[0].data[...] = 2
    assert single.forward()[0] == 8
'''
DARKER = '''"""The photo's luma, darker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pysketch.baselines.baseline import Baseline, Progress, register
from pysketch.images import Pair, to_luma


@register
@dataclass(kw_only=True)
class Darker(Baseline):
    """Half the luma. Learns nothing."""

    name = "darker"
    source = "nobody"

    def learn(self, pairs: Sequence[Pair], progress: Progress) -> None:
        """Nothing."""

    def draw(self, photo: np.ndarray) -> np.ndarray:
        """(H, W, 3) uint8 RGB -> (H, W) uint8."""
        return to_luma(photo) // 2
'''
DARKER_TEST = '''"""Darker has the contract."""

CONTRACT = {"darker": {}}
'''
EMPTY_TEST = '''"""Nothing to see."""


def test_it_is_there():
    assert True
'''
NEW = {
    "pysketch/layers/cubic.py": CUBIC,
    "tests/layers/test_cubic.py": CUBIC_TEST,
    "pysketch/baselines/darker.py": DARKER,
    "tests/baselines/test_darker.py": DARKER_TEST,
    **{f"pysketch/{room}/novelty.py": '"""Nothing yet."""\n' for room in ("device", "net", "solver", "report")},
    **{f"tests/{room}/test_novelty.py": EMPTY_TEST for room in ("device", "net", "solver", "report")},
}


@pytest.mark.slow
def test_a_module_a_layer_and_a_baseline_are_each_one_source_and_one_test_and_no_other_edit(tmp_path):
    """In a copy of the tree: the shape of the whole, and the contracts of the new layer and baseline."""
    for name in ("pysketch", "tools", "tests", "netdefs", "solver"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "*.h5"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, tmp_path)
    for name, text in NEW.items():
        assert not (tmp_path / name).exists()
        (tmp_path / name).write_text(text, encoding="utf-8")
    files = ["tests/test_architecture.py", "tests/layers/test_base.py", "tests/baselines/test_init.py"]
    chosen = "(test_architecture and not no_other_edit) or Cubic or darker or every_registered_layer or every_baseline"
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-n0", "-v", "-p", "no:cacheprovider", "-k", chosen, *files]
        + [name for name in NEW if name.startswith("tests")],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-3000:]
    counts = {
        name: len(re.findall(rf"^tests/{name}\S* PASSED", run.stdout, re.MULTILINE)) for name in ("layers", "baselines")
    }
    assert counts["layers"] > 10
    assert counts["baselines"] > 4

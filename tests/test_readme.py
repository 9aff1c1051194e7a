"""Every command and Python block of every README.md is run or checked, in a copy of the tree; training is short."""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.util
import io
import itertools
import logging
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import metadata
from pathlib import Path

import galleries
import numpy as np
import pytest

from pysketch.images import synthetic
from pysketch.images.pictures import read_sketch, write_image
from pysketch.layers.base import LAYERS
from pysketch.shipped.words import COMMANDS

ROOT = Path(__file__).parents[1]
FOLDERS = ("netdefs", "solver", "pysketch", "tools", "tests")
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in [ROOT / "README.md", *(path for each in FOLDERS for path in sorted((ROOT / each).rglob("README.md")))]
}
NEW = {"pysketch/baselines/nearest.py", "tests/baselines/test_nearest.py"}
"""Files that a page shows and that only its reader has."""
SETUP = 'python3 -m venv .venv && .venv/bin/pip install -e ".[test]" && '
OTHERS = {
    'python3 -m venv .venv && . .venv/bin/activate && pip install -e ".[test]"',
}
"""Commands that install, which these tests do not run."""
QUICK = "python tools/reproduce.py --data synthetic --quick"
_NETS = "netdefs/pretrained/portrait.h5 netdefs/pretrained/medium.h5"
LEARN = f"python tools/learn_views.py {_NETS} --data DIR -o learned.npz"
GROW = "python tools/benchmark.py netdefs/small.prototxt --grow ranks"
ENROL = "mpirun -f hosts -n 4 python tools/enroll.py RAW/photos -o enrolled.h5"
SHORTER = {
    ENROL: f"{ENROL} --align none",  # there are no faces in RAW, which is only noticed where faces can be found
    GROW: "python tools/benchmark.py netdefs/sr.prototxt --grow ranks --iterations 3",
    QUICK: f"{QUICK} --budget 0",
    "python tests/fuzzing.py 100000": "python tests/fuzzing.py 200",
    "python tools/prepare.py synthetic people --count 24": "python tools/prepare.py synthetic people --count 4",
    LEARN: f"{LEARN} --made 2",
}
LIBRARIES = {
    "tools/draw_net.py": "grandalf",
    "tools/plot_log.py": "matplotlib",
    "tools/reproduce.py": "jinja2",
    "tools/page.py": "gradio",
    "--report": "jinja2",
    "--grow ranks": "mpi4py",
}
"""What a command with these words needs that is not installed with the tests: without it the command is only parsed."""
SERVES = "python tools/page.py"
"""What runs until it is stopped: it is, once it serves."""


@dataclass(frozen=True)
class Block:
    """A fenced block of a page; before: the last line of text above it."""

    page: str
    kind: str
    text: str
    before: str

    @property
    def file(self) -> str | None:
        """The file that the block shows, if the line above ends in its name and a colon."""
        named = re.fullmatch(r"`([\w/]+\.py)`:", self.before)
        return named and named[1]


def blocks(page: str) -> Iterator[Block]:
    """The page's fenced blocks, in order."""
    before, lines = "", iter(PAGES[page].splitlines())
    for line in lines:
        if line.startswith("```"):
            inside = list(iter(lambda: next(lines), "```"))
            yield Block(page, line.removeprefix("```"), "".join(f"{each}\n" for each in inside), before)
            before = "```"
        elif line.strip():
            before = line


BLOCKS = [block for page in PAGES for block in blocks(page)]
SHELL = {
    page: [line for block in blocks(page) if block.kind == "sh" for line in block.text.splitlines()] for page in PAGES
}
PYTHON = [block for block in BLOCKS if block.kind == "python" and block.file is None]
FILES = [block for block in BLOCKS if block.kind == "python" and block.file is not None]
MPIRUN = re.compile(r"^mpirun( -\w+ \w+)+ ")
"""What makes several processes of a tool's command; here it is one. test_mpirun.py has several."""
KNOWN = re.compile(r"(mpirun( -\w+ \w+)+ )?python tools/\w+\.py\b|python -m pytest|python tests/\w+\.py |pysketch ")


def prose(page: str) -> str:
    """The page without its blocks and with every run of white space as one space."""
    return re.sub(r"\s+", " ", re.sub(r"^```.*?^```$", "", PAGES[page], flags=re.DOTALL | re.MULTILINE))


def inline_commands() -> list[str]:
    """The tools' commands that stand in the text, those with places to fill in excepted."""
    found = [each for page in PAGES for each in re.findall(r"`(python tools/\w+\.py [^`]+)`", prose(page))]
    return [command for command in found if not re.search("NAME|TYPE", command)]


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The tree, with solver files that train for one small batch, the files that the pages show, and pairs in DIR."""
    root = tmp_path_factory.mktemp("copy")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, root / name)
    for path in (root / "solver").glob("*.txt"):
        text = re.sub(r"max_iter: \d+", "max_iter: 1", path.read_text())
        text = re.sub(r"test_interval: \d+", "test_interval: 0", text)
        path.write_text(re.sub(r"test_iter: \d+", "test_iter: 1", text))
    for path in (root / "netdefs").glob("*.prototxt"):
        path.write_text(path.read_text().replace('"batch_size": 4', '"batch_size": 1'))
    for block in FILES:
        (root / block.file).write_text(block.text)
    rng = np.random.default_rng(1)
    for folder in ("DIR/train", "DIR/test", "RAW"):
        for name in ("one", "two"):
            photo = rng.integers(0, 256, (250, 200, 3)).astype(np.uint8)
            write_image(root / folder / "photos" / f"{name}.png", photo)
            write_image(root / folder / "sketches" / f"{name}.png", photo[:, :, 0])
    rows = [f"{kind}/{name}.png,75,125,125,125" for kind in ("photos", "sketches") for name in ("one", "two")]
    (root / "eyes.csv").write_text("\n".join(["file,left_x,left_y,right_x,right_y", *rows]) + "\n")
    shutil.copy(root / "netdefs" / "pretrained" / "face.png", root / "photo.png")
    return root


def few(maker: Callable[..., list]) -> Callable[..., list]:
    """A maker of synthetic pairs that makes four where more are asked for."""
    return lambda n=4, **changes: maker(min(n, 4), **changes)


@contextlib.contextmanager
def as_it_was(root: Path) -> Iterator[None]:
    """Work in a folder, with few synthetic faces; afterwards log, signals, registered layers, folder are as before."""
    logger, folder, layers = logging.getLogger("pysketch"), Path.cwd(), dict(LAYERS)
    kept = logger.handlers[:], logger.level, logger.propagate
    signals = {number: signal.getsignal(number) for number in (signal.SIGINT, getattr(signal, "SIGHUP", signal.SIGINT))}
    os.chdir(root)
    try:
        with pytest.MonkeyPatch.context() as patch:
            for name in ("training_pairs", "test_pairs"):
                patch.setattr(synthetic, name, few(getattr(synthetic, name)))
            yield
    finally:
        os.chdir(folder)
        for handler in set(logger.handlers) - set(kept[0]):
            handler.close()
        logger.handlers[:], logger.level, logger.propagate = kept
        LAYERS.clear()
        LAYERS.update(layers)
        for number, handler in signals.items():
            signal.signal(number, handler)


def tool(command: str) -> tuple[object, list[str]]:
    """The module of a tool's command, and its arguments."""
    _, path, *arguments = shlex.split(command)
    assert (ROOT / path).is_file(), path
    return importlib.import_module(Path(path).stem), arguments


def run(command: str, root: Path) -> str:
    """Run a tool's command in the copy, in this process; its standard output."""
    module, arguments = tool(command)
    with as_it_was(root), contextlib.redirect_stdout(io.StringIO()) as out:
        assert module.main(arguments) == 0, command
    return out.getvalue()


def run_alone(command: str, root: Path) -> str:
    """Run a command on the copy's own code, in a process of its own; its standard output."""
    words = shlex.split(command)
    words = [sys.executable, "tools", *words[1:]] if words[0] == "pysketch" else [sys.executable, *words[1:]]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment |= {"PYTHONPATH": str(root)}
    result = subprocess.run(words, capture_output=True, text=True, check=False, cwd=root, env=environment)
    assert result.returncode == 0, f"{command}\n{result.stdout[-3000:]}\n{result.stderr[-3000:]}"
    return result.stdout


def run_until_it_serves(command: str, root: Path) -> None:
    """Run a command that serves a page until somebody ends it: until it has printed the page's address, then Ctrl-C."""
    words, environment = [sys.executable, *command.split()[1:]], {**os.environ, "PYTHONPATH": str(root)}
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=root, env=environment) as process:
        assert re.match(r"http://127\.0\.0\.1:\d+/ ", process.stdout.readline())
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130


def parse(command: str) -> None:
    """Parse a tool's command by its own parser."""
    module, arguments = tool(command)
    if arguments[:1] == ["gallery"]:
        module._gallery_parser().parse_args(arguments[1:])
    else:
        module._parser().parse_args(arguments)


def missing_library(command: str) -> bool:
    """Whether the command needs a library that is not there."""
    names = [library for words, library in LIBRARIES.items() if words in command]
    return any(importlib.util.find_spec(name) is None for name in names)


def follow(page: str, root: Path) -> None:
    """Run a page's commands in their order; what each prints is what the block after it, if there is one, shows."""
    shown = {}
    for block, after in zip(list(blocks(page)), [*list(blocks(page))[1:], None], strict=True):
        if block.kind == "sh" and after and after.kind == "" and after.before == "```":
            shown[block.text.rstrip("\n")] = after.text
    own_code = page == "pysketch/README.md"
    for line in SHELL[page]:
        if line.startswith(SETUP) or line in OTHERS:
            continue
        command = MPIRUN.sub("", SHORTER.get(line, line))
        if "-m pytest" in line and not own_code:
            check_pytest(line)
        elif "--resume" in line and "snapshots/" in line:
            prefix, iteration = re.search(r"(snapshots/\w+)_iter_(\d+)", line).groups()
            for kind in ("solverstate", "caffemodel"):
                shutil.copy(root / f"{prefix}_iter_1.{kind}.h5", root / f"{prefix}_iter_{iteration}.{kind}.h5")
            run(command, root)
        elif missing_library(command):
            parse(command)
        elif line.startswith(SERVES):
            run_until_it_serves(command, root)
        elif own_code or not command.startswith("python tools/"):
            run_alone(command, root)
        else:
            out = run(command, root)
            assert shown.get(line, out) == out


def check_pytest(command: str) -> None:
    """The files that a pytest command names are there, and so are its markers."""
    words = shlex.split(command)[3:]
    assert all((ROOT / word.partition("::")[0]).exists() for word in words if word.startswith("tests/"))
    declared = re.findall(r'^    "(\w+):', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    for option, expression in itertools.pairwise(words):
        if option == "-m":
            assert set(re.findall(r"\w+", expression)) - {"not", "and", "or"} <= set(declared), command


def test_the_first_page_has_two_set_up_commands_and_the_ci_runs_the_second():
    first, second = (line for line in SHELL["README.md"] if line.startswith(SETUP))
    assert "tools/deploy.py" in first
    assert "tools/solve.py solver/quick_solver.txt --data synthetic" in first
    assert second.removeprefix(SETUP) == ".venv/bin/python -m pytest"
    ci = (ROOT / ".ci" / "run").read_text()
    for part in ("python3 -m venv", '-e ".[test]"', ".venv/bin/python -m pytest", ".venv/bin/python -m ruff check"):
        assert part in ci


def test_the_first_page_is_read_in_one_sitting_and_names_all_others():
    assert len(PAGES["README.md"].splitlines()) < 200
    table = PAGES["README.md"].split("| page |")[1].split("\n\n")[0]
    assert set(re.findall(r"\]\(([^)]+)\)", table)) == set(PAGES) - {"README.md"}


def test_every_shell_line_is_a_command_that_these_tests_know():
    lines = [line for page in PAGES for line in SHELL[page]]
    assert [line for line in lines if not (KNOWN.match(line) or line.startswith(SETUP) or line in OTHERS)] == []
    assert set(SHORTER) <= set(lines)
    assert len(lines) > 30


def test_every_tool_has_its_section_with_its_word_and_one_example():
    sections = re.split(r"^## (\w+)\.py$", PAGES["tools/README.md"], flags=re.MULTILINE)
    found = dict(zip(sections[1::2], sections[2::2], strict=True))
    assert set(found) == set(COMMANDS.values())
    for word, name in COMMANDS.items():
        assert found[name].startswith(f"\n\n`pysketch {word}`. ")
        assert re.search(rf"```sh\npython tools/{name}\.py[ \n]", found[name])


def test_the_first_commands_parts_do_what_they_say(copy):
    first = next(line for line in SHELL["README.md"] if line.startswith(SETUP))
    for part in first.removeprefix(SETUP).split(" && "):
        run(part.replace(".venv/bin/python", "python"), copy)
    assert read_sketch(copy / "sketch.png").shape == (250, 200)
    assert (copy / "snapshots" / "quick.h5").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if SHELL[page]])
def test_a_pages_commands_run_in_their_order(page, copy):
    follow(page, copy)
    if page == "README.md":
        assert read_sketch(copy / "drawn.png").shape == (250, 200)
        assert read_sketch(copy / "both.png").shape == (250, 200 + 8 + 200)
        assert read_sketch(copy / "quick.png").shape == (238, 188)
        assert (copy / "found.html").is_file() == (importlib.util.find_spec("jinja2") is not None)
        assert (copy / "snapshots" / "medium.h5").is_file()


@pytest.mark.parametrize("command", [*inline_commands(), *(line for page in PAGES for line in SHELL[page])])
def test_the_tools_commands_have_options_that_are_there(command):
    command = MPIRUN.sub("", command)
    if command.startswith("python tools/"):
        parse(command)
    for name in re.findall(r"(?:netdefs|solver)/[\w/.]+", command):
        assert (ROOT / name).is_file(), name


def test_there_are_commands_in_the_text():
    assert len(inline_commands()) >= 6


@pytest.fixture
def enrolled(copy):
    """What the first page's commands have made when its Python finds somebody: a gallery, and a sketch."""
    kept = copy / "gallery.h5", copy / "people" / "sketches" / "face-002.png"
    made = [path for path in kept if not path.exists()]
    if made:
        galleries.write_people(kept[0])
        write_image(kept[1], galleries.people(3)[1][2])
    yield copy
    for path in made:
        path.unlink()


@pytest.mark.parametrize("block", PYTHON, ids=[f"{block.page}:{k}" for k, block in enumerate(PYTHON)])
def test_the_python_of_the_pages_runs(block, enrolled):
    with as_it_was(enrolled):
        exec(compile(block.text, block.page, "exec"), {"__name__": "__main__"})


@pytest.mark.parametrize("block", FILES, ids=[block.file for block in FILES])
def test_a_file_that_a_page_shows_is_that_file_or_a_new_one(block):
    assert block.text.startswith('"""')
    if block.file not in NEW:
        assert (ROOT / block.file).read_text(encoding="utf-8") == block.text


def test_the_files_that_a_page_shows_are_written_as_all_others(copy):
    files = [block.file for block in FILES]
    for words in (["check", "--quiet"], ["format", "--check"]):
        command = [sys.executable, "-m", "ruff", *words, *files]
        result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=copy)
        assert result.returncode == 0, result.stdout + result.stderr


def test_the_error_that_the_first_page_shows_is_the_one_that_is_printed(copy):
    from common import run as run_tool

    shown = re.search(r"^error: (netdefs/.*kernal_size.*)$", PAGES["README.md"], re.MULTILINE)[1]
    path = copy / "netdefs" / "medium.prototxt"
    before = path.read_text()
    path.write_text(before.replace("num_output: 128 kernel_size", "num_output: 128 kernal_size", 1))
    module, arguments = tool("python tools/solve.py solver/medium_solver.txt --data DIR")
    with as_it_was(copy), contextlib.redirect_stderr(io.StringIO()) as err, pytest.raises(SystemExit) as stop:
        run_tool(lambda _: module.main(arguments))
    path.write_text(before)
    assert stop.value.code == 2
    assert err.getvalue().splitlines()[-1] == f"error: {shown}"


@pytest.mark.slow
def test_the_rooms_are_shown_from_the_ground_up():
    from test_architecture import ROOMS

    picture = next(block for block in blocks("pysketch/README.md") if block.kind == "")
    names = [line.split()[0] for line in picture.text.splitlines() if line]
    assert names == ["tools/", *reversed(ROOMS)]


def defined(path: Path) -> set[str]:
    """The classes, functions and methods of a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef | ast.FunctionDef)}


def test_what_the_ways_through_the_house_name_is_where_they_say():
    rows = re.findall(r"^\| `([\w/]+\.py)` \| (.*) \|$", PAGES["pysketch/README.md"], re.MULTILINE)
    assert len(rows) > 30
    for file, text in rows:
        path = ROOT / file if file.startswith("tools/") else ROOT / "pysketch" / file
        names = re.findall(r"`(\w+)\(\)`", text)
        assert set(names) <= defined(path), f"{file}: {text}"
        assert names or re.match(r"`[A-Z]\w+`", text), text
        if not names:
            assert re.match(r"`(\w+)`", text)[1] in defined(path), text


def places(page: str) -> list[Path]:
    """Where a file that a page names may be: beside it, in the tree, for the house in its folder."""
    return [ROOT, (ROOT / page).parent]


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_a_page_names_is_there(page):
    named = re.findall(r"`((?:[\w.-]+/)+(?:[\w.-]+\.(?:py|txt|prototxt|h5|png))?)`", prose(page))
    named = [name for name in named if not re.search("NAME|/a/", name) and name not in NEW]
    users = re.compile(r"\.venv/|DIR|photos/|sketches/|train/|test/|reproduced/")
    assert [
        name for name in named if not users.match(name) and not any((at / name).exists() for at in places(page))
    ] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_page_a_heading_or_a_picture(page):
    for target in re.findall(r"\]\(([^)]+)\)", PAGES[page]):
        name, _, anchor = target.partition("#")
        path = (ROOT / page).parent.joinpath(name).resolve() if name else ROOT / page
        inside = path.relative_to(ROOT.resolve()).as_posix()
        assert path.is_file(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", PAGES[inside], re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}, target


def test_what_pip_is_told_to_install_are_extras_that_there_are():
    named = {extra for text in PAGES.values() for extra in re.findall(r'install -e "\.\[(\w+)\]"', text)}
    assert len(named) > 4
    assert named <= set(metadata("pysketch").get_all("Provides-Extra"))

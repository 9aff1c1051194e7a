import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import common
import pytest

from pysketch import __version__
from pysketch.errors import NetdefError
from pysketch.images.pictures import read_sketch
from pysketch.shipped.words import COMMANDS

TOOLS = Path(__file__).parents[2] / "tools"
SPEC = importlib.util.spec_from_file_location("tools_main", TOOLS / "__main__.py")
tools = importlib.util.module_from_spec(SPEC)  # not `import __main__`: that is what runs the tests
SPEC.loader.exec_module(tools)


@pytest.fixture(autouse=True)
def by_file(monkeypatch):
    """What other tests start is started by its file again."""
    monkeypatch.setattr(common, "_program", [])


def told(words, capsys, program="pysketch"):
    """(exit status, stdout, stderr) of a command line that ends by itself."""
    with pytest.raises(SystemExit) as stop:
        tools.main(words, program)
    captured = capsys.readouterr()
    return stop.value.code, captured.out, captured.err


def test_a_word_runs_its_tool_with_the_other_words(net_file, tmp_path, capsys):
    photo = Path(TOOLS.parent, "netdefs/pretrained/face.png")
    sketch = tmp_path / "s.png"
    assert tools.main(["draw", str(net_file), str(photo), "-o", str(sketch), "--device", "cpu"], "pysketch") == 0
    assert read_sketch(sketch).shape == (246, 196)
    assert capsys.readouterr().out == f"{photo} -> {sketch}\n"
    with pytest.raises(NetdefError, match="unknown layer type 'Poling'"):
        tools.main(["layers", "Poling"])


def test_a_mistyped_word_gets_a_hint_and_status_2(capsys):
    status, out, err = told(["drw", "medium", "photo.png"], capsys)
    assert (status, out) == (2, "")
    assert (
        err
        == 'usage: pysketch COMMAND ...\npysketch: error: argument COMMAND: no command "drw"; did you mean "draw"?\n'
    )
    assert told(["xyzzy"], capsys)[2].endswith('no command "xyzzy"; expected ' + ", ".join(COMMANDS) + "\n")


@pytest.mark.parametrize("words", [[], [""], ["-x"]])
def test_no_word_is_an_error(words, capsys):
    assert told(words, capsys)[0] == 2


def test_the_version_is_the_packages(capsys):
    assert told(["--version"], capsys)[:2] == (0, f"pysketch {__version__}\n")


@pytest.mark.parametrize("program", ["pysketch", "python tools"])
def test_help_has_a_line_for_every_word_and_examples(program, capsys):
    status, out, _ = told(["--help"], capsys, program)
    assert status == 0
    assert out.startswith(f"usage: {program} COMMAND ...\n")
    assert re.search("\n  draw +Draw sketches of photos\n", out)
    assert re.search("\n  layers +Which layers there are, and what one does and takes\n", out)
    assert sum(f"\n  {word} " in out for word in COMMANDS) == len(COMMANDS)
    assert f"\n    {program} draw medium photo.jpg -o sketch.png\n" in out


@pytest.mark.parametrize("word", COMMANDS)
def test_each_help_speaks_as_it_was_called(word, capsys):
    status, out, _ = told([word, "--help"], capsys)
    assert status == 0
    assert out.startswith(f"usage: pysketch {word} ")
    assert f"  pysketch {word}" in out.partition("examples:")[2]
    assert not [part for part in ("tools/", ".py", "netdefs/", "solver/") if part in out]


def test_a_checkouts_folder_runs_as_the_command_does():
    command = [sys.executable, str(TOOLS), "draw", "--size"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr.startswith("usage: python tools draw [-h]")

import pytest

from pysketch.shipped.folders import folder
from pysketch.shipped.words import COMMANDS, in_words


def test_every_tool_has_one_word():
    tools = {path.stem for path in folder("tools").glob("*.py")} - {"common", "__main__"}
    assert sorted(COMMANDS.values()) == sorted(tools)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("python tools/deploy.py netdefs/pretrained/medium.h5 a.jpg", "pysketch draw medium a.jpg"),
        ("python tools/solve.py solver/medium_paper_solver.txt", "pysketch train medium_paper"),
        ("python tools/summarize.py netdefs/sr_paper.prototxt", "pysketch summarize sr_paper"),
        ("of solve.py, by tools/test_net.py", "of pysketch train, by pysketch test"),
        ("python train.py my/netdefs.h5 solver/net_solver.h5", "python train.py my/netdefs.h5 solver/net_solver.h5"),
    ],
)
def test_a_help_speaks_of_words_and_names(text, words):
    assert in_words(text, "pysketch") == words


def test_a_help_says_how_a_library_is_installed_where_there_is_no_checkout(monkeypatch):
    monkeypatch.setattr("pysketch.shipped.words.how_to_install", lambda extra: f"pip install what {extra} needs")
    assert in_words('Draws (needs pip install -e ".[report]").', "x") == "Draws (needs pip install what report needs)."


def test_a_second_column_stays_where_it_is():
    old = [
        "  python tools/convert.py a.h5 b.onnx     for others",
        "  python tools/convert.py c.h5    for deploy.py",
        "",
    ]
    new = [
        "  pysketch convert a.h5 b.onnx            for others",
        "  pysketch convert c.h5           for pysketch draw",
        "",
    ]
    assert in_words("\n".join(old), "pysketch") == "\n".join(new)

import sys

import pytest

from pysketch.doors.registry import Registry

FILES = {
    "__init__.py": "from pysketch.doors import Registry\nCLASSES = Registry('zoo')\n",
    "grey_seal.py": "from zoo import CLASSES\nCLASSES['GreySeal'] = 1\n",
    "ape.py": "import zoo.bee\nfrom zoo import CLASSES\nCLASSES['Ape'] = 2\n",
    "bee.py": "from zoo import CLASSES\nCLASSES['Bee'] = 3\nCLASSES['Queen'] = 4\n",
    "parts.py": "",
}


@pytest.fixture
def classes(tmp_path, monkeypatch):
    for name, text in FILES.items():
        (tmp_path / "zoo").mkdir(exist_ok=True)
        (tmp_path / "zoo" / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    from zoo import CLASSES

    yield CLASSES
    for name in [name for name in sys.modules if name.split(".")[0] == "zoo"]:
        del sys.modules[name]


def opened():
    return {name for name in sys.modules if name.startswith("zoo.")}


def test_the_file_that_is_called_so_is_imported_and_no_other(classes):
    assert isinstance(classes, Registry)
    assert opened() == set()
    assert classes["GreySeal"] == 1
    assert "GreySeal" in classes
    assert opened() == {"zoo.grey_seal"}


def test_what_no_file_is_called_is_looked_for_in_all(classes):
    assert classes["Queen"] == 4
    assert opened() == {"zoo.ape", "zoo.bee", "zoo.grey_seal", "zoo.parts"}
    assert "Unicorn" not in classes
    assert (classes.get("Unicorn"), classes.get("Unicorn", 7), classes.get("Bee")) == (None, 7, 3)
    with pytest.raises(KeyError, match="Unicorn"):
        classes["Unicorn"]


@pytest.mark.parametrize(
    "look", [list, len, dict, sorted, lambda x: list(x.keys()), lambda x: list(x.values()), lambda x: x.items()]
)
def test_whoever_looks_at_all_sees_those_of_all_files(classes, look):
    assert classes["Bee"] == 3  # first, yet not the first of all
    assert look(classes) == look({"Ape": 2, "Bee": 3, "GreySeal": 1, "Queen": 4})


def test_more_can_be_put_in_and_all_can_be_taken_out(classes):
    before = dict(classes)
    classes["Zebra"] = 9
    assert list(classes)[-1] == "Zebra"
    classes.clear()
    assert list(classes) == []
    classes.update(before)
    assert dict(classes) == before

import importlib
import sys

import pytest

DOOR = """
from pysketch.doors import open_door

__all__ = open_door(
    __name__,
    {"": ["tools"], "big": ["Big", "BIGGER"], "describe": ["describe"]},
    rooms=["cellar"],
)
"""


@pytest.fixture
def house(tmp_path, monkeypatch):
    """A package with a door, two files, one of them called as what it has, and a package that is not exported."""
    files = {
        "__init__.py": DOOR,
        "big.py": "Big = BIGGER = 3\nhidden = 4\n",
        "describe.py": "def describe():\n    return 'told'\n",
        "tools.py": "tools = 'not this'\n",
        "cellar/__init__.py": "",
    }
    for name, text in files.items():
        path = tmp_path / "house" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("house")
    for name in [name for name in sys.modules if name.split(".")[0] == "house"]:
        del sys.modules[name]


def opened():
    return {name.removeprefix("house.") for name in sys.modules if name.startswith("house.")}


def test_a_file_is_imported_when_one_of_its_names_is_asked_for(house):
    assert opened() == set()
    assert house.BIGGER == 3
    assert opened() == {"big"}
    from house import describe

    assert describe() == "told"
    assert opened() == {"big", "describe"}


def test_a_file_does_not_take_the_place_of_the_name_that_is_spelled_alike(house):
    importlib.import_module("house.describe")
    assert house.describe() == "told"
    from house import describe

    assert describe is house.describe is sys.modules["house.describe"].describe


def test_a_file_may_be_exported_itself_and_a_room_is_there_without_being_exported(house):
    assert house.tools is sys.modules["house.tools"]
    assert house.cellar is sys.modules["house.cellar"]
    assert house.__all__ == ["BIGGER", "Big", "describe", "tools"]


def test_all_that_is_exported_comes_with_a_star_and_is_listed(house):
    taken = {}
    exec("from house import *", taken)
    assert {*taken} - {"__builtins__"} == {*house.__all__}
    assert {*house.__all__, "cellar"} <= {*dir(house)}


def test_what_is_not_exported_is_no_attribute(house):
    with pytest.raises(AttributeError, match=r"^module 'house' has no attribute 'hidden'$"):
        house.hidden  # noqa: B018
    with pytest.raises(ImportError, match="hidden"):
        from house import hidden  # noqa: F401


def test_a_name_can_be_replaced_and_put_back_as_tests_do(house, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(house, "Big", 5)
        assert house.Big == 5
    assert house.Big == 3

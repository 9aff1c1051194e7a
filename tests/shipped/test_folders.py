import pytest

from pysketch.shipped.folders import folder


@pytest.mark.parametrize("name", ["netdefs", "solver", "tools"])
def test_a_shipped_folder_is_there(name):
    assert any(folder(name).iterdir())

import pytest

from pysketch.shipped import extras
from pysketch.shipped.extras import how_to_install


def test_in_a_checkout_an_extra_is_installed_from_its_folder():
    assert how_to_install("report") == 'pip install -e ".[report]"'


@pytest.fixture
def installed(monkeypatch):
    """As where pysketch is installed from a wheel."""
    monkeypatch.setattr(extras, "in_checkout", lambda: False)


def test_elsewhere_the_libraries_are_named_and_never_pysketch_itself(installed):
    assert how_to_install("report") == "pip install matplotlib jinja2 grandalf"
    assert how_to_install("gpu") == "pip install cupy-cuda12x"


@pytest.mark.parametrize("extra", ["align", "baselines", "bench", "interop", "nvrtc", "test"])
def test_every_extra_has_libraries(extra, installed):
    assert len(how_to_install(extra).split()) > 2

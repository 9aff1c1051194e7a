"""scikit-image: there, or one line that says how to install it."""

import sys

import pytest

from pysketch.errors import DataError
from pysketch.images.measures.library import check_scikit_image, features


def test_it_is_loaded_when_it_is_asked_for():
    skimage = pytest.importorskip("skimage.feature", reason='some measures need pip install -e ".[measures]"')
    assert features() is skimage
    check_scikit_image()


def test_without_it_one_line_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(
        DataError, match=r"^textures and gradients are described by scikit-image: pip install .*measures"
    ):
        check_scikit_image()

"""dlib's descriptor of aligned faces, where the extra is installed."""

import sys

import numpy as np
import pytest

from pysketch.errors import DataError
from pysketch.images import synthetic
from pysketch.images.measures import face_descriptor
from pysketch.images.preprocessing import crop_centre


def test_the_face_is_looked_for_at_its_place_in_the_frame_whatever_the_crop(monkeypatch):
    seen = []

    class Dlib:
        @staticmethod
        def rectangle(*box):
            return box

    class Describer:
        @staticmethod
        def compute_face_descriptor(picture, box):
            left, top, right, bottom = box
            seen.append(picture[top:bottom, left:right, 0])
            return np.zeros(128)

    monkeypatch.setattr(face_descriptor, "_models", lambda: (Describer, lambda picture, box: box, Dlib))
    sketch = np.random.default_rng(0).integers(0, 256, (250, 200)).astype(np.uint8)
    assert face_descriptor.face_descriptors([sketch, crop_centre(sketch, 143, 188)]).shape == (2, 128)
    np.testing.assert_array_equal(seen[0], sketch[92:199, 44:151])
    np.testing.assert_array_equal(seen[1], seen[0])


@pytest.mark.slow
def test_a_made_person_is_more_like_themselves_than_like_another():
    pytest.importorskip("dlib", reason='describing faces needs pip install -e ".[align]"')
    one, other = (synthetic.face_pair(seed)[0] for seed in (2, 3))
    found = face_descriptor.face_descriptors([one, crop_centre(one, 155, 200), other])
    assert np.linalg.norm(found[0] - found[1]) < 0.1 < np.linalg.norm(found[0] - found[2])


def test_without_dlib_one_line_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "dlib", None)
    face_descriptor._models.cache_clear()
    with pytest.raises(DataError, match=r"^describing faces needs dlib and its models: pip install .*align"):
        face_descriptor.check_dlib()

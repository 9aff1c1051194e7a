"""dlib's descriptor of aligned faces, where the extra is installed."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from pysketch.errors import DataError
from pysketch.images import synthetic
from pysketch.images.measures import face_descriptor
from pysketch.images.preprocessing import crop_centre


class Box(tuple):
    """left, top, right, bottom."""

    def area(self):
        left, top, right, bottom = self
        return (right - left) * (bottom - top)


@pytest.fixture
def seen(monkeypatch):
    """What is described of each picture; the detector finds the boxes in `seen.found`."""

    class Seen(list):
        found = ()

        def describe(self, picture, box):
            left, top, right, bottom = box
            self.append(picture[top:bottom, left:right])
            return np.zeros(128)

    seen = Seen()
    describer = SimpleNamespace(compute_face_descriptor=seen.describe)
    models = face_descriptor._Models(
        lambda picture, enlarged: seen.found, lambda picture, box: box, describer, lambda *box: Box(box)
    )
    monkeypatch.setattr(face_descriptor, "_models", lambda: models)
    return seen


SKETCH = np.random.default_rng(0).integers(0, 256, (250, 200)).astype(np.uint8)


def test_a_face_that_is_not_found_is_described_at_its_place_in_the_frame_whatever_the_crop(seen):
    assert face_descriptor.face_descriptors([SKETCH, crop_centre(SKETCH, 143, 188)]).shape == (2, 128)
    assert seen[0].shape == (107, 107, 3)
    np.testing.assert_array_equal(seen[0][..., 1], SKETCH[92:199, 44:151])
    np.testing.assert_array_equal(seen[1], seen[0])


def test_the_largest_face_that_is_found_is_described(seen):
    seen.found = [Box((3, 4, 9, 9)), Box((10, 20, 50, 60)), Box((0, 0, 20, 20))]
    face_descriptor.face_descriptors([SKETCH])
    np.testing.assert_array_equal(seen[0][..., 0], SKETCH[20:60, 10:50])


@pytest.mark.slow
def test_a_made_person_is_more_like_themselves_than_like_another():
    pytest.importorskip("dlib", reason='describing faces needs pip install -e ".[align]"')
    one, other = (synthetic.face_pair(seed)[0] for seed in (2, 3))
    found = face_descriptor.face_descriptors([one, crop_centre(one, 155, 200), other])
    assert np.linalg.norm(found[0] - found[1]) < 0.2 < np.linalg.norm(found[0] - found[2])


def test_without_dlib_one_line_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "dlib", None)
    face_descriptor._models.cache_clear()
    with pytest.raises(DataError, match=r"^describing faces needs dlib and its models: pip install .*align"):
        face_descriptor.check_dlib()

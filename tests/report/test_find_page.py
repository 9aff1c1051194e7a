"""The page of who was found: whole in one file, with the pictures that the gallery keeps, and no others."""

import base64
import importlib.util
import io
import os
import re
import stat

import galleries
import numpy as np
import pytest
from PIL import Image

from pysketch.errors import DataError
from pysketch.report import found
from pysketch.report.find_page import check_find_page, write_find_page
from pysketch.report.found import Found
from pysketch.report.meanings import WORTH
from pysketch.search.agreement import overlaid, strongest
from pysketch.search.gallery import INNER, PIXELS, VIEWS, Gallery

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("jinja2") is None, reason='needs jinja2: pip install -e ".[report]"'
)


@pytest.fixture(autouse=True)
def _few_transforms(monkeypatch):
    galleries.few_transforms(monkeypatch)


def page(tmp_path, match=VIEWS, n=2, remark="", left_out=(), name="s.png", **kept):
    gallery = Gallery(galleries.write_people(tmp_path / "g.h5", **kept))
    sketch = galleries.people(3)[1][2]
    found = Found(name, sketch, gallery.find_aligned(sketch, n, match), match, remark)
    write_find_page(tmp_path / "found.html", gallery, "g.h5", [found], left_out)
    return (tmp_path / "found.html").read_text(encoding="utf-8")


def pictures(text):
    """Captions, and what is in the pictures."""
    found = re.findall(r'<img src="data:image/(?:png|jpeg);base64,([^"]*)" alt="([^"]*)"', text)
    return [(caption, np.asarray(Image.open(io.BytesIO(base64.b64decode(each))))) for each, caption in found]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        galleries.few_transforms(patch)
        return page(tmp_path_factory.mktemp("page"))


def test_each_match_shows_the_sketch_the_photo_what_was_drawn_and_where_they_agree(whole):
    shown = pictures(whole)
    assert [caption for caption, _ in shown] == ["the sketch", "photo", "drawn by the net", "where they agree"] * 2
    assert [each.shape for _, each in shown[:4]] == [(250, 200), (250, 200, 3), (250, 200), (250, 200, 3)]
    np.testing.assert_array_equal(shown[0][1], galleries.people(3)[1][2])
    np.testing.assert_array_equal(shown[2][1], galleries.drawn(galleries.people(3)[1][2], 1))
    assert whole.index("1. test-001") < whole.index("2. test-00")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no permission bits")
def test_a_new_page_is_its_owners_alone(tmp_path):
    page(tmp_path, n=1)
    assert stat.S_IMODE((tmp_path / "found.html").stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf  <!DOCTYPE html>\n<title>\xc3", b"<HTML>"])
def test_a_page_and_an_empty_file_may_be_overwritten(content, tmp_path):
    (tmp_path / "found.html").write_bytes(content)
    check_find_page(tmp_path / "found.html", ["g.h5"])
    check_find_page(tmp_path / "new.html", ["g.h5"])


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n", b"notes on <html>", b"<?xml version='1.0'?><svg/>"])
def test_what_is_no_page_is_not_overwritten_whatever_its_name(content, tmp_path):
    (tmp_path / "found.html").write_bytes(content)
    with pytest.raises(DataError, match=r"found\.html: is there already, and no web page"):
        check_find_page(tmp_path / "found.html", [])


def test_a_page_is_not_written_over_a_gallery_under_another_name(tmp_path):
    (tmp_path / "g.h5").write_text("<html>")
    os.link(tmp_path / "g.h5", tmp_path / "found.html")
    with pytest.raises(DataError, match=r"found\.html: is read by this command"):
        check_find_page(tmp_path / "found.html", [tmp_path / "no", tmp_path / "g.h5"])


def test_one_scale_of_heat_holds_for_all_who_were_found(tmp_path, monkeypatch):
    heats, scales = [], []

    def keep(sketch, heat, most):
        heats.append(heat)
        scales.append(most)
        return overlaid(sketch, heat, most)

    monkeypatch.setattr(found, "overlaid", keep)
    page(tmp_path)
    assert scales == [strongest(heats)] * 2
    assert heats[0].sum() > heats[1].sum()


def test_the_page_says_what_it_is_of_and_what_a_match_is_worth(whole):
    for text in (
        WORTH,
        f"drawn by a net (SHA-256 {galleries.NET[:12]}...)",
        "Gallery g.h5: 3 people, 3 photos",
        "described by version",
        "several views",
    ):
        assert text in whole
    assert re.search(r"\b20\d\d-\d\d-\d\d\. Gallery", whole)


def test_it_asks_for_nothing_and_no_file_lies_beside_it(tmp_path):
    text = page(tmp_path)
    without = re.sub(r"base64,[^\"]*", "", text)
    assert "http" not in without and "//" not in without and "url(" not in without
    assert {path.name for path in tmp_path.iterdir()} == {"g.h5", "found.html"}


def test_a_gallery_without_pictures_has_the_heat_on_paper_and_says_why(tmp_path):
    text = page(tmp_path, sketches=False, photos=False)
    assert "keeps no thumbnail of photo 1, and photos/test-001_0.png is no longer there." in text
    assert "the sketch of photo 1" in text
    assert "photos/test-001_0.png - " in text
    shown = pictures(text)
    assert [caption for caption, _ in shown] == ["the sketch", "where they agree"] * 2
    assert shown[1][1][:5].min() > 200


def test_by_pixels_it_says_of_what_the_heat_is(tmp_path):
    text = page(tmp_path, PIXELS)
    assert "the squared difference of the pixels" in text
    assert "They are those of the views, not of the pixels." in text
    assert "All places together" not in text


def test_by_the_inner_face_it_says_of_what_the_heat_is(tmp_path):
    text = page(tmp_path, INNER)
    assert "views of the inner face alone" in text
    assert "They are those of the views, not of the inner face alone." in text
    assert "distances of the inner face are not calibrated" in text


def test_remarks_and_sketches_that_were_left_out_are_named(tmp_path):
    text = page(tmp_path, remark="1 face found", left_out=["b.png: no face found in it", "c.png: cut short"])
    assert "1 face found." in text
    assert "Left out: b.png: no face found in it; c.png: cut short." in text


def test_names_of_files_cannot_become_html_or_break_the_page(tmp_path):
    text = page(tmp_path, name='<script>x\udcff"</script>.png')
    assert "<script" not in text
    assert "&lt;script&gt;x\\xff" in text

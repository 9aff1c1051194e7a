"""What comes from the browser is a picture or is refused; what goes there makes no file; errors are sentences.

The page itself is looked at in a browser, in tests/tools/test_page.py.
"""

import sys

import numpy as np
import pytest

from pysketch.errors import DataError
from pysketch.page import layout
from pysketch.page.layout import Given, Limits, load_gradio, shown

GREY = np.full((3, 2), 7, np.uint8)


def test_an_upload_is_read_and_gone(tmp_path):
    path = tmp_path / "hash" / "face.png"
    path.parent.mkdir()
    path.write_bytes(b"abc")
    given = Given.of({"path": str(path), "url": "http://x/file", "orig_name": "face.png"})
    assert given.content(tmp_path) == b"abc"
    assert not path.exists()
    with pytest.raises(DataError, match=r"^face.png: did not arrive; take it again$"):
        given.content(tmp_path)


def test_files_elsewhere_are_neither_read_nor_removed(tmp_path):
    uploads, secret = tmp_path / "uploads", tmp_path / "secret"
    uploads.mkdir()
    secret.write_bytes(b"abc")
    (uploads / "link").symlink_to(secret)
    for path in (str(secret), f"{uploads}/../secret", str(uploads / "link"), "a\0b"):
        with pytest.raises(DataError, match="did not arrive"):
            Given(path, None, "x").content(uploads)
    assert secret.read_bytes() == b"abc"


def test_what_was_shown_comes_back_as_a_picture_without_a_file(tmp_path):
    value = shown(GREY, "sketch")
    assert value["orig_name"] == "sketch.png"
    assert value["path"] is None
    assert Given.of(value).content(tmp_path).startswith(b"\x89PNG")
    assert shown(np.zeros((1500, 1400, 3), np.uint8), "pasted")["orig_name"] == "pasted.jpg"


@pytest.mark.parametrize("value", ["text", 3, [], {}, {"path": 5, "url": ["x"], "orig_name": {}}])
def test_whatever_else_a_browser_sends_is_no_picture(value, tmp_path):
    given = Given.of(value)
    assert given.name == "the picture"
    with pytest.raises(DataError, match="take the picture again"):
        given.content(tmp_path)


def test_no_picture_is_none_and_a_name_is_no_path():
    assert Given.of(None) is None
    assert Given.of({"path": "p", "orig_name": "../../a.png"}).name == "a.png"


def test_limits_leave_room_for_a_file_as_text():
    limits = Limits(megabytes=1.5)
    assert limits.file_bytes == 3 * 2**19
    assert limits.message_bytes > limits.file_bytes * 4 / 3 + 1000


def test_where_the_library_is_missing_a_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(DataError, match=r'^the page needs Gradio: pip install -e "\.\[page\]"$'):
        load_gradio()


def test_the_visitor_is_told_what_is_wrong_with_the_picture_and_nothing_of_our_own_faults(caplog):
    assert layout._sentence(DataError("a.png: an empty file")) == "a.png: an empty file."
    assert not caplog.records
    assert layout._sentence(MemoryError("1 GiB")) == "not enough memory: 1 GiB; try a smaller picture."
    assert layout._sentence(KeyError("secret")).startswith("Something went wrong in this page")
    assert "secret" in caplog.text


def test_the_face_chosen_is_one_that_there_is():
    assert layout._face("2", [1, 2]) == 1
    assert layout._face(None, [1]) == 0
    for chosen in ("3", "0", ["1"], 1):
        with pytest.raises((DataError, TypeError)):
            layout._face(chosen, [1, 2])

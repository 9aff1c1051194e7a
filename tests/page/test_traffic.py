"""Between browser and page: pictures as data URLs, eyes as numbers, plain sentences; anything else is refused."""

import base64

import numpy as np
import pytest

from pysketch.errors import DataError
from pysketch.images.pictures import decode_picture, encode_picture
from pysketch.page.studio import MOST_FACES
from pysketch.page.traffic import from_eyes, from_url, is_sent_as_it_is, plain, to_eyes, to_url

NOISE = np.random.default_rng(2).integers(0, 256, (7, 5, 3)).astype(np.uint8)


@pytest.mark.parametrize("picture", [NOISE, NOISE[:, :, 0]])
def test_a_picture_goes_out_and_comes_back(picture):
    url = to_url(picture)
    assert url.startswith("data:image/png;base64,")
    np.testing.assert_array_equal(decode_picture(from_url(url), "x"), picture)


def test_a_large_photo_goes_out_as_jpeg_and_a_large_sketch_as_png():
    assert to_url(np.zeros((1500, 1400, 3), np.uint8)).startswith("data:image/jpeg;")
    assert to_url(np.zeros((1500, 1400), np.uint8)).startswith("data:image/png;")


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_file_that_browsers_show_goes_out_as_it_is(suffix):
    content = encode_picture(NOISE, suffix)
    assert is_sent_as_it_is(content)
    assert from_url(to_url(content)) == content


def test_other_files_do_not():
    assert not is_sent_as_it_is(b"BM1234")
    assert not is_sent_as_it_is(b"")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://example.com/a.png",
        "file:///a.png",
        "data:text/html;base64,AAAA",
        "data:image/png,AAAA",
        "data:image/png;base64,A A",
        "data:image/png;base64,AAAA\n",
        "data:image/png;base64,A",
    ],
)
def test_no_other_address_is_a_picture(url):
    with pytest.raises(DataError, match=r"take (the picture|it) again"):
        from_url(url)


def test_what_a_data_url_holds_is_its_bytes():
    assert from_url("data:image/svg+xml;base64," + base64.b64encode(b"<svg/>").decode()) == b"<svg/>"


def test_eyes_go_out_rounded_and_come_back():
    faces = [np.array([[1.25, 2], [3.04, 4]]), np.array([[5, 6], [7, 8.0]])]
    assert from_eyes(faces) == [[[1.2, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]]
    np.testing.assert_array_equal(to_eyes(from_eyes(faces))[1], faces[1])


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        "eyes",
        {"a": 1},
        [[1, 2], [3, 4]],
        [[[1, 2], [3]]],
        [[[1, 2], [3, "x"]]],
        [[[1, 2], [3, None]]],
        [[[1, 2], [3, float("inf")]]],
        [[[1, 2], [3, 4]]] * (MOST_FACES + 1),
    ],
)
def test_nothing_else_is_the_eyes_of_faces(value):
    with pytest.raises(DataError, match="expected the eyes of a face"):
        to_eyes(value)


def test_a_text_is_shown_as_it_is_on_one_line():
    assert plain("a <b>*c*\n[d](e)") == r"a \<b\>\*c\* \[d\]\(e\)"
    assert plain("Ann-Marie 1.2") == r"Ann\-Marie 1\.2"

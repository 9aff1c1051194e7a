"""Which files are pictures: what Pillow opens counts, and of the rest is said what it is and what helps."""

import io
import sys

import numpy as np
import pytest
from helpers import refused
from PIL import Image

from pysketch.errors import DataError
from pysketch.images.kinds import begins_as_picture, identify, is_named_as_picture, suffixes
from pysketch.images.pictures import read_photo, write_image

PIXELS = np.random.default_rng(3).integers(0, 256, (7, 5, 3)).astype(np.uint8)
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"


def content(name, mode="RGB"):
    stream = io.BytesIO()
    Image.fromarray(PIXELS).convert(mode).save(stream, name)
    return stream.getvalue()


def test_all_suffixes_that_pillow_reads_and_heics_count_and_no_others():
    for suffix in (".png", ".jpg", ".jfif", ".jpe", ".avif", ".jp2", ".tga", ".mpo", ".apng", ".heic", ".heif", ".qoi"):
        assert suffix in suffixes()
    for suffix in (".eps", ".pdf", ".h5", ".mpg", ".txt", ".csv", ".svg", ".nef", ""):
        assert suffix not in suffixes()


def test_a_suffix_of_what_people_call_a_picture_names_one_in_any_case():
    assert all(map(is_named_as_picture, (".JPG", ".HEIC", ".CR2", ".svg")))
    assert not any(map(is_named_as_picture, (".txt", "", ".h5", ".mov")))


def test_a_picture_is_known_by_how_it_begins():
    assert all(begins_as_picture(content(name)[:16]) for name in ("PNG", "JPEG", "TIFF", "WEBP", "GIF", "JPEG2000"))
    assert begins_as_picture(HEIC)
    assert not any(map(begins_as_picture, (b"", b"hello", b"RIFF\0\0\0\0WAVEfmt ", b"\0\0\0\x18ftypisom")))


@pytest.mark.parametrize("name", ["PNG", "TGA", "PCX", "SGI", "JPEG2000", "ICNS"])
def test_the_content_counts_whatever_the_suffix(name):
    image = Image.fromarray(PIXELS).resize((16, 16)) if name == "ICNS" else Image.fromarray(PIXELS)
    stream = io.BytesIO()
    image.save(stream, name)
    assert identify(stream, "a", ".txt").format == name


@pytest.mark.parametrize(
    ("suffix", "kind"),
    [
        (".NEF", "a camera's raw picture"),
        (".svg", "a drawing made of lines"),
        (".pdf", "a page"),
        (".xcf", "a painting program's own file"),
        (".jxl", "a kind of picture that Pillow does not know"),
    ],
)
def test_what_cannot_be_read_is_called_what_it_is(suffix, kind, tmp_path):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"something else")
    assert refused(DataError, read_photo, path) == f"{path}: {kind}, which cannot be read; save it as PNG or JPEG"


def test_of_a_raw_picture_not_the_thumbnail_is_read_but_a_png_of_that_name_is(tmp_path):
    path = tmp_path / "a.nef"
    path.write_bytes(content("TIFF"))
    assert refused(DataError, read_photo, path).startswith(f"{path}: a camera's raw picture, which cannot be read")
    path.write_bytes(content("PNG"))
    np.testing.assert_array_equal(read_photo(path), PIXELS)


def test_no_other_program_is_run_for_a_page(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(content("EPS"))
    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", None)  # a call would be a TypeError
    assert f"{path}: not an image in a format we read" in refused(DataError, read_photo, path)


def test_without_its_library_a_heic_picture_says_what_to_install(tmp_path, monkeypatch):
    path = tmp_path / "a.HEIC"
    path.write_bytes(HEIC + bytes(40))
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    expected = f'{path}: a HEIC picture; reading it needs pillow-heif: pip install -e ".[heif]"'
    assert refused(DataError, read_photo, path) == expected


def test_with_its_library_a_heic_picture_is_read_and_a_damaged_one_is_one_line(tmp_path):
    heif = pytest.importorskip("pillow_heif", reason='HEIC needs pip install -e ".[heif]"')
    heif.register_heif_opener()
    smooth = np.dstack([np.linspace(20, 220, 48).repeat(32).reshape(48, 32)] * 3).astype(np.uint8)
    for name, suffix in (("a", ".heic"), ("b", ".png")):
        exif = Image.Exif()
        exif[0x0112] = 6
        Image.fromarray(smooth).save(
            tmp_path / f"{name}{suffix}", format="HEIF" if suffix == ".heic" else None, exif=exif.tobytes()
        )
    photo = read_photo(tmp_path / "a.heic")
    assert photo.shape == (32, 48, 3)
    np.testing.assert_allclose(photo, read_photo(tmp_path / "b.png"), atol=6)
    (tmp_path / "a.heic").write_bytes(HEIC + bytes(40))
    assert "\n" not in refused(DataError, read_photo, tmp_path / "a.heic")


def test_a_pillow_without_avif_says_which_has_it(tmp_path, monkeypatch):
    path = tmp_path / "a.avif"
    path.write_bytes(b"\0\0\0\x18ftypavif\0\0\0\0mif1avif")
    Image.init()
    monkeypatch.delitem(Image.OPEN, "AVIF", raising=False)
    monkeypatch.setattr(Image, "ID", [name for name in Image.ID if name != "AVIF"])
    assert refused(DataError, read_photo, path) == (
        f"{path}: an AVIF picture, which this Pillow does not read; Pillow 11.3 and newer do"
    )


@pytest.mark.parametrize(
    "suffix", sorted(suffixes() & {".png", ".jfif", ".jpe", ".tga", ".jp2", ".pnm", ".dib", ".bw"})
)
def test_a_picture_that_is_written_under_a_suffix_is_read_under_it(suffix, tmp_path):
    write_image(tmp_path / "a.png", PIXELS)
    Image.fromarray(PIXELS).convert("L" if suffix == ".bw" else "RGB").save(tmp_path / f"a{suffix}")
    np.testing.assert_allclose(
        read_photo(tmp_path / f"a{suffix}").mean(), read_photo(tmp_path / "a.png").mean(), atol=3
    )

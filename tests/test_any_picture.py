"""One made face in every kind of file that Pillow writes, given in every way: the same sketch, or one clear line."""

from __future__ import annotations

import io
import itertools
import warnings

import deploy
import numpy as np
import pytest
from PIL import Image
from solver_helpers import write_sketch_net_file

from pysketch.drawing.sketcher import Sketcher
from pysketch.errors import DataError
from pysketch.images import synthetic
from pysketch.images.kinds import suffixes
from pysketch.images.pictures import as_photo, read_photo, read_sketch

FACE = synthetic.face_pair(3)[0][::4, ::4].copy()
"""63x50 pixels, to be told from itself when it is turned."""
GREY = np.asarray(Image.fromarray(FACE).convert("L"))
MODES = [
    *("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX"),
    *("CMYK", "YCbCr", "LAB", "HSV", "I", "F", "I;16", "I;16B", "I;16L"),
]
LOSSLESS = {"PNG", "BMP", "DIB", "TIFF", "PPM", "TGA", "PCX", "SGI", "QOI", "IM"}
RESIZED = {"ICO", "ICNS"}
STUBS = {"BUFR", "GRIB", "HDF5", "WMF"}
"""What Pillow writes only with somebody's help."""
Image.init()
NAMES = {each: name for each, name in Image.registered_extensions().items() if name in Image.SAVE and name not in STUBS}
"""Suffix -> format of all that Pillow writes."""
QUICK = {"PNG", "JPEG", "TIFF", "BMP", "GIF", "TGA", "EPS"}
SHOWN_ALONE = ("1", "L", "LA", "RGB", "RGBA", "I", "F")
"""Modes whose arrays say all that there is to the picture."""


@pytest.fixture(scope="module")
def net(tmp_path_factory):
    return write_sketch_net_file(tmp_path_factory.mktemp("net"))


@pytest.fixture(scope="module")
def sketcher(net):
    return Sketcher(net)


def face(mode):
    """The face as a Pillow image of this mode; where that has opacity, transparent at the left over black."""
    image = Image.fromarray(FACE)
    if mode in ("LA", "La", "PA", "RGBA", "RGBa"):
        opacity = np.where(np.arange(FACE.shape[1]) < 9, 0, 255).astype(np.uint8)
        image = Image.fromarray(np.where(opacity[:, None] > 0, FACE, 0).astype(np.uint8))
        image.putalpha(Image.fromarray(np.tile(opacity, (len(FACE), 1))))
        return image.convert("LA").convert(mode) if mode in ("LA", "La") else image.convert(mode)
    if mode == "I;16":
        return Image.fromarray(GREY.astype(np.uint16) * 257)
    return image.convert("L").convert(mode) if mode[0] in "IF" else image.convert(mode)


def encoded(suffix, mode, **options):
    """The file's content, or None where Pillow writes no such file."""
    stream = io.BytesIO()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            face(mode).save(stream, NAMES[suffix], **options)
    except Exception:
        return None
    return stream.getvalue()


def outcome(function, *arguments):
    """The sketch's pixels, or the text of the refusal, one line."""
    try:
        return np.asarray(function(*arguments))
    except DataError as error:
        assert "\n" not in str(error)
        return str(error)


def opened(path):
    """What a user does who opens a picture himself; a file that Pillow does not open is a refusal as well."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return Image.open(path)
        except Exception:
            return path


def check_alike(sketcher, path, mode):
    """By path, by Pillow image, by file, by array where that says all: one sketch, or a line each."""
    by_path = outcome(sketcher, path)
    if isinstance(by_path, str):
        assert by_path.startswith(f"{path}: ")
        assert isinstance(outcome(sketcher, io.BytesIO(path.read_bytes())), str)
        return by_path
    assert by_path.shape == FACE.shape[:2] or NAMES[path.suffix] in RESIZED
    with opened(path) as image:
        np.testing.assert_array_equal(outcome(sketcher, image), by_path)
        if mode in SHOWN_ALONE and image.mode in SHOWN_ALONE and not image.info.get("transparency"):
            np.testing.assert_array_equal(as_photo(np.asarray(image)), read_photo(path))
    with path.open("rb") as stream:
        np.testing.assert_array_equal(as_photo(stream), read_photo(path))
    return by_path


def quick_and_slow(suffixes):
    """Parameters of which those with other formats than a few are slow."""
    return [each if NAMES.get(each) in QUICK else pytest.param(each, marks=pytest.mark.slow) for each in suffixes]


@pytest.mark.parametrize("suffix", quick_and_slow({name: suffix for suffix, name in sorted(NAMES.items())}.values()))
def test_a_picture_gives_one_sketch_whichever_way_it_is_given(suffix, sketcher, tmp_path):
    seen = {}
    for mode in ("RGB", "RGBA") if NAMES[suffix] in RESIZED else MODES:
        content = encoded(suffix, mode)
        if content is not None:
            path = tmp_path / f"{mode.replace(';', '_')}{suffix}"
            path.write_bytes(content)
            seen[mode] = check_alike(sketcher, path, mode)
    assert seen
    if suffix not in suffixes():
        assert all(isinstance(each, str) for each in seen.values())
        return
    drawn = {mode: each for mode, each in seen.items() if not isinstance(each, str)}
    assert drawn
    if NAMES[suffix] in LOSSLESS and "RGB" in drawn:
        np.testing.assert_array_equal(drawn["RGB"], np.asarray(sketcher(FACE)))
    if NAMES[suffix] in LOSSLESS and "L" in drawn:
        np.testing.assert_array_equal(drawn["L"], np.asarray(sketcher(GREY)))


@pytest.mark.parametrize("suffix", quick_and_slow(sorted({".png", ".jpg", ".tif", ".webp", ".avif"} & NAMES.keys())))
def test_a_turned_picture_gives_the_upright_ones_sketch_whichever_way_it_is_given(suffix, sketcher, tmp_path):
    path, upright = tmp_path / f"a{suffix}", None
    options = {".webp": {"lossless": True}, ".jpg": {"quality": 95}, ".avif": {"quality": 95}}.get(suffix, {})
    modes = [mode for mode in ("L", "LA", "RGB", "RGBA", "I;16", "CMYK") if encoded(suffix, mode) is not None]
    assert modes
    for mode, (orientation, back) in itertools.product(modes, ((1, 0), (3, 2), (6, 1), (8, 3))):
        image, exif = face(mode), Image.Exif()
        exif[0x0112] = orientation
        turned = image.transpose(getattr(Image.Transpose, f"ROTATE_{90 * back}")) if back else image
        turned.save(path, exif=exif, **options)
        drawn = check_alike(sketcher, path, mode="turned")
        if orientation == 1:
            upright = drawn
        elif suffix in (".png", ".tif"):
            np.testing.assert_array_equal(drawn, upright)
        else:
            assert np.abs(drawn.astype(int) - upright).mean() < 3


@pytest.mark.parametrize(
    "formats", [QUICK, pytest.param({*NAMES.values()}, marks=pytest.mark.slow)], ids=["few", "all"]
)
def test_a_folder_is_drawn_or_refused_file_by_file_as_each_alone(formats, net, sketcher, tmp_path, capsys):
    album, refusals = tmp_path / "album", {}
    album.mkdir()
    for suffix in (*(each for each, name in NAMES.items() if name in formats), ".heic", ".nef"):
        content = (
            b"II*\0"
            if suffix in (".heic", ".nef")
            else encoded(suffix, "RGB") or encoded(suffix, "L") or encoded(suffix, "1")
        )
        (album / f"{suffix[1:]}{suffix}").write_bytes(content or b"nothing")
        refusal = outcome(sketcher, album / f"{suffix[1:]}{suffix}")
        if isinstance(refusal, str):
            refusals[suffix[1:]] = refusal
    files = {path.stem for path in album.iterdir()}
    named = {suffix[1:] for suffix in (*suffixes(), ".nef", ".eps", ".pdf", ".ps")} & files
    command = [str(net), "--align", "none", "--size-as-input"]
    capsys.readouterr()
    assert deploy.main([*command, str(album), "-o", str(tmp_path / "out")]) == 2
    said = capsys.readouterr()
    drawn = {path.stem for path in (tmp_path / "out").iterdir()}
    assert drawn == named - refusals.keys()
    assert {"jpg", "jfif", "png", "tga"} <= drawn
    assert said.out.splitlines()[-1] == f"{len(drawn)} of {len(named)} photos drawn, {len(named - drawn)} left out"
    for stem in files - drawn:
        assert sum(f"{stem}.{stem}" in line for line in said.err.splitlines()) == 1
    for stem in ("jfif", "nef"):
        status = deploy.main([*command, str(album / f"{stem}.{stem}"), "-o", str(tmp_path / "alone.png")])
        assert status == (0 if stem in drawn else 2)
    np.testing.assert_array_equal(read_sketch(tmp_path / "alone.png"), read_sketch(tmp_path / "out" / "jfif.png"))
    for stem in drawn:
        path = album / f"{stem}.{stem}"
        np.testing.assert_array_equal(read_sketch(tmp_path / "out" / f"{stem}.png"), np.asarray(sketcher(path)))

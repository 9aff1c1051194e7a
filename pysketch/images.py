"""Reading and writing image files as uint8 arrays; the only importer of Pillow.

Pixels run from 0 (black) to 255 (white). A photo is (H, W, 3) RGB, a sketch is (H, W) luma. What is read is
the first frame, turned upright by its EXIF orientation, with transparent parts shown on white.
Files are recognised by their content, whatever their suffix.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from pysketch.errors import DataError
from pysketch.files import atomic_path

MAX_PIXELS = 200_000_000
GAP = 8  # pixels between the two images of side_by_side

IMAGE_SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".ppm", ".pgm", ".pbm", ".pnm"}
)

_SAVE_OPTIONS = {  # suffix: what Image.save needs; only JPEG loses anything
    ".png": {"format": "PNG"},
    ".jpg": {"format": "JPEG", "quality": 95, "subsampling": 0},
    ".jpeg": {"format": "JPEG", "quality": 95, "subsampling": 0},
    ".bmp": {"format": "BMP"},
    ".tif": {"format": "TIFF"},
    ".tiff": {"format": "TIFF"},
    ".webp": {"format": "WEBP", "lossless": True},
}

_UPRIGHT = {  # EXIF 2.32, tag Orientation: how to undo each value
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION, _WIDTH, _HEIGHT = 0x0112, 0x0100, 0x0101  # EXIF and TIFF tags


class _TiffImageFile(TiffImagePlugin.TiffImageFile):
    """Pillow's TIFF reader less its second size check, which warns below MAX_PIXELS; _open has checked."""

    def load_prepare(self):
        if hasattr(self, "_tile_size") and self._im is None:
            self.im = Image.core.new(self.mode, self._tile_size)
        super().load_prepare()


# Image.open would warn of "decompression bombs" at 89 megapixels, refuse them at 179, and try every format
# that Pillow knows, EPS through Ghostscript included. Its limit and Python's warning filters are global to
# the process, so we leave both alone and call the readers of these formats ourselves.
_READERS = {  # name: how a file begins, who reads it
    "PNG": (rb"\x89PNG\r\n\x1a\n", PngImagePlugin.PngImageFile),
    "JPEG": (rb"\xff\xd8\xff", JpegImagePlugin.jpeg_factory),
    "BMP": (rb"BM", BmpImagePlugin.BmpImageFile),
    "TIFF": (rb"II[*+]\0|MM\0[*+]", _TiffImageFile),
    "WebP": (rb"RIFF....WEBP", WebPImagePlugin.WebPImageFile),
    "GIF": (rb"GIF8[79]a", GifImagePlugin.GifImageFile),
    "PPM": (rb"P[1-6f]\s", PpmImagePlugin.PpmImageFile),
}


def read_photo(path: str | os.PathLike[str]) -> np.ndarray:
    """The image as (H, W, 3) uint8 RGB; anything that cannot be read is a DataError naming the file."""
    return _read(Path(path), "RGB")


def read_sketch(path: str | os.PathLike[str]) -> np.ndarray:
    """The image as (H, W) uint8 luma, see to_luma; anything that cannot be read is a DataError."""
    return _read(Path(path), "L")


def image_size(path: str | os.PathLike[str]) -> tuple[int, int]:
    """(width, height) of the array that reading would give, from the file's header, without decoding."""
    with _opened(Path(path)) as (image, stream):
        if image.format == "PNG":
            _find_late_exif(image, stream)
        width, height = image.size
        if image.format == "TIFF":  # some versions of Pillow turn image.size beforehand, some do not
            width, height = image.tag_v2[_WIDTH], image.tag_v2[_HEIGHT]
        return (height, width) if _orientation(image) in (5, 6, 7, 8) else (width, height)


def write_image(path: str | os.PathLike[str], array: np.ndarray) -> None:
    """Write an (H, W) or (H, W, 3) uint8 array in the format of the suffix; all but JPEG are lossless.

    The file appears under its name only when it is complete. Everything that goes wrong is a DataError.
    """
    options = _SAVE_OPTIONS.get(Path(path).suffix.lower())
    if options is None:
        raise DataError(
            f'{path}: cannot write an image with the suffix "{Path(path).suffix}"; '
            f"expected one of {', '.join(_SAVE_OPTIONS)}"
        )
    _check_pixels(array, f"{path}: ")
    try:
        with atomic_path(path) as temporary:
            Image.fromarray(array).save(temporary, **options)
    except Exception as error:
        raise DataError(f"{path}: cannot write the image ({_reason(error)})") from error


def list_images(folder: str | os.PathLike[str]) -> list[Path]:
    """The folder's files whose suffix, in any case, is in IMAGE_SUFFIXES, by name; not the hidden ones."""
    folder = Path(folder)
    if not folder.is_dir():
        found = "a file" if folder.exists() else "nothing"
        raise DataError(f"{folder}: expected a folder of images, found {found}")
    try:
        entries = sorted(folder.iterdir(), key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(f"{folder}: cannot list the folder ({_reason(error)})") from error
    return [
        entry
        for entry in entries
        if entry.suffix.lower() in IMAGE_SUFFIXES and not entry.name.startswith(".") and entry.is_file()
    ]


def to_luma(rgb: np.ndarray) -> np.ndarray:
    """Luma of an (H, W, 3) uint8 array as (H, W) uint8, exactly Pillow's mode "L".

    y = (19595 r + 38470 g + 7471 b + 32768) >> 16, that is 0.299 r + 0.587 g + 0.114 b, rounded (BT.601).
    """
    _check_pixels(rgb, "to_luma: ", ndims=(3,))
    return np.array(Image.fromarray(rgb).convert("L"))


def side_by_side(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Both images on one white (H, W, 3) sheet, GAP pixels apart; the lower one is centred vertically.

    Each is (H, W) or (H, W, 3) uint8. The sheet is as high as the higher and H - h - (H - h) // 2 pixels
    are left below the lower one.
    """
    for image in (left, right):
        _check_pixels(image, "side_by_side: ")
    sheet_h = max(left.shape[0], right.shape[0])
    sheet = np.full((sheet_h, left.shape[1] + GAP + right.shape[1], 3), 255, np.uint8)
    for image, x in ((left, 0), (right, left.shape[1] + GAP)):
        h, w = image.shape[:2]
        y = (sheet_h - h) // 2
        sheet[y : y + h, x : x + w] = image if image.ndim == 3 else image[:, :, None]
    return sheet


def _check_pixels(array: np.ndarray, where: str, ndims: tuple[int, ...] = (2, 3)) -> None:
    expected = " or ".join({2: "(H, W)", 3: "(H, W, 3)"}[ndim] for ndim in ndims)
    fits = array.dtype == np.uint8 and array.ndim in ndims and array.size > 0
    if not fits or (array.ndim == 3 and array.shape[2] != 3):
        found = f"{array.dtype} {array.shape}"
        raise DataError(f"{where}expected a uint8 array of shape {expected}, found {found}")


def _read(path: Path, mode: str) -> np.ndarray:
    """Decode, turn upright and convert to the mode "RGB" or "L"."""
    with _opened(path) as (image, _):
        image.load()
        # Pillow turns a TIFF while loading it, and up to version 10 leaves its tag in place.
        turn = None if image.format == "TIFF" else _UPRIGHT.get(_orientation(image))
        if image.mode == "F":
            image = Image.fromarray(_float_to_uint8(np.asarray(image), path))
        elif image.mode.startswith("I"):
            image = Image.fromarray(_wide_to_uint8(np.asarray(image), image.info.get("transparency"), path))
        elif image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        if turn is not None:
            image = image.transpose(turn)
        return np.array(image.convert(mode))


def _float_to_uint8(x: np.ndarray, path: Path) -> np.ndarray:
    """Round pixels in 0..255, or 255 times pixels in 0..1; 0..1 is meant if no pixel exceeds 1."""
    low, high = x.min(), x.max()
    if not (low >= 0 and high <= 255):  # NaN fails too
        raise DataError(f"{path}: float pixels must lie in 0..1 or in 0..255, found {low:g}..{high:g}")
    return np.rint(x * 255 if high <= 1 else x).astype(np.uint8)


def _wide_to_uint8(x: np.ndarray, transparent: int | None, path: Path) -> np.ndarray:
    """x / 257, rounded, for integer pixels in 0..65535; the transparent value, if there is one, is white."""
    low, high = x.min(), x.max()
    if low < 0 or high > 65535:
        raise DataError(f"{path}: integer pixels must lie in 0..65535, found {low}..{high}")
    y = ((x.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if transparent is not None:
        y[x == transparent] = 255
    return y


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tuple[Image.Image, BinaryIO]]:
    """The image with its header read, and its file, open in the block; what fails there is a DataError."""
    try:
        if path.is_dir():
            raise DataError(f"{path}: expected an image, found a folder")
        if path.exists() and not path.is_file():  # reading a pipe could wait for ever
            raise DataError(f"{path}: expected an image, found something that is not a regular file")
        with path.open("rb") as stream:
            image = _identify(stream, path)
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise DataError(
                    f"{path}: the image has {width}x{height} = {width * height} pixels; the limit is {MAX_PIXELS}"
                )
            yield image, stream
    except DataError:
        raise
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file") from error
    except Exception as error:  # Pillow raises SyntaxError, ValueError, struct.error and more for bad files
        raise DataError(f"{path}: cannot read the image ({_reason(error)})") from error


def _identify(stream: BinaryIO, path: Path) -> Image.Image:
    """Let the reader whose signature matches read the header."""
    prefix = stream.read(16)
    if not prefix:
        raise DataError(f"{path}: expected an image, found an empty file")
    for signature, reader in _READERS.values():
        if re.match(signature, prefix, re.DOTALL):
            stream.seek(0)
            return reader(stream, "")  # without the name, as Pillow would memory-map the file
    raise DataError(f"{path}: not an image in a format we read ({', '.join(_READERS)})")


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation known so far, 1 (upright) if there is none or the EXIF data are damaged."""
    try:
        # Not image.getexif(), which for a PNG decodes the pixels.
        return Image.Image.getexif(image).get(_ORIENTATION, 1)
    except Exception:
        return 1


def _find_late_exif(image: Image.Image, stream: BinaryIO) -> None:
    """Take in a PNG's eXIf chunk that follows the pixels, where Pillow sees it only after decoding.

    A PNG is 8 bytes and then chunks: length (4 bytes, big-endian), name (4), data (length), checksum (4).
    """
    stream.seek(8)
    while "exif" not in image.info and len(head := stream.read(8)) == 8:
        length, name = int.from_bytes(head[:4], "big"), head[4:]
        if name == b"eXIf":
            image.info["exif"] = b"Exif\0\0" + stream.read(length)
        stream.seek(length + 4, os.SEEK_CUR)


def _reason(error: Exception) -> str:
    """What went wrong, on one line."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split()) or type(error).__name__

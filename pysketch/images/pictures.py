"""Reading and writing pictures as uint8 arrays; all that are read, from wherever, come in here.

Pixels run from 0 (black) to 255 (white). A photo is (H, W, 3) RGB, a sketch is (H, W) luma. What is read is
the first frame, turned upright by its EXIF orientation, with transparent parts shown on white. Pixels of 16 bits, and
fractions, are brought to 0..255. Files are recognised by their content, whatever their suffix (`kinds`).
"""

from __future__ import annotations

import contextlib
import io
import logging
import math
import os
import threading
import warnings
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from pysketch.errors import DataError
from pysketch.files import atomic_path
from pysketch.images.kinds import begins_as_picture, can_be_read, identify, is_named_as_picture

logger = logging.getLogger(__name__)

GAP = 8  # pixels between the pictures of side_by_side

_NAMED = 20  # how many files that are left out are named
_LITTER = frozenset({"thumbs.db", "desktop.ini"})  # Windows's own

_RUNS = 3
"""zlib's Z_RLE: of what is written like something before it only runs are shortened. A sketch takes a third of the time
that zlib's default takes, and as many bytes; a photo a third, and 3 to 10 % more."""

_SAVE_OPTIONS = {  # suffix: what Image.save needs; only JPEG loses anything
    ".png": {"format": "PNG", "compress_type": _RUNS},
    ".jpg": {"format": "JPEG", "quality": 95, "subsampling": 0},
    ".jpeg": {"format": "JPEG", "quality": 95, "subsampling": 0},
    ".bmp": {"format": "BMP"},
    ".tif": {"format": "TIFF"},
    ".tiff": {"format": "TIFF"},
    ".webp": {"format": "WEBP", "lossless": True},
}

_ORIENTATION = 0x0112  # EXIF 2.32; its values 5 to 8 swap width and height
_PREMULTIPLIED = {"La": "LA", "RGBa": "RGBA"}  # modes that Pillow converts only to these


def read_photo(path: str | os.PathLike[str]) -> np.ndarray:
    """The image as (H, W, 3) uint8 RGB; anything that cannot be read is a DataError naming the file."""
    return _read_file(Path(path), "RGB")


def read_sketch(path: str | os.PathLike[str]) -> np.ndarray:
    """The image as (H, W) uint8 luma, see to_luma; anything that cannot be read is a DataError."""
    return _read_file(Path(path), "L")


def as_photo(image: Any) -> np.ndarray:
    """A picture from wherever as (H, W, 3) uint8 RGB, the same whichever way it comes; DataError for what is none.

    image: a path; a file open for reading bytes, from its start if it can go there; a Pillow image, of which the
    present frame is taken; or an array: (H, W) or (H, W, 1) grey, (H, W, 2) grey and opacity, (H, W, 3) RGB,
    (H, W, 4) RGB and opacity. An array's values are bool, 0..255, 0..65535 or fractions 0..1, as those of a file are
    (`_wide_to_uint8`, `_float_to_uint8`). What cannot be told from the values is not: OpenCV's B, G, R must be turned
    around before. A uint8 (H, W, 3) array comes back itself.
    """
    if isinstance(image, (str, os.PathLike)):
        return read_photo(image)
    if isinstance(image, Image.Image):
        where = os.fsdecode(getattr(image, "filename", "")) or "a Pillow image"
        with _reasons(where), _unmapped(image):
            return _pixels(image, where, "RGB")
    if isinstance(image, np.ndarray):
        return _photo_of_array(image)
    if hasattr(image, "read"):
        name = getattr(image, "name", None)
        return _read_stream(image, name if isinstance(name, str) else "a file object", "RGB")
    raise DataError(f"expected a path, a file object, a Pillow image or an array, found {type(image).__name__}")


def decode_picture(content: bytes, name: str, colour: bool | None = None) -> np.ndarray:
    """The image in a file's bytes: (H, W, 3) uint8 RGB with colour, (H, W) luma without, as it is itself by default.

    Anything that cannot be read is a DataError with the name.
    """
    with _reasons(name), identify(io.BytesIO(content), name, "") as image:
        grey = image.mode in ("1", "L", "LA", "F") or image.mode.startswith("I")
        return _pixels(image, name, "L" if colour is False or (colour is None and grey) else "RGB")


def picture_size(content: bytes, name: str) -> tuple[int, int]:
    """Width and height of the image in a file's bytes, as stored; only its header is read. DataError as above."""
    with _reasons(name), identify(io.BytesIO(content), name, "") as image:
        return image.size


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


def encode_picture(array: np.ndarray, suffix: str) -> bytes:
    """An (H, W) or (H, W, 3) uint8 array as a file of the suffix's format, such as ".png", without anything but it.

    JPEG at quality 90, which keeps a face 200x250 pixels large in 12 KB; all else is lossless.
    """
    _check_pixels(array, "a picture: ")
    options = {**_SAVE_OPTIONS[suffix], **({"quality": 90} if suffix in (".jpg", ".jpeg") else {})}
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, **options)
    return stream.getvalue()


def list_images(folder: str | os.PathLike[str], beside: Collection[str] = ()) -> list[Path]:
    """The folder's pictures, by name; what else is in it, but for hidden files, is named in a warning of the log.

    A file counts by its suffix, in any case, that of a picture which cannot be read too: reading it says why. Without
    such a suffix it counts if it begins as a picture does. But one that cannot be read, or is not named as a picture,
    is left out if another one has its stem, as a camera's raw picture beside its JPEG.
    beside: suffixes, in small letters, of files that may lie there and are not worth a word.
    """
    pictures, left_out = sort_out(folder, beside)
    if left_out:
        more = f" and {len(left_out) - _NAMED} more" if len(left_out) > _NAMED else ""
        logger.warning("%s: %d left out: %s%s", folder, len(left_out), ", ".join(left_out[:_NAMED]), more)
    return pictures


def sort_out(folder: str | os.PathLike[str], beside: Collection[str] = ()) -> tuple[list[Path], list[str]]:
    """`list_images`, and what it leaves out, in words, where the log must not name it."""
    folder = Path(folder)
    if not folder.is_dir():
        found = "a file" if folder.exists() else "nothing"
        raise DataError(f"{folder}: expected a folder of images, found {found}")
    try:
        entries = sorted(folder.iterdir(), key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(f"{folder}: cannot list the folder ({_reason(error)})") from error
    entries = [entry for entry in entries if not entry.name.startswith(".") and entry.name.lower() not in _LITTER]
    firm = {entry.stem: entry for entry in entries if can_be_read(entry.suffix) and entry.is_file()}
    pictures, left_out = [], []
    for entry in entries:
        if not entry.is_file():
            kind = "a folder" if entry.is_dir() else "a link to nothing" if entry.is_symlink() else "no file"
            left_out.append(f"{entry.name} ({kind})")
        elif can_be_read(entry.suffix):
            pictures.append(entry)
        elif not is_named_as_picture(entry.suffix) and not begins_as_picture(_start(entry)):
            if entry.suffix.lower() not in beside:
                left_out.append(f"{entry.name} (no picture)")
        elif entry.stem in firm:
            left_out.append(f"{entry.name} (beside {firm[entry.stem].name})")
        else:
            pictures.append(entry)
    return pictures, left_out


def to_luma(rgb: np.ndarray) -> np.ndarray:
    """Luma of an (H, W, 3) uint8 array as (H, W) uint8, exactly Pillow's mode "L".

    y = (19595 r + 38470 g + 7471 b + 32768) >> 16, that is 0.299 r + 0.587 g + 0.114 b, rounded (BT.601).
    """
    _check_pixels(rgb, "to_luma: ", ndims=(3,))
    return np.array(Image.fromarray(rgb).convert("L"))


def rescale(image: np.ndarray, scale: float) -> np.ndarray:
    """An (H, W) image `scale` times as large, as (H', W') float32, sizes rounded to whole pixels; not clipped.

    Bicubic interpolation with a = -0.5, whose kernel is widened when the image shrinks, so that nothing aliases.
    """
    h, w = (max(1, round(size * scale)) for size in image.shape)
    return np.array(Image.fromarray(image.astype(np.float32)).resize((w, h), Image.Resampling.BICUBIC))


def resize(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """An (H, W) or (H, W, 3) uint8 image in another size: `interpolate`, rounded to whole levels.

    OpenCV's fixed-point numbers may differ by one.
    """
    _check_pixels(image, "resize: ")
    return np.rint(interpolate(image, width, height)).astype(np.uint8)


def resample(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """An (H, W) or (H, W, 3) uint8 image in another size: bicubic, antialiased where it shrinks.

    Far reductions begin with means of whole pixels, which costs a fifth of `rescale`.
    """
    _check_pixels(image, "resample: ")
    return np.array(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC, reducing_gap=2.0))


def draw_polygons(image: np.ndarray, polygons: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """A copy of an (H, W, 3) uint8 image with filled polygons, the later over the earlier.

    Each is its corners, (N, 2) x and y in pixels from the centre of the top left one, and its colour, R, G, B from 0 to
    255, rounded and clipped.
    """
    canvas = Image.fromarray(image)
    pen = ImageDraw.Draw(canvas)
    for corners, colour in polygons:
        fill = tuple(int(level) for level in np.clip(np.rint(colour), 0, 255))
        pen.polygon([(float(x), float(y)) for x, y in corners], fill=fill)
    return np.array(canvas)


def as_jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    """An (H, W, 3) uint8 image as JPEG of this quality, 1 to 95, gives it back: with its blocks and halos."""
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=quality)
    return np.array(Image.open(stream))


def interpolate(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """An (H, W, ...) array in another size, float32, by bilinear interpolation, as OpenCV's default does it.

    Pixel (x, y) is taken at ((x + 1/2) W / width - 1/2, ...), between its four neighbours, the border's going on; not
    antialiased.
    """
    result = image.astype(np.float32)
    for axis, length in ((0, height), (1, width)):
        size = image.shape[axis]
        at = ((np.arange(length) + 0.5) * size / length - 0.5).clip(0, size - 1)
        low = at.astype(int)
        part = (at - low).astype(np.float32).reshape((-1,) + (1,) * (image.ndim - 1 - axis))
        result = (1 - part) * result.take(low, axis) + part * result.take((low + 1).clip(0, size - 1), axis)
    return result


def to_pillow(array: np.ndarray) -> Image.Image:
    """An (H, W) or (H, W, 3) uint8 array as a Pillow image."""
    _check_pixels(array, "to_pillow: ")
    return Image.fromarray(array)


def side_by_side(*pictures: np.ndarray) -> np.ndarray:
    """The pictures on one white (H, W, 3) sheet, GAP pixels apart; lower ones are centred vertically.

    Each is (H, W) or (H, W, 3) uint8. The sheet is as high as the highest; H - h - (H - h) // 2 pixels are left
    below one of h.
    """
    for picture in pictures:
        _check_pixels(picture, "side_by_side: ")
    sheet_h = max(len(picture) for picture in pictures)
    sheet_w = sum(picture.shape[1] for picture in pictures) + GAP * (len(pictures) - 1)
    sheet = np.full((sheet_h, sheet_w, 3), 255, np.uint8)
    x = 0
    for picture in pictures:
        h, w = picture.shape[:2]
        y = (sheet_h - h) // 2
        sheet[y : y + h, x : x + w] = picture if picture.ndim == 3 else picture[:, :, None]
        x += w + GAP
    return sheet


def stacked(*pictures: np.ndarray) -> np.ndarray:
    """The pictures one below the other on a white (H, W, 3) sheet, GAP pixels apart, each at its left edge.

    Each is (H, W) or (H, W, 3) uint8.
    """
    for picture in pictures:
        _check_pixels(picture, "stacked: ")
    height = sum(len(picture) for picture in pictures) + GAP * (len(pictures) - 1)
    sheet = np.full((height, max(picture.shape[1] for picture in pictures), 3), 255, np.uint8)
    y = 0
    for picture in pictures:
        h, w = picture.shape[:2]
        sheet[y : y + h, :w] = picture if picture.ndim == 3 else picture[:, :, None]
        y += h + GAP
    return sheet


def warp(image: np.ndarray, matrix: np.ndarray, size: tuple[int, int], antialias: bool = True) -> np.ndarray:
    """A picture of `size` (width, height) whose pixel (x, y) shows the image at matrix @ (x, y, 1).

    image: (H, W) or (H, W, 3) uint8. matrix: (2, 3), a similarity; pixel centres are at whole numbers.
    Bicubic. Where a pixel of the picture covers more than one of the image, the picture is first made
    twice as large, of an image reduced to at most one pixel per pixel of that; both reductions are by an
    antialiased bicubic filter; without antialias, right for a few percent, neither is done. Outside the image its
    border pixels go on.
    """
    _check_pixels(image, "warp: ")
    linear = np.array(matrix, np.float64)[:, :2]
    shift = np.array(matrix, np.float64)[:, 2] + 0.5 - linear.sum(axis=1) / 2  # between corners, as Pillow counts
    step = math.hypot(*linear[:, 0])  # image pixels per pixel of the picture
    source = Image.fromarray(image)
    if step > 2 and antialias:
        reduced = tuple(max(1, round(length * 2 / step)) for length in source.size)
        ratio = np.divide(reduced, source.size)
        linear, shift = linear * ratio[:, None], shift * ratio
        source = source.resize(reduced, Image.Resampling.BICUBIC)
    if step <= 1 or not antialias:
        return np.array(_sampled(source, linear, shift, size))
    twice = _sampled(source, linear / 2, shift, (2 * size[0], 2 * size[1]))
    return np.array(twice.resize(size, Image.Resampling.BICUBIC))


def _sampled(source: Image.Image, linear: np.ndarray, shift: np.ndarray, size: tuple[int, int]) -> Image.Image:
    """Bicubic samples at linear @ p + shift, in Pillow's coordinates: pixel centres are at halves."""
    corners = linear @ (np.array([[0, 1, 0, 1], [0, 0, 1, 1]]) * np.array(size)[:, None]) + shift[:, None]
    first = np.floor(corners.min(axis=1)).astype(int) - 3  # the filter reaches 2 pixels around
    last = np.ceil(corners.max(axis=1)).astype(int) + 3
    rows, cols = (np.arange(first[k], last[k]).clip(0, source.size[k] - 1) for k in (1, 0))
    seen = Image.fromarray(np.asarray(source)[np.ix_(rows, cols)])
    x, y = shift - first
    (a, b), (d, e) = linear
    return seen.transform(size, Image.Transform.AFFINE, (a, b, x, d, e, y), Image.Resampling.BICUBIC)


def _check_pixels(array: np.ndarray, where: str, ndims: tuple[int, ...] = (2, 3)) -> None:
    expected = " or ".join({2: "(H, W)", 3: "(H, W, 3)"}[ndim] for ndim in ndims)
    fits = array.dtype == np.uint8 and array.ndim in ndims and array.size > 0
    if not fits or (array.ndim == 3 and array.shape[2] != 3):
        found = f"{array.dtype} {array.shape}"
        raise DataError(f"{where}expected a uint8 array of shape {expected}, found {found}")


def _photo_of_array(array: np.ndarray) -> np.ndarray:
    """As `as_photo`."""
    planes = array.shape[2] if array.ndim == 3 else 1
    if array.ndim not in (2, 3) or planes not in (1, 2, 3, 4) or array.size == 0 or array.dtype.kind not in "buif":
        found = f"{array.dtype} {array.shape}"
        raise DataError(f"a photo: expected an array of shape (H, W), or (H, W, 1) to (H, W, 4), found {found}")
    if array.dtype.kind == "b":
        array = array.astype(np.uint8) * 255
    elif array.dtype.kind == "f":
        array = _float_to_uint8(array, "a photo")
    elif array.dtype != np.uint8:
        array = _wide_to_uint8(array, None, "a photo")
    if planes == 3:
        return array
    return _pixels(Image.fromarray(array[:, :, 0] if array.shape[2:] == (1,) else array), "a photo", "RGB")


def _read_file(path: Path, mode: str) -> np.ndarray:
    where = str(path)
    with _reasons(where):
        if path.is_dir():
            raise DataError(f"{where}: expected an image, found a folder")
        with path.open("rb") as stream:
            return _read_stream(stream, where, mode)


def _read_stream(stream: IO[bytes], where: str, mode: str) -> np.ndarray:
    """Decode what is in a file, and turn it into pixels of the mode "RGB" or "L"."""
    with _reasons(where):
        if isinstance(stream, io.TextIOBase):
            raise DataError(f'{where}: opened as text; open a picture with mode "rb"')
        if not (hasattr(stream, "seekable") and stream.seekable()):
            stream = io.BytesIO(stream.read())
        with identify(stream, where, Path(where).suffix) as image:
            return _pixels(image, where, mode)


def _pixels(image: Image.Image, where: str, mode: str) -> np.ndarray:
    """Turn upright and convert to the mode "RGB" or "L", an (H, W, 3) or (H, W) uint8 array."""
    image.load()
    if image.format != "TIFF" and _orientation(image) != 1:
        image = ImageOps.exif_transpose(image)
    if image.mode == "F":
        image = Image.fromarray(_float_to_uint8(np.asarray(image), where))
    elif image.mode.startswith("I"):
        image = Image.fromarray(_wide_to_uint8(np.asarray(image), image.info.get("transparency"), where))
    elif image.has_transparency_data:
        if image.mode in _PREMULTIPLIED:
            image = image.convert(_PREMULTIPLIED[image.mode])
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    elif image.mode == "LAB":
        image = image.convert("RGB")
    return np.array(image.convert(mode))


def _float_to_uint8(x: np.ndarray, where: str) -> np.ndarray:
    """Round pixels in 0..255, or 255 times pixels in 0..1; 0..1 is meant if no pixel exceeds 1."""
    low, high = x.min(), x.max()
    if not (low >= 0 and high <= 255):  # NaN fails too
        raise DataError(f"{where}: float pixels must lie in 0..1 or in 0..255, found {low:g}..{high:g}")
    return np.rint(x * 255 if high <= 1 else x).astype(np.uint8)


def _wide_to_uint8(x: np.ndarray, transparent: int | None, where: str) -> np.ndarray:
    """x / 257, rounded, for integer pixels in 0..65535; the transparent value, if there is one, is white.

    If no pixel exceeds 255 they are taken as they are: a picture of 8 bits in wider numbers, where one of 16 bits would
    be black.
    """
    low, high = x.min(), x.max()
    if low < 0 or high > 65535:
        raise DataError(f"{where}: integer pixels must lie in 0..65535, found {low}..{high}")
    y = x.astype(np.uint8) if high <= 255 else ((x.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if transparent is not None:
        y[x == transparent] = 255
    return y


class _Silence:
    """Inside, nothing warns. Any thread may enter: which warnings are shown is said once for all of them.

    The last one to leave says what the first one found, whatever their order.
    """

    def __init__(self) -> None:
        self._lock, self._inside = threading.Lock(), 0

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._before = warnings.catch_warnings()
                self._before.__enter__()
                warnings.simplefilter("ignore")
            self._inside += 1

    def __exit__(self, *exception: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._before.__exit__(None, None, None)


_SILENCE = _Silence()


@contextlib.contextmanager
def _reasons(where: str) -> Iterator[None]:
    """Whatever fails in the block is a DataError of one line, and nothing in it warns.

    Pillow refuses images of more than 179 megapixels, and would warn of those that have half as many.
    """
    try:
        with _SILENCE:  # of large images, and of damage that Pillow gets along with
            yield
    except DataError:
        raise
    except FileNotFoundError:
        raise DataError(f"{where}: no such file") from None
    except Exception as error:  # Pillow raises SyntaxError, ValueError, struct.error and more for bad files
        raise DataError(f"{where}: cannot read the image ({_reason(error)})") from error


@contextlib.contextmanager
def _unmapped(image: Image.Image) -> Iterator[None]:
    """Keep Pillow from mapping a TIFF's file into memory: Pillow 13 does so wrongly with one that is to be turned."""
    mapped = image.format == "TIFF" and getattr(image, "filename", "")
    if mapped:
        image.filename = ""
    try:
        yield
    finally:
        if mapped:
            image.filename = mapped


def _start(path: Path) -> bytes:
    """A file's first bytes; of one that cannot be read none."""
    try:
        with path.open("rb") as stream:
            return stream.read(16)
    except OSError:
        return b""


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation; 1 (upright) if there is none or the EXIF data are damaged."""
    try:
        return image.getexif().get(_ORIENTATION, 1)
    except Exception:  # as above
        return 1


def _reason(error: Exception) -> str:
    """What went wrong, on one line."""
    if isinstance(error, Image.DecompressionBombError):
        return f"its header says more than {2 * Image.MAX_IMAGE_PIXELS / 1e6:.0f} megapixels; a smaller one is read"
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split()) or type(error).__name__

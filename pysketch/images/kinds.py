"""Which files are pictures that can be read: in a folder by their suffix, opened by their content."""

from __future__ import annotations

import functools
from typing import IO

from PIL import Image, UnidentifiedImageError

from pysketch.errors import DataError
from pysketch.files import describe
from pysketch.shipped import how_to_install

COMMON = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF", "PPM")
"""Formats that are looked for first, as Pillow calls them."""

_NOT_READ = frozenset({"EPS", "WMF", "BUFR", "GRIB", "HDF5", "MPEG"})
"""Pillow only names these, or needs another program: EPS runs Ghostscript."""

_HEIF_SUFFIXES, _AVIF_SUFFIXES = frozenset({".heic", ".heif", ".hif"}), frozenset({".avif", ".avifs"})
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})

_RAW = frozenset(
    {
        ".arw",
        ".cr2",
        ".cr3",
        ".crw",
        ".dng",
        ".erf",
        ".iiq",
        ".kdc",
        ".mrw",
        ".nef",
        ".nrw",
        ".orf",
        ".pef",
        ".raf",
        ".raw",
        ".rw2",
        ".rwl",
        ".sr2",
        ".srf",
        ".srw",
        ".x3f",
    }
)
_UNREADABLE = {
    **dict.fromkeys(_RAW, "a camera's raw picture"),
    **dict.fromkeys((".svg", ".svgz", ".ai", ".wmf", ".emf"), "a drawing made of lines"),
    **dict.fromkeys((".pdf", ".ps", ".eps"), "a page"),
    **dict.fromkeys((".psb", ".xcf", ".kra", ".afphoto", ".clip"), "a painting program's own file"),
    **dict.fromkeys((".jxl", ".jxr", ".wdp", ".exr", ".hdr"), "a kind of picture that Pillow does not know"),
}
_STARTS = (
    b"\x89PNG\r\n",
    b"\xff\xd8\xff",
    b"GIF87a",
    b"GIF89a",
    b"II*\0",
    b"MM\0*",
    b"\0\0\0\x0cjP  ",
    b"\xff\x4f\xff\x51",
)

_USUAL = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".gif"})
"""Some of `suffixes`, for which Pillow need not import all its plugins."""


def can_be_read(suffix: str) -> bool:
    """Whether a suffix, in any case, is among `suffixes`."""
    return suffix.lower() in _USUAL or suffix.lower() in suffixes()


@functools.cache
def suffixes() -> frozenset[str]:
    """The suffixes, in small letters, of pictures that can be read: all that Pillow opens, and HEIC's."""
    Image.init()
    named = {suffix for suffix, name in Image.registered_extensions().items() if name in (*_formats(), "MPO")}
    return frozenset(named | _HEIF_SUFFIXES | _AVIF_SUFFIXES)


def is_named_as_picture(suffix: str) -> bool:
    """Whether a suffix, in any case, is a picture's, also of a kind that cannot be read."""
    return can_be_read(suffix) or suffix.lower() in _UNREADABLE


def begins_as_picture(start: bytes) -> bool:
    """Whether a file that begins with these bytes, 16 or more, is a picture of a common kind, whatever its name."""
    return start.startswith(_STARTS) or (start[:4], start[8:12]) == (b"RIFF", b"WEBP") or bool(_brand(start))


def identify(stream: IO[bytes], where: str, suffix: str) -> Image.Image:
    """The picture in a file, its header read; DataError, beginning with `where`, with the reason if it is none.

    suffix: of the file's name, "" if it has none; it only helps to say what the file is.
    """
    kind = _UNREADABLE.get(suffix.lower())
    refusal = DataError(f"{where}: {kind}, which cannot be read; save it as PNG or JPEG")
    try:
        image = Image.open(stream, formats=COMMON)
    except UnidentifiedImageError:
        if kind:
            raise refusal from None
        return _uncommon(stream, where)
    if image.format == "TIFF" and suffix.lower() in _RAW:  # of which Pillow would read the thumbnail
        image.close()
        raise refusal
    return image


def _formats() -> tuple[str, ...]:
    return tuple(name for name in Image.OPEN if name not in _NOT_READ)


def _uncommon(stream: IO[bytes], where: str) -> Image.Image:
    """As `identify`, of a picture that is none of the common kinds."""
    Image.init()
    try:
        return Image.open(stream, formats=_formats())
    except UnidentifiedImageError:
        stream.seek(0)
        start = stream.read(2000)
        brand = _brand(start)
    if brand == "HEIC":
        _register_heif(where)
        return Image.open(stream, formats=("HEIF",))
    if brand == "AVIF":
        raise DataError(f"{where}: an AVIF picture, which this Pillow does not read; Pillow 11.3 and newer do")
    kind = describe(start)
    known = f", but {kind}" if kind and "picture" not in kind else f" ({', '.join(COMMON)}, HEIC and more of Pillow's)"
    raise DataError(f"{where}: not an image in a format we read{known}")


def _brand(start: bytes) -> str:
    """HEIC, AVIF or an empty text, by the brand at a file's start (ISO/IEC 14496-12, the box ftyp)."""
    if start[4:8] != b"ftyp":
        return ""
    return "HEIC" if start[8:12] in _HEIF_BRANDS else "AVIF" if start[8:12] in _AVIF_BRANDS else ""


def _register_heif(where: str) -> None:
    """Let Pillow open HEIC; DataError that says what to install where the library is missing."""
    try:
        import pillow_heif
    except ImportError:
        message = f"{where}: a HEIC picture; reading it needs pillow-heif: {how_to_install('heif')}"
        raise DataError(message) from None
    pillow_heif.register_heif_opener()

"""Files: written so that a crash never leaves half of one, read as text whatever editor saved it, found, named.

`atomic_path` is for whatever is written, `check_output` before the work that goes before it. `read_text` is for every
text that is read: it knows byte-order marks and says what a file is that is no text. `find_file` looks for a relative
path in further folders, `where_looked` says in which.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO

from pysketch.errors import DataError, Position

_MARKS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\0\0", "utf-32-le"),
    (b"\0\0\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
"""Byte-order marks, as Windows' editors and PowerShell write them, and the encodings that they stand for."""

GALLERY = "a gallery of photos, as enroll.py writes it"
"""What `describe` calls one: HDF5, but with neither weights nor a net in it."""

_STARTS = (
    (b"\x89PNG\r\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"II*\0", "a TIFF picture"),
    (b"MM\0*", "a TIFF picture"),
    (b"\x89HDF\r\n", "an HDF5 file"),
    (b"%PDF-", "a PDF file"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a file packed by gzip"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"pysketch gallery\n", GALLERY),
)
"""What files of other kinds begin with."""

_TEXT_STARTS = (
    (("<!doctype html", "<html", "<head", "<body"), "a web page (HTML), perhaps saved in place of the file itself"),
    (("<?xml",), "an XML file"),
    (("version https://git-lfs",), "a Git LFS pointer, not the file itself; git lfs pull fetches it"),
)
"""What texts begin with that are none of those that are read here."""

_LAYER = re.compile(r"^[ \t]*layers?[ \t]{0,9}:?[ \t]{0,9}[{<\[\r\n]", re.MULTILINE)
_SOLVER = re.compile(r"^[ \t]*(?:(?:train_|test_)?net|base_lr|lr_policy|max_iter)[ \t]{0,9}:", re.MULTILINE)
_NO_TEXT = re.compile(r"[\x00-\x08\x0e-\x1f]")
_NO_UTF8 = re.compile("[\udc80-\udcff]")  # bytes of a name that are no text, as Python reads them
_CONTROLS = {"\n": "a line break", "\t": "a tab", "\r": "a carriage return"}
_ESCAPES = dict(zip("\a\b\f\n\r\t\v", "abfnrtv", strict=True))

NEW_FILE_MODE = 0o666  # less the umask, as for any file made by open()

PRIVATE = 0o600
"""The `new_mode` of files with pictures of people: for their owner alone."""


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str], new_mode: int = NEW_FILE_MODE) -> Iterator[Path]:
    """A temporary path in the target's folder that becomes `path` when the block ends without an exception.

    The temporary file exists and is empty when the block starts; it is hidden and ends in the target's
    suffix. The block must have closed it when it ends. It is then synced to disk and renamed over the target
    in one step. After any exception, KeyboardInterrupt included, it is removed and the target is as it was.
    A killed process leaves the target as it was and the hidden file behind.

    Missing parent folders are made. A symbolic link is followed, as open() would. An existing target
    keeps its permission bits, a new one gets `new_mode` less the umask. Any OSError passes through.
    """
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    kept_mode = _mode_of_regular_file(target)
    temporary = target.with_name(f".{target.stem[:40]}.{os.getpid()}-{os.urandom(4).hex()}{target.suffix}")
    _create(temporary, new_mode if kept_mode is None else (kept_mode & 0o777) | 0o600)
    try:
        yield temporary
        _sync(temporary)
        if kept_mode is not None:  # last, as it may forbid writing
            temporary.chmod(kept_mode)
        os.replace(temporary, target)
    except BaseException:
        # On Windows a file that the block left open cannot be removed; the block's own error matters more.
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def check_output(path: str | os.PathLike[str], inputs: Iterable[str | os.PathLike[str]]) -> None:
    """DataError if what is to be written would replace a file that is read, or a folder's; links are followed.

    inputs: files and folders; those that are not there are passed over, as whoever reads them says so.
    """
    if os.path.exists(path):
        for each in inputs:
            if os.path.exists(each) and os.path.samefile(path, each):
                raise DataError(f"{as_read(path)}: is read by this command, and would be overwritten; choose another")


def check_folder(path: str | os.PathLike[str]) -> None:
    """DataError if the folder that a file is to be written in is not there: for what no mistyped path may scatter."""
    folder = os.path.dirname(os.path.realpath(path))
    if not os.path.isdir(folder):
        raise DataError(f"{as_read(path)}: there is no folder {as_read(folder)}; make it first")


def begins_as_page(path: str | os.PathLike[str]) -> bool:
    """Whether a file begins as a web page (HTML) does; OSError passes through."""
    with open(path, "rb") as stream:
        encoding, start = _encoding(stream.read(1000))
    return start.decode(encoding, "ignore").lstrip().lower().startswith(_TEXT_STARTS[0][0])


def sync_folder(folder: str | os.PathLike[str]) -> None:
    """Wait until what was renamed into a folder is there after a loss of power as well; Windows does so by itself."""
    if os.name != "nt":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def left_behind(path: str | os.PathLike[str], *, numbered: bool = False) -> list[Path]:
    """The temporary files that processes which were killed left behind of `atomic_path(path)`, by name.

    Those of one that still writes are among them, so ask only while nobody else does. Of a target whose stem is
    longer than 40 characters there are none, as they could be another one's. numbered: those of NAME_1, NAME_2 and so
    on, beside NAME, are among them.
    """
    target = Path(os.path.realpath(path))
    if len(target.stem) > 40 or not target.parent.is_dir():
        return []
    number = r"(_\d+)?" if numbered else ""
    name = re.compile(rf"\.{re.escape(target.stem)}{number}\.\d+-[0-9a-f]{{8}}{re.escape(target.suffix)}")
    return sorted(each for each in target.parent.iterdir() if name.fullmatch(each.name))


def erase(path: str | os.PathLike[str]) -> None:
    """Overwrite a file with zeros, on the disk, from its start on, and remove it; nothing happens if it is not there.

    Whoever has it open, or mapped, sees zeros. What else the disk may keep, such as copies of blocks that its own
    electronics has moved, is out of reach.
    """
    try:
        with open(path, "r+b", buffering=0) as stream:
            overwrite(stream)
        os.unlink(path)
    except FileNotFoundError:
        return


def reserve(path: str | os.PathLike[str], size: int) -> None:
    """Take so many bytes, one at least, of the disk for a file that is there: it is then as long, the new bytes zeros.

    For a library that cannot be trusted with a full disk. OSError, such as "No space left on device", if there is no
    room. A file system that writes everything anew, as ZFS does, may still run out later.
    """
    with open(path, "r+b", buffering=0) as stream:
        if hasattr(os, "posix_fallocate"):
            try:
                os.posix_fallocate(stream.fileno(), 0, size)
                return
            except OSError as error:
                if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):
                    raise
        left = size - stream.seek(0, os.SEEK_END)
        zeros = bytes(1 << 20)
        while left > 0:
            left -= stream.write(zeros[:left])


def overwrite(stream: IO[bytes]) -> None:
    """Zeros all over an open file, from its start on, on the disk when this returns; its length stays."""
    stream.seek(0)
    left = os.fstat(stream.fileno()).st_size
    zeros = bytes(1 << 20)
    while left > 0:
        left -= stream.write(zeros[:left])
    stream.flush()
    os.fsync(stream.fileno())


def _mode_of_regular_file(target: Path) -> int | None:
    """The permission bits of an existing file, None if there is none; a folder or device is an OSError."""
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
    if not stat.S_ISREG(mode):  # renaming over /dev/null would destroy it
        raise OSError(errno.EINVAL, "not a regular file", str(target))
    return stat.S_IMODE(mode)


def _create(temporary: Path, mode: int) -> None:
    """Make an empty file that is never more readable than the target it will replace."""
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))


def _sync(temporary: Path) -> None:
    """Wait until the file's bytes are on the disk, so that the rename cannot arrive there before them."""
    descriptor = os.open(temporary, os.O_RDWR)  # Windows syncs only files open for writing
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class NotText(ValueError):
    """A file that is not the text that it should be; `line` and `column`, from 1, of the first byte that is none."""

    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(message if line is None else f"line {line}, column {column}: {message}")
        self.what, self.line, self.column = message, line, column

    def at(self, path: str | os.PathLike[str]) -> str:
        """The message as the errors of text files have it, behind the file's place."""
        where = os.fspath(path) if self.line is None else Position(os.fspath(path), self.line, self.column)
        return f"{where}: {self.what}"


def read_text(path: str | os.PathLike[str], *, damaged: bool = False) -> str:
    """A text file's text, line ends as they are: UTF-8, or UTF-16 and UTF-32 if a byte-order mark says so.

    The mark itself is no part of the text. NotText, a ValueError, for a file that is no text, and says what it is, as
    far as that can be seen; with `damaged` the bytes that are no text are replaced instead. OSError passes through.
    """
    content = Path(path).read_bytes()
    encoding, text = _encoding(content)
    if not damaged and (kind := _binary_kind(content)):
        raise NotText(f"is {kind}")
    try:
        text = text.decode(encoding, "replace" if damaged else "strict")
    except UnicodeDecodeError as error:
        raise _not_utf8(error) from None
    kind = _text_kind(text)
    if kind and not damaged:
        raise NotText(f"is {kind}")
    return text


def read_table(path: str | os.PathLike[str], header: Sequence[str]) -> list[tuple[int, list[str]]]:
    """The rows of a CSV file with this header, each with its line from 2 on; cells without blanks around them.

    Empty rows are left out. DataError, with the line, for a file that is no such table.
    """
    import csv  # which most that is read here need not wait for

    try:
        rows = list(csv.reader(io.StringIO(read_text(path), newline="")))
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"{path}: not a readable CSV file: {getattr(error, 'strerror', None) or error}") from None
    rows = [[cell.strip() for cell in row] for row in rows]
    if rows[:1] != [list(header)]:
        found = as_read(",".join(rows[0])) if rows else ""
        raise DataError(f"{path}:1: expected the header {','.join(header)}, found {found or 'nothing'}")
    for line, row in enumerate(rows[1:], 2):
        if any(row) and len(row) != len(header):
            raise DataError(f"{path}:{line}: expected {len(header)} values, found {len(row)}")
    return [(line, row) for line, row in enumerate(rows[1:], 2) if any(row)]


def describe(content: bytes) -> str:
    """What a file of this content is, such as "a PNG picture" or "a netdef", or "" where that cannot be seen."""
    kind = _binary_kind(content)
    if kind:
        return kind
    if not content:
        return "an empty file"
    encoding, rest = _encoding(content)
    try:
        text = rest.decode(encoding)
    except UnicodeDecodeError:
        return ""
    if _NO_TEXT.search(text):
        return ""
    kinds = ((_LAYER, "a netdef"), (_SOLVER, "a solver file"))
    return _text_kind(text) or next((name for pattern, name in kinds if pattern.search(text)), "a text")


def _encoding(content: bytes) -> tuple[str, bytes]:
    """The encoding of a text, and what follows its byte-order mark."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return encoding, content[len(mark) :]
    return "utf-8", content


def _binary_kind(content: bytes) -> str:
    """What a file is that is no text, or ""."""
    found = next((name for start, name in _STARTS if content.startswith(start)), "")
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "a WebP picture"
    if content[:2] == b"BM" and b"\0" in content[:16]:
        return "a BMP picture"
    if content[4:8] == b"ftyp":
        return "a HEIF or AVIF picture" if content[8:11] in (b"hei", b"hev", b"mif", b"msf", b"avi") else "a video"
    return found


def _text_kind(text: str) -> str:
    """What a text is that is none of those that are read here, or ""."""
    start = text[:1000].lstrip().lower()
    return next((name for starts, name in _TEXT_STARTS if start.startswith(starts)), "")


def _not_utf8(error: UnicodeDecodeError) -> NotText:
    """Where the first wrong byte is, and what it may be."""
    content = error.object
    line = content.count(b"\n", 0, error.start) + 1
    column = error.start - content.rfind(b"\n", 0, error.start)
    hint = ""
    if b"\0" not in content:
        meant = content[error.start : error.start + 1].decode("latin-1")
        as_latin = f', where it is "{meant}"' if meant.isprintable() else ""
        hint = f"; is it Latin-1 (Windows-1252){as_latin}? save the file as UTF-8"
    return NotText(f"expected UTF-8 text, found other bytes{hint}", line, column)


def find_file(path: str | os.PathLike[str], folders: Sequence[str | os.PathLike[str]] = ()) -> str:
    """Where a file is: at the path as it is, else, if that is relative, in the first of the folders that has it.

    The path as it is if it is nowhere: whoever opens it says so, with `where_looked`.
    """
    text = os.fspath(path)
    if os.path.exists(text) or os.path.isabs(text):
        return text
    found = (os.path.join(folder, text) for folder in folders)
    return next((each for each in found if os.path.exists(each)), text)


def where_looked(path: str | os.PathLike[str], folders: Sequence[str | os.PathLike[str]] = ()) -> str:
    """What to add to "no such file": the folders that a relative path was looked for in, and a hint at backslashes."""
    text = os.fspath(path)
    places = dict.fromkeys(os.path.abspath(each) for each in (os.curdir, *folders))
    looked = "" if os.path.isabs(text) else f"; looked for it in {', '.join(places)}"
    return looked + backslash_hint(text)


def as_read(path: str | os.PathLike[str]) -> str:
    """A path as it was read, on one line: what cannot be printed in words, as <a line break>.

    A byte of a file's name that is no text, as Latin-1's "ü" where names are UTF-8, as \\xfc.
    """
    return "".join(each if each.isprintable() else _in_words(each) for each in os.fspath(path))


def backslash_hint(path: str | os.PathLike[str]) -> str:
    """What to say of a path in which backslashes became something else, or mean nothing here; else ""."""
    text = os.fspath(path)
    if not _NO_UTF8.sub("", text).isprintable():
        meant = "".join(f"/{_ESCAPES[each]}" if each in _ESCAPES else each for each in text).replace("\\", "/")
        return f"; a backslash begins an escape, such as \\n for a line break: write / in paths, as in {as_read(meant)}"
    if "\\" in text and os.sep == "/":
        return f"; write / in paths, as in {text.replace(chr(92), '/')}"
    return ""


def _in_words(character: str) -> str:
    if _NO_UTF8.match(character):
        return f"\\x{ord(character) - 0xDC00:02x}"
    return f"<{_CONTROLS.get(character, f'character {ord(character)}')}>"

"""Writing files so that a crash never leaves half a file under the final name."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

_NEW_FILE_MODE = 0o666  # less the umask, as for any file made by open()


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary path in the target's folder that becomes `path` when the block ends without an exception.

    The temporary file exists and is empty when the block starts; it is hidden and ends in the target's
    suffix. The block must have closed it when it ends. It is then synced to disk and renamed over the target
    in one step. After any exception, KeyboardInterrupt included, it is removed and the target is as it was.
    A killed process leaves the target as it was and the hidden file behind.

    Missing parent folders are made. A symbolic link is followed, as open() would. An existing target
    keeps its permission bits, a new one obeys the umask. Any OSError passes through.
    """
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    kept_mode = _mode_of_regular_file(target)
    temporary = target.with_name(f".{target.stem[:40]}.{os.getpid()}-{secrets.token_hex(4)}{target.suffix}")
    _create(temporary, kept_mode)
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


def _create(temporary: Path, kept_mode: int | None) -> None:
    """Make an empty file that is never more readable than the target it will replace."""
    mode = _NEW_FILE_MODE if kept_mode is None else (kept_mode & 0o777) | 0o600
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))


def _sync(temporary: Path) -> None:
    """Wait until the file's bytes are on the disk, so that the rename cannot arrive there before them."""
    descriptor = os.open(temporary, os.O_RDWR)  # Windows syncs only files open for writing
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

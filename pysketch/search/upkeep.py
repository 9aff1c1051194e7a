"""What is done to a gallery as a whole: photos that wait are put into it, people are erased, galleries joined.

Each writes the whole gallery anew and renames it over the old one. Where somebody is erased the old file is overwritten
with zeros: it keeps a second name until then (`journal.old_path`), so that whoever writes the gallery next goes on with
that if the process is killed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pysketch.errors import GalleryError, counted, did_you_mean
from pysketch.files import as_read, erase, overwrite, sync_folder
from pysketch.search.gallery_file import (
    Damage,
    GalleryFile,
    Identity,
    Part,
    Progress,
    Source,
    no_progress,
    write_gallery,
)
from pysketch.search.journal import Journal, clean_up, journal_path, old_path, waiting

_NAMED = 5  # names in one line


class Removed(NamedTuple):
    """How many photos were erased, and of how many people."""

    photos: int
    people: int


def open_if_there(gallery: str | os.PathLike[str]) -> GalleryFile | None:
    """The gallery, None if there is no such file; GalleryError for one that cannot be read."""
    return GalleryFile(gallery) if os.path.lexists(gallery) else None


def settle(journal: Journal, progress: Progress = no_progress) -> int:
    """Put all photos that wait into the gallery, in one step, and end the journal; how many they were."""
    file = open_if_there(journal.gallery)
    _drop_double(journal, file)
    count = len(journal)
    if count:
        _write(journal, file, journal.identity, progress)
    journal.finish()
    return count


def remove_people(gallery: str | os.PathLike[str], names: Collection[str], progress: Progress = no_progress) -> Removed:
    """Erase people from a gallery, and from the photos that wait for it; GalleryError for a name that is nowhere.

    The gallery is written anew without them and with all others that wait, the old file and the journal are overwritten
    with zeros and given back.
    """
    _check_there(gallery)
    with Journal(gallery) as journal:
        file = open_if_there(gallery)
        if file:
            _check_may_be_overwritten(file)
        _drop_double(journal, file)
        waits = journal.people()
        known = {name for name, _ in waits.values()} | set(file.columns.people() if file else ())
        for name in names:
            if name not in known:
                hint = as_read(did_you_mean(name, [each for each in known if _numbers(each) == _numbers(name)]))
                raise GalleryError(f"{gallery}: nobody is called {as_read(name)} in it{hint}")
        gone = {digest for digest, (name, _) in waits.items() if name in names}
        keep = _rows_without(file, names) if file else np.empty(0, int)
        held = len(file.columns) - len(keep) if file else 0
        journal.drop(gone)
        if file:
            _rewrite(journal, file, keep, progress)
        return Removed(held + len(gone), len(set(names)))


def _numbers(name: str) -> list[int]:
    """The numbers in a name: whoever has another one is no misspelling but somebody else."""
    return [int(each) for each in re.findall("[0-9]+", name)]


def remove_damaged(gallery: str | os.PathLike[str], progress: Progress = no_progress) -> list[Damage]:
    """Erase the photos that are not what was written, which are told; the same photos can be enrolled again."""
    _check_there(gallery)
    with Journal(gallery) as journal:
        file = GalleryFile(gallery)
        _check_may_be_overwritten(file)
        bad = file.damage()
        if bad:
            _rewrite(journal, file, np.setdiff1d(np.arange(len(file.columns)), [each.row for each in bad]), progress)
        return bad


def merge_galleries(
    gallery: str | os.PathLike[str],
    other: str | os.PathLike[str],
    joined: bool = False,
    progress: Progress = no_progress,
    say: Callable[[str], object] = lambda line: None,
) -> int:
    """Put the other gallery's photos into this one, those that it has already left out; how many were new.

    The other one stays as it is. say: told of photos that are somebody else's in it, a line each. GalleryError if they
    are of different nets or versions, or, unless `joined` says that they are the same people, if new photos are of
    somebody whose name is in both.
    """
    if os.path.exists(gallery) and os.path.exists(other) and os.path.samefile(gallery, other):
        raise GalleryError(f"{other}: is the gallery itself")
    _check_there(gallery)
    waits = waiting(other)
    if waits != 0:
        raise GalleryError(f"{other}: photos are being enrolled into it, or wait to be; finish that first")
    with Journal(gallery) as journal:
        file, second = GalleryFile(gallery), GalleryFile(other)
        difference = second.identity.difference(file.identity)
        if difference:
            raise GalleryError(
                f"{other}: {difference}; galleries of different nets are not mixed: enrol its photos anew"
            )
        _drop_double(journal, file)
        here = people_of(file) | {digest: person for digest, (person, _) in journal.people().items()}
        theirs = digests_of(second)
        new = [row for row, each in enumerate(theirs) if each not in here]
        second.check_rows(np.array(new, int))
        names = {name for name, _ in journal.people().values()} | set(file.columns.people())
        same = sorted({second.columns.name_of(row) for row in new} & names)
        if same and not joined:
            raise GalleryError(
                f"{other}: {named_some(same)} {'is' if len(same) == 1 else 'are'} in both, with other photos; --join "
                "says that they are the same people"
            )
        if new:
            _write(journal, file, file.identity, progress, [Part(second.columns, np.array(new), second.sums)])
            journal.finish()
        other_names = [
            (second.columns.path_of(row), here[digest], name)
            for row, digest in enumerate(theirs)
            if digest in here and (name := second.columns.name_of(row)) != here[digest]
        ]
        for line in kept_names(gallery, other_names):
            say(line)
        return len(new)


def _check_there(gallery: str | os.PathLike[str]) -> None:
    """GalleryError, before a journal is made, where a path is mistyped: no gallery, and no photos that wait for one."""
    if not os.path.lexists(gallery) and not journal_path(gallery).exists():
        raise GalleryError(f"{as_read(gallery)}: no such gallery")


def named_some(names: Sequence[str]) -> str:
    """The first five names, and how many more."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(map(as_read, names[:_NAMED])) + more


def _rewrite(journal: Journal, file: GalleryFile, keep: np.ndarray, progress: Progress) -> None:
    """The gallery anew, of the kept rows and of what waits; the old file and the journal are overwritten."""
    old, path = old_path(file.path), Path(os.path.realpath(file.path))
    try:
        with path.open("r+b", buffering=0) as handle:
            with suppress(OSError):  # a file system of one name a file: then a killed process leaves it unerased
                os.link(path, old)
            try:
                _write(journal, file, file.identity, progress, rows=keep)
            except BaseException:
                clean_up(file.path)  # the second name
                raise
            overwrite(handle)
        erase(old)
    except OSError as error:
        raise GalleryError(f"{file.path}: cannot be written: {error.strerror or error}") from None
    journal.finish()


def _check_may_be_overwritten(file: GalleryFile) -> None:
    """GalleryError if the file has another name, under which somebody else may need it."""
    if os.stat(file.path).st_nlink > 1:
        raise GalleryError(
            f"{file.path}: the file has another name as well (a hard link), which would be overwritten with it; make "
            "that a copy first"
        )


def _write(
    journal: Journal,
    file: GalleryFile | None,
    identity: Identity,
    progress: Progress,
    more: Sequence[Source] = (),
    rows: np.ndarray | None = None,
) -> None:
    """The gallery's rows (all, unless some are given), then those that wait, then more."""
    if file and len(journal) and journal.identity != file.identity:
        raise GalleryError(
            f"{file.path}: {file.identity.difference(journal.identity)}, than the photos that wait for it"
        )
    parts: list[Source] = []
    if file:
        parts.append(Part(file.columns, np.arange(len(file.columns)) if rows is None else rows, file.sums))
    if len(journal):
        parts.append(journal)
    write_gallery(journal.gallery, identity, [*parts, *more], progress)
    sync_folder(Path(os.path.realpath(journal.gallery)).parent)  # before what it was made of is overwritten


def _drop_double(journal: Journal, file: GalleryFile | None) -> None:
    """What waits in vain, as the process was killed when it had just been put into the gallery."""
    if file and len(journal):
        journal.drop(set(digests_of(file)) & set(journal.people()))


def _rows_without(file: GalleryFile, names: Collection[str]) -> np.ndarray:
    """The rows of all others."""
    gone = [k for k, name in enumerate(file.columns.people()) if name in names]
    return np.flatnonzero(~np.isin(file.columns.person, gone))


def kept_names(gallery: str | os.PathLike[str], photos: Sequence[tuple[str, str, str]]) -> list[str]:
    """What is said of photos that are there as somebody else's than is told now: the first five, and how many more.

    photos: of each its path, whose it is in the gallery, whose it is told to be.
    """
    lines = []
    for path, person, told in photos[:_NAMED]:
        held, name = as_read(person), as_read(told)
        first = f"to enrol it as {name}, tools/gallery.py {as_read(gallery)} remove {held} first"
        lines.append(f"{as_read(path)}: is enrolled as {held}, and stays so; {first}")
    more = len(photos) - _NAMED
    if more > 0:
        stay = (
            "is enrolled under another name, and stays so"
            if more == 1
            else "are enrolled under other names, and stay so"
        )
        lines.append(f"{counted(more, 'more photo')} {stay}")
    return lines


def people_of(file: GalleryFile) -> dict[bytes, str]:
    """Whose each photo is, by the SHA-256 of its file."""
    names = file.columns.people()
    return {each: names[person] for each, person in zip(digests_of(file), file.columns.person.tolist(), strict=True)}


def digests_of(file: GalleryFile) -> list[bytes]:
    """The SHA-256 of each photo's file."""
    joined = file.columns.digests.tobytes()
    return [joined[k : k + 32] for k in range(0, len(joined), 32)]

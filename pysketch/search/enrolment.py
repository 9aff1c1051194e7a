"""Photos enrolled: found, aligned, drawn by a net, described, and put into a gallery.

`find_photos` says which photos there are and whose they are. An `Enrolment` has those drawn that the gallery lacks, by
one thread each, so that the same bits come out whoever draws (`parallel.Hands`). Each waits in the journal, on the
disk, until all are put into the gallery in one step (`settle`).
"""

from __future__ import annotations

import hashlib
import io
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np

from pysketch.device import Workers
from pysketch.drawing import Sketcher, Words, check_align, choose_faces, draw_faces, read_net_file
from pysketch.errors import DataError, GalleryError, PysketchError, counted, did_you_mean, named
from pysketch.files import as_read, check_folder, read_table
from pysketch.images import align as brought
from pysketch.images import as_photo, can_find_faces, encode_picture, frame_sized, sort_out
from pysketch.layers import Context
from pysketch.parallel import Hands, Lost, Work
from pysketch.search.describe import DESCRIPTION, describe
from pysketch.search.drawn import looks_drawn
from pysketch.search.gallery_file import Identity, Progress, no_progress
from pysketch.search.journal import Journal
from pysketch.search.portraits import Portrait
from pysketch.search.upkeep import kept_names, named_some, open_if_there, people_of, settle
from pysketch.search.views import FRAME

COLUMNS = ["file", "person"]
"""The header of a CSV that says who is on which photo."""

_LONGEST = 500  # characters of a name in a CSV; names of files are shorter

_COMMIT = 1.0, 64
"""Photos wait in memory for so many seconds at most, and so many of them."""

_AS_IT_IS = "taken as it is"
_WORDS = Words("photo", "taken", "takes", eyes=False)

_MEMORY = 600 << 20
"""Bytes of memory that a worker takes at most: the portrait net with its blobs 250 MB, dlib with a large photo 350."""


@dataclass(frozen=True)
class Photo:
    """A photo to enrol: its file, whose it is; told: whether a folder or a CSV says so, or the file's name alone."""

    path: Path
    person: str
    told: bool


class Done(NamedTuple):
    """What became of a photo: its portrait, or what was wrong with it; what else is to be said of it, or "".

    drawn: whether it looks like a sketch, which is none to enrol.
    """

    photo: Photo
    portrait: Portrait | None
    remark: str = ""
    problem: str = ""
    drawn: bool = False


class Plan(NamedTuple):
    """todo: photos to draw, each with its SHA-256. held: how many are there already. remarks, problems: a line each.

    doubles: how many are the same file as another one. waiting: how many had been drawn before, and wait.
    """

    todo: list[tuple[Photo, bytes]]
    held: int
    remarks: list[str]
    problems: list[str]
    doubles: int
    waiting: int


def find_photos(
    given: Sequence[str | os.PathLike[str]], people: str | os.PathLike[str] | None = None
) -> tuple[list[Photo], list[str]]:
    """The photos of folders, and of single files, in the order of their names; and what is to be said, a line each.

    A folder's photo shows the person of the photo's stem; those in a folder of a given folder, the person of that
    folder's name. people: a CSV with the header file,person says it instead: `file` is a photo's path from the given
    folder, or its name where that is clear. DataError for what cannot be found, and for a CSV and photos that do not
    match.
    """
    found: dict[Path, tuple[Photo, list[str]]] = {}
    remarks: list[str] = []
    for each in map(Path, given):
        for photo, keys in _photos_of(each, remarks):
            if found.setdefault(photo.path.resolve(), (photo, keys))[0] is not photo:
                remarks.append(f"{as_read(photo.path)}: is given twice")
    if people is not None:
        return _told_by(people, list(found.values())), remarks
    return [photo for photo, _ in found.values()], remarks


def _photos_of(given: Path, remarks: list[str]) -> Iterator[tuple[Photo, list[str]]]:
    """Each photo, and what a CSV may call it."""
    if not given.is_dir():
        if not given.is_file():
            raise DataError(f"{as_read(given)}: expected a folder of photos or a photo, found nothing of that kind")
        yield Photo(given, given.stem, False), [os.fspath(given), given.name]
        return
    pictures, left_out = sort_out(given)
    folders = sorted(entry for entry in given.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if {"photos", "sketches"} <= {folder.name for folder in folders}:
        raise DataError(f"{as_read(given)}: holds photos and sketches of people, not people; enrol {given / 'photos'}")
    remarks += [f"{as_read(given)}: left out: {as_read(each)}" for each in left_out if not each.endswith(" (a folder)")]
    count = len(pictures)
    for path in pictures:
        yield Photo(path, path.stem, False), [os.fspath(path), path.name]
    for folder in folders:
        inside, left_out = sort_out(folder)
        remarks += [f"{as_read(folder)}: left out: {as_read(each)}" for each in left_out]
        count += len(inside)
        for path in inside:
            yield Photo(path, folder.name, True), [os.fspath(path), f"{folder.name}/{path.name}", path.name]
    if not count:
        raise DataError(f"{as_read(given)}: no photos in this folder")


def _told_by(path: str | os.PathLike[str], photos: list[tuple[Photo, list[str]]]) -> list[Photo]:
    """The photos with the people of a CSV."""
    table, lines = _read_people(path)
    unused, result, missing = dict(lines), [], []
    names: dict[str, int] = defaultdict(int)
    for _, keys in photos:
        for key in dict.fromkeys(keys):
            names[key] += 1
    for photo, keys in photos:
        key = next((key for key in keys if key in table), None)
        if key is None:
            missing.append(os.fspath(photo.path))
            continue
        if names[key] > 1:
            raise DataError(f"{path}:{lines[key]}: {as_read(key)} is {names[key]} photos; write their folders too")
        unused.pop(key, None)
        result.append(Photo(photo.path, table[key], True))
    for key, line in unused.items():
        hint = as_read(did_you_mean(key, names))
        raise DataError(f"{path}:{line}: {as_read(key)} is none of the photos{hint}")
    if missing:
        raise DataError(f"{path}: does not say who is on {named_some(missing)}")
    return result


def _read_people(path: str | os.PathLike[str]) -> tuple[dict[str, str], dict[str, int]]:
    """File -> person, and file -> line."""
    table: dict[str, str] = {}
    lines: dict[str, int] = {}
    for line, (file, person) in read_table(path, COLUMNS):
        if not (file and person):
            raise DataError(f"{path}:{line}: expected a file and a person, found only one of them")
        if len(person) > _LONGEST:
            raise DataError(f"{path}:{line}: a name of {len(person)} characters; expected {_LONGEST} at most")
        if file in table:
            raise DataError(f"{path}:{line}: {as_read(file)} stands here twice")
        table[file], lines[file] = person, line
    return table, lines


class Drawer:
    """Makes portraits of photos with a net, in one thread: what comes out does not depend on who else works.

    align: as `choose_faces` takes it, else ValueError. thumbnails: whether the aligned photo is kept.
    """

    def __init__(self, net: str | os.PathLike[str], align: str | None = None, thumbnails: bool = True) -> None:
        check_align(align)
        self._workers = Workers(1)
        self._sketcher = Sketcher(net, Context(workers=self._workers))
        self._align, self._thumbnails = align, thumbnails

    def __call__(self, photo: Photo, digest: bytes) -> Done:
        """The photo's portrait; digest: the SHA-256 that its file had when it was planned."""
        try:
            return self._portrait(photo, digest)
        except PysketchError as error:
            return Done(photo, None, problem=named(photo.path, str(error)))
        except OSError as error:
            return Done(photo, None, problem=f"{photo.path}: cannot be read: {error.strerror or error}")

    def _portrait(self, photo: Photo, digest: bytes) -> Done:
        content = photo.path.read_bytes()
        if hashlib.sha256(content).digest() != digest:
            raise DataError(f"{photo.path}: was changed while photos were enrolled; enrol it again")
        stream = io.BytesIO(content)
        stream.name = os.fspath(photo.path)
        picture = as_photo(stream)
        eyes, remark = self._eyes(picture)
        with self._workers.single_threaded_blas():
            sketch = draw_faces(self._sketcher.draw, picture, None if eyes is None else [eyes])[0]
            outline, detail = describe(sketch)
        aligned = picture if eyes is None else brought(picture, eyes)
        kept = encode_picture(aligned, ".jpg") if self._thumbnails else b""
        eyes = np.full((2, 2), np.nan, np.float32) if eyes is None else np.asarray(eyes, np.float32)
        drawn = encode_picture(sketch, ".png")
        portrait = Portrait(photo.person, os.fspath(photo.path), digest, eyes, outline, detail, drawn, kept)
        return Done(photo, portrait, remark, drawn=looks_drawn(aligned))

    def _eyes(self, picture: np.ndarray) -> tuple[np.ndarray | None, str]:
        """Where the one face's eyes are, None for a photo that is taken as it is; what is to be said of that."""
        height, width = picture.shape[:2]
        faces, remark = choose_faces(picture, self._align, words=_WORDS)
        if faces is None:
            if height > FRAME[0] or width > FRAME[1]:
                size = f"expected an aligned face of 200x250 pixels, found {width}x{height}; --align auto finds it"
                raise DataError(remark.replace(_AS_IT_IS, "left out") or size)
            if remark and (can_find_faces() or not frame_sized((width, height))):
                raise DataError(f"{remark.replace(_AS_IT_IS, 'left out')}; --align none takes it as it is")
            return None, remark
        if len(faces) > 1:
            raise DataError(f"{len(faces)} faces, expected one; cut the photo so that it shows one person")
        return faces[0], remark


class Enrolment:
    """The enrolling of photos into one gallery, a context manager: `plan`, `draw`, `settle`.

    GalleryError if the gallery is none, of another net or version, or somebody else writes it. DataError if the folder
    for it is not there: none is made.
    """

    def __init__(self, gallery: str | os.PathLike[str], net: str | os.PathLike[str]) -> None:
        check_folder(gallery)
        self.gallery, self._net = Path(gallery), net
        drawn = read_net_file(net)[1].drawn
        if drawn != "sketch":
            raise DataError(f"{net}: draws a {drawn} of a sketch; expected a net that draws a sketch of a photo")
        self.identity = Identity(hashlib.sha256(Path(net).read_bytes()).hexdigest(), DESCRIPTION)
        self._journal = Journal(gallery)
        try:
            self._file = open_if_there(gallery)
            difference = self._file.identity.difference(self.identity) if self._file else ""
            if difference:
                raise GalleryError(f"{gallery}: {difference}; go on with that net, or enrol into another file")
            self._journal.begin(self.identity)
        except BaseException:
            self._journal.close()
            raise

    def __enter__(self) -> Enrolment:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._journal.close()

    def plan(
        self,
        photos: Sequence[Photo],
        add: bool = False,
        progress: Callable[[Iterable, int], Iterable] = lambda each, total: each,
    ) -> Plan:
        """Which of the photos are to be drawn: those that the gallery has not yet, each once.

        Every file is read for its SHA-256. progress: goes through so many results, as tqdm does. GalleryError if the
        gallery holds photos that are not among these, unless `add` says that these come to them; if two photos would be
        of one person by their stems alone. Who is there under another name keeps that; a remark says so.
        """
        remarks: list[str] = []
        problems: list[str] = []
        waiting = self._journal.people()
        there = people_of(self._file) if self._file else {}
        waits = len(set(waiting) - set(there))
        if waits:
            what = "it is" if waits == 1 else "they are"
            remarks.append(f"{counted(waits, 'photo')} had been drawn before; {what} put into the gallery now")
        there |= {digest: person for digest, (person, _) in waiting.items()}
        first: dict[bytes, Photo] = {}
        todo: list[tuple[Photo, bytes]] = []
        other: list[tuple[str, str, str]] = []
        doubles = 0
        with ThreadPoolExecutor(4) as pool:
            for photo, digest in zip(photos, progress(pool.map(_digest, photos), len(photos)), strict=True):
                if isinstance(digest, str):
                    problems.append(digest)
                elif digest in first:
                    doubles += 1
                    kept = first[digest]
                    person = there.get(digest, kept.person)
                    whose = "" if person == photo.person else f", as {as_read(person)}"
                    remarks.append(
                        f"{as_read(photo.path)}: the same file as {as_read(kept.path)}; enrolled once{whose}"
                    )
                else:
                    first[digest] = photo
                    if digest not in there:
                        todo.append((photo, digest))
                    elif there[digest] != photo.person:
                        other.append((os.fspath(photo.path), there[digest], photo.person))
        remarks += kept_names(self.gallery, other)
        others = len(set(there) - set(first))
        if others and not add:
            raise GalleryError(
                f"{self.gallery}: holds {counted(others, 'photo')} that {'is' if others == 1 else 'are'} not among "
                "those given now; --add adds these to it, another -o begins a new gallery"
            )
        self._check_people(list(first.values()), [photo for photo, _ in todo], waiting, remarks)
        return Plan(todo, len(first) - len(todo), remarks, problems, doubles, waits)

    def draw(self, plan: Plan, hands: Hands) -> Iterator[Done]:
        """Draw what is planned, in order; each is on the disk, in the journal, when it is yielded.

        hands: of those who do what `drawing` does, with this net.
        """
        jobs = [[os.fspath(photo.path), photo.person, photo.told, digest] for photo, digest in plan.todo]
        results = hands(jobs, name=lambda job: as_read(job[0]))
        pending: list[Done] = []
        last = time.monotonic()
        try:
            for (photo, _), result in zip(plan.todo, results, strict=True):
                pending.append(_as_done(photo, result))
                if len(pending) >= _COMMIT[1] or time.monotonic() - last >= _COMMIT[0]:
                    yield from self._commit(pending)
                    pending, last = [], time.monotonic()
        finally:  # Ctrl-C, too: what is drawn is kept
            results.close()
            kept = list(self._commit(pending))
        yield from kept

    def settle(self, progress: Progress = no_progress) -> int:
        """Put all that wait into the gallery, in one step; how many they were. Ends the enrolment."""
        return settle(self._journal, progress)

    @property
    def has_gallery(self) -> bool:
        """Whether there is a gallery: nobody may have been enrolled yet."""
        return os.path.exists(self.gallery)

    def _commit(self, pending: list[Done]) -> Iterator[Done]:
        self._journal.add([done.portrait for done in pending if done.portrait])
        return iter(pending)

    def _check_people(
        self, given: list[Photo], new: list[Photo], waiting: dict[bytes, tuple[str, str]], remarks: list[str]
    ) -> None:
        """GalleryError where a stem alone would make one person of two photos; a word where folders or a CSV do."""
        by_name: dict[str, list[Photo]] = defaultdict(list)
        for photo in given:
            by_name[photo.person].append(photo)
        wanted = dict.fromkeys(photo.person for photo in new)
        known = {os.fspath(photo.path) for photo in given} - {os.fspath(photo.path) for photo in new}
        there = {name: path for name, path in waiting.values() if name in wanted and path not in known}
        if self._file and len(self._file.columns):
            columns = self._file.columns
            for row in np.unique(columns.person, return_index=True)[1]:
                if (name := columns.name_of(row)) in wanted and (path := columns.path_of(row)) not in known:
                    there[name] = path
        bad = []
        for name in wanted:
            same, before = by_name[name], there.get(name)
            places = {photo.path.parent for photo in same}
            if before is not None and any(before == os.fspath(photo.path) and not photo.told for photo in same):
                raise GalleryError(
                    f"{as_read(before)}: has changed since it was enrolled; tools/gallery.py {self.gallery} remove "
                    f"{as_read(name)} takes the old one out first"
                )
            if not all(photo.told for photo in same) and (len(same) > 1 or before is not None):
                other = os.fspath(same[1].path) if len(same) > 1 else before
                bad.append(f"{as_read(same[0].path)} and {as_read(other)}")
            elif len(places) > 1:
                where = " and ".join(sorted(as_read(place) for place in places))
                remarks.append(f"{as_read(name)}: one person, with photos in {where}")
            elif before is not None:
                remarks.append(f"{as_read(name)}: one person, with {as_read(before)}, who is there already")
        if bad:
            raise GalleryError(
                f"{self.gallery}: would make one person of {bad[0]}"
                f"{f' (and {len(bad) - 1} more such)' if len(bad) > 1 else ''}, as their names are alike; is it one "
                "person, put them into a folder of that name, else rename one; --people says who is on which photo"
            )


def default_workers(photos: int) -> int:
    """As many as cores, as half of the memory has room for, and as there are four photos for each; 1 at least."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    room = cores
    if hasattr(os, "sysconf"):
        room = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2 // _MEMORY
    return max(1, min(cores, room, photos // 4))


def _digest(photo: Photo) -> bytes | str:
    """The SHA-256 of a photo's file, or, if it cannot be read, why not."""
    summed = hashlib.sha256()
    try:
        with photo.path.open("rb") as stream:
            while part := stream.read(1 << 20):
                summed.update(part)
    except OSError as error:
        return f"{photo.path}: cannot be read: {error.strerror or error}"
    return summed.digest()


def drawing(net: str | os.PathLike[str], align: str | None, thumbnails: bool) -> Work:
    """What does the jobs of `Enrolment.draw`: a `Drawer`, of a photo's path, person, whether that was told, digest."""
    drawer = Drawer(net, align, thumbnails)

    def drawn(job: Any) -> dict[str, Any]:
        path, person, told, digest = job
        done = drawer(Photo(Path(path), person, told), digest)
        portrait = done.portrait and vars(done.portrait)
        return {**done._asdict(), "photo": None, "portrait": portrait}

    return partial(map, drawn)


def _as_done(photo: Photo, result: dict[str, Any] | Lost) -> Done:
    """What `drawing` has made of a photo, or what was told of that."""
    if isinstance(result, Lost):
        return Done(photo, None, problem=named(photo.path, str(result)))
    portrait = result["portrait"] and Portrait(**result["portrait"])
    return Done(**{**result, "photo": photo, "portrait": portrait})

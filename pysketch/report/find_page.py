"""The page of tools/find.py: each sketch beside the people found, with photo, drawn sketch and where they agree."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence

import numpy as np

from pysketch.errors import DataError
from pysketch.files import PRIVATE, as_read, begins_as_page, check_folder, check_output
from pysketch.images import encode_picture
from pysketch.report.found import MEASURES, Found, how_sure, people, pictured, rows
from pysketch.report.meanings import WORTH
from pysketch.report.pages import Group, Picture, Section, Table, in_page, write_page
from pysketch.search import INNER, PIXELS, VIEWS, Gallery
from pysketch.shipped import net_of_digest


def check_find_page(path: str | os.PathLike[str], inputs: Iterable[str | os.PathLike[str]]) -> None:
    """DataError if the page must not be written there: no such folder, or over one of the inputs or what is no page.

    Meant to be called before anything is looked for, with the gallery and the sketches.
    """
    check_folder(path)
    if not os.path.exists(path):
        return
    check_output(path, inputs)
    if not os.path.isfile(path):
        raise DataError(f"{as_read(path)}: expected a file to write the page to, found something else of that name")
    try:
        replaceable = os.path.getsize(path) == 0 or begins_as_page(path)
    except OSError as error:
        raise DataError(f"{as_read(path)}: the report cannot be written there: {error.strerror}") from None
    if not replaceable:
        raise DataError(f"{as_read(path)}: is there already, and no web page (HTML): not overwritten; choose another")


def write_find_page(
    path: str | os.PathLike[str], gallery: Gallery, name: str, found: Sequence[Found], left_out: Sequence[str] = ()
) -> list[str]:
    """Write one page that needs no network and no other file: all pictures are in it. A new one is its owner's alone.

    name: what the gallery is called. left_out: what is said of sketches that could not be used. Returns why pictures of
    the gallery are missing on the page, each reason once. DataError if jinja2 or the place is missing, or for a picture
    that cannot be read.
    """
    missing: list[str] = []
    sections = [_about(gallery, name, found, left_out), *(_section(gallery, each, missing) for each in found)]
    names = ", ".join(as_read(os.path.basename(each.sketch)) for each in found[:3])
    write_page(path, f"Who looks like {names}{' ...' if len(found) > 3 else ''}?", sections, PRIVATE)
    return list(dict.fromkeys(missing))


def _about(gallery: Gallery, name: str, found: Sequence[Found], left_out: Sequence[str]) -> Section:
    measures = " ".join(f"Compared: {MEASURES[match]}." for match in dict.fromkeys(each.match for each in found))
    facts = (
        f"{time.strftime('%Y-%m-%d')}. Gallery {as_read(name)}: {people(gallery.people)}, {len(gallery):,} photos, "
        f"drawn by {_net(gallery.identity.net)}, described by version {gallery.identity.description}. {measures}"
    )
    keep = "This page shows people: delete it when it is no longer needed. There is no other file to it."
    lost = [f"Left out: {'; '.join(map(as_read, left_out))}."] if left_out else []
    return Section("What a match is worth", [WORTH, facts, *lost, keep])


def _net(digest: str) -> str:
    name = net_of_digest(digest)
    return f"{f'the shipped net {name}' if name else 'a net'} (SHA-256 {digest[:12]}...)"


def _section(gallery: Gallery, found: Found, missing: list[str]) -> Section:
    """One sketch and who was found; why pictures are missing is added to the list."""
    sketch = _picture(found.seen, "the sketch")
    groups = []
    for rank, person in enumerate(pictured(gallery, found), 1):
        shown = {"photo": person.photo, "drawn by the net": person.drawn, "where they agree": person.agreement}
        pictures = [_picture(each, caption) for caption, each in shown.items() if each is not None]
        path = as_read(found.matches[rank - 1].path)
        missing += person.missing
        why = f" - {' '.join(person.missing)}" if person.missing else ""
        text = f"{person.words[0].upper()}{person.words[1:]}. {path}{why}"
        groups.append(Group(f"{rank}. {person.name}", text, [sketch, *pictures]))
    header, *body = rows(gallery, found)
    remark = [f"{as_read(found.remark)}."] if found.remark else []
    return Section(
        as_read(found.sketch), [*remark, how_sure(gallery, found), _legend(found)], [Table(header, body)], groups=groups
    )


def _legend(found: Found) -> str:
    """What the heat maps show."""
    whole = "All places together make 1 - the distance." if found.match == VIEWS else ""
    text = (
        "Where they agree: orange places speak for the match, blue ones against it, as strongly as they are coloured, "
        f"by one measure for all people below. {whole}"
    )
    compared = {INNER: "the inner face alone", PIXELS: "the pixels"}.get(found.match)
    return f"{text}They are those of the views, not of {compared}." if compared else text.rstrip()


def _picture(pixels: np.ndarray, caption: str) -> Picture:
    suffix = ".png" if pixels.ndim == 2 else ".jpg"
    return Picture(in_page(encode_picture(pixels, suffix), suffix), caption)

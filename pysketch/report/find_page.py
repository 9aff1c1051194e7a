"""The page of tools/find.py: each sketch beside the people found, with photo, drawn sketch and where they agree."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence

import numpy as np

from pysketch.errors import PysketchError
from pysketch.files import as_read
from pysketch.images import encode_picture
from pysketch.report.found import MEASURES, WORTH, Found, as_many, distance, how_often, how_sure, people, rows
from pysketch.report.pages import Group, Picture, Section, Table, in_page, write_page
from pysketch.search import PIXELS, VIEWS, Gallery, Query, agreement, overlaid, strongest

_PAPER = np.full((250, 200), 255, np.uint8)


def write_find_page(
    path: str | os.PathLike[str], gallery: Gallery, name: str, found: Sequence[Found], left_out: Sequence[str] = ()
) -> None:
    """Write one page that needs no network and no other file: all pictures are in it.

    name: what the gallery is called. left_out: what is said of sketches that could not be used. DataError if jinja2 or
    the place is missing, or for a picture that cannot be read.
    """
    sections = [_about(gallery, name, found, left_out), *(_section(gallery, each) for each in found)]
    names = ", ".join(as_read(os.path.basename(each.sketch)) for each in found[:3])
    write_page(path, f"Who looks like {names}{' ...' if len(found) > 3 else ''}?", sections)


def _about(gallery: Gallery, name: str, found: Sequence[Found], left_out: Sequence[str]) -> Section:
    measures = " ".join(f"Compared: {MEASURES[match]}." for match in dict.fromkeys(each.match for each in found))
    facts = (
        f"{time.strftime('%Y-%m-%d')}. Gallery {as_read(name)}: {people(gallery.people)}, {len(gallery):,} photos, "
        f"drawn by the net with the SHA-256 {gallery.identity.net}, described by version "
        f"{gallery.identity.description}. {measures}"
    )
    keep = "This page shows people. Who may not keep their pictures deletes it after use; there is no other file to it."
    lost = [f"Left out: {'; '.join(map(as_read, left_out))}."] if left_out else []
    return Section("What a match is worth", [WORTH, facts, *lost, keep])


def _section(gallery: Gallery, found: Found) -> Section:
    query = Query(found.seen)
    heats = [agreement(query, gallery.columns.details[match.row]) for match in found.matches]
    most = strongest(heats)
    sketch = _picture(found.seen, "the sketch")
    groups = []
    for rank, (match, heat) in enumerate(zip(found.matches, heats, strict=True), 1):
        photo, no_photo = _kept(gallery.photo, match.row)
        drawn, no_sketch = _kept(gallery.sketch, match.row)
        shown = {
            "photo": photo,
            "drawn of it": drawn,
            "where they agree": overlaid(_PAPER if drawn is None else drawn, heat, most),
        }
        often = how_often(match.false_accept_rate)
        sure = f", {often} others come as near ({as_many(match.false_accept_rate, gallery.people)} of those here)"
        text = f"Distance {distance(match)}{sure if match.false_accept_rate is not None else ''}. {as_read(match.path)}"
        pictures = [_picture(each, caption) for caption, each in shown.items() if each is not None]
        text = " ".join([text, *no_photo, *no_sketch])
        groups.append(Group(f"{rank}. {as_read(match.name)}", text, [sketch, *pictures]))
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
    return f"{text}They are those of the views, not of the pixels." if found.match == PIXELS else text.rstrip()


def _kept(read: Callable[[int], np.ndarray], row: int) -> tuple[np.ndarray | None, list[str]]:
    """A picture that the gallery keeps, or None and why there is none."""
    try:
        return read(row), []
    except PysketchError as error:
        return None, [f"{as_read(str(error))}."]


def _picture(pixels: np.ndarray, caption: str) -> Picture:
    suffix = ".png" if pixels.ndim == 2 else ".jpg"
    return Picture(in_page(encode_picture(pixels, suffix), suffix), caption)

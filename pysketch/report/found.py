"""What is said of people who were found: a table for terminals, a record for programs, and what a match is worth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from pysketch.errors import PysketchError
from pysketch.files import as_read
from pysketch.report.table import aligned
from pysketch.search import INNER, PIXELS, VIEWS, Gallery, Match, Query, agreement, overlaid, strongest

MEASURES = {
    "views": "several views of the face, under small shifts, turns and sizes; 0: the same, 1: nothing in common",
    "inner": "views of the inner face alone, without hair and collar; 0: the same, 1: nothing in common",
    "pixels": "the squared difference of the pixels of the centre 143x188, summed up, as in the paper",
}
"""What a distance is, for each measure that `Gallery.find` knows."""

_NOT_CALIBRATED = {INNER: "of the inner face", PIXELS: "of pixels"}

_PAPER = np.full((250, 200), 255, np.uint8)

NOTHING = "-"
"""In place of a number that says nothing."""


class Found(NamedTuple):
    """A sketch that was looked for: its file, what was seen of it, the matches, what was compared, a remark or "".

    seen: the aligned sketch, grey uint8 (250, 200) or its centre. match: a key of MEASURES. of_photo: it looks like a
    photo, of which nothing is known of how sure a match is.
    """

    sketch: str
    seen: np.ndarray
    matches: list[Match]
    match: str
    remark: str = ""
    of_photo: bool = False


class Person(NamedTuple):
    """A match with its pictures: the name and what is said of it, on one line each, and why a picture is missing.

    photo: aligned, RGB uint8, and drawn: its sketch, grey uint8, (250, 200) or its centre; None where there is none.
    agreement: (250, 200, 3) uint8, where the sketches agree, laid over what was drawn, or over paper.
    """

    name: str
    words: str
    photo: np.ndarray | None
    drawn: np.ndarray | None
    agreement: np.ndarray
    missing: list[str]


def pictured(gallery: Gallery, found: Found) -> list[Person]:
    """The matches with their pictures; one scale of heat holds for all."""
    query = Query(found.seen)
    heats = [agreement(query, gallery.columns.details[match.row]) for match in found.matches]
    most = strongest(heats)
    told = []
    for match, heat in zip(found.matches, heats, strict=True):
        photo, no_photo = _kept(gallery.photo, match.row)
        drawn, no_sketch = _kept(gallery.sketch, match.row)
        words, rate = f"distance {distance(match)}", match.false_accept_rate
        if rate is not None:
            number = as_many(rate, gallery.people)
            words += f", {how_often(rate)} others come as near" + (f" ({number} of those here)" * (number != NOTHING))
        laid = overlaid(_PAPER if drawn is None else drawn, heat, most)
        told.append(Person(as_read(match.name), words, photo, drawn, laid, list(dict.fromkeys(no_photo + no_sketch))))
    return told


def how_often(rate: float | None) -> str:
    """How many others come as near, a false-accept rate from 0 to 1: "1 in 5,000", "3 in 10"; "not known" of None."""
    if rate is None:
        return "not known"
    if rate > 0.15:
        return "all" if rate >= 0.95 else f"{max(2, round(rate * 10))} in 10"
    return f"1 in {_rounded(1 / rate):,}" if rate > 0 else "none known"


def as_many(rate: float | None, people: int) -> str:
    """How many of so many people are expected as near: the rate times all but the one who is meant.

    NOTHING where the rate is not known, and where nobody else is there.
    """
    if not rate or people < 2:
        return NOTHING
    number = rate * (people - 1)
    if number >= 10:
        return f"{_rounded(number):,}"
    return f"{number:.1f}" if number >= 0.095 else f"{number:.2f}" if number >= 0.0095 else "under 0.01"


def how_sure(gallery: Gallery, found: Found) -> str:
    """In a paragraph: what the list's false-accept rates mean, by that of the first match, and what they rest on."""
    if found.of_photo and found.matches and found.match not in _NOT_CALIBRATED:
        return "How sure: not known; distances are measured on sketches, and this looks like a photo."
    rate = found.matches[0].false_accept_rate if found.matches else None
    if rate is None or found.match in _NOT_CALIBRATED:
        return _not_known(gallery, found.match)
    text = f"How sure: {how_often(rate)} others come as near to a sketch as the first on the list; "
    if gallery.people < 2:
        text += "nobody else is in the gallery."
    else:
        text += f"of the {others(gallery.people)} in the gallery that is {as_many(rate, gallery.people)}."
    return f"{text} {gallery.rests_on}".rstrip()


def how_sure_all(gallery: Gallery, match: str) -> str:
    """The same, once for the lists of several sketches; match: a key of MEASURES."""
    if match in _NOT_CALIBRATED or not (gallery.people and gallery.rests_on):
        return _not_known(gallery, match)
    text = 'How sure: "others as near" says how many other people come as near to a sketch as the one in that line'
    if gallery.people < 2:
        return f"{text}; nobody else is in the gallery. {gallery.rests_on}"
    number = others(gallery.people)
    return f"{text}, the next column how many that are of the {number} in the gallery. {gallery.rests_on}"


def _not_known(gallery: Gallery, match: str) -> str:
    if not gallery.people:
        return "The gallery is empty: there is nobody to be found."
    if match in _NOT_CALIBRATED:
        return f"How sure: not known; distances {_NOT_CALIBRATED[match]} are not calibrated."
    return "How sure: not known; there are no measurements of how often somebody else comes as near."


def found_table(gallery: Gallery, found: Found) -> list[str]:
    """The matches in lines: rank, person, distance, how many others come as near, how many of those here, photo."""
    photos = ["photo", *(as_read(each.path) for each in found.matches)]
    return aligned([[*row, photo] for row, photo in zip(rows(gallery, found), photos, strict=True)])


def rows(gallery: Gallery, found: Found) -> list[list[str]]:
    """The columns' names, then a row for each match; what a name has that cannot be printed is put in words."""
    head = ["rank", "person", "distance", "others as near", f"of {others(gallery.people)} here"]
    return [head] + [
        [
            f"{rank:4}",
            as_read(match.name),
            distance(match),
            how_often(match.false_accept_rate),
            as_many(match.false_accept_rate, gallery.people),
        ]
        for rank, match in enumerate(found.matches, 1)
    ]


def people(number: int) -> str:
    """The number with its noun."""
    return "1 person" if number == 1 else f"{number:,} people"


def others(people: int) -> str:
    """How many there are beside one of so many people, with their noun."""
    return "1 other" if people == 2 else f"{max(0, people - 1):,} others"


def distance(match: Match) -> str:
    """Three digits behind the point; sums of squares, which go into millions, whole."""
    return f"{match.distance:.3f}" if match.distance < 100 else f"{match.distance:,.0f}"


def found_record(gallery: Gallery, found: Found) -> dict[str, Any]:
    """The same for programs, of plain types; what the fields are stands in tools/README.md under find.py."""
    matches = [
        {
            "rank": rank,
            "person": each.name,
            "distance": each.distance,
            "false_accept_rate": each.false_accept_rate,
            "photo": each.path,
            "row": each.row,
        }
        for rank, each in enumerate(found.matches, 1)
    ]
    return {
        "sketch": found.sketch,
        "remark": found.remark,
        "match": found.match,
        "net": gallery.identity.net,
        "description": gallery.identity.description,
        "people": gallery.people,
        "photos": len(gallery),
        "shortlist": gallery.shortlist if found.match == VIEWS else None,
        "rests_on": "" if found.of_photo or found.match in _NOT_CALIBRATED else gallery.rests_on,
        "matches": matches,
    }


def _kept(read: Callable[[int], np.ndarray], row: int) -> tuple[np.ndarray | None, list[str]]:
    """A picture that the gallery keeps, or None and why there is none."""
    try:
        return read(row), []
    except PysketchError as error:
        return None, [f"{as_read(str(error))}."]


def _rounded(number: float) -> int:
    """To two digits: 5,000 of 4,987, 17 of 17.2."""
    return int(float(f"{number:.2g}"))

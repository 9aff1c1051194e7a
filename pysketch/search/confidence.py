"""How sure a match is: how often somebody else comes as near, measured on people who are known to be different.

The false-accept rate of a distance is the share of comparisons of different people that come as near. Two samples of
such comparisons say it, and the larger share counts: `enrolled_impostors`, of a gallery's own people, whose drawn
sketches are looked for in it; `artists_impostors`, of artists' sketches and what the shipped net draws of other people.
No rate is told that is below what so many comparisons can carry, and nothing is fitted to them or drawn out beyond.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pysketch.errors import DataError
from pysketch.files import atomic_path
from pysketch.images import Pair, decode_picture
from pysketch.search.describe import DESCRIPTION, describe
from pysketch.search.matching import Query
from pysketch.search.portraits import Packed

ARTISTS = Path(__file__).with_name("artists.json")
"""The shipped sample of artists' sketches."""

QUERIES, OTHERS = 80, 100
"""Of a gallery's people, how many are looked for, and among how many: 7,920 comparisons, or fewer."""
PHOTOS = 8
"""Of each person among whom is looked for, how many photos are compared: the nearest counts, as when one is found."""
FEWEST = 500
"""A gallery with fewer comparisons than that tells nothing: 23 people are enough."""

_EVERY, _STEP = 20, 1.05  # of a sample the nearest 20 are kept, then each that is 5 % further down
_SEED = 0


@dataclass(frozen=True)
class Impostors:
    """A sample of distances between different people, by a few of them.

    distances: (K,) float32, not falling. counts: (K,) int64, rising: at which place, from 1, each stands among all of
    them in order; the last is how many there are.
    """

    distances: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, distances: np.ndarray) -> Impostors:
        """Keeps of (N,) distances, N > 0, the nearest 20, then each that is 5 % further down, and the last."""
        ordered, places = np.sort(np.asarray(distances, np.float32)), [1]
        while places[-1] < len(ordered):
            following = places[-1] + 1 if places[-1] < _EVERY else int(np.ceil(places[-1] * _STEP))
            places.append(min(following, len(ordered)))
        counts = np.array(places, np.int64)
        return cls(ordered[counts - 1], counts)

    def __len__(self) -> int:
        """How many comparisons there were."""
        return int(self.counts[-1])

    def rate(self, distance: float) -> float:
        """The share of comparisons that come at least as near: (k + 1) / (n + 1), of n comparisons k at most as far.

        One is added to both, since the next one to come might be as near: so n comparisons never say less than
        1 / (n + 1), and a rate is never told too low (Phipson and Smyth, "Permutation p-values should never be zero",
        2010). k is that of the next distance that was kept: up to 5 % too large.
        """
        farther = np.searchsorted(self.distances, np.float32(distance), side="right")
        k = self.counts[farther] - 1 if farther < len(self.counts) else self.counts[-1]
        return float((k + 1) / (len(self) + 1))

    def is_sound(self) -> bool:
        """Whether it could be a sample: distances from -1 to 3, none below the one before it, counts that rise."""
        kept, counts = self.distances, self.counts
        if not (kept.ndim == counts.ndim == 1 and len(kept) == len(counts) > 0):
            return False
        within = bool(np.isfinite(kept).all()) and kept[0] >= -1 and kept[-1] <= 3 and bool((np.diff(kept) >= 0).all())
        return within and counts[0] == 1 and bool((counts[1:] > counts[:-1]).all())


class Artists(NamedTuple):
    """The sample of artists' sketches: of how many people, by which net file the others were drawn.

    description: the version of `describe`; learned: what that has learned, the SHA-256 of its file.
    """

    impostors: Impostors
    people: int
    net: str
    description: int = DESCRIPTION
    learned: str = ""


@dataclass(frozen=True)
class Confidence:
    """What says how sure a match is; None for a sample that there is not. people: how many a gallery holds."""

    artists: Artists | None
    enrolled: Impostors | None
    people: int

    def rate(self, distance: float) -> float | None:
        """The share of other people, 0 to 1, who come as near to a sketch; None if there is no sample."""
        samples = [sample for sample in (self.artists and self.artists.impostors, self.enrolled) if sample]
        return max((sample.rate(distance) for sample in samples), default=None)

    @property
    def rests_on(self) -> str:
        """What `rate` rests on, in sentences; "" if on nothing."""
        told = []
        if self.enrolled:
            told.append(f"{len(self.enrolled):,} comparisons of different people in this gallery with each other")
        if self.artists:
            sample, people, net, *_ = self.artists
            told.append(
                f"{len(sample):,} comparisons of artists' sketches of {people} people with what {net} draws of others "
                "among them"
            )
        if not told:
            return ""
        which = "the larger of two shares: of" if len(told) == 2 else "the share of"
        text = f"Measured as {which} {', and of '.join(told)}."
        if self.enrolled:
            return text
        few = self.people * (self.people - 1) < FEWEST
        why = (
            f"{'1 person is' if self.people == 1 else f'{self.people} people are'} too few"
            if few
            else "it keeps no drawn sketches, or was written without"
        )
        return f"{text} The gallery itself says nothing: {why}."


def enrolled_impostors(
    person: np.ndarray,
    sketches: Packed,
    details: Callable[[np.ndarray], np.ndarray],
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> Impostors | None:
    """Up to QUERIES people looked for, by their drawn sketches, among up to OTHERS, each by the nearest of PHOTOS.

    person: (N,), whose photo each row is, from 0. sketches: N picture files; one that is missing or cannot be read is
    not looked for (`verify` is what tells of damage). details: gives (M, DETAIL) int8 of M rows. Who is chosen depends
    on nothing but N and the people, so the same gallery has the same sample. progress: told after each how many of how
    many people were looked for. None if it were of fewer than FEWEST comparisons.
    """
    people = int(person.max()) + 1 if len(person) else 0
    if people * (people - 1) < FEWEST or not sketches.lengths().any():
        return None
    by_person = np.argsort(person, kind="stable")
    starts = np.searchsorted(person[by_person], np.arange(people + 1))
    order = np.random.default_rng(_SEED).permutation(people)
    others = [each for each in order[:OTHERS] if starts[each] < starts[each + 1]]
    rows = [by_person[starts[each] : min(starts[each] + PHOTOS, starts[each + 1])] for each in others]
    described = details(np.concatenate(rows))
    firsts = np.cumsum([0, *map(len, rows[:-1])])
    found: list[np.ndarray] = []
    for each in others:
        query = _query(sketches, int(by_person[starts[each]]))
        if query is not None:
            nearest = np.minimum.reduceat(query.distances(described), firsts)
            found.append(nearest[np.array(others) != each])
            progress(len(found), min(len(others), QUERIES))
        if len(found) == QUERIES:
            break
    together = np.concatenate(found) if found else np.empty(0, np.float32)
    return Impostors.of(together) if len(together) >= FEWEST else None


def _query(sketches: Packed, row: int) -> Query | None:
    """What a photo's drawn sketch looks for; None if it is not there or cannot be read."""
    content = sketches[row]
    try:
        return Query(decode_picture(content, f"photo {row}", colour=False)) if content else None
    except DataError:
        return None


def artists_impostors(sketches: Sequence[np.ndarray], drawn: Sequence[np.ndarray]) -> Impostors:
    """Every artist's sketch looked for among the drawn sketches of all others.

    sketches, drawn: N of each, grey uint8 (250, 200) or its centre; the k-th of both are of one person, N > 1.
    """
    described = np.stack([describe(each).detail for each in drawn])
    found = [np.delete(Query(each).distances(described), k) for k, each in enumerate(sketches)]
    return Impostors.of(np.concatenate(found))


def artists_of(pairs: Sequence[Pair], draw: Callable[[np.ndarray], np.ndarray], net: str) -> Artists:
    """The sample of so many pairs, whose photos are drawn by this net; tools/learn_views.py --artists calls it."""
    sample = artists_impostors([pair.sketch for pair in pairs], [draw(pair.photo) for pair in pairs])
    return Artists(sample, len(pairs), net, learned=learned_digest())


def learned_digest() -> str:
    """The SHA-256 of what `describe` has learned, in hex."""
    return hashlib.sha256(ARTISTS.with_name("learned.npz").read_bytes()).hexdigest()


def write_artists(path: str | os.PathLike[str], artists: Artists) -> None:
    """Writes the sample as JSON; DataError if it cannot be written."""
    kept = {
        "description": artists.description,
        "learned": artists.learned,
        "net": artists.net,
        "people": artists.people,
        "counts": artists.impostors.counts.tolist(),
        "distances": [round(float(each), 5) for each in artists.impostors.distances],
    }
    try:
        with atomic_path(path) as temporary:
            temporary.write_text(json.dumps(kept) + "\n", encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror}") from None


def read_artists(path: Path = ARTISTS) -> Artists:
    """A sample that `write_artists` wrote; DataError if it is none."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        sample = Impostors(np.array(kept["distances"], np.float32), np.array(kept["counts"], np.int64))
        version = int(kept["description"]), str(kept["learned"])
        artists = Artists(sample, int(kept["people"]), str(kept["net"]), *version)
    except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise DataError(f"{path}: the sample of artists' sketches cannot be read: {error}") from None
    if not sample.is_sound():
        raise DataError(f"{path}: no sample of artists' sketches: its distances or counts do not rise")
    return artists


@cache
def shipped_artists() -> Artists | None:
    """The shipped sample; None if it was made with another version of `describe`."""
    artists = read_artists()
    return artists if artists.description == DESCRIPTION else None

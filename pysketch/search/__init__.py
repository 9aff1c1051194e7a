"""Find the person: a gallery of photos, an artist's sketch, the people who look most like it.

A photo is aligned, drawn by a net and described (`describe`) when it is enrolled; a gallery's file (`gallery_file`)
keeps that, column by column (`portraits`), mapped into memory. A sketch that is looked for is described under many
shifts, turns and sizes (`matching`); short descriptions find the nearest thousand, long ones order them. `inner` looks
at the inner face alone, `pixels` is the paper's measure instead; `confidence` says how often somebody else comes as
near; `agreement` shows where two sketches agree.

Start reading at `gallery`.
"""

from pysketch.search.agreement import agreement, overlaid, strongest
from pysketch.search.confidence import artists_of, write_artists
from pysketch.search.describe import (
    DESCRIPTION,
    DETAIL_SCALE,
    OUTLINE_SCALE,
    describe,
    outlines,
    places,
    rounded,
)
from pysketch.search.enrolment import Enrolment, default_workers, drawing, find_photos
from pysketch.search.gallery import INNER, PIXELS, VIEWS, Gallery, Match, aligned_sketch, check_lines
from pysketch.search.gallery_file import Damage, GalleryFile
from pysketch.search.indexed import make_shortlist
from pysketch.search.journal import waiting_photos
from pysketch.search.learning import learn_from, write_learned
from pysketch.search.matching import Query
from pysketch.search.mixing import mixed
from pysketch.search.portraits import Portrait
from pysketch.search.upkeep import merge_galleries, remove_damaged, remove_people
from pysketch.search.views import INNER_VIEWS, WHOLE_VIEWS, ViewSet, in_frame

__all__ = [
    "DESCRIPTION",
    "DETAIL_SCALE",
    "INNER",
    "INNER_VIEWS",
    "OUTLINE_SCALE",
    "PIXELS",
    "VIEWS",
    "WHOLE_VIEWS",
    "Damage",
    "Enrolment",
    "Gallery",
    "GalleryFile",
    "Match",
    "Portrait",
    "Query",
    "ViewSet",
    "agreement",
    "aligned_sketch",
    "artists_of",
    "check_lines",
    "default_workers",
    "describe",
    "drawing",
    "find_photos",
    "in_frame",
    "learn_from",
    "make_shortlist",
    "merge_galleries",
    "mixed",
    "outlines",
    "overlaid",
    "places",
    "remove_damaged",
    "remove_people",
    "rounded",
    "strongest",
    "waiting_photos",
    "write_artists",
    "write_learned",
]

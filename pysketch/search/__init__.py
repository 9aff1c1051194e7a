"""Find the person: a gallery of photos, an artist's sketch, the people who look most like it.

A photo is aligned, drawn by a net and described (`describe`) when it is enrolled; a gallery's file (`gallery_file`)
keeps that, column by column (`portraits`), mapped into memory. A sketch that is looked for is described under many
shifts, turns and sizes (`matching`); short descriptions find the nearest thousand or more, long ones order them.
`inner` looks at the inner face alone, `pixels` is the paper's measure instead; `confidence` says how often somebody
else comes as near; `agreement` shows where two sketches agree.

Start reading at `gallery`.
"""

from pysketch.doors import open_door

__all__ = open_door(
    __name__,
    {
        "agreement": ["agreement", "overlaid", "strongest"],
        "confidence": ["artists_of", "write_artists"],
        "describe": ["DESCRIPTION", "DETAIL_SCALE", "OUTLINE_SCALE", "describe", "outlines", "places", "rounded"],
        "enrolment": ["Enrolment", "default_workers", "drawing", "find_photos"],
        "gallery": ["Gallery", "Match", "aligned_sketch", "check_lines", "photo_remark"],
        "gallery_file": ["Damage", "GalleryFile"],
        "indexed": ["make_shortlist"],
        "journal": ["waiting_photos"],
        "learning": ["learn_from", "write_learned"],
        "matching": ["Query"],
        "mixing": ["mixed"],
        "portraits": ["Portrait"],
        "shortlist": ["candidate_count"],
        "upkeep": ["merge_galleries", "remove_damaged", "remove_people"],
        "views": ["INNER_VIEWS", "WHOLE_VIEWS", "ViewSet", "in_frame"],
        "ways": ["INNER", "PIXELS", "VIEWS", "WAYS"],
    },
)

"""List, erase, check and join what a gallery holds: python tools/gallery.py gallery.h5 list"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Sequence
from typing import Any

import common

import pysketch
from pysketch.errors import GalleryError, counted
from pysketch.files import as_read

EXAMPLES = """
examples:
  everybody in it, and how many photos there are of each:
    python tools/gallery.py gallery.h5 list
  for a program, with each photo's number, file and SHA-256:
    python tools/gallery.py gallery.h5 list --json
  how large it is, which net drew, whether photos wait:
    python tools/gallery.py gallery.h5 info             (--json: for a program)
  erase two people:
    python tools/gallery.py gallery.h5 remove anna "John Smith"
  is every photo as it was written?
    python tools/gallery.py gallery.h5 verify
  put another gallery's photos into it:
    python tools/gallery.py gallery.h5 merge other.h5

remove writes the gallery anew and overwrites the old file, what waited beside it, and what broken-off commands have
left behind; copies and backups of yours it does not know. Enrolling the same folder again would bring a person back.
Whatever is interrupted or killed leaves the gallery as it was, or as it should be.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and do what its second word says; 2 if `verify` finds damage."""
    args = _parser().parse_args(arguments)
    common.log_to(None, logging.WARNING)
    return {"list": _list, "info": _info, "remove": _remove, "verify": _verify, "merge": _merge}[args.action](args)


def _list(args: argparse.Namespace) -> int:
    held, waits = _opened(args.gallery)
    people: dict[str, list[dict]] = {}
    if held:
        columns = held.columns
        names = columns.people()
        for row, person in enumerate(columns.person.tolist()):
            digest = columns.digests[row].tobytes().hex()
            people.setdefault(names[person], []).append({"row": row, "path": columns.path_of(row), "sha256": digest})
    there = {photo["sha256"] for photos in people.values() for photo in photos}
    for digest, name, path in waits or ():
        if digest.hex() not in there:
            people.setdefault(name, []).append({"row": None, "path": path, "sha256": digest.hex()})
    if args.json:
        print(json.dumps([{"name": name, "photos": people[name]} for name in sorted(people)], indent=1))
        return 0
    for name in sorted(people):
        wait = sum(photo["row"] is None for photo in people[name])
        counts = [(len(people[name]) - wait, ""), (wait, " waiting")]
        told = ", ".join(f"{counted(count, 'photo')}{what}" for count, what in counts if count)
        print(f"{as_read(name)}\t{told}")
    return 0


def _opened(gallery: str) -> tuple[pysketch.search.GalleryFile | None, list[tuple[bytes, str, str]] | None]:
    """The gallery, None where there is none yet but photos wait for it; which wait, None while somebody writes it."""
    waits = pysketch.search.waiting_photos(gallery)
    if os.path.lexists(gallery) or waits == []:
        return pysketch.search.GalleryFile(gallery), waits
    if waits is None:
        raise GalleryError(f"{gallery}: no such gallery yet: another process is enrolling into it")
    return None, waits


def _info(args: argparse.Namespace) -> int:
    file, waits = _opened(args.gallery)
    held = None if file is None else _held(file, args.gallery)
    if args.json:
        print(json.dumps({"gallery": held, "waiting": None if waits is None else len(waits)}, indent=1))
        return 0
    if held:
        print(f"photos: {held['photos']}")
        print(f"people: {held['people']}")
        print(f"net: {held['net']} (SHA-256 of its file)")
        print(f"description: version {held['description']}")
        pictures = f"{held['thumbnail_bytes']:,} of them thumbnails, {held['sketch_bytes']:,} drawn sketches"
        print(f"bytes: {held['bytes']:,}, {pictures}")
    else:
        print("no gallery yet")
    if waits is None:
        print("being written by another process")
    elif waits:
        print(f"waiting to be put into it: {counted(len(waits), 'photo')}; the same enroll.py command goes on")
    return 0


def _held(file: pysketch.search.GalleryFile, path: str) -> dict[str, Any]:
    """What is in the gallery, of plain types."""
    columns = file.columns
    return {
        "photos": len(columns),
        "people": len(columns.names),
        "net": file.identity.net,
        "description": file.identity.description,
        "bytes": os.path.getsize(path),
        "thumbnail_bytes": len(columns.photos.content),
        "sketch_bytes": len(columns.sketches.content),
    }


def _remove(args: argparse.Namespace) -> int:
    if bool(args.names) == args.damaged:
        _parser().error("remove: expected names of people, or --damaged")
    if args.damaged:
        with common.bars() as progress:
            damage = pysketch.search.remove_damaged(args.gallery, progress)
        for each in damage:
            print(f"{_which(each)}: erased")
        removed = len(damage), len({each.person for each in damage})
        if damage:
            print(_again(damage), file=sys.stderr)
    else:
        with common.bars() as progress:
            removed = pysketch.search.remove_people(args.gallery, args.names, progress)
    print(f"erased: {counted(removed[0], 'photo')} of {_people(removed[1])}")
    if removed[0] and not args.damaged:
        print("the same photos, enrolled again, would come back", file=sys.stderr)
    return 0


def _verify(args: argparse.Namespace) -> int:
    file = pysketch.search.GalleryFile(args.gallery)
    file.check_column("outlines")
    damage = file.damage()
    for each in damage:
        what = [] if each.sound else ["what is searched and told of it"]
        what += ["its pictures (thumbnail, drawn sketch)"] if each.pictures else []
        print(f"{_which(each)}: damaged: {' and '.join(what)}")
    print(f"{len(file.columns) - len(damage)} of {counted(len(file.columns), 'photo')} are as they were written")
    if damage:
        again = f"remove --damaged takes these out; only after that, {_again(damage)}"
        print(f"error: {as_read(args.gallery)}: {counted(len(damage), 'photo')} damaged; {again}", file=sys.stderr)
    return common.BAD_INPUT if damage else 0


def _which(damage: pysketch.search.Damage) -> str:
    """A photo's number, person and file: the path is doubtful where it may be what is damaged."""
    doubt = "" if damage.sound else ", if that is not what is damaged"
    return f"photo {damage.row} ({as_read(damage.person)}, {as_read(damage.path)}{doubt})"


def _again(damage: Sequence[pysketch.search.Damage]) -> str:
    """How they come back."""
    which = "this file" if len(damage) == 1 else "these files"
    return f"enrolling {which} again, with --add, brings {'it' if len(damage) == 1 else 'them'} back whole"


def _merge(args: argparse.Namespace) -> int:
    with common.bars() as progress:
        added = pysketch.search.merge_galleries(args.gallery, args.other, args.join, progress, _tell)
    held = len(pysketch.search.GalleryFile(args.other).columns) - added
    there = f", {held} {'was' if held == 1 else 'were'} there already" if held else ""
    print(f"{counted(added, 'photo')} of {as_read(args.other)} added to {as_read(args.gallery)}{there}")
    return 0


def _tell(line: str) -> None:
    common.say(line, file=sys.stderr)


def _people(count: int) -> str:
    return "1 person" if count == 1 else f"{count} people"


def _parser() -> argparse.ArgumentParser:
    parser = common.parser("gallery.py", "List, erase, check and join what galleries of people hold.", EXAMPLES)
    parser.add_argument("gallery", metavar="GALLERY", help="a gallery that enroll.py has written")
    actions = parser.add_subparsers(dest="action", required=True, metavar="list|info|remove|verify|merge")
    listing = actions.add_parser("list", help="everybody in it")
    listing.add_argument("--json", action="store_true", help="for a program, with every photo")
    info = actions.add_parser("info", help="how many, how large, which net")
    info.add_argument("--json", action="store_true", help="for a program")
    remove = actions.add_parser("remove", help="erase people")
    remove.add_argument("names", nargs="*", metavar="NAME", help="the people, as list shows them")
    remove.add_argument("--damaged", action="store_true", help="the photos that verify finds damaged, instead")
    actions.add_parser("verify", help="check every photo")
    merge = actions.add_parser("merge", help="put another gallery's photos into it")
    merge.add_argument("other", metavar="OTHER", help="a gallery of the same net; it stays as it is")
    merge.add_argument("--join", action="store_true", help="people whose names are in both are the same people")
    return parser


if __name__ == "__main__":
    common.run(main)

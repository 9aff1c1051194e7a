"""List, erase, check and join what a gallery holds: python tools/gallery.py gallery.h5 list"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Sequence

import common
import numpy as np

from pysketch.errors import counted
from pysketch.files import as_read
from pysketch.search import GalleryFile, merge_galleries, remove_damaged, remove_people, waiting

EXAMPLES = """
examples:
  everybody in it, and how many photos there are of each:
    python tools/gallery.py gallery.h5 list
  for a program, with each photo's number, file and SHA-256:
    python tools/gallery.py gallery.h5 list --json
  how large it is, which net drew, whether photos wait:
    python tools/gallery.py gallery.h5 info
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
    columns = GalleryFile(args.gallery).columns
    order = np.argsort(columns.person, kind="stable")
    counts = np.bincount(columns.person, minlength=len(columns.names))
    ends = np.cumsum(counts)
    everybody = sorted(enumerate(columns.people()), key=lambda each: each[1])
    if not args.json:
        for person, name in everybody:
            print(f"{as_read(name)}\t{counted(int(counts[person]), 'photo')}")
        return 0
    people = []
    for person, name in everybody:
        rows = map(int, order[ends[person] - counts[person] : ends[person]])
        photos = [
            {"row": row, "path": columns.path_of(row), "sha256": columns.digests[row].tobytes().hex()} for row in rows
        ]
        people.append({"name": name, "photos": photos})
    print(json.dumps(people, indent=1))
    return 0


def _info(args: argparse.Namespace) -> int:
    file = GalleryFile(args.gallery)
    columns, wait = file.columns, waiting(args.gallery)
    size = os.path.getsize(args.gallery)
    pictures = len(columns.photos.content), len(columns.sketches.content)
    print(f"photos: {len(columns)}")
    print(f"people: {len(columns.names)}")
    print(f"net: {file.identity.net} (SHA-256 of its file)")
    print(f"description: version {file.identity.description}")
    print(f"bytes: {size:,}, {pictures[0]:,} of them thumbnails, {pictures[1]:,} drawn sketches")
    if wait is None:
        print("being written by another process")
    elif wait:
        print(f"waiting to be put into it: {counted(wait, 'photo')}; the same enroll.py command goes on")
    return 0


def _remove(args: argparse.Namespace) -> int:
    if bool(args.names) == args.damaged:
        _parser().error("remove: expected names of people, or --damaged")
    removed = remove_damaged(args.gallery) if args.damaged else remove_people(args.gallery, args.names)
    print(f"erased: {counted(removed.photos, 'photo')} of {_people(removed.people)}")
    if removed.photos:
        print("the same photos, enrolled again, would come back", file=sys.stderr)
    return 0


def _verify(args: argparse.Namespace) -> int:
    file = GalleryFile(args.gallery)
    file.check_column("outlines")
    described, pictures = file.damaged()
    for row in described:
        print(f"photo {row}: damaged: what is searched and told of it")
    for row in pictures:
        print(f"photo {row}: damaged: its pictures (thumbnail, drawn sketch)")
    bad = len(np.union1d(described, pictures))
    print(f"{len(file.columns) - bad} of {counted(len(file.columns), 'photo')} are as they were written")
    if bad:
        again = "remove --damaged takes these out, enrolling their files again brings them back whole"
        print(f"error: {args.gallery}: {counted(bad, 'photo')} damaged; {again}", file=sys.stderr)
    return common.BAD_INPUT if bad else 0


def _merge(args: argparse.Namespace) -> int:
    added = merge_galleries(args.gallery, args.other, args.join)
    print(f"{counted(added, 'photo')} of {args.other} added to {args.gallery}")
    return 0


def _people(count: int) -> str:
    return "1 person" if count == 1 else f"{count} people"


def _parser() -> argparse.ArgumentParser:
    parser = common.parser("gallery.py", "List, erase, check and join what galleries of people hold.", EXAMPLES)
    parser.add_argument("gallery", metavar="GALLERY", help="a gallery that enroll.py has written")
    actions = parser.add_subparsers(dest="action", required=True, metavar="list|info|remove|verify|merge")
    listing = actions.add_parser("list", help="everybody in it")
    listing.add_argument("--json", action="store_true", help="for a program, with every photo")
    actions.add_parser("info", help="how many, how large, which net")
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

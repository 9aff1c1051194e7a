"""A page to draw portraits and look for people in a browser: python tools/page.py"""

from __future__ import annotations

import argparse
import logging
import signal
import threading
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

import common

import pysketch
from pysketch.shipped import find_net

EXAMPLES = """
examples:
  the page, for this machine, to draw with the shipped portrait net:
    python tools/page.py
  with one of the paper's nets, and a gallery to look for people in:
    python tools/page.py --net netdefs/pretrained/medium.h5 --gallery gallery.h5
  for others in the same network as well: whoever reaches the port can use the page, and see the gallery's pictures
    python tools/page.py --host 0.0.0.0 --port 8000

Needs pip install -e ".[page]"; with pip install -e ".[align]" it finds faces by itself. Prints the page's address, then
serves it until Ctrl-C. The page uses nothing from elsewhere, sends nothing anywhere and keeps nothing: an uploaded
picture is a file only while it is read.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the page until Ctrl-C."""
    args = _parser().parse_args(arguments)
    common.log_to(None, logging.WARNING)
    for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        signal.signal(number, _interrupt)
    gallery = pysketch.search.Gallery(args.gallery) if args.gallery else None
    studio = pysketch.page.Studio(pysketch.drawing.Sketcher(args.net, common.context(args)), gallery)
    limits = pysketch.page.Limits(args.megabytes, args.visitors)
    with pysketch.page.open_page(studio, limits, args.host, args.port) as address:
        print(f"{address}  Ctrl-C ends it.", flush=True)
        ended = threading.Event()
        while not ended.wait(1.0):  # Ctrl-C is noticed between two waits, on every system
            pass
    return 0


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    """As Ctrl-C, so that the temporary folder is removed."""
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    description = "Serve a page to draw portraits, and to look for people, in a browser."
    parser = common.parser("page.py", description, EXAMPLES)
    help = "a net file (.h5) that tools/solve.py wrote, or a shipped one by name (default: portrait)"
    parser.add_argument("--net", type=find_net, default="portrait", metavar="NET", help=help)
    help = "a gallery that tools/enroll.py wrote, to look for people in"
    parser.add_argument("--gallery", metavar="GALLERY.h5", help=help)
    help = "the address to listen on; 0.0.0.0: all of this machine's (default: 127.0.0.1, this machine only)"
    parser.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help=help)
    help = "the port to listen on (default: the first free one from 7860 on)"
    parser.add_argument("--port", type=_port, metavar="N", help=help)
    help = "how large a picture's file may be, in megabytes (default: 20)"
    parser.add_argument("--megabytes", type=common.number(0.001, 1000), default=20, metavar="N", help=help)
    help = "for how many visitors an answer is made at one time (default: 4); others wait"
    parser.add_argument("--visitors", type=common.at_least(1), default=4, metavar="N", help=help)
    common.add_device(parser)
    common.add_threads(parser)
    return parser


def _port(text: str) -> int:
    """A check for argparse: a port."""
    value = int(text) if text.isdecimal() else 0
    if not 1 <= value <= 65535:
        raise argparse.ArgumentTypeError(f"expected a port from 1 to 65535, found {text}")
    return value


if __name__ == "__main__":
    common.run(main)

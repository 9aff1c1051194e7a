"""The command ``pysketch``: runs the shipped folder tools, as ``python tools`` does in a checkout."""

from __future__ import annotations

import runpy

from pysketch.shipped.folders import folder


def main() -> None:
    """Run it with this process's arguments, and exit; its help calls it by the global name PROGRAM."""
    runpy.run_path(str(folder("tools")), {"PROGRAM": "pysketch"}, "__main__")

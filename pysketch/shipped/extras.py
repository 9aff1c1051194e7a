"""How a library that only some commands need is installed: in a checkout as an extra, elsewhere by its name."""

from __future__ import annotations

import re

from pysketch.shipped.folders import in_checkout


def how_to_install(extra: str) -> str:
    """The command line that brings an extra of pyproject.toml, such as "report".

    Where pysketch is installed from a wheel there is no folder to install from, and its name on an index need not be
    ours: then the extra's libraries are named, as the wheel's metadata list them.
    """
    if in_checkout():
        return f'pip install -e ".[{extra}]"'
    return f"pip install {' '.join(_libraries(extra))}"


def _libraries(extra: str) -> list[str]:
    from importlib.metadata import PackageNotFoundError, requires

    try:
        listed = requires("pysketch") or []
    except PackageNotFoundError:
        listed = []
    of_extra = (line.partition(";")[0] for line in listed if re.search(rf"extra == ['\"]{extra}['\"]", line))
    return [re.split(r"[\s<>=!~\[]", line.strip())[0] for line in of_extra]

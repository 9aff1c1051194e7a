"""Pages of results that open without a network: an HTML file and its pictures in a folder beside it.

The pictures are files rather than part of the page: a page with a hundred faces opens at once, and a figure can
be taken into a paper. The only importer of jinja2, whose autoescape makes names from files harmless.
"""

from __future__ import annotations

import base64
import csv
import os
import re
import urllib.parse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pysketch.errors import DataError
from pysketch.files import NEW_FILE_MODE, atomic_path
from pysketch.shipped import how_to_install

PICTURES = "pictures"
"""The folder of a page's pictures, beside the page."""


@dataclass(frozen=True)
class Table:
    """A table: heads of columns, rows of texts and numbers (a float is shown with 4 digits), a caption."""

    header: Sequence[str]
    rows: Sequence[Sequence[Any]]
    caption: str = ""


@dataclass(frozen=True)
class Picture:
    """A picture by its path relative to the page, or within the page (`in_page`), and a caption."""

    path: str
    caption: str = ""


@dataclass(frozen=True)
class Group:
    """A smaller heading in a section, a line of text, and pictures that belong side by side."""

    heading: str
    text: str
    pictures: Sequence[Picture]


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it: paragraphs, tables, pictures, side by side where they fit, then groups."""

    heading: str
    paragraphs: Sequence[str] = ()
    tables: Sequence[Table] = ()
    pictures: Sequence[Picture] = field(default_factory=list)
    groups: Sequence[Group] = ()


def write_page(
    path: str | os.PathLike[str], title: str, sections: Sequence[Section], new_mode: int = NEW_FILE_MODE
) -> None:
    """Write the page, as `atomic_path` does, with `new_mode`; DataError if jinja2 or the place is missing."""
    jinja2 = library()
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["cell"], environment.filters["source"] = _cell, _source
    page = environment.from_string(_PAGE).render(title=title, sections=sections)
    try:
        with atomic_path(path, new_mode) as temporary:
            temporary.write_text(page, encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path}: the report cannot be written there: {error.strerror}") from None


def in_page(content: bytes, suffix: str) -> str:
    """A picture file's bytes as the path of a `Picture` that needs no file; suffix: .png or .jpg."""
    kind = {".png": "png", ".jpg": "jpeg"}[suffix]
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def library() -> Any:
    """jinja2; DataError with what to install where it is missing."""
    try:
        import jinja2
    except ImportError:
        raise DataError(f"a report needs jinja2; install it with: {how_to_install('report')}") from None
    return jinja2


def write_csv(path: str | os.PathLike[str], header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table as a CSV file, complete or not at all; DataError if it cannot be written."""
    try:
        with atomic_path(path) as temporary, Path(temporary).open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(header)
            writer.writerows(rows)
    except OSError as error:
        raise DataError(f"{path}: the scores cannot be written there: {error.strerror}") from None


def _cell(value: Any) -> str:
    """How a value is shown: a float with four digits, None as a dash."""
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _source(path: str) -> str:
    """A path as a link; a picture in the page as it is."""
    return path if _IN_PAGE.fullmatch(path) else urllib.parse.quote(path)


_IN_PAGE = re.compile(r"data:image/(png|jpeg);base64,[A-Za-z0-9+/=]*")

_PICTURE = """<figure><img src="{{ picture.path | source }}" alt="{{ picture.caption }}" loading="lazy">
<figcaption>{{ picture.caption }}</figcaption></figure>
"""

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>
body { font-family: Georgia, serif; max-width: 72em; margin: 2em auto; padding: 0 1em; color: #222; }
h1, h2 { font-weight: normal; border-bottom: 1px solid #ccc; }
p { max-width: 48em; line-height: 1.4; }
table { border-collapse: collapse; margin: 1em 0; font-size: 0.9em; }
caption { text-align: left; padding-bottom: 0.4em; font-style: italic; }
th, td { padding: 0.25em 0.8em; text-align: right; border-bottom: 1px solid #ddd; }
th:first-child, td:first-child { text-align: left; }
.pictures { display: flex; flex-wrap: wrap; gap: 1em; align-items: flex-end; }
figure { margin: 0; } figcaption { font-size: 0.8em; color: #555; max-width: 44em; }
img { max-width: 100%; }
.group { flex-wrap: nowrap; } .group img { border: 1px solid #ddd; box-sizing: border-box; }
@media (max-width: 40em) {
body { margin: 1em auto; overflow-wrap: anywhere; }
table { display: block; overflow-x: auto; overflow-wrap: normal; } th, td { padding: 0.25em 0.4em; }
.group { flex-wrap: wrap; gap: 0.5em; } .group figure { width: calc(50% - 0.25em); }
}
nav a { margin-right: 1em; }
</style>
</head>
<body>
<h1>{{ title }}</h1>
<nav>{% for section in sections %}<a href="#s{{ loop.index }}">{{ section.heading }}</a> {% endfor %}</nav>
{% for section in sections %}
<h2 id="s{{ loop.index }}">{{ section.heading }}</h2>
{% for text in section.paragraphs %}
<p>{{ text }}</p>
{% endfor %}
{% for table in section.tables %}
<table>
{% if table.caption %}
<caption>{{ table.caption }}</caption>
{% endif %}
<tr>{% for head in table.header %}<th>{{ head }}</th>{% endfor %}</tr>
{% for row in table.rows %}
<tr>{% for value in row %}<td>{{ value | cell }}</td>{% endfor %}</tr>
{% endfor %}
</table>
{% endfor %}
<div class="pictures">
{% for picture in section.pictures %}
PICTURE{% endfor %}
</div>
{% for group in section.groups %}
<h3>{{ group.heading }}</h3>
<p>{{ group.text }}</p>
<div class="pictures group">
{% for picture in group.pictures %}
PICTURE{% endfor %}
</div>
{% endfor %}
{% endfor %}
</body>
</html>
""".replace("PICTURE", _PICTURE)

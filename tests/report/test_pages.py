import csv
import sys
from html.parser import HTMLParser

import pytest

from pysketch.errors import DataError
from pysketch.report.pages import Group, Picture, Section, Table, in_page, write_csv, write_page

needs_jinja = pytest.mark.skipif(
    __import__("importlib.util").util.find_spec("jinja2") is None, reason='needs jinja2: pip install -e ".[report]"'
)


class Page(HTMLParser):
    """Collects tags with their attributes, and the text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.texts.append(data.strip())

    def of(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def page(path, *sections):
    write_page(path, "A <title>", sections)
    return Page(path.read_text(encoding="utf-8"))


@needs_jinja
def test_a_page_holds_headings_paragraphs_tables_and_pictures(tmp_path):
    table = Table(["method", "RMSE"], [["ours", 33.456789], ["grey", None]], "Scores")
    found = page(tmp_path / "index.html", Section("One", ["Text."], [table], [Picture("pictures/a.png", "A face")]))
    for text in ("One", "Text.", "Scores", "method", "ours", "33.46", "-", "A face"):
        assert text in found.texts
    assert [image["src"] for image in found.of("img")] == ["pictures/a.png"]


@needs_jinja
def test_names_from_files_cannot_become_html(tmp_path):
    evil = '"><script>alert(1)</script>'
    section = Section(evil, [evil], [Table([evil], [[evil]], evil)], [Picture(f"pictures/{evil}.png", evil)])
    found = page(tmp_path / "index.html", section)
    assert found.of("script") == []
    assert all("onerror" not in attributes for _, attributes in found.tags)
    assert len(found.of("img")) == 1


@needs_jinja
def test_groups_stand_below_with_their_own_pictures_some_of_them_in_the_page(tmp_path):
    inside = in_page(b"\x89PNG and more", ".png")
    group = Group("1. anna", "Near.", [Picture(inside, "inside"), Picture("pictures/b c.png", "beside")])
    found = page(tmp_path / "index.html", Section("One", ["Text."], groups=[group]))
    assert inside == "data:image/png;base64,iVBORyBhbmQgbW9yZQ=="
    assert [image["src"] for image in found.of("img")] == [inside, "pictures/b%20c.png"]
    assert [text for text in found.texts if text][-4:] == ["1. anna", "Near.", "inside", "beside"]


@needs_jinja
@pytest.mark.parametrize("path", ["data:text/html;base64,QQ==", "javascript:alert(1)", "data:image/png;base64,A B"])
def test_what_is_no_picture_in_the_page_is_the_name_of_a_file(tmp_path, path):
    found = page(tmp_path / "index.html", Section("One", pictures=[Picture(path)]))
    assert ":" not in found.of("img")[0]["src"]


@needs_jinja
def test_a_page_asks_for_nothing_from_a_network(tmp_path):
    page(tmp_path / "index.html", Section("One", ["Text."], [], [Picture("pictures/a.png")]))
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "http" not in text and "//" not in text.replace("<!DOCTYPE", "")


@needs_jinja
def test_a_page_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="the report cannot be written there"):
        write_page(tmp_path / "file" / "index.html", "x", [])


def test_a_csv_is_complete_or_not_there(tmp_path):
    write_csv(tmp_path / "a.csv", ["x", "y"], [[1, "a,b"], [2, 'c"d']])
    with (tmp_path / "a.csv").open(newline="") as stream:
        assert list(csv.reader(stream)) == [["x", "y"], ["1", "a,b"], ["2", 'c"d']]

    def rows():
        yield [1, 2]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_csv(tmp_path / "b.csv", ["x", "y"], rows())
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_a_csv_that_cannot_be_written_is_one_line(tmp_path):
    with pytest.raises(DataError, match="the scores cannot be written there"):
        write_csv(tmp_path, ["x"], [])


def test_a_missing_jinja2_is_one_line_that_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(DataError, match=r'a report needs jinja2; install it with: pip install -e "\.\[report\]"'):
        write_page(tmp_path / "index.html", "x", [])

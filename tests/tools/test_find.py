"""find.py: who is told, in which order, how sure, and what becomes of sketches that cannot be used."""

import importlib.util
import json
from functools import cache
from pathlib import Path

import common
import find
import galleries
import numpy as np
import pytest

import pysketch
from pysketch.drawing import choice
from pysketch.errors import DataError, GalleryError
from pysketch.images import synthetic
from pysketch.images.alignment import FRAME_EYES
from pysketch.images.eye_finder import Face
from pysketch.images.metrics import squared_distances
from pysketch.images.pictures import write_image
from pysketch.images.preprocessing import crop_centre
from pysketch.search.confidence import Confidence
from pysketch.search.upkeep import remove_people


@pytest.fixture(autouse=True)
def _few_transforms(monkeypatch):
    galleries.few_transforms(monkeypatch)


@pytest.fixture
def gallery(tmp_path):
    return str(galleries.write_people(tmp_path / "g.h5"))


@pytest.fixture
def sketches(tmp_path):
    """The artist's sketches of the three, by name."""
    (tmp_path / "sketches").mkdir()
    for name, content in drawings().items():
        (tmp_path / "sketches" / f"{name}.png").write_bytes(content)
    return tmp_path / "sketches"


@cache
def drawings():
    return {name: galleries.picture(sketch) for name, _, sketch in galleries.people(3)}


@pytest.fixture
def finder(monkeypatch):
    """Sets the faces that will be found; None: the library is missing."""

    def set_faces(faces):
        monkeypatch.setattr(choice, "can_find_faces", lambda: faces is not None)
        monkeypatch.setattr(choice, "find_faces", lambda photo: faces)
        monkeypatch.setattr(choice, "quarter_turns", lambda photo, found: 0)

    return set_faces


def table(text):
    """The words of the table's lines, without its head."""
    return [line.split() for line in text.splitlines() if line[:4].strip().isdigit()]


def test_each_sketch_finds_its_person_first(gallery, sketches, capsys):
    assert find.main([gallery, str(sketches), "-n", "2"]) == 0
    out = capsys.readouterr().out
    lines = table(out)
    names = [name for name, _, _ in galleries.people(3)]
    assert [(line[0], line[1]) for line in lines[::2]] == [("1", name) for name in names]
    assert [line[-1] for line in lines[::2]] == [f"photos/{name}_0.png" for name in names]
    assert len(lines) == 6
    assert f"{sketches / 'test-000.png'}: the nearest of 3 people\n" in out
    assert "A match is a lead, not a proof." in out
    assert out.splitlines()[-1] == "3 of 3 sketches looked for"


def test_how_sure_it_is_is_told_in_words_for_views_and_not_known_for_pixels(gallery, sketches, capsys, monkeypatch):
    monkeypatch.setattr(Confidence, "rate", lambda self, distance: 1 / 5000)
    monkeypatch.setattr(Confidence, "rests_on", "Measured somewhere.")
    find.main([gallery, str(sketches / "test-000.png")])
    out = " ".join(capsys.readouterr().out.split())
    assert "1 in 5,000 others come as near to a sketch as the first on the list" in out
    assert "; of the 2 others in the gallery that is under 0.01. Measured somewhere." in out
    find.main([gallery, str(sketches / "test-000.png"), "--match", "pixels"])
    out = capsys.readouterr().out
    assert "How sure: not known" in out
    assert "1 in 5,000" not in out


def test_how_sure_several_lists_are_is_told_once_at_the_end(gallery, sketches, capsys, monkeypatch):
    monkeypatch.setattr(Confidence, "rests_on", "Measured somewhere.")
    find.main([gallery, str(sketches), "-n", "1"])
    out = capsys.readouterr().out
    assert out.count("How sure: ") == out.count("Measured somewhere.") == 1
    assert out.index("test-002.png") < out.index("How sure: ") < out.index("A match is a lead")


def test_json_is_a_line_for_each_sketch_and_nothing_else(gallery, sketches, capsys):
    (sketches / "bad.png").write_bytes(b"no picture")
    assert find.main([gallery, str(sketches), "--json", "-n", "1"]) == 2
    captured = capsys.readouterr()
    records = [json.loads(line) for line in captured.out.splitlines()]
    assert [Path(record["sketch"]).stem for record in records] == [name for name, _, _ in galleries.people(3)]
    assert [[each["person"] for each in record["matches"]] for record in records] == [
        [name] for name, _, _ in galleries.people(3)
    ]
    assert "3 of 4 sketches looked for, 1 left out" in captured.err


@pytest.mark.parametrize("match", ["pixels", "inner"])
def test_json_says_nothing_of_what_no_rate_rests_on(gallery, sketches, capsys, monkeypatch, match):
    monkeypatch.setattr(Confidence, "rests_on", "Measured somewhere.")
    arguments = [gallery, str(sketches / "test-000.png"), "--json", "-n", "1"]
    for more, rests_on in (([], "Measured somewhere."), (["--match", match], "")):
        find.main([*arguments, *more])
        assert json.loads(capsys.readouterr().out)["rests_on"] == rests_on


def test_a_photo_that_is_looked_for_is_called_one_and_how_sure_it_is_is_not_known(gallery, tmp_path, capsys):
    write_image(tmp_path / "photo.png", synthetic.face_pair(20)[0])
    arguments = [gallery, str(tmp_path / "photo.png"), "--align", "none"]
    assert find.main(arguments) == 0
    captured = capsys.readouterr()
    assert "photo.png: it has colours: is it a photo?" in captured.err
    assert "How sure: not known; distances are measured on sketches, and this looks" in captured.out
    assert [line[3:5] for line in table(captured.out)] == [["not", "known"]] * 3
    assert find.main([*arguments, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["rests_on"] == ""
    assert [each["false_accept_rate"] for each in record["matches"]] == [None] * 3


def test_of_an_empty_gallery_nothing_is_said_but_that_it_is_empty(gallery, sketches, capsys):
    remove_people(gallery, [name for name, _, _ in galleries.people(3)])
    for given in ([sketches / "test-000.png"], [sketches / "test-000.png", sketches / "test-001.png"]):
        assert find.main([gallery, *map(str, given)]) == 0
        said, *counts = capsys.readouterr().out.splitlines()
        assert said == "The gallery is empty: there is nobody to be found."
        assert counts == ["2 of 2 sketches looked for"] * (len(given) - 1)


def test_what_is_left_out_of_a_folder_is_told_in_a_line_and_a_folder_of_folders_by_what_is_in_it(
    gallery, sketches, tmp_path, capsys
):
    (sketches / "notes.txt").write_text("no picture")
    assert find.main([gallery, str(sketches), "-n", "1"]) == 0
    assert f"{sketches}: left out: notes.txt (no picture)\n" in capsys.readouterr().err
    with pytest.raises(DataError, match=r"no images in this folder; found .*sketches \(a folder\)"):
        find.main([gallery, str(sketches.parent)])


def test_a_sketch_that_cannot_be_used_is_named_and_left_out_and_the_status_is_2(gallery, sketches, finder, capsys):
    (sketches / "bad.png").write_bytes(b"no picture")
    write_image(sketches / "nobody.png", np.pad(np.full((100, 200), 9, np.uint8), 100, constant_values=200))
    write_image(sketches / "paper.png", np.full((250, 200), 200, np.uint8))
    finder([])
    assert find.main([gallery, str(sketches), "-n", "1"]) == 2
    captured = capsys.readouterr()
    errors = [line for line in captured.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 3
    assert errors[0].startswith(f"error: {sketches / 'bad.png'}: ")
    assert errors[1].startswith(f"error: {sketches / 'nobody.png'}: no face found in it; give the eyes' positions")
    assert errors[2].startswith(f"error: {sketches / 'paper.png'}: no lines in it")
    names = ", ".join(str(sketches / f"{each}.png") for each in ("bad", "nobody", "paper"))
    assert captured.out.splitlines()[-1] == f"3 of 6 sketches looked for, 3 left out: {names}"


def moved_sheet(path, k):
    """A sheet with a sketch twice as large on it; its eyes."""
    sheet = np.full((700, 600), 240, np.uint8)
    sheet[100:600, 80:480] = galleries.people(3)[k][2].repeat(2, axis=0).repeat(2, axis=1)
    write_image(path, sheet)
    return FRAME_EYES * 2 + [80.5, 100.5]


def test_a_sheet_is_brought_into_the_frame_by_found_eyes_or_given_ones(gallery, tmp_path, finder, capsys):
    eyes = moved_sheet(tmp_path / "sheet.png", 2)
    finder([Face(eyes, 250.0, 1.5)])
    given = [str(each) for each in eyes.ravel()]
    aligned = f"{tmp_path / 'sheet.png'}: not an aligned face of 200x250 pixels: 1 face found, aligned by its eyes\n"
    for options, said in (([], aligned), (["--align", "eyes", *given], "")):
        assert find.main([gallery, str(tmp_path / "sheet.png"), "-n", "1", *options]) == 0
        captured = capsys.readouterr()
        assert table(captured.out)[0][1] == "test-002"
        assert captured.err == said


def test_several_faces_on_a_sheet_are_an_error_that_says_how_to_choose(gallery, tmp_path, finder, capsys):
    eyes = moved_sheet(tmp_path / "sheet.png", 2)
    finder([Face(eyes, 250.0, 1.5), Face(eyes + 9, 250.0, 1.5)])
    assert find.main([gallery, str(tmp_path / "sheet.png")]) == 2
    assert (
        "sheet.png: expected one face in the sketch, found 2; say which by its eyes: --align eyes X1 Y1"
        in capsys.readouterr().err
    )


def test_without_the_library_a_sheet_is_not_compared_as_if_it_were_aligned(gallery, tmp_path, monkeypatch, capsys):
    moved_sheet(tmp_path / "sheet.png", 2)

    def missing(photo):
        raise DataError("finding eyes needs dlib")

    monkeypatch.setattr(choice, "can_find_faces", lambda: False)
    monkeypatch.setattr(choice, "find_faces", missing)
    assert find.main([gallery, str(tmp_path / "sheet.png")]) == 2
    assert "sheet.png: finding eyes needs dlib" in capsys.readouterr().err


def test_a_sketch_of_the_frames_size_without_a_face_is_compared_as_it_is_with_a_word(gallery, tmp_path, finder, capsys):
    finder([])
    write_image(tmp_path / "little.png", np.pad(np.full((10, 10), 9, np.uint8), ((125,), (100,)), constant_values=200))
    assert find.main([gallery, str(tmp_path / "little.png"), "-n", "1"]) == 0
    said = capsys.readouterr().err
    assert said.startswith(
        f"{tmp_path / 'little.png'}: no eyes where the nets expect them, no face found in it: compared"
    )


def test_align_none_takes_no_sheet_that_is_larger_than_the_frame(gallery, tmp_path, capsys):
    moved_sheet(tmp_path / "sheet.png", 2)
    assert find.main([gallery, str(tmp_path / "sheet.png"), "--align", "none"]) == 2
    assert "expected an aligned sketch of 200x250 pixels, found 600x700" in capsys.readouterr().err


def test_pixels_are_the_papers_measure_of_the_sketches_that_the_gallery_keeps(gallery, sketches, capsys):
    assert find.main([gallery, str(sketches / "test-001.png"), "--match", "pixels", "--json"]) == 0
    matches = json.loads(capsys.readouterr().out)["matches"]
    drawn = [crop_centre(galleries.drawn(sketch, k), 143, 188) for k, (_, _, sketch) in enumerate(galleries.people(3))]
    (expected,) = squared_distances(drawn, [crop_centre(galleries.people(3)[1][2], 143, 188)])
    assert [each["row"] for each in matches] == np.argsort(expected).tolist()
    np.testing.assert_array_equal([each["distance"] for each in matches], np.sort(expected))
    assert all(each["false_accept_rate"] is None for each in matches)


def test_pixels_need_drawn_sketches_in_the_gallery(tmp_path, sketches):
    bare = galleries.write_people(tmp_path / "bare.h5", sketches=False)
    for match in ("pixels", "inner"):
        with pytest.raises(GalleryError, match=r"bare\.h5: 3 of 3 photos are kept without their drawn sketch"):
            find.main([str(bare), str(sketches), "--match", match])


def test_the_inner_face_finds_its_person_whatever_hair_and_collar_are_now(gallery, sketches, tmp_path, capsys):
    sketch = galleries.people(3)[2][2].copy()
    sketch[:80], sketch[215:] = 255, 0
    write_image(tmp_path / "bald.png", sketch)
    paths = [str(tmp_path / "bald.png"), str(sketches / "test-002.png")]
    assert find.main([gallery, *paths, "--match", "inner", "--align", "none", "--json"]) == 0
    bald, own = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (bald["match"], bald["shortlist"]) == ("inner", None)
    assert bald["matches"] == own["matches"]
    assert own["matches"][0]["person"] == "test-002"
    assert all(each["false_accept_rate"] is None for each in own["matches"])
    find.main([gallery, paths[1], "--match", "inner"])
    assert "How sure: not known; distances of the inner face are not calibrated." in capsys.readouterr().out


def test_people_are_told_once_however_many_photos_they_have(tmp_path, sketches, capsys):
    twice = str(galleries.write_people(tmp_path / "twice.h5", copies=2))
    for match in ("views", "inner", "pixels"):
        find.main([twice, str(sketches / "test-000.png"), "--match", match])
        out = capsys.readouterr().out
        assert sorted(line[1] for line in table(out)) == [name for name, _, _ in galleries.people(3)]
        assert "the nearest of 3 people (6 photos)" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-n", "0"], "argument -n"),
        (["--align", "eyes", "1", "2", "30", "4"], "--align eyes is for one sketch"),
        (["--align", "eyes", "1"], "--align eyes takes four numbers"),
        (["--al", "eyes"], "write --align eyes X1 Y1 X2 Y2 in full"),
        (["--match", "both"], "invalid choice: 'both'"),
    ],
)
def test_options_that_are_not_right_are_usage_errors(gallery, sketches, arguments, message, capsys):
    with pytest.raises(SystemExit) as stop:
        find.main([gallery, str(sketches), *arguments])
    assert stop.value.code == 2
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_what_is_no_gallery_and_a_folder_without_sketches_are_one_line(gallery, sketches, tmp_path, capsys):
    (tmp_path / "none").mkdir()
    for arguments, message in (
        ([str(sketches / "test-000.png"), str(sketches)], "expected a gallery as tools/enroll.py writes it"),
        ([str(tmp_path / "no.h5"), str(sketches)], "no.h5: no such"),
        ([gallery, str(tmp_path / "none")], "none: no images in this folder"),
    ):
        with pytest.raises(SystemExit) as stop:
            common.run(lambda _, arguments=arguments: find.main(arguments))
        captured = capsys.readouterr()
        assert stop.value.code == 2
        assert message in captured.err and captured.err.count("\n") == 1
        assert captured.out == ""


@pytest.mark.skipif(importlib.util.find_spec("jinja2") is None, reason='needs jinja2: pip install -e ".[report]"')
def test_a_report_is_written_and_told(gallery, sketches, tmp_path, capsys):
    (sketches / "bad.png").write_bytes(b"no picture")
    (sketches / "test-001.png").unlink()
    page = tmp_path / "found.html"
    assert find.main([gallery, str(sketches), "-n", "1", "--report", str(page)]) == 2
    assert capsys.readouterr().out.splitlines()[-1] == f"report: {page}"
    text = page.read_text()
    assert "1. test-000" in text and "1. test-002" in text
    assert "Left out: " in text


@pytest.mark.skipif(importlib.util.find_spec("jinja2") is None, reason='needs jinja2: pip install -e ".[report]"')
def test_damaged_pictures_are_told_once_each_on_the_page_and_once_on_stderr(gallery, sketches, tmp_path, capsys):
    content = bytearray(Path(gallery).read_bytes())
    for each in (galleries.portrait(0, 0).photo, galleries.portrait(1, 0).photo):
        content[content.index(each)] ^= 1
    Path(gallery).write_bytes(content)
    page = tmp_path / "found.html"
    assert find.main([gallery, str(sketches / "test-000.png"), "-n", "3", "--report", str(page)]) == 0
    err = capsys.readouterr().err
    assert err.startswith(f"the report lacks pictures: {gallery}: damaged: the pictures of photo 0; ")
    assert err.endswith("says what is lost (and 1 more such: the page says which)\n")
    text = page.read_text()
    assert [text.count(f"damaged: the pictures of photo {row}") for row in range(3)] == [1, 1, 0]


@pytest.mark.skipif(importlib.util.find_spec("jinja2") is None, reason='needs jinja2: pip install -e ".[report]"')
@pytest.mark.parametrize(
    ("report", "message"),
    [
        ("g.h5", "g.h5: is read by this command"),
        ("sketches/test-000.png", "test-000.png: is read by this command"),
        ("photo.jpg", "photo.jpg: is there already, and no web page"),
        ("new/found.html", "found.html: there is no folder"),
        ("sketches", "sketches: expected a file"),
    ],
)
def test_a_report_that_must_not_be_written_is_refused_before_anybody_is_looked_for(
    gallery, sketches, tmp_path, report, message, monkeypatch
):
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    monkeypatch.setattr("pysketch.search.Gallery", None)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(DataError, match=message):
        find.main([gallery, str(sketches), "--report", str(tmp_path / report)])
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_without_the_reports_library_nothing_is_looked_for(gallery, sketches, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "jinja2", None)
    monkeypatch.setattr("pysketch.search.Gallery", None)
    with pytest.raises(DataError, match="a report needs jinja2"):
        find.main([gallery, str(sketches), "--report", "x.html"])


def test_from_python_a_path_a_pillow_image_and_an_array_find_the_same(gallery, sketches):
    from PIL import Image

    path = sketches / "test-001.png"
    opened = pysketch.Gallery(gallery)
    first = opened.find(path, n=2)
    assert first[0].name == "test-001" and len(first) == 2
    for sketch in (str(path), Image.open(path), np.asarray(Image.open(path))):
        assert opened.find(sketch, n=2) == first
    assert opened.find(path, n=99)[0] == first[0]
    with pytest.raises(ValueError, match="expected views, inner or pixels, found both"):
        opened.find(path, match="both")

import draw_net
import pytest

from pysketch.errors import DataError, NetdefError
from pysketch.images.pictures import read_photo

pytest.importorskip("matplotlib", reason='figures need matplotlib: pip install -e ".[report]"')
pytest.importorskip("grandalf", reason='drawing a graph needs grandalf: pip install -e ".[report]"')

BLUE, YELLOW, RED = (0xCF, 0xE3, 0xF5), (0xFB, 0xE3, 0xC0), (0xF6, 0xCF, 0xC8)


def colours(path):
    return set(map(tuple, read_photo(path).reshape(-1, 3)))


def test_data_params_and_losses_have_their_colours(tiny, tmp_path):
    assert draw_net.main([tiny, "--phase", "train", "-o", str(tmp_path / "train.png")]) == 0
    assert draw_net.main([tiny, "--stage", "deploy", "-o", str(tmp_path / "draws.png")]) == 0
    assert {BLUE, YELLOW, RED} <= colours(tmp_path / "train.png")
    assert {BLUE, YELLOW} <= colours(tmp_path / "draws.png")
    assert RED not in colours(tmp_path / "draws.png")


def test_an_svg_holds_a_drawing_of_the_size_that_is_asked_for(tiny, tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr("pysketch.report.net_picture.draw_diagram", lambda path, boxes, *rest: written.extend(boxes))
    assert draw_net.main([tiny, "--stage", "deploy", "--size", "20x30", "-o", str(tmp_path / "net.svg")]) == 0
    assert written[0].lines == ["→ data  1x3x30x20"]


DATABASE = """layer { name: "db" type: "Data" top: "x" data_param { source: "nowhere" } }
layer { name: "it/s" type: "ReLU" bottom: "x" top: "y" }"""


def test_a_net_that_cannot_be_built_is_drawn_as_its_netdef_says(tmp_path, capsys):
    path, picture = tmp_path / "net.prototxt", tmp_path / "net.svg"
    path.write_text(DATABASE)
    assert draw_net.main([str(path), "-o", str(picture)]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("drawn without shapes: ") and 'layer "db"' in line
    text = picture.read_text(encoding="utf-8")
    assert "<!-- db Data" in text and "<!-- it/s ReLU" in text


def test_plain_draws_without_building_and_says_nothing(tiny, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("pysketch.net.build_without_data", None)
    assert draw_net.main([tiny, "--plain", "-o", str(tmp_path / "net.svg")]) == 0
    assert capsys.readouterr().err == ""


def test_a_net_that_lacks_its_data_in_this_phase_is_drawn_and_what_it_lacks_is_said(tmp_path, capsys):
    path = tmp_path / "net.prototxt"
    path.write_text(DATABASE.replace('bottom: "x"', 'bottom: "z"').replace('"nowhere"', '"nowhere" batch_size: 1'))
    assert draw_net.main([str(path), "-o", str(tmp_path / "net.svg")]) == 0
    assert 'layer "it/s": unknown bottom "z"' in capsys.readouterr().err
    assert "no layer of phase TEST makes it" in (tmp_path / "net.svg").read_text(encoding="utf-8")


def test_what_is_wrong_in_a_netdef_itself_is_still_refused(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(DATABASE.replace("bottom:", "botom:"))
    with pytest.raises(NetdefError, match='unknown field "botom"'):
        draw_net.main([str(path), "-o", str(tmp_path / "net.svg")])


def test_a_bad_name_for_the_picture_is_one_line_before_the_net_is_read():
    with pytest.raises(DataError, match=r"net\.dot: a figure's name ends in"):
        draw_net.main(["missing.prototxt", "-o", "net.dot"])


def test_a_netdef_is_not_overwritten_by_its_picture(tiny, tmp_path):
    (tmp_path / "net.png").symlink_to(tiny)
    with pytest.raises(DataError, match="is read by this command, and would be overwritten"):
        draw_net.main([tiny, "-o", str(tmp_path / "net.png")])

import draw_net
import pytest

from pysketch.errors import DataError
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


def test_a_bad_name_for_the_picture_is_one_line_before_the_net_is_read():
    with pytest.raises(DataError, match=r"net\.dot: a figure's name ends in"):
        draw_net.main(["missing.prototxt", "-o", "net.dot"])

import pytest

from pysketch.errors import DataError
from pysketch.images.pictures import read_photo
from pysketch.report.diagram import Box, draw_diagram

pytest.importorskip("matplotlib", reason='figures need matplotlib: pip install -e ".[report]"')


def test_a_diagram_has_boxes_at_their_centres_and_arrows_between_them(tmp_path):
    boxes = [Box("above", ["a line"], 1), Box("below", [], 3)]
    arrow = [(50.0, 30.0), (50.0, 100.0)]
    draw_diagram(tmp_path / "with.png", boxes, [(50.0, 15.0), (50.0, 110.0)], [(arrow, "blob")], (100.0, 120.0), "t")
    draw_diagram(tmp_path / "without.svg", boxes[:1], [(50.0, 15.0)], [], (100.0, 30.0))
    page = read_photo(tmp_path / "with.png")
    blue, red = ((page == colour).all(axis=2).nonzero()[0] for colour in ((0xCF, 0xE3, 0xF5), (0xF6, 0xCF, 0xC8)))
    assert blue.max() < red.min()
    between = page[blue.max() + 5 : red.min() - 5]
    assert (between < 128).all(axis=2).any(axis=1).mean() > 0.9
    assert "above" in (tmp_path / "without.svg").read_text()


def test_a_box_is_as_large_as_its_text_needs():
    small, wide, tall = Box("a", ["b"]).size, Box("a", ["a line that is longer"]).size, Box("a", ["b", "c"]).size
    assert wide[0] > small[0] and wide[1] == small[1]
    assert tall[1] > small[1] and tall[0] == small[0]


def test_a_very_long_diagram_has_fewer_dots_per_inch(tmp_path):
    draw_diagram(tmp_path / "long.png", [Box("end", [])], [(20.0, 19_990.0)], [], (40.0, 20_000.0))
    assert 19_990 <= read_photo(tmp_path / "long.png").shape[0] <= 20_000


def test_a_diagram_has_a_format_that_is_known(tmp_path):
    with pytest.raises(DataError, match=r"x\.dot: a figure's name ends in"):
        draw_diagram(tmp_path / "x.dot", [], [], [], (1.0, 1.0))

import pytest

from pysketch.net.net import Net
from pysketch.netdef.definitions import Phase
from pysketch.report.net_graph import net_graph
from pysketch.report.net_picture import draw_graph

pytest.importorskip("matplotlib", reason='figures need matplotlib: pip install -e ".[report]"')
pytest.importorskip("grandalf", reason='drawing a graph needs grandalf: pip install -e ".[report]"')


def test_every_layer_is_a_box_and_the_title_stands_above(tiny, tmp_path):
    draw_graph(*net_graph(Net(tiny, Phase.TEST, stages=("deploy",))), str(tmp_path / "net.svg"), "its title")
    text = (tmp_path / "net.svg").read_text(encoding="utf-8")
    for words in ("its title", "data Input", "conv1 Convolution", "relu1 ReLU", "conv2 Convolution"):
        assert f"<!-- {words}" in text, words


def test_boxes_stand_where_the_layout_says_and_arrows_between_them(tiny, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr("pysketch.report.net_picture.draw_diagram", lambda *arguments: drawn.extend(arguments))
    draw_graph(*net_graph(Net(tiny, Phase.TEST, stages=("deploy",))), "net.svg", "t")
    path, boxes, centres, routes, _, title = drawn
    assert (path, title) == ("net.svg", "t")
    assert [box.title for box in boxes] == ["data Input", "conv1 Convolution", "conv2 Convolution"]
    heights = [y for _, y in centres]
    assert heights == sorted(heights) or heights == sorted(heights, reverse=True)
    assert len(set(heights)) == 3
    assert len(routes) == 2

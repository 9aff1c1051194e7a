import numpy as np
import pytest

from pysketch.errors import DataError
from pysketch.images.pictures import read_photo
from pysketch.report import figures

pytest.importorskip("matplotlib", reason='figures need matplotlib: pip install -e ".[report]"')


def ink(path):
    """Which pixels are not white, (H, W)."""
    return (read_photo(path) < 250).any(axis=2)


def colours(path):
    """The picture's colours, as a set of (r, g, b)."""
    return set(map(tuple, read_photo(path).reshape(-1, 3)))


def test_every_method_has_a_line_in_the_cumulative_match_figure(tmp_path):
    for number, scores in enumerate(({"ours": [99, 100]}, {"ours": [99, 100], "grey": [41, 55]})):
        figures.cumulative_match(tmp_path / f"{number}.png", scores)
    black, rust = (0, 0, 0), (0xC1, 0x44, 0x0E)
    assert black in colours(tmp_path / "0.png")
    assert rust not in colours(tmp_path / "0.png")
    assert {black, rust} <= colours(tmp_path / "1.png")


def test_curves_show_printed_points_and_bands_and_take_zero_on_a_logarithmic_axis(tmp_path):
    line = {"ours": ([0, 10, 1000], [3.0, 2.0, 1.0], [2.5, 1.5, 0.5], [3.5, 2.5, 1.5])}
    figures.curves(tmp_path / "plain.png", line, "alpha", "RMSE", log_x=True)
    figures.curves(tmp_path / "printed.png", line, "alpha", "RMSE", log_x=True, printed={"paper": ([10], [3.0])})
    plain, printed = (ink(tmp_path / f"{name}.png").sum() for name in ("plain", "printed"))
    assert printed > plain


def test_few_values_on_a_logarithmic_x_axis_are_its_ticks(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(figures, "save", lambda path, figure: drawn.append(figure))
    few, many, large = [3, 27, 88], list(range(1, 40)), [1e4, 1e9]
    for x in (few, many, large):
        figures.curves(tmp_path / "x.png", {"a": (x, x, x, x)}, "pairs", "RMSE", log_x=True)
    labels = [[tick.get_text() for tick in figure.axes[0].get_xticklabels()] for figure in drawn]
    assert labels[0] == ["3", "27", "88"]
    assert labels[1][0].startswith("$")
    assert labels[2][0].startswith("$")


def test_bars_begin_where_they_are_told_to(tmp_path):
    groups = {"sr": {"ours": 35.0, "paper": 36.8}, "small": {"ours": 32.0}}
    figures.bars(tmp_path / "zero.png", groups, "MPRL")
    figures.bars(tmp_path / "high.png", groups, "MPRL", lowest=25)
    assert ink(tmp_path / "zero.png").sum() > ink(tmp_path / "high.png").sum() > 0


def test_a_sheet_shows_every_picture_in_its_place(tmp_path):
    dark, light = np.full((40, 30), 20, np.uint8), np.full((40, 30, 3), 200, np.uint8)
    figures.sheet(tmp_path / "sheet.png", [[dark, light], [light, dark]], ["a", "b"], ["photo", "sketch"])
    page = read_photo(tmp_path / "sheet.png").astype(int).sum(axis=2) // 3
    rows, cols = np.nonzero(page == 20)
    height, width = page.shape
    upper = rows < height / 2
    assert np.median(cols[upper]) < width / 2 < np.median(cols[~upper])


def test_panels_share_a_colour_for_each_label_and_leave_gaps_for_what_is_not_finite(tmp_path):
    one = figures.Panel("loss", {"a": ([0, 1, 2], [1.0, float("nan"), 50.0]), "b": ([0, 1], [2.0, 3.0])})
    two = figures.Panel("rate", {"b": ([0, 1], [0.0, float("inf")])})
    figures.stacked(tmp_path / "both.png", [one, two], "iteration", "a run")
    figures.stacked(tmp_path / "one.png", [two], "iteration")
    black, rust = (0, 0, 0), (0xC1, 0x44, 0x0E)
    assert {black, rust} <= colours(tmp_path / "both.png")
    assert rust not in colours(tmp_path / "one.png")


def test_a_wide_range_of_positive_values_has_a_logarithmic_axis(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(figures, "save", lambda path, figure: drawn.append(figure))
    ranges = [1.0, float("nan"), 900.0], [1.0, 2.0, 4.0], [0.0, 30.0, 900.0]
    panels = [figures.Panel("y", {"a": ([0, 1, 2], values)}) for values in ranges]
    figures.stacked(tmp_path / "x.png", panels, "x")
    assert [axes.get_yscale() for axes in drawn[0].axes] == ["log", "linear", "linear"]


def test_a_figure_has_a_format_that_is_known(tmp_path):
    with pytest.raises(DataError, match=r"x\.jpg: a figure's name ends in \.png, \.svg, \.pdf"):
        figures.stacked(tmp_path / "x.jpg", [], "iteration")


def test_a_figure_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "x.png").mkdir()
    with pytest.raises(DataError, match=r"x\.png: the figure cannot be written there"):
        figures.stacked(tmp_path / "x.png", [figures.Panel("y", {"a": ([0], [1])})], "x")


def test_a_figure_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    def fail(*arguments, **options):
        raise RuntimeError("no room")

    monkeypatch.setattr(Figure, "savefig", fail)
    with pytest.raises(RuntimeError, match="no room"):
        figures.bars(tmp_path / "a.png", {"x": {"y": 1.0}}, "z")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_matplotlib_is_one_line_that_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(DataError, match=r'figures need matplotlib; install it with: pip install -e "\.\[report\]"'):
        figures.library()

import math

import numpy as np
import pytest

from pysketch.layers.photo_sketch_data import PhotoSketchData
from pysketch.netdef.definitions import load_netdef
from pysketch.report.evaluation import SKETCH_CROP
from pysketch.reproduce import literal as literal_module
from pysketch.reproduce.literal import Descent, further_updates, literal, plateau_end, recipe
from pysketch.reproduce.runner import Results, computed, run
from pysketch.reproduce.training import Recipe, definition

pytest.importorskip("matplotlib", reason='figures need matplotlib: pip install -e ".[report]"')

SEED = 4


def tiny():
    """A short training in place of the literal one."""
    return Recipe("tiny", 9, SEED, {})


def files(setting):
    return sorted(path.name.split("_iter_")[1] for path in (setting.out / "nets").glob("*_iter_*"))


def test_a_descent_in_steps_is_the_one_in_one_go(setting):
    whole = Descent(setting, tiny()).losses(0, 5)
    steps = Descent(setting, tiny())
    assert steps.losses(0, 2) + steps.losses(2, 5) == whole
    assert len(set(whole)) == 5


def test_a_descent_goes_on_from_its_snapshot_bit_for_bit(setting):
    whole = Descent(setting, tiny()).losses(0, 5)
    Descent(setting, tiny()).losses(0, 3)
    assert Descent(setting, tiny()).losses(3, 5) == whole[3:]


def test_a_descent_whose_snapshot_is_gone_begins_anew(setting):
    whole = Descent(setting, tiny()).losses(0, 5)
    for path in (setting.out / "nets").glob("*_iter_*"):
        path.unlink()
    assert Descent(setting, tiny()).losses(3, 5) == whole[3:]


def test_the_last_two_snapshots_stay_so_that_a_lost_result_can_be_computed_again(setting):
    descent = Descent(setting, tiny())
    first = [descent.losses(k, k + 1) for k in range(4)]
    assert files(setting) == [f"{n}.{kind}.h5" for n in (3, 4) for kind in ("caffemodel", "solverstate")]
    assert Descent(setting, tiny()).losses(3, 4) == first[3]


def test_the_stand_in_takes_the_same_steps_for_all_pixels_together(tmp_path):
    whole, windows = (definition(recipe(images, 1), tmp_path / f"{images}.h5") for images in ("whole", "windows"))
    sizes = []
    for made in (whole, windows):
        layer = next(layer for layer in load_netdef(made.train_net).layers if layer.name == "data")
        data = PhotoSketchData.read_options(layer)
        assert data.photo_width - data.sketch_width == data.photo_height - data.sketch_height == 12
        sizes.append(data.sketch_width * data.sketch_height)
    assert sizes[0] == math.prod(SKETCH_CROP)
    assert whole.options.base_lr == 1e-11
    assert windows.options.base_lr * sizes[1] == pytest.approx(1e-11 * sizes[0], rel=1e-3)
    assert (whole.type, windows.type) == ("SGD", "SGD")
    assert (whole.options.snapshot, windows.options.snapshot) == (0, 0)


def test_coordinates_have_the_variance_of_a_whole_image_in_windows(tmp_path):
    made = definition(recipe("windows", 1), tmp_path / "windows.h5")
    layer = next(layer for layer in load_netdef(made.train_net).layers if layer.name == "data")
    data = PhotoSketchData.read_options(layer)
    whole = 155**2 + 200**2
    assert data.xy_scale**2 * (data.photo_width**2 + data.photo_height**2) == pytest.approx(whole, rel=0.02)


def test_the_plateau_ends_where_the_error_is_halved():
    assert plateau_end([100, 200, 300, 400], [200, 210, 99, 30]) == 300
    assert plateau_end([100, 200], [200, 100]) is None


def a_curve(exponent, noise=0.0):
    """A plateau that ends at 1000, then 350 (updates since)^exponent, up and down by a share of `noise`."""
    after = np.arange(100, 2000, 100)
    rmses = 350 * after**exponent * (1 + noise * (-1) ** np.arange(len(after)))
    return [50, 1000, *(1000 + after)], [800, 390, *rmses]


def test_updates_to_the_target_follow_a_power_law():
    assert further_updates(*a_curve(-0.25), 35) == pytest.approx((1e4, 1e4))


def test_a_noisy_curve_gives_wide_bounds_around_it():
    low, high = further_updates(*a_curve(-0.25, 0.02), 35)
    assert 3e3 < low < 0.9e4 < 1.1e4 < high < 1e5
    wider = further_updates(*a_curve(-0.25, 0.04), 35)
    assert wider[0] < low < high < wider[1]


def test_a_curve_that_stays_or_is_too_short_never_gets_to_the_target():
    assert further_updates(*a_curve(0.01), 35) == (math.inf, math.inf)
    assert further_updates([1, 2, 3, 4], [200, 90, 60, 50], 35) == (0, math.inf)
    assert further_updates([1, 2, 3], [200, 190, 180], 35) == (0, math.inf)


def test_the_experiment_resumes_and_is_shown(setting, tmp_path, monkeypatch):
    for name, value in (("WINDOW_UPDATES", 6), ("WINDOW_STEP", 2), ("WHOLE_UPDATES", 2), ("SEEDS", (1,))):
        monkeypatch.setattr(literal_module, name, value)
    monkeypatch.setattr(literal_module, "recipe", lambda images, seed: Recipe("tiny", 9, seed, {}, {"momentum": "0.9"}))
    results = Results.load(literal(setting), tmp_path)
    for cell in results.missing()[:2]:
        results.keep(computed(results.experiment, cell))
    again = Results.load(literal(setting), tmp_path)
    run([again], None, lambda *_: None)
    assert again.failures == []
    assert [(row["images"], row["update"]) for row in again.done] == [
        *(("windows", "2"), ("windows", "4"), ("windows", "6"), ("whole", "1"), ("whole", "2"))
    ]
    section = again.experiment.show(again.done, tmp_path)
    assert [row[:3] for row in section.tables[0].rows] == [["windows", "1", 6], ["whole", "1", 2]]
    assert (tmp_path / section.pictures[0].path).is_file()
    assert not literal(setting).show([], tmp_path).pictures


@pytest.mark.slow
def test_a_plateau_is_counted_in_hours_of_the_papers_card(tmp_path):
    updates, rmses = a_curve(-0.25)
    rows = [
        {"images": "windows", "seed": "2", "update": str(update), "rmse": str(rmse), "recipe": "", "status": "ok"}
        for update, rmse in zip(updates, rmses, strict=True)
    ]
    for k, expected in (
        (3, [0.630, "0 to inf", "0.63 to inf"]),
        (len(rows), [0.630, "1e+04 to 1e+04", "6.9 to 6.9"]),
    ):
        (row,) = literal_module._show_literal(rows[:k], tmp_path).tables[0].rows
        assert row[5] == 1000
        assert row[6] == pytest.approx(1000 * 88 * 3 * 0.0086 / 3600, abs=1e-3)
        assert row[7:] == expected[1:]
    (row,) = literal_module._show_literal(rows[:1], tmp_path).tables[0].rows
    assert row[5:] == [None] * 4

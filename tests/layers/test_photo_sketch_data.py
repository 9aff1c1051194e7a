"""PhotoSketchData: the paper's geometry pixel by pixel, the five channels, chance, resuming, and refusals."""

from __future__ import annotations

import gc
import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import Case, SingleLayer, make_layer, python_layer, refused
from solver_helpers import SKETCH_NET, assert_same_bits, make_solver, weights
from solver_helpers import write_pairs as write_random_pairs

from pysketch.errors import DataError, NetdefError
from pysketch.images import synthetic
from pysketch.images.pictures import to_luma, write_image
from pysketch.images.preprocessing import Preprocessing
from pysketch.net.net import Net
from pysketch.net.settings import with_settings
from pysketch.netdef.definitions import Phase, parse_netdef
from pysketch.netdef.settings import Setting

WIDTH, HEIGHT = 9, 11  # of the small pairs; 200 x 250 in the paper
SMALL = {"photo_width": 6, "photo_height": 7, "sketch_width": 3, "sketch_height": 4}
CONTRACT = {
    "PhotoSketchData": Case(
        python_layer(
            "PhotoSketchData",
            [],
            ["x", "t"],
            json.dumps({**SMALL, "source": "{folder}", "batch_size": 2, "mirror": True, "shift": 1}),
        ),
        (),
        ((2, 5, 7, 6), (2, 1, 4, 3)),
        write=lambda folder: write_pairs(folder, 5),
    ),
}


def photo_of(k: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """Photo k: red holds its column, green its row, blue k."""
    photo = np.zeros((height, width, 3), np.uint8)
    photo[:, :, 0] = np.arange(width)
    photo[:, :, 1] = np.arange(height)[:, None]
    photo[:, :, 2] = k
    return photo


def sketch_of(k: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """Sketch k: another number in every pixel, as far as 256 go."""
    return ((np.arange(width) + 16 * np.arange(height)[:, None] + 3 * k) % 256).astype(np.uint8)


def write_pairs(folder: Path, count: int, split: str = "", width: int = WIDTH, height: int = HEIGHT) -> Path:
    """A folder of pairs 0, 1, ..., in photos/ and sketches/ of the split's folder."""
    for kind, make_image in (("photos", photo_of), ("sketches", sketch_of)):
        (folder / split / kind).mkdir(parents=True, exist_ok=True)
        for k in range(count):
            write_image(folder / split / kind / f"{k:02}.png", make_image(k, width, height))
    return folder


def make(
    source: Path | str, phase: Phase = Phase.TEST, seed: int = 0, dtype: type = np.float32, **options: Any
) -> SingleLayer:
    """The layer on a source, small crops unless told otherwise."""
    return make_layer(text_of(source=str(source), **options), phase=phase, seed=seed, dtype=dtype)


def text_of(**options: Any) -> str:
    """The layer's text; options as in param_str."""
    return python_layer("PhotoSketchData", [], ["data", "label"], json.dumps({**SMALL, **options}))


def numbers(single: SingleLayer) -> list[int]:
    """Which pairs the next batch holds."""
    return single.forward()[0][:, 2, 0, 0].astype(int).tolist()


@pytest.fixture(scope="module")
def five(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with five small pairs."""
    return write_pairs(tmp_path_factory.mktemp("five"), 5)


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one pair of the paper's size."""
    return write_pairs(tmp_path_factory.mktemp("paper"), 1, width=200, height=250)


def paper_layer(paper: Path, **options: Any) -> SingleLayer:
    """The layer with its own defaults, the paper's sizes."""
    text = python_layer(
        "PhotoSketchData", [], ["data", "label"], json.dumps({"source": str(paper), "batch_size": 1, **options})
    )
    return make_layer(text, phase=Phase.TEST, dtype=np.float32)


def test_by_default_crops_are_the_papers(paper: Path) -> None:
    data, label = paper_layer(paper).forward()
    assert data.shape == (1, 5, 200, 155)
    assert label.shape == (1, 1, 188, 143)
    assert data.dtype == label.dtype == np.float32
    np.testing.assert_array_equal(data[0, :3], photo_of(0, 200, 250)[25:225, 22:177].transpose(2, 0, 1))
    np.testing.assert_array_equal(label[0, 0], sketch_of(0, 200, 250)[31:219, 28:171])


def test_the_crops_x_and_y_are_those_of_the_middle_of_the_whole_photo(paper: Path) -> None:
    data, _ = paper_layer(paper, xy_scale=0.5).forward()
    whole = Preprocessing(xy_scale=0.5).apply(photo_of(0, 200, 250))
    np.testing.assert_array_equal(data[0], whole[:, 25:225, 22:177])


def test_x_and_y_are_pixels_from_the_centre_times_xy_scale(paper: Path) -> None:
    data, _ = paper_layer(paper, xy_scale=2.0).forward()
    x, y = data[0, 3:]
    np.testing.assert_array_equal(x, np.broadcast_to(2 * (np.arange(155) - 77), (200, 155)))
    np.testing.assert_array_equal(y, np.broadcast_to(2 * (np.arange(200)[:, None] - 99), (200, 155)))


def test_x_and_y_may_be_measured_from_the_photos_centre_and_then_move_with_the_crop(five: Path) -> None:
    data, _ = make(five, phase=Phase.TRAIN, shift=1, xy_from="photo", batch_size=5).forward()
    red, green, x, y = data[:, 0], data[:, 1], data[:, 3], data[:, 4]  # red and green hold the column and the row
    assert np.array_equal(x, red - (WIDTH - 1) // 2)
    assert np.array_equal(y, green - (HEIGHT - 1) // 2)
    assert len(set(zip(x[:, 0, 0].tolist(), y[:, 0, 0].tolist(), strict=True))) > 1


def test_without_xy_there_are_three_channels(five: Path) -> None:
    data, _ = make(five, xy=False, batch_size=2).forward()
    assert data.shape == (2, 3, 7, 6)


def test_the_mean_is_taken_off_before_scaling_and_never_off_the_sketch(five: Path) -> None:
    plain, label = make(five, batch_size=3).forward()
    one, label_too = make(five, batch_size=3, mean=[2.0], scale=0.5).forward()
    np.testing.assert_allclose(one[:, :3], (plain[:, :3] - 2) * 0.5)
    np.testing.assert_array_equal(one[:, 3:], plain[:, 3:])
    np.testing.assert_array_equal(label_too, label)
    three, _ = make(five, batch_size=3, mean=[1.0, 2.0, 3.0]).forward()
    np.testing.assert_allclose(three[:, :3], plain[:, :3] - np.array([1, 2, 3]).reshape(3, 1, 1))


def test_a_float64_net_gets_the_same_numbers(five: Path) -> None:
    data, label = make(five, dtype=np.float64).forward()
    assert data.dtype == label.dtype == np.float64
    np.testing.assert_array_equal(data, make(five).forward()[0])


def test_in_phase_test_pairs_come_in_the_order_of_their_names_and_wrap(five: Path) -> None:
    single = make(five, batch_size=3)
    assert [numbers(single) for _ in range(3)] == [[0, 1, 2], [3, 4, 0], [1, 2, 3]]


def test_in_phase_train_every_epoch_has_another_order(five: Path) -> None:
    single = make(five, Phase.TRAIN, batch_size=5)
    epochs = [numbers(single) for _ in range(4)]
    assert [sorted(epoch) for epoch in epochs] == [list(range(5))] * 4
    assert len({tuple(epoch) for epoch in epochs}) > 1


def test_shuffle_may_be_told_for_either_phase(five: Path) -> None:
    assert numbers(make(five, Phase.TRAIN, batch_size=5, shuffle=False)) == list(range(5))
    single = make(five, Phase.TEST, batch_size=5, shuffle=True)
    assert {tuple(numbers(single)) for _ in range(3)} != {tuple(range(5))}


def test_batch_size_0_is_all_pairs(five: Path) -> None:
    single = make(five, batch_size=0)
    assert [blob.shape for blob in single.top] == [(5, 5, 7, 6), (5, 1, 4, 3)]
    assert numbers(single) == list(range(5))


@pytest.mark.parametrize(("phase", "size"), [(Phase.TRAIN, 2), (Phase.TEST, 3)])
def test_test_batch_size_is_the_batch_size_of_phase_test(five: Path, phase: Phase, size: int) -> None:
    assert make(five, phase, batch_size=2, test_batch_size=3).top[0].shape[0] == size


def test_batch_size_is_4_by_default_in_both_phases(five: Path) -> None:
    assert [make(five, phase).top[0].shape[0] for phase in Phase] == [4, 4]


def test_photo_and_sketch_of_a_pair_stay_together_when_shuffled_and_moved(five: Path) -> None:
    """The photo's red and green corner tells where the crop is, and so which part of the sketch belongs to it."""
    single = make(five, Phase.TRAIN, batch_size=60, shift=1)
    corners = set()
    for data, label in zip(*single.forward(), strict=True):
        left, top, k = data[:3, 0, 0].astype(int)
        corners.add((left, top))
        np.testing.assert_array_equal(data[:3], photo_of(k)[top : top + 7, left : left + 6].transpose(2, 0, 1))
        np.testing.assert_array_equal(label[0], sketch_of(k)[top + 2 : top + 6, left + 1 : left + 4])
        np.testing.assert_array_equal(data[3], np.broadcast_to(np.arange(6) - 2, (7, 6)))
        np.testing.assert_array_equal(data[4, :, 0], np.arange(7) - 3)
    assert corners == {(left, top) for left in (1, 2, 3) for top in (1, 2, 3)}


def test_mirror_turns_half_of_the_pairs_left_right_but_not_x(five: Path) -> None:
    single = make(five, Phase.TRAIN, batch_size=60, mirror=True)
    mirrored = 0
    for data, label in zip(*single.forward(), strict=True):
        red, k = data[0, 0].astype(int), int(data[2, 0, 0])
        turned = red[0] > red[1]
        mirrored += turned
        photo, sketch = photo_of(k), sketch_of(k)
        if turned:
            photo, sketch = photo[:, ::-1], sketch[:, ::-1]
        np.testing.assert_array_equal(data[:3], photo[2:9, 2:8].transpose(2, 0, 1))
        np.testing.assert_array_equal(label[0], sketch[4:8, 3:6])
        np.testing.assert_array_equal(data[3, 0], np.arange(6) - 2)
    assert 20 <= mirrored <= 40


@pytest.fixture
def grey(tmp_path: Path) -> Path:
    """One pair whose photo is grey, of level 100 in the left half and 200 in the right one."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "sketches").mkdir()
    photo = np.full((HEIGHT, WIDTH, 3), 100, np.uint8)
    photo[:, WIDTH // 2 :] = 200
    write_image(tmp_path / "photos" / "0.png", photo)
    write_image(tmp_path / "sketches" / "0.png", sketch_of(0))
    return tmp_path


def test_light_and_colour_vary_the_photo_by_normal_logarithms_and_never_the_sketch(grey: Path) -> None:
    """Two levels v, w that become v', w' give the gamma, ln(v' / w') / ln(v / w), and then a channel's gain."""
    data, label = make(grey, Phase.TRAIN, batch_size=400, light=0.1, colour=0.03).forward()
    np.testing.assert_array_equal(label[:, 0], np.broadcast_to(sketch_of(0)[4:8, 3:6], (400, 4, 3)))
    dark, light = data[:, :3, 0, 0], data[:, :3, 0, -1]
    clipped = (light == 255).any(axis=1)
    gamma = np.log(dark / light) / np.log(0.5)
    gain = np.log(dark / 255) - gamma * np.log(100 / 255)
    of_all = gain.mean(axis=1)
    gamma, gain, of_all = gamma[~clipped], gain[~clipped], of_all[~clipped]
    assert len(gamma) > 300
    assert np.ptp(gamma, axis=1).max() < 0.03  # one for all channels, but for rounding to whole levels
    assert np.log(gamma).std() == pytest.approx(0.1, rel=0.2)
    assert (gain - of_all[:, None]).std() == pytest.approx(0.03 * np.sqrt(2 / 3), rel=0.2)
    assert of_all.std() == pytest.approx(0.1, rel=0.25)


def test_light_alone_leaves_grey_photos_grey(grey: Path) -> None:
    data, _ = make(grey, Phase.TRAIN, batch_size=50, light=0.1).forward()
    np.testing.assert_array_equal(data[:, 0], data[:, 1])
    np.testing.assert_array_equal(data[:, 0], data[:, 2])
    assert len(np.unique(data[:, 0, 0, 0])) > 10


def test_light_does_not_change_how_pairs_are_mirrored_and_shifted(five: Path) -> None:
    options = {"batch_size": 30, "mirror": True, "shift": 1}
    _, plain = make(five, Phase.TRAIN, **options).forward()
    _, relit = make(five, Phase.TRAIN, **options, light=0.2, colour=0.1).forward()
    np.testing.assert_array_equal(plain, relit)


def test_phase_test_never_augments(five: Path) -> None:
    changed = {"mirror": True, "shift": 1, "light": 0.2, "colour": 0.1}
    plain, augmented = make(five, batch_size=10), make(five, batch_size=10, **changed)
    for one, other in zip(plain.forward(), augmented.forward(), strict=True):
        np.testing.assert_array_equal(one, other)


AUGMENTED = {"batch_size": 3, "mirror": True, "shift": 1, "light": 0.1, "colour": 0.03}


def batches(single: SingleLayer, count: int) -> list[list[list]]:
    """The next batches, comparable with ==."""
    return [[top.tolist() for top in single.forward()] for _ in range(count)]


def test_the_same_seed_gives_the_same_batches_and_another_seed_others(five: Path) -> None:
    first = batches(make(five, Phase.TRAIN, seed=3, **AUGMENTED), 4)
    assert batches(make(five, Phase.TRAIN, seed=3, **AUGMENTED), 4) == first
    assert batches(make(five, Phase.TRAIN, seed=4, **AUGMENTED), 4) != first


@pytest.mark.parametrize("cache_mb", [1, 0], ids=["kept", "prefetched"])
@pytest.mark.parametrize("drawn", [1, 2, 3])
def test_a_layer_resumed_from_its_state_goes_on_with_the_same_batches(five: Path, drawn: int, cache_mb: int) -> None:
    single, resumed = (make(five, Phase.TRAIN, cache_mb=cache_mb, **AUGMENTED) for _ in range(2))
    batches(single, drawn)
    assert single.layer.state() == {"position": 3 * drawn}
    resumed.layer.restore_state(json.loads(json.dumps(single.layer.state())))
    assert batches(resumed, 4) == batches(single, 4)


@pytest.mark.parametrize("state", [{"position": -1}, {"position": "2"}, {}])
def test_a_malformed_state_is_refused(five: Path, state: dict) -> None:
    with pytest.raises((ValueError, KeyError), match="position"):
        make(five).layer.restore_state(state)


def test_a_subset_is_the_first_pairs(five: Path) -> None:
    assert numbers(make(five, batch_size=0, pairs=3)) == [0, 1, 2]


def test_a_random_subset_depends_on_the_seed_alone_and_keeps_the_order_of_names(five: Path) -> None:
    subsets = [numbers(make(five, seed=seed, batch_size=0, pairs=3, choose="random")) for seed in range(6)]
    assert subsets == [numbers(make(five, seed=seed, batch_size=0, pairs=3, choose="random")) for seed in range(6)]
    assert all(subset == sorted(set(subset)) and len(subset) == 3 for subset in subsets)
    assert len({tuple(subset) for subset in subsets}) > 1


def test_pairs_equal_to_all_of_them_is_allowed(five: Path) -> None:
    assert numbers(make(five, batch_size=0, pairs=5, choose="random")) == list(range(5))


def test_pairs_held_out_are_scored_and_not_learned_and_the_seed_chooses_them(five: Path) -> None:
    chosen = set()
    for seed in range(6):
        learned = numbers(make(five, Phase.TRAIN, seed, batch_size=0, hold_out=2, shuffle=False))
        held = numbers(make(five, Phase.TEST, seed, batch_size=0, hold_out=2))
        assert (len(learned), len(held)) == (3, 2)
        assert learned == sorted(set(range(5)) - set(held))
        assert held == numbers(make(five, Phase.TEST, seed, batch_size=0, hold_out=2))
        chosen.add(tuple(held))
    assert len(chosen) > 1


def test_a_subset_is_taken_of_the_pairs_that_are_not_held_out(five: Path) -> None:
    options = {"batch_size": 0, "hold_out": 1, "pairs": 3, "choose": "random", "shuffle": False}
    learned, held = (numbers(make(five, phase, 4, **options)) for phase in (Phase.TRAIN, Phase.TEST))
    assert (len(learned), len(held)) == (3, 1)
    assert not set(learned) & set(held)


def test_unusual_pairs_are_those_whose_photos_are_least_like_any_other(tmp_path: Path) -> None:
    write_pairs(tmp_path, 5)
    write_image(tmp_path / "photos" / "01.png", np.full((HEIGHT, WIDTH, 3), 255, np.uint8))
    options = {"batch_size": 0, "hold_out": 1, "held_out": "unusual", "shuffle": False}
    assert make(tmp_path, Phase.TEST, **options).forward()[0][0, 2, 0, 0] == 255
    assert numbers(make(tmp_path, Phase.TRAIN, **options)) == [0, 2, 3, 4]


@pytest.fixture(scope="module")
def divided(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with train/ of 3 pairs and test/ of 2."""
    folder = tmp_path_factory.mktemp("divided")
    return write_pairs(write_pairs(folder, 3, "train"), 2, "test")


@pytest.mark.parametrize(
    ("phase", "options", "count"),
    [
        (Phase.TRAIN, {}, 3),
        (Phase.TEST, {}, 2),
        (Phase.TRAIN, {"split": "test"}, 2),
        (Phase.TEST, {"split": "train"}, 3),
        (Phase.TRAIN, {"hold_out": 1}, 2),
        (Phase.TEST, {"hold_out": 1}, 1),
        (Phase.TRAIN, {"hold_out": 1, "split": "test"}, 1),
    ],
)
def test_the_split_is_that_of_the_phase_unless_told(divided: Path, phase: Phase, options: dict, count: int) -> None:
    assert make(divided, phase, batch_size=0, **options).top[0].shape[0] == count


def test_the_nets_data_source_wins_over_the_netdefs(five: Path, divided: Path) -> None:
    single = make_layer(text_of(source=str(divided), batch_size=0), phase=Phase.TEST, data_source=str(five))
    assert single.top[0].shape[0] == 5


def test_a_list_file_of_pairs_is_a_source(five: Path, tmp_path: Path) -> None:
    lines = [f"{five / 'photos' / f'{k:02}.png'}\t{five / 'sketches' / f'{k:02}.png'}" for k in (3, 1)]
    (tmp_path / "pairs.txt").write_text("# photo, sketch\n\n" + "\n".join(lines))
    assert numbers(make(tmp_path / "pairs.txt", batch_size=0)) == [3, 1]


def test_synthetic_faces_are_a_source_for_both_phases(few_faces: None) -> None:
    counts = []
    for phase in Phase:
        text = python_layer("PhotoSketchData", [], ["data", "label"], '{ "source": "synthetic", "batch_size": 2 }')
        single = make_layer(text, phase=phase, dtype=np.float32)
        data, label = single.forward()
        assert data.shape == (2, 5, 200, 155)
        assert 0 <= label.min() < label.max() <= 255
        counts.append(len(single.layer.pairs))
    assert counts == [4, 2]


@pytest.mark.slow
def test_synthetic_faces_are_learned_from_besides_and_never_scored(few_faces: None, five: Path) -> None:
    def names(phase: Phase, **options: Any) -> list[str]:
        pairs = make(five, phase, synthetic=3, **options).layer.pairs
        return [pairs[k].name for k in range(len(pairs))]

    assert names(Phase.TEST) == ["00", "01", "02", "03", "04"]
    assert names(Phase.TRAIN, pairs=2) == ["00", "01", "train-000", "train-001", "train-002"]
    held = names(Phase.TEST, hold_out=2)
    assert len(held) == 2
    assert set(names(Phase.TRAIN, hold_out=2)) == {
        "00",
        "01",
        "02",
        "03",
        "04",
        "train-000",
        "train-001",
        "train-002",
    } - {*held}
    assert "synthetic must be at most 4, found 5" in refusal(five, phase=Phase.TRAIN, synthetic=5)


def refusal(source: Path | str, **options: Any) -> str:
    """What refuses this; it says where in the netdef."""
    return refused(DataError, make, source, **options, where='<netdef>:2:7: layer "it": ')


def test_without_a_source_the_message_says_what_to_give() -> None:
    message = refusal("")
    assert "no data: give --data DIR, a folder with train/ and test/, each with photos/ and sketches/" in message
    assert "--data synthetic" in message


def test_a_source_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert f"{tmp_path / 'gone'}: no such folder or list file of photo-sketch pairs" in refusal(tmp_path / "gone")


def test_a_folder_without_photos_is_told_what_is_expected(tmp_path: Path) -> None:
    (tmp_path / "faces").mkdir()
    assert "expected photos/ and sketches/ in it, or test/photos/ and test/sketches/; found faces" in refusal(tmp_path)


def test_a_photo_without_a_sketch_is_named(tmp_path: Path) -> None:
    write_pairs(tmp_path, 2)
    (tmp_path / "sketches" / "01.png").unlink()
    assert f"01.png: no file of the same name in {tmp_path / 'sketches'}" in refusal(tmp_path)


def test_a_pair_of_two_sizes_is_refused(tmp_path: Path) -> None:
    write_pairs(tmp_path, 1)
    write_image(tmp_path / "sketches" / "00.png", sketch_of(0, WIDTH - 1))
    assert "00.png: a 8x11 sketch of a 9x11 photo (width x height); expected the same size" in refusal(tmp_path)


def test_a_pair_smaller_than_the_crop_is_named(five: Path) -> None:
    message = refusal(five, photo_width=10)
    assert "pair 00: a 10x7 crop does not fit a 9x11 image (width x height)" in message


def test_a_sketch_crop_larger_than_the_photos_is_refused(five: Path) -> None:
    assert "pair 00: a 3x8 crop does not fit a 6x7 image (width x height)" in refusal(five, sketch_height=8)


def test_in_phase_test_a_shift_is_not_used_and_not_held_against_the_images(five: Path) -> None:
    single = make(five, Phase.TEST, shift=3)
    single.forward()
    np.testing.assert_array_equal(single.top[0].data[0], make(five, Phase.TEST, shift=0).forward()[0][0])


@pytest.mark.parametrize("shift", [2, 3])
def test_a_shift_that_leaves_the_image_is_refused_before_training(five: Path, shift: int) -> None:
    assert "pair 00: a 6x7 crop moved by (" in refusal(five, phase=Phase.TRAIN, shift=shift)


def test_more_pairs_than_there_are_are_refused(five: Path) -> None:
    assert refusal(five, pairs=6).endswith("6 pairs asked for, but the source has 5")
    assert refusal(five, phase=Phase.TRAIN, pairs=5, hold_out=1).endswith("5 pairs asked for, but the source has 4")


def test_holding_out_all_pairs_is_refused(five: Path) -> None:
    assert refusal(five, hold_out=5).endswith("hold_out must leave pairs to learn from: found 5, of 5 pairs")


def test_unusual_pairs_of_two_sizes_are_refused(tmp_path: Path) -> None:
    write_pairs(tmp_path, 3)
    write_image(tmp_path / "photos" / "01.png", photo_of(1, 9, 12))
    write_image(tmp_path / "sketches" / "01.png", sketch_of(1, 9, 12))
    message = refusal(tmp_path, hold_out=1, held_out="unusual")
    assert message.endswith('"held_out": "unusual" needs photos of one size, found 9x11, 9x12')
    (tmp_path / "photos" / "02.png").write_bytes(b"no image")
    assert "02.png: not an image" in refusal(tmp_path, hold_out=1, held_out="unusual")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mean": [1.0, 2.0]}, "mean must be one number or three, found 2"),
        ({"batch_size": -1}, "PhotoSketchData.batch_size: expected at least 0, found -1"),
        ({"photo_width": 0}, "PhotoSketchData.photo_width: expected at least 1, found 0"),
        ({"shift": -1}, "PhotoSketchData.shift: expected at least 0, found -1"),
        ({"light": 1.5}, "PhotoSketchData.light: expected at most 1, found 1.5"),
        ({"colour": -0.1}, "PhotoSketchData.colour: expected at least 0, found -0.1"),
        ({"direction": "up"}, "PhotoSketchData.direction: expected one of photo_to_sketch, sketch_to_photo"),
        ({"direction": "sketch_to_photo", "mean": [1.0, 2.0, 3.0]}, "mean must be one number, found 3"),
        ({"direction": "sketch_to_photo", "skin": 0.5}, '"skin" changes the photo alone, which is to be learned'),
        ({"split": "valid"}, "PhotoSketchData.split: expected one of train, test"),
        ({"hold_out": -1}, "PhotoSketchData.hold_out: expected at least 0, found -1"),
        ({"held_out": "dark"}, "PhotoSketchData.held_out: expected one of random, unusual"),
        ({"choose": "last"}, "PhotoSketchData.choose: expected one of first, random"),
        ({"cache_mb": -1}, "PhotoSketchData.cache_mb: expected at least 0, found -1"),
        ({"mirrored": True}, 'unknown field "mirrored" in PhotoSketchData; did you mean "mirror"'),
    ],
)
def test_options_that_make_no_sense_are_refused(five: Path, options: dict, message: str) -> None:
    with pytest.raises(NetdefError, match=f'<netdef>:2:.*layer "it".*{message}'):
        make(five, **options)


def test_one_top_is_too_few(five: Path) -> None:
    text = python_layer("PhotoSketchData", [], ["data"], json.dumps({**SMALL, "source": str(five)}))
    with pytest.raises(NetdefError, match="a PhotoSketchData layer takes 2 top blobs, found 1"):
        make_layer(text)


def prefetch_threads() -> list[threading.Thread]:
    """The threads, alive, of layers that do not keep all their pairs."""
    return [thread for thread in threading.enumerate() if thread.name.startswith("pysketch-prefetch")]


@pytest.fixture(autouse=True)
def no_threads_left() -> Iterator[None]:
    """Nets that a test leaves behind end their threads when they are collected."""
    yield
    deadline = time.monotonic() + 30
    while (threads := prefetch_threads()) and time.monotonic() < deadline:
        gc.collect()  # again, as a layer is no garbage before its batch is made
        threads[0].join(0.01)
    assert prefetch_threads() == []


@pytest.mark.parametrize("phase", Phase)
def test_pairs_beyond_the_budget_give_the_same_batches_by_a_thread(five: Path, phase: Phase) -> None:
    kept, decoded = make(five, phase, **AUGMENTED), make(five, phase, cache_mb=0, **AUGMENTED)
    assert (kept.layer.pairs.kept, decoded.layer.pairs.kept) == (5, 0)
    expected = batches(kept, 5)
    assert prefetch_threads() == []
    assert batches(decoded, 5) == expected
    assert len(prefetch_threads()) == 1
    assert decoded.layer.state() == kept.layer.state() == {"position": 15}


def test_the_next_batch_is_prepared_by_the_thread_and_only_once(five: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    single = make(five, cache_mb=0, batch_size=2)
    made = []
    prepare = single.layer._prepare
    monkeypatch.setattr(
        single.layer,
        "_prepare",
        lambda pair, draw: made.append((draw, threading.current_thread().name[:8])) or prepare(pair, draw),
    )
    batches(single, 3)
    single.layer.close()
    caller = threading.current_thread().name[:8]
    assert made[:6] == [(0, caller), (1, caller), *((draw, "pysketch") for draw in (2, 3, 4, 5))]
    assert made[6:] in ([], [(6, "pysketch"), (7, "pysketch")])  # close may come before it begins


def test_the_budget_is_in_mib_of_four_bytes_a_pixel_and_what_is_kept_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for k in range(3):  # 512 x 512 pixels: 1 MiB a pair
        write_image(tmp_path / "photos" / f"{k}.png", np.full((512, 512, 3), k, np.uint8))
        write_image(tmp_path / "sketches" / f"{k}.png", np.full((512, 512), k, np.uint8))
    caplog.set_level(logging.INFO)
    for cache_mb, kept in ((0, 0), (1, 1), (2, 2), (3, 3)):
        single = make(tmp_path, cache_mb=cache_mb, batch_size=3)
        assert caplog.messages[-1] == f"Layer it: {kept} of 3 pairs stay in memory, {kept}.0 MiB"
        assert [numbers(single) for _ in range(2)] == [[0, 1, 2]] * 2
        assert len(prefetch_threads()) == (kept < 3)
        single.layer.close()


@pytest.mark.parametrize("cache_mb", [1, 0], ids=["kept", "prefetched"])
def test_going_back_to_a_state_gives_its_batches_again(five: Path, cache_mb: int) -> None:
    single = make(five, Phase.TRAIN, cache_mb=cache_mb, **AUGMENTED)
    batches(single, 1)
    state = single.layer.state()
    expected = batches(single, 3)
    for _ in range(2):
        single.layer.restore_state(state)
        assert batches(single, 3) == expected


@pytest.mark.parametrize("cache_mb", [1, 0], ids=["kept", "prefetched"])
def test_what_a_net_writes_into_a_batch_or_keeps_of_it_meets_no_other_batch(five: Path, cache_mb: int) -> None:
    """An in-place layer writes into its bottom; every batch has arrays of its own, which become the tops' data."""
    single, untouched = (make(five, cache_mb=cache_mb, batch_size=3) for _ in range(2))
    held = []
    for _ in range(3):
        expected = untouched.forward()
        for found, blob, values in zip(single.forward(), single.top, expected, strict=True):
            np.testing.assert_array_equal(found, values)
            blob.data[...] = -7
            held.append(blob.data)
    assert all((array == -7).all() for array in held)
    assert len({array.ctypes.data for array in held}) == 6


def test_close_ends_the_thread_and_a_later_forward_goes_on(five: Path) -> None:
    single, unclosed = (make(five, Phase.TRAIN, cache_mb=0, **AUGMENTED) for _ in range(2))
    expected = batches(unclosed, 4)
    unclosed.layer.close()
    found = batches(single, 2)
    assert len(prefetch_threads()) == 1
    single.net.close()
    assert prefetch_threads() == []
    assert found + batches(single, 2) == expected
    assert len(prefetch_threads()) == 1
    single.net.close()


def test_a_layer_that_never_ran_can_be_closed(five: Path) -> None:
    for cache_mb in (0, 1):
        make(five, cache_mb=cache_mb).net.close()


def test_a_file_that_is_gone_since_setup_is_named_by_the_batch_that_needs_it(tmp_path: Path) -> None:
    write_pairs(tmp_path, 4)
    single = make(tmp_path, cache_mb=0, batch_size=2)
    (tmp_path / "photos" / "02.png").rename(tmp_path / "02.png")
    assert numbers(single) == [0, 1]
    for _ in range(2):
        with pytest.raises(DataError, match=r'^<netdef>:2:7: layer "it": .*02\.png: no such file$'):
            single.forward()
    assert single.layer.state() == {"position": 2}
    (tmp_path / "02.png").rename(tmp_path / "photos" / "02.png")
    assert [numbers(single) for _ in range(2)] == [[2, 3], [0, 1]]


def test_a_pair_that_became_too_small_since_setup_is_named(tmp_path: Path) -> None:
    write_pairs(tmp_path, 2)
    single = make(tmp_path, cache_mb=0, batch_size=1)
    numbers(single)
    for kind, image in (("photos", photo_of(1, 5)), ("sketches", sketch_of(1, 5))):
        write_image(tmp_path / kind / "01.png", image)
    single.layer.close()  # what may have been prepared before
    with pytest.raises(DataError, match=r'layer "it": pair 01: a 6x7 crop does not fit a 5x11 image'):
        single.forward()


@pytest.mark.parametrize("cache_mb", [1, 0])
def test_a_bad_file_is_refused_at_setup_also_beyond_the_budget(tmp_path: Path, cache_mb: int) -> None:
    """A file cut short, whose header is good: the pixels themselves are decoded."""
    write_pairs(tmp_path, 2)
    path = tmp_path / "sketches" / "01.png"
    path.write_bytes(path.read_bytes()[:-30])
    assert f"{path}: cannot read the image" in refusal(tmp_path, cache_mb=cache_mb)


def test_only_the_pairs_that_are_used_are_read(tmp_path: Path) -> None:
    write_pairs(tmp_path, 3)
    (tmp_path / "photos" / "02.png").write_text("no image")
    assert numbers(make(tmp_path, batch_size=0, pairs=2)) == [0, 1]
    assert "02.png: not an image" in refusal(tmp_path, pairs=3)


@pytest.mark.parametrize("options", ["", "micro_batch: 1", "iter_size: 2"])
def test_a_run_is_the_same_bit_for_bit_with_and_without_the_thread_also_resumed(tmp_path: Path, options: str) -> None:
    source = str(write_random_pairs(tmp_path / "data", 3))
    thread = SKETCH_NET.replace('"batch_size": 2', '"batch_size": 2, "cache_mb": 0')
    assert thread != SKETCH_NET
    options += ' type: "Adam" momentum: 0.9'
    runs = []
    for net in (SKETCH_NET, thread):
        solver = make_solver(tmp_path, options, net, data_source=source)
        solver.step(3)
        state = solver.snapshot()
        solver.step(4)
        resumed = make_solver(tmp_path, options, net, data_source=source)
        resumed.restore(state)
        resumed.step(4)
        runs += [weights(solver.net), weights(resumed.net)]
        assert len(prefetch_threads()) == (0 if net is SKETCH_NET else 2)
        solver.close()
        resumed.close()
        assert prefetch_threads() == []
    for run in runs[1:]:
        assert_same_bits(run, runs[0])


@pytest.mark.slow
def test_an_interpreter_that_exits_without_closing_the_net_says_nothing(five: Path) -> None:
    text = text_of(source=str(five), cache_mb=0)
    script = (
        "from pysketch import Net, Phase\nfrom pysketch.netdef.definitions import parse_netdef\n"
        f"net = Net(parse_netdef({text!r}), Phase.TRAIN)\nnet.forward()\nnet.forward()\n"
    )
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", script]
    root = Path(__file__).parents[2]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two synthetic persons before a blue screen, and one before another."""
    folder = tmp_path_factory.mktemp("studio")
    for k, screen in enumerate([(120, 205, 245), (90, 170, 215), (90, 90, 90)]):
        face = replace(synthetic.random_face(1001 + k), background_top=screen, background_bottom=screen)
        write_image(folder / "photos" / f"{k}.png", synthetic.draw_photo(face))
        write_image(folder / "sketches" / f"{k}.png", synthetic.draw_sketch(face))
    return folder


VARIED = {"background": 0.8, "skin": 0.5, "turn": 3.0, "noise": 3.0, "batch_size": 2}


@pytest.mark.slow
def test_varied_batches_are_a_function_of_the_seed_and_the_draw_also_after_going_back(studio: Path) -> None:
    one, again, other = (make(studio, Phase.TRAIN, seed=seed, **VARIED) for seed in (3, 3, 4))
    first = batches(one, 3)
    assert batches(again, 3) == first
    assert batches(other, 3) != first
    one.layer.restore_state({"position": 2})
    assert batches(one, 2) == first[1:]


def test_in_phase_test_nothing_is_varied(studio: Path) -> None:
    assert batches(make(studio, Phase.TEST, **VARIED), 2) == batches(make(studio, Phase.TEST, batch_size=2), 2)


def test_photos_without_a_screen_are_counted_in_the_log(studio: Path, caplog: pytest.LogCaptureFixture) -> None:
    make(studio, Phase.TRAIN, **VARIED)
    assert "Layer it: 1 of 3 photos have no blue screen; they keep their background, skin and hair" in caplog.messages


BACKWARDS = {"direction": "sketch_to_photo", "batch_size": 2}


def test_from_sketch_to_photo_data_is_the_sketch_in_one_channel_and_label_the_photos_luma(five: Path) -> None:
    data, label = make(five, **BACKWARDS, mean=[10.0], scale=0.5, xy_scale=2.0).forward()
    forth, _ = make(five, batch_size=2, xy_scale=2.0).forward()
    assert (data.shape, label.shape) == ((2, 3, 7, 6), (2, 1, 4, 3))
    np.testing.assert_array_equal(data[1, 0], (sketch_of(1)[2:9, 2:8] - 10.0) * 0.5)
    np.testing.assert_array_equal(data[:, 1:], forth[:, 3:])
    np.testing.assert_array_equal(label[1, 0], to_luma(photo_of(1))[4:8, 3:6])


def test_from_sketch_to_photo_both_are_mirrored_and_moved_alike(five: Path) -> None:
    options = {"batch_size": 30, "mirror": True, "shift": 1}
    photos, sketches = make(five, Phase.TRAIN, **options).forward()
    data, label = make(five, Phase.TRAIN, **options, direction="sketch_to_photo").forward()
    np.testing.assert_array_equal(data[:, 0, 2:6, 1:4], sketches[:, 0])
    luma = [to_luma(photo.transpose(1, 2, 0).astype(np.uint8)) for photo in photos[:, :3]]
    np.testing.assert_array_equal(label[:, 0], np.stack(luma)[:, 2:6, 1:4])


def test_from_sketch_to_photo_light_changes_the_sketch_alone(five: Path) -> None:
    options = {**BACKWARDS, "batch_size": 20}
    data, label = make(five, Phase.TRAIN, **options).forward()
    relit, same = make(five, Phase.TRAIN, **options, light=0.2).forward()
    np.testing.assert_array_equal(label, same)
    np.testing.assert_array_equal(data[:, 1:], relit[:, 1:])
    assert (data[:, 0] != relit[:, 0]).any(axis=(1, 2)).all()


def test_from_sketch_to_photo_turned_pairs_are_those_of_the_way_forth_swapped(studio: Path) -> None:
    _, sketches = make(studio, Phase.TRAIN, batch_size=4, turn=5.0, zoom=0.1).forward()
    data, label = make(studio, Phase.TRAIN, **{**BACKWARDS, "batch_size": 4}, turn=5.0, zoom=0.1).forward()
    np.testing.assert_array_equal(data[:, 0, 2:6, 1:4], sketches[:, 0])
    assert label.std() > 0


def test_a_relative_source_is_also_looked_for_beside_the_netdef(five: Path) -> None:
    def net_of(source: str) -> Net:
        return Net(parse_netdef(text_of(source=source, batch_size=1), str(five.parent / "n.prototxt")), Phase.TEST)

    assert net_of(five.name).forward()["data"].shape == (1, 5, 7, 6)
    with pytest.raises(DataError, match=rf"gone: no such .*; looked for it in {Path.cwd()}, {five.parent}$"):
        net_of("gone")


def test_a_crop_that_was_set_and_does_not_fit_is_told_as_the_settings(five: Path) -> None:
    netdef = parse_netdef(text_of(source=str(five), batch_size=1), "n.prototxt")
    for settings, where in (
        (["it.photo_width=10"], "--set it.photo_width=10"),
        (["it.photo_width=10", "it.batch_size=2"], "n.prototxt:1:7"),
    ):
        made = with_settings({"a": netdef}, [Setting(each) for each in settings])["a"]
        message = refused(DataError, Net, made, Phase.TEST)
        assert message.startswith(f'{where}: layer "it": pair 00: a 10x7 crop does not fit a 9x11 image')


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"photo_width": 10}, "photo_width, photo_height"),
        ({"sketch_height": 8}, "sketch_width, sketch_height"),
        ({"phase": Phase.TRAIN, "shift": 3}, "photo_width, photo_height, shift"),
    ],
)
def test_a_crop_that_does_not_fit_is_told_with_the_options_that_cut_it(
    options: dict[str, Any], names: str, five: Path
) -> None:
    assert refusal(five, **options).endswith(f"; it is cut by {names}")

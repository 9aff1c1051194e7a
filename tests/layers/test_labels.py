"""Labels that count and labels that do not, and what a loss is divided by."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import layer_text, make_layer

from pysketch.device.backend import Device, to_host
from pysketch.errors import DataError, ShapeError
from pysketch.layers.base import Layer
from pysketch.layers.labels import LOSS, check_label_count, normalizer, read_indices, read_labels
from pysketch.netdef.prototxt import parse


def layer() -> Layer:
    """One with a bottom called "t"."""
    return make_layer(layer_text("EuclideanLoss", ["x", "t"]), [(2, 3), (2, 3)]).layer


def test_fractions_are_cut_off_and_an_ignored_label_does_not_count(device: Device) -> None:
    given = device.xp.asarray(np.array([[0.9, 2, 255], [-0.5, 255, 1]], np.float32))
    labels, counted = (to_host(each) for each in read_labels(layer(), given, 3, 255))
    assert labels.tolist() == [[0, 2, 0], [0, 0, 1]]
    assert counted.tolist() == [[True, True, False], [True, False, True]]


def test_without_an_ignored_label_all_count() -> None:
    labels, counted = read_labels(layer(), np.array([2.0, 0]), 3, None)
    assert labels.tolist() == [2, 0]
    assert counted.all()


def test_an_ignored_label_may_be_a_class() -> None:
    _, counted = read_labels(layer(), np.array([0.0, 1, 2]), 3, 1)
    assert counted.tolist() == [True, False, True]


@pytest.mark.parametrize("label", [-1.0, 3.0, 1e30, np.nan, np.inf])
def test_a_label_out_of_range_is_refused(label: float, device: Device) -> None:
    with pytest.raises(
        DataError, match=rf'layer "it": a label of "t" is {label:g}; expected 0 to 2'.replace("+", r"\+")
    ):
        read_labels(layer(), device.xp.asarray([0.0, label]), 3, None)
    with pytest.raises(DataError, match="expected 0 to 2 or ignore_label 255"):
        read_labels(layer(), device.xp.asarray([0.0, label]), 3, 255)


def test_a_losss_labels_must_stand_along_axis_0_a_scores_need_not() -> None:
    shapes = [(2, 5, 3), (6,)]
    make_layer(layer_text("Accuracy", ["x", "t"]), shapes)
    with pytest.raises(ShapeError, match=r'expected 6 labels in "t" for "x" \(2, 5, 3\), found \(6,\)'):
        make_layer(layer_text("SoftmaxWithLoss", ["x", "t"]), shapes)
    make_layer(layer_text("SoftmaxWithLoss", ["x", "t"]), [(2, 5, 3), (2, 1, 3)])


def test_there_must_be_a_label_for_each_item() -> None:
    single = make_layer(layer_text("EuclideanLoss", ["x", "t"]), [(2, 3), (2, 3)])
    check_label_count(single.layer, single.bottom, 6)
    with pytest.raises(ShapeError, match=r'expected 2 labels in "t" for "x" \(2, 3\), found \(2, 3\)'):
        check_label_count(single.layer, single.bottom, 2)


@pytest.mark.parametrize(
    ("options", "default", "n"),
    [
        ("", "VALID", 4),
        ("", "BATCH_SIZE", 2),
        ("normalization: FULL", "VALID", 6),
        ("normalization: VALID", "BATCH_SIZE", 4),
        ("normalization: BATCH_SIZE", "VALID", 2),
        ("normalization: NONE", "VALID", 1),
        ("normalize: true", "BATCH_SIZE", 4),
        ("normalize: false", "VALID", 2),
        ("normalize: false normalization: FULL", "VALID", 6),
    ],
)
def test_a_loss_is_divided_by_what_its_options_say(options: str, default: str, n: int, device: Device) -> None:
    counted = device.xp.asarray([[True, True, False], [True, False, True]])
    assert int(normalizer(LOSS.read(parse(options)), default, counted, 2)) == n


def test_if_nothing_counts_it_is_divided_by_1(device: Device) -> None:
    assert int(normalizer(LOSS.defaults(), "VALID", device.xp.zeros((2, 3), bool), 2)) == 1


def test_indices_are_whole_numbers_of_a_bottom_fractions_cut_off(device: Device) -> None:
    found = read_indices(layer(), 0, device.xp.asarray([0.0, 2.9, 1.0]), 3)
    assert to_host(found).tolist() == [0, 2, 1]
    for wrong in (3.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(DataError, match=rf'layer "it": an index of "t" is {wrong:g}; expected 0 to 2'):
            read_indices(layer(), 1, device.xp.asarray([0.0, wrong]), 3)

"""Data: records of an LMDB as batches, transformed, resumed; and what it refuses, LevelDB first."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import Case, SingleLayer, layer_text, make_layer, refused
from lmdb_files import datum, encoded, write_lmdb
from PIL import Image
from solver_helpers import assert_same_bits, make_solver, weights

from pysketch.device.backend import Device
from pysketch.errors import DataError, NetdefError
from pysketch.netdef.definitions import Phase


def planes(k: int, shape: tuple[int, int, int] = (3, 6, 5)) -> np.ndarray:
    """The kth record's picture."""
    return np.random.default_rng(k).integers(0, 256, shape).astype(np.uint8)


def write(folder: Path, count: int = 5) -> Path:
    """A database of so many raw records, whose labels are 10, 11, ...; it stays as it is if it is there."""
    if (folder / "db").exists():
        return folder / "db"
    return write_lmdb(folder / "db", [datum(planes(k), 10 + k) for k in range(count)])


CONTRACT = {
    "Data": Case(
        layer_text(
            "Data",
            [],
            ["x", "t"],
            'data_param { source: "{folder}/db" backend: LMDB batch_size: 2 }'
            " transform_param { crop_size: 4 mirror: true }",
        ),
        (),
        ((2, 3, 4, 4), (2,)),
        write=write,
        needs="lmdb",
    ),
}


def make(
    source: Path, options: str = "", transform: str = "", tops: tuple[str, ...] = ("x", "t"), **more: Any
) -> SingleLayer:
    """The layer; a batch is one record unless the options say otherwise."""
    options = options if "batch_size" in options else f"batch_size: 1 {options}"
    extra = f'data_param {{ source: "{source}" backend: LMDB {options} }} transform_param {{ {transform} }}'
    return make_layer(layer_text("Data", tops=tops, extra=extra), **more)


def labels(single: SingleLayer) -> list[int]:
    """The next batch's labels, less 10: which records it holds."""
    return (single.forward()[1] - 10).astype(int).tolist()


def test_records_come_in_the_files_order_and_then_from_the_first_again(tmp_path: Path, device: Device) -> None:
    single = make(write(tmp_path), "batch_size: 3", device=device)
    assert [blob.shape for blob in single.top] == [(3, 3, 6, 5), (3,)]
    for k in (0, 3, 6, 9):
        data, label = single.forward()
        assert label.tolist() == [10 + (k + i) % 5 for i in range(3)]
        for i in range(3):
            np.testing.assert_array_equal(data[i], planes((k + i) % 5))


def test_labels_may_be_left_out(tmp_path: Path) -> None:
    (data,) = make(write(tmp_path), tops=("x",)).forward()
    np.testing.assert_array_equal(data[0], planes(0))


def test_numbers_that_are_no_bytes_are_given_as_they_are(tmp_path: Path) -> None:
    floats = np.random.default_rng(0).standard_normal((2, 3, 4)).astype(np.float32)
    data, _ = make(write_lmdb(tmp_path, [datum(floats)])).forward()
    np.testing.assert_array_equal(data[0], floats)


def test_image_files_are_decoded_to_blue_green_red_or_one_channel_if_they_are_grey(tmp_path: Path) -> None:
    colour, grey = planes(1, (6, 5, 3)), planes(2, (1, 6, 5))[0]
    single = make(write_lmdb(tmp_path, [encoded(colour), encoded(grey)]))
    np.testing.assert_array_equal(single.forward()[0][0], colour[:, :, ::-1].transpose(2, 0, 1))
    np.testing.assert_array_equal(single.forward()[0], grey[None, None])


@pytest.mark.parametrize(
    ("options", "transform", "channels"),
    [("", "force_color: true", 3), ("force_encoded_color: true", "", 3), ("", "force_gray: true", 1)],
)
def test_image_files_can_all_be_given_three_channels_or_one(
    options: str, transform: str, channels: int, tmp_path: Path
) -> None:
    colour, grey = planes(1, (6, 5, 3)), planes(2, (1, 6, 5))[0]
    source = write_lmdb(tmp_path, [encoded(colour), encoded(grey)])
    data, _ = make(source, f"batch_size: 2 {options}", transform).forward()
    if channels == 3:
        np.testing.assert_array_equal(data[0], colour[:, :, ::-1].transpose(2, 0, 1))
        np.testing.assert_array_equal(data[1], np.stack([grey] * 3))
    else:
        np.testing.assert_array_equal(data[0, 0], np.array(Image.fromarray(colour).convert("L")))
        np.testing.assert_array_equal(data[1, 0], grey)


def test_pictures_are_transformed(tmp_path: Path) -> None:
    transform = "scale: 0.5 crop_size: 3 mean_value: [1, 2, 3] mirror: true"
    data, _ = make(write(tmp_path), "", transform, phase=Phase.TEST).forward()
    expected = (planes(0)[:, 1:4, 1:4] - np.array([1.0, 2, 3])[:, None, None]) * 0.5
    np.testing.assert_allclose(data[0], expected)


def test_a_layer_resumed_from_its_state_goes_on_with_the_same_records(tmp_path: Path) -> None:
    source, transform = write(tmp_path), "crop_size: 3 mirror: true"
    single, resumed = (make(source, "batch_size: 3", transform) for _ in range(2))
    for _ in range(2):
        single.forward()
    resumed.layer.restore_state(single.layer.state())
    for _ in range(4):
        for one, other in zip(resumed.forward(), single.forward(), strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_closed_layer_goes_on(tmp_path: Path) -> None:
    single = make(write(tmp_path))
    assert labels(single) == [0]
    single.layer.close()
    assert [labels(single), labels(single)] == [[1], [2]]


def test_rand_skip_begins_somewhere_else_by_the_seed_but_not_in_phase_test(tmp_path: Path) -> None:
    source = write(tmp_path)
    starts = [labels(make(source, "rand_skip: 4", seed=seed))[0] for seed in range(20)]
    assert set(starts) == {0, 1, 2, 3}
    assert labels(make(source, "rand_skip: 4", seed=starts.index(3), phase=Phase.TEST)) == [0]


def test_one_at_a_time_pictures_may_have_any_size_but_not_in_a_batch(tmp_path: Path) -> None:
    source = write_lmdb(tmp_path, [datum(planes(0)), datum(planes(1, (3, 4, 7))), datum(planes(2, (1, 6, 5)))])
    single = make(source)
    assert [single.forward()[0].shape for _ in range(3)] == [(1, 3, 6, 5), (1, 3, 4, 7), (1, 1, 6, 5)]
    message = refused(DataError, make(source, "batch_size: 2").forward, where="<netdef>:2")
    assert message.endswith(
        'record "00000001" is 7x4 pixels large (width x height), the first of its batch 5x6; '
        "give crop_size, or batch_size 1"
    )
    message = refused(DataError, make(source, "batch_size: 3", "crop_size: 2").forward)
    assert message.endswith('record "00000002" has 1 channels, the first of its batch 3')


def test_a_bad_record_is_named_and_not_counted_as_given(tmp_path: Path) -> None:
    stream = io.BytesIO()
    Image.fromarray(planes(0)[0]).save(stream, "JPEG")
    cut = datum(planes(0), encoded=True, data=stream.getvalue()[:200])
    single = make(write_lmdb(tmp_path, [datum(planes(0), 10), b"\x0a\xff", cut]))
    assert labels(single) == [0]
    for _ in range(2):
        message = refused(DataError, single.forward, where="<netdef>:2:.*: ")
        assert f'{tmp_path}: record "00000001": not a Datum: ' in message
    single.layer.restore_state({"position": 2})
    assert f'{tmp_path}: record "00000002": cannot read the image (' in refused(DataError, single.forward)


def test_raw_records_are_not_turned_to_colour_and_it_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert make(write(tmp_path), "", "force_gray: true").forward()[0].shape == (1, 3, 6, 5)
    assert caplog.messages == ["Layer it: force_color and force_gray are for encoded records, these are raw"]


def test_leveldb_is_refused_with_a_way_out(tmp_path: Path) -> None:
    def refusal(backend: str, source: Path = tmp_path) -> str:
        text = layer_text("Data", [], ["x"], f'data_param {{ {backend} batch_size: 1 source: "{source}" }}')
        return refused(
            NetdefError, make_layer, text, where='<netdef>:2:[0-9]+: layer "it": not supported: a Data layer '
        )

    assert "with backend LEVELDB; copy its keys and values into an LMDB" in refusal("backend: LEVELDB")
    assert "with backend LEVELDB, which is the default; copy its keys" in refusal("")
    source = write(tmp_path)
    assert refusal("", source).endswith(f"which is the default; {source} is an LMDB: write backend: LMDB")


def test_other_things_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    source = write(tmp_path)
    both = "force_color: true force_gray: true"
    assert "either force_color or force_gray, not both" in refused(NetdefError, make, source, "", both)
    assert f"{tmp_path}: has no data.mdb" in refused(DataError, make, tmp_path, where="<netdef>:2")
    assert 'record "00000000" is 5x6 pixels large (width x height), less than crop_size 6' in refused(
        DataError, make, source, "", "crop_size: 6"
    )
    message = refused(NetdefError, make, source, "crop_size: 6")
    assert message.endswith("not supported: DataParameter.crop_size; it belongs into transform_param { }")


def test_a_resumed_training_goes_on_at_the_right_record(tmp_path: Path) -> None:
    source = write(tmp_path, 7)
    net = (
        f'layer {{ name: "d" type: "Data" top: "x" data_param {{ source: "{source}" backend: LMDB batch_size: 2 }} '
        "transform_param { scale: 0.01 crop_size: 4 mirror: true } }"
        'layer { name: "c" type: "Convolution" bottom: "x" top: "y" convolution_param { num_output: 1 kernel_size: 2 '
        'weight_filler { type: "xavier" } } } layer { name: "z" type: "Power" bottom: "y" top: "z" power_param '
        '{ scale: 0 shift: 1 } } layer { name: "l" type: "EuclideanLoss" bottom: "y" bottom: "z" top: "loss" }'
    )
    whole, begun, resumed = (make_solver(tmp_path, "max_iter: 9", net) for _ in range(3))
    whole.step(9)
    begun.step(5)
    resumed.restore(begun.snapshot())
    resumed.step(4)
    assert_same_bits(weights(resumed.net), weights(whole.net))
    assert weights(begun.net)[0].tobytes() != weights(whole.net)[0].tobytes()

"""transform_param against Caffe's rules, pixel by pixel: the mean of the image's size is cropped and mirrored along."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers import layer_text, make_layer, refused

from pysketch.errors import DataError, NetdefError
from pysketch.images.pictures import write_image
from pysketch.layers.transform import Transform
from pysketch.netdef.definitions import Phase
from pysketch.weights.caffe_schema import message_class
from pysketch.weights.caffemodel import fill_blob

PICTURE = np.random.default_rng(0).integers(0, 256, (3, 6, 5)).astype(np.uint8)
MEAN = np.random.default_rng(1).random((3, 6, 5)).astype(np.float32) * 200


def write_mean(path: Path, array: np.ndarray = MEAN[None], old: bool = False) -> Path:
    """A mean as Caffe's compute_image_mean writes it; old: with num, channels, height and width for its shape."""
    blob = message_class("BlobProto")()
    fill_blob(blob, array)
    if old:
        blob.ClearField("shape")
        blob.num, blob.channels, blob.height, blob.width = array.shape
    path.write_bytes(blob.SerializeToString())
    return path


def make(tmp_path: Path, options: str, phase: Phase = Phase.TRAIN) -> Transform:
    """The transform of an ImageData layer that has these options."""
    write_image(tmp_path / "a.png", PICTURE.transpose(1, 2, 0))
    (tmp_path / "list.txt").write_text(f"{tmp_path / 'a.png'} 1\n")
    extra = f'image_data_param {{ source: "{tmp_path / "list.txt"}" }} transform_param {{ {options} }}'
    return make_layer(layer_text("ImageData", [], ["x", "t"], extra), phase=phase).layer.transform


def every_outcome(size: int, mirror: bool, mean: np.ndarray, scale: float) -> list[np.ndarray]:
    """What Caffe may make of PICTURE: element by element, for every place of the crop, mirrored or not."""
    found = []
    for top, left, mirrored in np.ndindex(6 - size + 1, 5 - size + 1, 1 + mirror):
        made = np.zeros((3, size, size))
        for c, y, x in np.ndindex(made.shape):
            at = c, top + y, left + x
            made[c, y, size - 1 - x if mirrored else x] = (float(PICTURE[at]) - float(mean[at])) * scale
        found.append(made)
    return found


@pytest.mark.parametrize("old", [False, True])
def test_in_training_the_mean_is_cropped_and_mirrored_with_the_picture(old: bool, tmp_path: Path) -> None:
    mean = write_mean(tmp_path / "mean.binaryproto", old=old)
    transform = make(tmp_path, f'mean_file: "{mean}" crop_size: 4 mirror: true scale: 0.25')
    outcomes, seen = every_outcome(4, True, MEAN, 0.25), set()
    for k in range(200):
        made = transform.apply(PICTURE, np.random.default_rng(k), "it")
        same = [j for j, outcome in enumerate(outcomes) if abs(made - outcome).max() < 1e-4]
        assert len(same) == 1
        seen.update(same)
    assert len(seen) == len(outcomes) == 12


def test_in_phase_test_the_middle_is_taken_and_nothing_is_mirrored(tmp_path: Path) -> None:
    mean = write_mean(tmp_path / "mean.binaryproto")
    transform = make(tmp_path, f'mean_file: "{mean}" crop_size: 3 mirror: true', Phase.TEST)
    expected = PICTURE[:, 1:4, 1:4] - MEAN[:, 1:4, 1:4].astype(np.float64)
    for k in range(9):
        np.testing.assert_allclose(transform.apply(PICTURE, np.random.default_rng(k), "it"), expected, atol=1e-4)


def test_a_mean_without_a_batch_axis_will_do(tmp_path: Path) -> None:
    transform = make(tmp_path, f'mean_file: "{write_mean(tmp_path / "m", MEAN)}"')
    np.testing.assert_allclose(transform.apply(PICTURE, np.random.default_rng(0), "it"), PICTURE - MEAN, atol=1e-4)


def test_a_mean_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    mean = tmp_path / "mean"

    def refusal() -> str:
        return refused(DataError, make, tmp_path, f'mean_file: "{mean}"', where='<netdef>:2:.*layer "it": ')

    assert f"{mean}: not a readable mean image: no such file" in refusal()
    mean.write_text("a text")
    assert f"{mean}: is a text, neither an HDF5 file nor a BlobProto" in refusal()
    mean.write_bytes(b"")
    assert f"{mean}: is an empty file; expected a BlobProto" in refusal()
    mean.write_bytes(message_class("BlobProto")(num=1).SerializeToString())
    assert f"{mean}: holds no numbers; is it a BlobProto?" in refusal()
    write_mean(mean, MEAN[0])
    assert f"{mean}: expected a mean image of shape (C, H, W), found (6, 5)" in refusal()
    write_mean(mean, MEAN[:, :4, :4])
    message = refusal()
    assert f"{mean} is a mean of shape (3, 4, 4), (C, H, W), " in message
    assert message.endswith("a.png (3, 6, 5); a mean is of the size that images have before they are cropped")
    write_mean(mean)
    both = f'mean_file: "{mean}" mean_value: 3'
    assert "give either mean_file or mean_value" in refused(NetdefError, make, tmp_path, both)

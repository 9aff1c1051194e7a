"""ImageData: B, G, R from files, resized, cropped, mirrored; the order of a list; and what cannot be read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import Case, SingleLayer, layer_text, make_layer, refused

from pysketch.device.backend import Device
from pysketch.errors import DataError, NetdefError
from pysketch.images.pictures import read_sketch, resize, write_image
from pysketch.netdef.definitions import Phase

CONTRACT = {
    "ImageData": Case(
        layer_text(
            "ImageData",
            [],
            ["x", "t"],
            'image_data_param { source: "{folder}/list.txt" batch_size: 2 shuffle: true }'
            " transform_param { crop_size: 4 mirror: true }",
        ),
        (),
        ((2, 3, 4, 4), (2,)),
        write=lambda folder: write(folder),
    ),
}

SIZE = (6, 5)


def image(k: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """The kth image (h, w, 3), R, G, B."""
    return np.random.default_rng(k).integers(0, 256, (*size, 3)).astype(np.uint8)


def write(folder: Path, count: int = 5, size: tuple[int, int] = SIZE) -> Path:
    """A list of so many images, whose labels are 10, 11, ..."""
    for k in range(count):
        write_image(folder / f"{k}.png", image(k, size))
    source = folder / "list.txt"
    source.write_text("".join(f"{folder / f'{k}.png'} {10 + k}\n" for k in range(count)))
    return source


def make(source: Path, options: str = "", transform: str = "", **more: Any) -> SingleLayer:
    """The layer."""
    extra = f'image_data_param {{ source: "{source}" {options} }} transform_param {{ {transform} }}'
    return make_layer(layer_text("ImageData", tops=("data", "label"), extra=extra), **more)


def labels(single: SingleLayer) -> list[int]:
    """The next batch's labels, less 10: which images it holds."""
    return (single.forward()[1] - 10).astype(int).tolist()


def test_a_batch_is_blue_green_red_with_labels_in_the_lists_order(tmp_path: Path, device: Device) -> None:
    single = make(write(tmp_path), "batch_size: 3", device=device)
    assert [blob.shape for blob in single.top] == [(3, 3, 6, 5), (3,)]
    data, label = single.forward()
    assert label.tolist() == [10, 11, 12]
    for k in range(3):
        np.testing.assert_array_equal(data[k], image(k)[:, :, ::-1].transpose(2, 0, 1))
    assert [labels(single), labels(single)] == [[3, 4, 0], [1, 2, 3]]


def test_without_colour_there_is_one_channel_of_luma(tmp_path: Path) -> None:
    data, _ = make(write(tmp_path), "batch_size: 2 is_color: false").forward()
    assert data.shape == (2, 1, 6, 5)
    np.testing.assert_array_equal(data[1, 0], read_sketch(tmp_path / "1.png"))


def test_the_mean_is_taken_off_before_the_scale(tmp_path: Path) -> None:
    transform = "scale: 0.5 mean_value: [10, 20, 30]"
    data, _ = make(write(tmp_path), transform=transform).forward()
    expected = (image(0)[:, :, ::-1] - np.array([10.0, 20, 30])) * 0.5
    np.testing.assert_allclose(data[0].transpose(1, 2, 0), expected)
    data, _ = make(write(tmp_path), transform="mean_value: 100").forward()
    np.testing.assert_allclose(data[0].transpose(1, 2, 0), image(0)[:, :, ::-1] - 100.0)


def test_images_are_resized_before_they_are_cropped(tmp_path: Path) -> None:
    source = write(tmp_path)
    data, _ = make(source, "new_height: 9 new_width: 12", "crop_size: 4", phase=Phase.TEST).forward()
    expected = resize(image(0), 12, 9)[2:6, 4:8, ::-1].transpose(2, 0, 1)
    np.testing.assert_array_equal(data[0], expected)


def test_in_training_crops_are_taken_everywhere_and_half_of_them_are_mirrored(tmp_path: Path) -> None:
    single = make(write(tmp_path, 1), "", "crop_size: 4 mirror: true")
    whole = image(0)[:, :, ::-1].transpose(2, 0, 1)
    crops = {
        whole[:, top : top + 4, left : left + 4][:, :, :: -1 if mirrored else 1].tobytes(): (top, left, mirrored)
        for top in range(3)
        for left in range(2)
        for mirrored in (False, True)
    }
    seen = [crops[single.forward()[0][0].astype(np.uint8).tobytes()] for _ in range(100)]
    assert set(seen) == set(crops.values())
    assert 30 < sum(mirrored for _, _, mirrored in seen) < 70


def test_in_phase_test_nothing_is_random_but_the_order(tmp_path: Path) -> None:
    single = make(write(tmp_path), "rand_skip: 5", "crop_size: 4 mirror: true", phase=Phase.TEST, seed=1)
    assert labels(make(tmp_path / "list.txt", "rand_skip: 5", seed=1)) != [0]
    for k in range(9):
        data, label = single.forward()
        assert label == 10 + k % 5
        np.testing.assert_array_equal(data[0], image(k % 5)[1:5, 0:4, ::-1].transpose(2, 0, 1))


def test_shuffled_every_epoch_gives_every_image_once(tmp_path: Path) -> None:
    single = make(write(tmp_path), "batch_size: 5 shuffle: true")
    epochs = [labels(single) for _ in range(3)]
    assert [sorted(epoch) for epoch in epochs] == [list(range(5))] * 3
    assert len({tuple(epoch) for epoch in epochs}) == 3


def test_rand_skip_begins_somewhere_else_by_the_seed(tmp_path: Path) -> None:
    source = write(tmp_path)
    starts = [labels(make(source, "rand_skip: 4", seed=seed))[0] for seed in range(20)]
    assert set(starts) == {0, 1, 2, 3}
    assert labels(make(source, "rand_skip: 4", seed=7))[0] == starts[7]


@pytest.mark.parametrize("options", ["", "shuffle: true"])
def test_a_layer_resumed_from_its_state_goes_on_with_the_same_images(tmp_path: Path, options: str) -> None:
    source, transform = write(tmp_path), "crop_size: 3 mirror: true"
    single, resumed = (make(source, f"batch_size: 3 {options}", transform) for _ in range(2))
    single.forward()
    resumed.layer.restore_state(single.layer.state())
    for _ in range(3):
        for one, other in zip(resumed.forward(), single.forward(), strict=True):
            np.testing.assert_array_equal(one, other)
    single.layer.close()
    assert len(single.forward()) == 2


def test_one_at_a_time_images_may_have_any_size(tmp_path: Path) -> None:
    source = write(tmp_path, 2)
    write_image(tmp_path / "1.png", image(1, (7, 3)))
    single = make(source)
    assert [single.forward()[0].shape for _ in range(3)] == [(1, 3, 6, 5), (1, 3, 7, 3), (1, 3, 6, 5)]


def test_a_batch_of_several_sizes_is_refused(tmp_path: Path) -> None:
    source = write(tmp_path, 2)
    write_image(tmp_path / "1.png", image(1, (7, 3)))
    message = r"1.png is 3x7 pixels large \(width x height\), the first of its batch 5x6; give new_height"
    with pytest.raises(DataError, match=message):
        make(source, "batch_size: 2").forward()
    assert make(source, "batch_size: 2", "crop_size: 3").forward()[0].shape == (2, 3, 3, 3)


def test_paths_may_have_spaces_and_a_root(tmp_path: Path) -> None:
    write_image(tmp_path / "a b.png", image(0))
    (tmp_path / "list.txt").write_text("\r\n a b.png -3 \r\n\n")
    data, label = make(tmp_path / "list.txt", f'root_folder: "{tmp_path}/"').forward()
    assert label.tolist() == [-3]
    np.testing.assert_array_equal(data[0, 2], image(0)[:, :, 0])


def refusal(source: Path, options: str = "", transform: str = "") -> str:
    """What refuses this source at setup."""
    return refused(DataError, make, source, options, transform, where='<netdef>:2:.*layer "it": ')


def test_lists_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    source = tmp_path / "list.txt"
    assert "list.txt: not a readable list of images: " in refusal(source)
    source.write_bytes(b"\xff\xfe\x00")
    assert "list.txt: not a readable list of images: " in refusal(source)
    source.write_text("\n \n")
    assert refusal(source).endswith("list.txt: lists no images")
    for line in ("a.png", "a.png x", "a.png 1.5"):
        source.write_text(f"\n{line}\n")
        assert refusal(source).endswith(f'list.txt:2: expected "path label" with a whole number, found "{line}"')


def test_images_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    source = write(tmp_path, 2)
    (tmp_path / "1.png").write_text("not an image")
    single = make(source)
    assert labels(single) == [0]
    for _ in range(2):  # the batch that failed is not counted as given
        with pytest.raises(DataError, match=r"1.png: not an image in a format we read"):
            single.forward()
    (tmp_path / "0.png").unlink()
    assert refusal(source).endswith("0.png: no such file")


def test_a_crop_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    message = refusal(write(tmp_path), transform="crop_size: 6")
    assert message.endswith("0.png is 5x6 pixels large (width x height), less than crop_size 6")


@pytest.mark.parametrize(
    ("options", "transform", "message"),
    [
        ("new_height: 4", "", "give both new_height and new_width, or neither"),
        ("", "mean_value: [1, 2]", "mean_value must be one number or 3, found 2"),
        ("is_color: false", "mean_value: [1, 2, 3]", "mean_value must be one number or 1, found 3"),
        ("mirror: true", "", "not supported: ImageDataParameter.mirror; it belongs into transform_param { }"),
        ("", 'mean_file: "x" mean_value: 1', "give either mean_file or mean_value, not both"),
        ("", "force_color: true", "force_color is for the images of a Data layer; here is_color says it"),
        ("batch_size: 0", "", "ImageDataParameter.batch_size: expected at least 1, found 0"),
    ],
)
def test_options_that_do_not_fit_are_refused(tmp_path: Path, options: str, transform: str, message: str) -> None:
    with pytest.raises(NetdefError, match=f'layer "it": {message}'):
        make(write(tmp_path), options, transform)


def test_a_relative_path_is_looked_for_here_and_beside_the_list(tmp_path: Path) -> None:
    source = write(tmp_path, 1)
    source.write_text("\ufeff0.png 3\n", encoding="utf-8")
    assert make(source).forward()[1].tolist() == [3]
    source.write_text("none.png 3\n")
    looked = rf"; looked for it in {re.escape(str(Path.cwd()))}, {re.escape(str(tmp_path))}$"
    assert re.search(rf"none\.png: no such file{looked}", refusal(source))

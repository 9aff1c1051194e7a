"""Images: whatever a file holds becomes uint8 RGB or luma, upright and on white, or a DataError of one line."""

from __future__ import annotations

import io
import os
import struct
import threading
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFile, ImageOps

from pysketch.errors import DataError
from pysketch.images import pictures
from pysketch.images.pictures import (
    GAP,
    as_jpeg,
    as_photo,
    decode_picture,
    draw_polygons,
    encode_picture,
    interpolate,
    list_images,
    picture_size,
    read_photo,
    read_sketch,
    resample,
    rescale,
    resize,
    side_by_side,
    stacked,
    to_luma,
    to_pillow,
    warp,
    write_image,
)

H, W = 5, 7
GENERATOR = np.random.default_rng(0)
RGB = GENERATOR.integers(0, 256, (H, W, 3), dtype=np.uint8)
GREY = GENERATOR.integers(0, 256, (H, W), dtype=np.uint8)
ALPHA = GENERATOR.integers(0, 256, (H, W), dtype=np.uint8)
ALPHA[0, :2] = 0, 255
FORMATS = [".png", ".jpg", ".bmp", ".tif", ".webp", ".gif", ".ppm"]
READERS = pytest.mark.parametrize("function", [read_photo, read_sketch])


def save(path, image, **options):
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(path, **options)
    return path


def exif_with(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def palette_image():
    """Colour 1 in the middle, 2 right of it, 0 elsewhere."""
    image = Image.new("P", (W, H))
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    image.putpixel((3, 2), 1)
    image.putpixel((4, 2), 2)
    return image


def error_of(function, *arguments):
    """The message of the DataError that the call raises, which must be one line."""
    with pytest.raises(DataError) as caught:
        function(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        (".png", {}),
        (".bmp", {}),
        (".ppm", {}),
        (".tif", {}),
        (".tif", {"compression": "tiff_lzw"}),
        (".webp", {"lossless": True}),
        (".jpg", {"format": "PNG"}),  # the content counts, not the suffix
    ],
)
def test_pixels_come_back_as_they_were(tmp_path, suffix, options):
    path = save(tmp_path / f"a{suffix}", RGB, **options)
    photo, sketch = read_photo(path), read_sketch(str(path))
    assert (photo.dtype, sketch.dtype) == (np.uint8, np.uint8)
    np.testing.assert_array_equal(photo, RGB)
    np.testing.assert_array_equal(sketch, to_luma(RGB))
    photo[0, 0], sketch[0, 0] = 3, 3  # the arrays are the caller's to write into


def test_grey_is_read_as_a_sketch_and_repeated_in_a_photo(tmp_path):
    path = save(tmp_path / "a.png", GREY)
    np.testing.assert_array_equal(read_sketch(path), GREY)
    np.testing.assert_array_equal(read_photo(path), np.stack([GREY] * 3, axis=2))


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".pbm"])
def test_one_bit_pixels_become_black_and_white(tmp_path, suffix):
    expected = np.where(GREY > 127, 255, 0).astype(np.uint8)
    path = save(tmp_path / f"a{suffix}", Image.fromarray(expected).convert("1"))
    np.testing.assert_array_equal(read_sketch(path), expected)


@pytest.mark.parametrize("suffix", [".png", ".gif", ".bmp", ".tif"])
def test_a_palette_is_looked_up(tmp_path, suffix):
    photo = read_photo(save(tmp_path / f"a{suffix}", palette_image()))
    assert photo[2, 2:5].tolist() == [[10, 20, 30], [40, 50, 60], [70, 80, 90]]


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_cmyk_is_converted(tmp_path, suffix):
    path = save(tmp_path / f"a{suffix}", Image.new("CMYK", (W, H), (255, 0, 0, 0)))
    np.testing.assert_allclose(read_photo(path), np.broadcast_to([0, 255, 255], (H, W, 3)), atol=2)
    assert read_sketch(path).shape == (H, W)


@pytest.mark.parametrize(("pixels", "suffix"), [(RGB, ".png"), (RGB, ".tif"), (GREY, ".png")])
def test_what_is_partly_transparent_is_shown_on_white(tmp_path, pixels, suffix):
    path = save(tmp_path / f"a{suffix}", np.dstack([pixels, ALPHA]))
    weight = ALPHA / 255.0 if pixels.ndim == 2 else ALPHA[:, :, None] / 255.0
    read = read_sketch if pixels.ndim == 2 else read_photo
    np.testing.assert_allclose(read(path), pixels * weight + 255 * (1 - weight), atol=1)
    assert (read(path)[0, 0] == 255).all()
    np.testing.assert_array_equal(read(path)[0, 1], pixels[0, 1])


@pytest.mark.parametrize(("suffix", "transparency"), [(".png", 1), (".png", b"\xff\0\xff"), (".gif", 1)])
def test_a_transparent_palette_entry_is_white(tmp_path, suffix, transparency):
    photo = read_photo(save(tmp_path / f"a{suffix}", palette_image(), transparency=transparency))
    assert photo[2, 2:5].tolist() == [[10, 20, 30], [255, 255, 255], [70, 80, 90]]


@pytest.mark.parametrize(("pixel", "transparency"), [(4, 4), ((4, 5, 6), (4, 5, 6))])
def test_a_transparent_colour_is_white(tmp_path, pixel, transparency):
    array = np.full((H, W) if pixel == 4 else (H, W, 3), 9, np.uint8)
    array[2, 3] = pixel
    sketch = read_sketch(save(tmp_path / "a.png", array, transparency=transparency))
    assert sketch[2, 3] == 255
    assert (np.delete(sketch.ravel(), 2 * W + 3) == 9).all()


@pytest.mark.parametrize("suffix", [".png", ".tif", ".pgm"])
def test_sixteen_bit_grey_is_scaled_by_257_and_rounded(tmp_path, suffix):
    wide = np.resize(np.array([0, 128, 129, 385, 386, 32896, 65278, 65406, 65407, 65535], np.uint16), (H, W))
    path = tmp_path / f"a{suffix}"
    if suffix == ".pgm":  # older Pillow cannot write it
        path.write_bytes(b"P5 7 5 65535\n" + wide.astype(">u2").tobytes())
    else:
        save(path, wide)
    expected = np.rint(wide / 257).astype(np.uint8)
    assert expected[0, :3].tolist() == [0, 0, 1]
    np.testing.assert_array_equal(read_sketch(path), expected)
    np.testing.assert_array_equal(read_photo(path)[:, :, 2], expected)


def test_a_transparent_sixteen_bit_grey_is_white(tmp_path):
    wide = np.full((H, W), 257 * 9, np.uint16)
    wide[2, 3] = 1000
    path = save(tmp_path / "a.png", wide)
    content, chunk = path.read_bytes(), b"tRNS" + struct.pack(">H", 1000)  # which Pillow does not write
    chunk = struct.pack(">I", 2) + chunk + struct.pack(">I", zlib.crc32(chunk))
    path.write_bytes(content[:33] + chunk + content[33:])
    assert read_sketch(path)[2, 2:4].tolist() == [9, 255]


@pytest.mark.parametrize("x", [GREY / np.float32(255), np.minimum(GREY + np.float32(0.4), 255)])
def test_float_pixels_up_to_one_are_scaled_by_255_and_others_rounded(tmp_path, x):
    path = save(tmp_path / "a.tif", x)
    np.testing.assert_array_equal(read_sketch(path), GREY)
    np.testing.assert_array_equal(read_photo(path)[:, :, 0], GREY)


@pytest.mark.parametrize(
    ("kind", "low", "high", "message"),
    [
        (np.float32, 0, 256, "float pixels must lie in 0..1 or in 0..255, found 0..256"),
        (np.float32, -0.5, 1, "float pixels must lie in 0..1 or in 0..255, found -0.5..1"),
        (np.float32, 0, np.nan, "float pixels must lie in 0..1 or in 0..255, found nan..nan"),
        (np.int32, -5, 70000, "integer pixels must lie in 0..65535, found -5..70000"),
    ],
)
def test_pixels_of_an_unknown_range_are_refused(tmp_path, kind, low, high, message):
    x = np.zeros((H, W), kind)
    x[0, 0], x[1, 2] = low, high
    path = save(tmp_path / "a.tif", x)
    assert error_of(read_sketch, path) == f"{path}: {message}"


@pytest.mark.parametrize(
    ("suffix", "options"),
    [(".gif", {}), (".png", {}), (".webp", {"lossless": True}), (".tif", {}), (".jpg", {"format": "MPO"})],
)
def test_of_several_frames_the_first_is_read(tmp_path, suffix, options):
    black, white = (Image.new("RGB", (W, H), colour) for colour in ("black", "white"))
    path = save(tmp_path / f"a{suffix}", black, save_all=True, append_images=[white], **options)
    with Image.open(path) as image:
        assert image.n_frames == 2
    assert (read_photo(path) == 0).all()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
def test_exif_orientation_is_applied(tmp_path, suffix, orientation):
    options = {"lossless": True} if suffix == ".webp" else {}
    path = save(tmp_path / f"a{suffix}", RGB, exif=exif_with(orientation), **options)
    with Image.open(save(tmp_path / f"upright{suffix}", RGB, **options)) as image:
        image.getexif()[0x0112] = orientation
        expected = np.asarray(ImageOps.exif_transpose(image))
    np.testing.assert_array_equal(read_photo(path), expected)
    assert read_sketch(path).shape == expected.shape[:2]


@pytest.mark.parametrize(
    ("suffix", "array"), [(".png", GREY.astype(np.uint16) * 257), (".tif", GREY / np.float32(255))]
)
def test_wide_pixels_are_turned_upright_too(tmp_path, suffix, array):
    path = save(tmp_path / f"a{suffix}", array, exif=exif_with(8))
    np.testing.assert_array_equal(read_sketch(path), np.rot90(GREY))


def test_damaged_exif_counts_as_upright(tmp_path):
    path = save(tmp_path / "a.png", RGB, exif=b"Exif\0\0rubbish")
    np.testing.assert_array_equal(read_photo(path), RGB)


@READERS
def test_pillows_limit_on_pixels_refuses_and_never_warns(tmp_path, monkeypatch, function):
    path = save(tmp_path / "a.png", RGB)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", H * W - 1)  # Pillow warns from here, refuses from twice as many
    assert function(path) is not None
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", H * W // 2 - 1)
    message = error_of(function, path)
    assert message.startswith(f"{path}: cannot read the image (its header says more than")


@READERS
def test_a_missing_file_and_a_folder_are_named(tmp_path, function):
    assert error_of(function, tmp_path / "a.png") == f"{tmp_path}/a.png: no such file"
    assert error_of(function, tmp_path) == f"{tmp_path}: expected an image, found a folder"


@READERS
@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", ", but an empty file"),
        (b"hello", ", but a text"),
        (b"<!DOCTYPE html><html>", ", but a web page (HTML), perhaps saved in place of the file itself"),
        (b"layer { name: 'x' type: 'ReLU' }", ", but a netdef"),
        (b"\x89HDF\r\n\x1a\n", ", but an HDF5 file"),
        (b"RIFF\0\0\0\0WAVEfmt ", " (PNG, JPEG, BMP, TIFF, WEBP, GIF, PPM, HEIC and more of Pillow's)"),
    ],
)
def test_another_kind_of_file_is_not_an_image(tmp_path, function, content, kind):
    path = tmp_path / "a.png"
    path.write_bytes(content)
    assert error_of(function, path) == f"{path}: not an image in a format we read{kind}"


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_file_cut_short_anywhere_is_refused(tmp_path, suffix):
    path = save(tmp_path / f"a{suffix}", GENERATOR.integers(0, 256, (41, 37, 3), dtype=np.uint8))
    content = path.read_bytes()
    for kept in (20, len(content) // 3, len(content) // 2, len(content) * 3 // 4):
        path.write_bytes(content[:kept])
        assert error_of(read_photo, path).startswith(f"{path}: ")


def test_threads_that_read_at_one_time_leave_what_is_warned_of_as_it_was(tmp_path, monkeypatch):
    """The first to begin ends first, while the second is inside."""
    write_image(tmp_path / "a.png", np.zeros((3, 2), np.uint8))
    inside, left = threading.Barrier(2, timeout=10), threading.Event()
    identify = pictures.identify

    def meet(*asked):
        inside.wait()
        if threading.current_thread().name == "second":
            left.wait(10)
            warnings.warn("of a picture", stacklevel=1)
        return identify(*asked)

    monkeypatch.setattr(pictures, "identify", meet)
    before = list(warnings.filters)
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(read_photo(tmp_path / "a.png").shape), name=name)
        for name in ("first", "second")
    ]
    for thread in threads:
        thread.start()
    threads[0].join(10)
    left.set()
    threads[1].join(10)
    assert found == [(3, 2, 3)] * 2
    assert warnings.filters == before


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow warns of odd TIFF tags
def test_damaged_bytes_give_pixels_or_a_data_error_and_nothing_else(tmp_path, suffix):
    path = save(tmp_path / f"a{suffix}", RGB)
    content = path.read_bytes()
    rng = np.random.default_rng(4)
    outcomes = set()
    for _ in range(100):
        damaged = bytearray(content)
        for position in rng.integers(0, len(content), 3):
            damaged[position] = rng.integers(0, 256)
        path.write_bytes(damaged)
        try:
            outcomes.add(type(read_photo(path)))
        except DataError as error:
            outcomes.add(DataError)
            assert str(error).startswith(f"{path}: ")
    assert np.ndarray in outcomes


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (SyntaxError("broken"), "broken"),
        (struct.error("bro\nken"), "bro ken"),
        (OSError(5, "Input/output error"), "Input/output error"),
        (MemoryError(), "MemoryError"),
    ],
)
def test_whatever_pillow_raises_is_a_data_error_on_one_line(tmp_path, monkeypatch, error, reason):
    def fail(self):
        raise error

    path = save(tmp_path / "a.png", RGB)
    monkeypatch.setattr(ImageFile.ImageFile, "load", fail)
    assert error_of(read_photo, path) == f"{path}: cannot read the image ({reason})"


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".tiff", ".webp", ".PNG"])
@pytest.mark.parametrize("array", [RGB, GREY, RGB[::-1, ::2]])
def test_lossless_formats_give_back_what_was_written(tmp_path, suffix, array):
    path = tmp_path / f"a{suffix}"
    write_image(str(path), array)
    np.testing.assert_array_equal((read_photo if array.ndim == 3 else read_sketch)(path), array)
    with Image.open(path) as image:
        assert image.format == Image.registered_extensions()[suffix.lower()]
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg"])
def test_jpeg_gives_back_a_smooth_image_nearly(tmp_path, suffix):
    y, x = np.mgrid[:H, :W]
    smooth = np.dstack([20 * y, 30 * x, 100 + 10 * y]).astype(np.uint8)
    write_image(tmp_path / f"a{suffix}", smooth)
    np.testing.assert_allclose(read_photo(tmp_path / f"a{suffix}"), smooth, atol=6)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_an_encoded_picture_is_decoded_again_and_carries_nothing_else(suffix):
    picture = np.add.outer(np.arange(30), np.arange(20)).astype(np.uint8) * 3
    content = encode_picture(picture, suffix)
    assert abs(decode_picture(content, "it").astype(int) - picture).max() <= (0 if suffix == ".png" else 4)
    assert b"Exif" not in content
    assert encode_picture(np.dstack([picture] * 3), suffix) == encode_picture(np.dstack([picture] * 3), suffix)


@pytest.mark.parametrize("name", ["a.gif", "a.xyz", "a"])
def test_an_unknown_suffix_is_refused_before_anything_is_written(tmp_path, name):
    path = tmp_path / "folder" / name
    assert error_of(write_image, path, RGB) == (
        f'{path}: cannot write an image with the suffix "{path.suffix}"; '
        "expected one of .png, .jpg, .jpeg, .bmp, .tif, .tiff, .webp"
    )
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("array", [RGB.astype(np.float32), RGB[:, :, :2], RGB[0, 0], RGB[None], GREY[:0]])
def test_an_array_that_is_no_image_is_refused_before_anything_is_written(tmp_path, array):
    path = tmp_path / "folder" / "a.png"
    assert error_of(write_image, path, array) == (
        f"{path}: expected a uint8 array of shape (H, W) or (H, W, 3), found {array.dtype} {array.shape}"
    )
    assert os.listdir(tmp_path) == []


def test_a_failed_write_leaves_the_old_image_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    write_image(path, RGB)

    def fail(self, stream, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", fail)
    assert error_of(write_image, path, RGB // 2) == f"{path}: cannot write the image (No space left on device)"
    np.testing.assert_array_equal(read_photo(path), RGB)
    assert os.listdir(tmp_path) == ["a.png"]


def test_luma_is_bt_601_as_pillow_rounds_it():
    colours = GENERATOR.integers(0, 256, (300, 70, 3), dtype=np.uint8)
    r, g, b = np.moveaxis(colours.astype(np.int64), 2, 0)
    np.testing.assert_array_equal(to_luma(colours), (19595 * r + 38470 * g + 7471 * b + 32768) >> 16)
    np.testing.assert_array_equal(to_luma(np.stack([GREY] * 3, axis=2)), GREY)


@pytest.mark.parametrize("size", [(9, 4), (3, 11), (5, 7), (1, 1), (14, 10)])
@pytest.mark.parametrize("channels", [(), (3,)])
def test_resizing_is_bilinear_between_pixel_centres(size, channels):
    image = np.random.default_rng(0).integers(0, 256, (7, 5, *channels)).astype(np.uint8)
    found = resize(image, *size)
    assert found.shape == (size[1], size[0], *channels)
    assert found.dtype == np.uint8
    for y, x in np.ndindex(found.shape[:2]):
        at = [min(max((k + 0.5) * n / m - 0.5, 0), n - 1) for k, n, m in ((y, 7, size[1]), (x, 5, size[0]))]
        expected = 0.0
        for i, j in np.ndindex(7, 5):
            weight = max(0, 1 - abs(at[0] - i)) * max(0, 1 - abs(at[1] - j))
            expected = expected + weight * image[i, j].astype(float)
        assert abs(found[y, x] - expected).max() <= 0.5 + 1e-4


def test_resizing_agrees_with_opencv_to_a_level():
    cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed; pip install opencv-python-headless")
    image = np.random.default_rng(0).integers(0, 256, (37, 41, 3)).astype(np.uint8)
    for size in ((20, 30), (60, 50), (41, 37), (7, 90)):
        assert abs(resize(image, *size).astype(int) - cv2.resize(image, size)).max() <= 1


def test_two_images_side_by_side_have_a_white_gap_between_and_grey_becomes_colour():
    sheet = side_by_side(RGB, GREY)
    assert (sheet.shape, sheet.dtype) == ((H, W + GAP + W, 3), np.uint8)
    np.testing.assert_array_equal(sheet[:, :W], RGB)
    assert (sheet[:, W : W + GAP] == 255).all()
    np.testing.assert_array_equal(sheet[:, W + GAP :], np.stack([GREY] * 3, axis=2))


@pytest.mark.parametrize("swapped", [False, True])
def test_the_lower_of_two_images_is_centred_on_white(swapped):
    low, high = RGB[:2], np.zeros((H, 3, 3), np.uint8)
    sheet = side_by_side(high, low) if swapped else side_by_side(low, high)
    column = sheet[:, -W:] if swapped else sheet[:, :W]
    np.testing.assert_array_equal(column[1:3], low)
    assert (column[[0, 3, 4]] == 255).all()


@pytest.mark.parametrize(
    ("function", "arrays", "expected"),
    [
        (to_luma, [GREY], "to_luma: expected a uint8 array of shape (H, W, 3), found uint8 (5, 7)"),
        (side_by_side, [RGB, GREY / 255], "side_by_side: expected a uint8 array of shape (H, W) or (H, W, 3), found"),
    ],
)
def test_luma_and_sheets_are_made_only_of_images(function, arrays, expected):
    assert error_of(function, *arrays).startswith(expected)


def test_a_folder_lists_its_images_by_name(tmp_path):
    assert list_images(tmp_path) == []
    for name in ("b.png", "a.JPG", "C.Tiff", "a10.bmp", "d.jfif", "e.HEIC", "f.avif", ".hidden.png", "Thumbs.db"):
        (tmp_path / name).touch()
    names = ("C.Tiff", "a.JPG", "a10.bmp", "b.png", "d.jfif", "e.HEIC", "f.avif")
    assert list_images(str(tmp_path)) == [tmp_path / name for name in names]
    for path, found in ((tmp_path / "missing", "nothing"), (tmp_path / "b.png", "a file")):
        assert error_of(list_images, path) == f"{path}: expected a folder of images, found {found}"


def test_what_a_folder_holds_beside_images_is_named_with_the_reason(tmp_path, caplog):
    for name in ("a.png", "a.cr2", "b.nef", "notes.txt", "eyes.dat", "without"):
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    save(tmp_path / "c.jpg_large", RGB, format="JPEG")
    save(tmp_path / "a.png~", RGB, format="PNG")
    assert [path.name for path in list_images(tmp_path, beside=(".dat",))] == ["a.png", "b.nef", "c.jpg_large"]
    (record,) = caplog.records
    assert record.getMessage() == (
        f"{tmp_path}: 5 left out: a.cr2 (beside a.png), a.png~ (beside a.png), folder.png (a folder), "
        "notes.txt (no picture), without (no picture)"
    )
    for number in range(20):
        (tmp_path / f"x{number:02}.txt").touch()
    (tmp_path / "x.png").symlink_to(tmp_path / "nowhere")
    list_images(tmp_path)
    assert ", x.png (a link to nothing), x00.txt (no picture), " in caplog.records[-1].getMessage()
    assert caplog.records[-1].getMessage().endswith("x12.txt (no picture) and 7 more")


@pytest.mark.parametrize(("scale", "shape"), [(0.5, (4, 6)), (1, (7, 12)), (2, (14, 24)), (0.01, (1, 1))])
def test_a_rescaled_image_has_rounded_sizes_and_float32_pixels(scale, shape):
    rescaled = rescale(np.full((7, 12), 90, np.uint8), scale)
    assert rescaled.shape == shape
    assert rescaled.dtype == np.float32
    np.testing.assert_allclose(rescaled, 90, rtol=1e-6)


def test_rescaling_neither_clips_nor_rounds():
    edge = np.repeat(np.uint8([[0, 0, 0, 255, 255, 255]]), 4, axis=0)
    rescaled = rescale(edge, 2)
    assert rescaled.min() < -1
    assert rescaled.max() > 256
    assert (rescaled != np.rint(rescaled)).any()


def affine(a, b, c, d, e, f):
    return np.array([[a, b, c], [d, e, f]], np.float64)


@pytest.mark.parametrize("image", [RGB, GREY], ids=["RGB", "grey"])
def test_warp_by_whole_pixels_copies_and_goes_on_at_the_border(image):
    picture = warp(image, affine(1, 0, -3, 0, 1, 2), (W + 5, H))
    expected = image[np.ix_(np.arange(2, H + 2).clip(0, H - 1), np.arange(-3, W + 2).clip(0, W - 1))]
    np.testing.assert_array_equal(picture, expected)


def test_warp_by_a_quarter_turn_is_exact():
    np.testing.assert_array_equal(warp(RGB, affine(0, -1, W - 1, 1, 0, 0), (H, W)), np.rot90(RGB))


def test_warp_samples_a_ramp_where_the_matrix_says():
    y, x = np.mgrid[:40, :50]
    ramp = (2 * x + 3 * y).astype(np.uint8)
    linear = 0.4 * np.array([[0.8, -0.6], [0.6, 0.8]])  # enlarges
    picture = warp(ramp, np.column_stack([linear, [15, 10]]), (20, 18))
    v, u = np.mgrid[:18, :20]
    at = linear @ np.stack([u.ravel(), v.ravel()]) + np.array([[15], [10]])
    np.testing.assert_allclose(picture.ravel(), 2 * at[0] + 3 * at[1], atol=1.5)


@pytest.mark.parametrize("step", [1.5, 3.0, 7.0])
def test_warp_shrinks_without_aliasing_and_in_place(step):
    y, x = np.mgrid[:120, :140]
    board = np.where((x + y) % 2, 0, 255).astype(np.uint8)
    linear = step * np.array([[0.8, -0.6], [0.6, 0.8]])
    matrix = np.column_stack([linear, [70, 30]])
    assert abs(warp(board, matrix, (8, 9)).astype(int) - 127).max() < 12
    ramp = np.rint(x + y * 0.5).astype(np.uint8)
    v, u = np.mgrid[:9, :8]
    at = linear @ np.stack([u.ravel(), v.ravel()]) + np.array([[70], [30]])
    error = warp(ramp, matrix, (8, 9)).ravel() - (at[0] + at[1] * 0.5)
    assert abs(error).max() < 2
    assert -0.9 < error.mean() < 0.1  # Pillow's transform rounds down


class Pipe(io.RawIOBase):
    """A file that can only be read on, as one from a network."""

    def __init__(self, content):
        self._content = io.BytesIO(content)

    def readable(self):
        return True

    def readinto(self, buffer):
        return self._content.readinto(buffer)


def ways(path):
    """A picture's file as everything that a photo may be given as."""
    opened = Image.open(path)
    loaded = Image.open(path)
    loaded.load()
    read_on = io.BytesIO(path.read_bytes())
    read_on.read(7)
    return [path, str(path), opened, loaded, loaded.copy(), read_on, path.open("rb"), Pipe(path.read_bytes())]


def transparent(mode):
    """A picture whose first row is transparent over black."""
    image = Image.fromarray(RGB).convert("RGB" if mode.startswith("R") else "L")
    image.putalpha(Image.fromarray(np.where(np.arange(H)[:, None] > 0, 255, 0).repeat(W, axis=1).astype(np.uint8)))
    return image


@pytest.mark.parametrize(
    ("image", "options"),
    [
        (RGB, {}),
        (RGB, {"exif": exif_with(6)}),
        (RGB, {"exif": exif_with(5)}),
        (GREY.astype(np.uint16) * 257, {}),
        (transparent("RGBA"), {}),
        (transparent("LA"), {"exif": exif_with(3)}),
        (palette_image(), {"transparency": 1}),
    ],
    ids=["rgb", "turned", "turned and mirrored", "16 bits", "rgba", "la", "palette"],
)
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_photo_is_the_same_by_path_by_pillow_and_by_file(image, options, suffix, tmp_path):
    path = save(tmp_path / f"a{suffix}", image, **options)
    for given in ways(path):
        np.testing.assert_array_equal(as_photo(given), read_photo(path))
        if hasattr(given, "close"):
            given.close()


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "La", "RGB", "RGBA", "RGBa", "RGBX", "P", "PA", "CMYK", "YCbCr", "LAB"]
)
def test_a_pillow_image_of_any_mode_is_a_photo(mode):
    wanted = transparent("RGBA") if mode in ("RGBA", "RGBa") else transparent("LA")
    if mode == "La":
        wanted = transparent("LA")
    elif mode not in ("LA", "RGBA", "RGBa"):
        wanted = Image.fromarray(RGB)
    image = wanted.convert(mode)
    photo = as_photo(image)
    assert (photo.shape, photo.dtype) == ((H, W, 3), np.uint8)
    if wanted.mode.endswith("A"):
        assert (photo[0] == 255).all()
    if mode not in ("1", "P", "PA", "LAB"):  # of fewer colours
        expected = np.array(wanted.convert("RGB").convert("L" if mode in ("L", "LA", "La") else "RGB").convert("RGB"))
        np.testing.assert_allclose(photo[1:], expected[1:], atol=8)


@pytest.mark.parametrize("mode", ["I", "F", "I;16", "I;16B", "I;16L"])
def test_wide_pillow_images_whose_levels_are_those_of_8_bits_are_taken_as_they_are(mode):
    image = Image.fromarray(GREY).convert(mode)
    np.testing.assert_array_equal(as_photo(image)[:, :, 1], GREY)


def test_a_pillow_image_that_cannot_be_read_on_is_one_line_that_names_its_file(tmp_path):
    path = save(tmp_path / "a.png", np.tile(RGB, (9, 9, 1)))
    path.write_bytes(path.read_bytes()[:200])
    with Image.open(path) as image:
        assert error_of(as_photo, image).startswith(f"{path}: cannot read the image (")
    image = Image.open(io.BytesIO(path.read_bytes()))
    assert error_of(as_photo, image).startswith("a Pillow image: cannot read the image (")


def test_the_given_pillow_image_stays_as_it_was(tmp_path):
    image = Image.open(save(tmp_path / "a.png", RGB, exif=exif_with(6)))
    as_photo(image)
    np.testing.assert_array_equal(np.asarray(image), RGB)


@pytest.mark.parametrize(
    ("array", "photo"),
    [
        (RGB, RGB),
        (GREY, np.stack([GREY] * 3, axis=2)),
        (GREY[:, :, None], np.stack([GREY] * 3, axis=2)),
        (RGB / 255, RGB),
        (RGB.astype(np.float32), RGB),
        (RGB.astype(np.uint16) * 257, RGB),
        (RGB.astype(np.int64), RGB),
        (GREY > 99, np.where(GREY > 99, 255, 0)[:, :, None].repeat(3, axis=2)),
        (np.asarray(transparent("RGBA")), np.where(np.arange(H)[:, None, None] > 0, RGB, 255)),
        (np.asarray(transparent("LA"))[:, ::-1] / 255, None),
    ],
)
def test_an_array_of_any_kind_is_the_photo_that_a_file_of_it_is(array, photo):
    if photo is None:
        photo = as_photo(transparent("LA"))[:, ::-1]
    np.testing.assert_array_equal(as_photo(array), photo)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (3, "expected a path, a file object, a Pillow image or an array, found int"),
        (RGB * 2.0, "a photo: float pixels must lie in 0..1 or in 0..255, found 0"),
        (RGB[0, 0], r"a photo: expected an array of shape \(H, W\), or \(H, W, 1\) to \(H, W, 4\), found uint8 \(3,\)"),
        (RGB[None], r"found uint8 \(1, 5, 7, 3\)"),
        (np.zeros((4, 4, 5), np.uint8), r"found uint8 \(4, 4, 5\)"),
        (RGB[:0], r"found uint8 \(0, 7, 3\)"),
        (RGB.astype(complex), r"found complex128"),
        (RGB.astype(np.int32) - 99, r"a photo: integer pixels must lie in 0..65535, found -99..149"),
        (io.StringIO("a"), "a file object: opened as text; open a picture with mode"),
        (io.BytesIO(b"hello"), "a file object: not an image in a format we read"),
    ],
)
def test_what_is_no_photo_is_refused(given, message):
    with pytest.raises(DataError, match=message):
        as_photo(given)


def test_an_array_becomes_a_pillow_image_and_comes_back():
    for array in (RGB, RGB[:, :, 0].copy()):
        np.testing.assert_array_equal(np.asarray(to_pillow(array)), array)


def test_interpolation_keeps_fractions():
    ramp = np.arange(4, dtype=np.float32)[None, :]
    np.testing.assert_allclose(interpolate(ramp, 8, 1)[0], [0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3])


def test_warp_without_antialias_samples_where_the_matrix_says():
    ramp = np.repeat(np.arange(0, 250, 5, dtype=np.uint8)[None], 9, axis=0)
    found = warp(ramp, affine(1.1, 0, 2, 0, 1, 0), (40, 9), antialias=False)
    np.testing.assert_allclose(found[4, 2:38], 5 * (1.1 * np.arange(2, 38) + 2), atol=1)


def test_polygons_are_filled_the_later_over_the_earlier_and_the_image_stays():
    image = np.zeros((10, 12, 3), np.uint8)
    square = np.array([(2, 2), (8, 2), (8, 8), (2, 8)])
    drawn = draw_polygons(image, [(square, np.array([300.0, 0, 0])), (square[:, ::-1] + 3, np.array([0, 99.6, -5]))])
    assert drawn[4, 4].tolist() == [255, 0, 0]
    assert drawn[7, 7].tolist() == [0, 100, 0]
    assert drawn[1, 1].tolist() == [0, 0, 0]
    assert not image.any()


def test_jpeg_loses_more_the_lower_its_quality():
    low, high = (np.abs(as_jpeg(RGB, quality).astype(int) - RGB).mean() for quality in (20, 95))
    assert low > high > 0


def test_pictures_one_below_the_other_begin_at_the_left_on_white():
    sheet = stacked(GREY, RGB[:2, :3])
    assert sheet.shape == (H + GAP + 2, W, 3)
    np.testing.assert_array_equal(sheet[:H, :, 1], GREY)
    np.testing.assert_array_equal(sheet[H + GAP :, :3], RGB[:2, :3])
    assert (sheet[H : H + GAP] == 255).all()
    assert (sheet[H + GAP :, 3:] == 255).all()


@pytest.mark.parametrize("size", [(50, 40), (13, 21), (200, 210)])
def test_a_picture_in_another_size_shows_the_same_ramp_without_aliases(size):
    ramp = np.linspace(20, 220, 100)
    stripes = 15.0 * (-1.0) ** np.arange(100)
    at = (np.arange(size[0]) + 0.5) * 100 / size[0] - 0.5
    picture = np.repeat(np.rint(ramp + (stripes if size[0] < 100 else 0)).astype(np.uint8)[None], 80, axis=0)
    found = resample(picture, *size)
    assert found.shape == size[::-1]
    inside = slice(2, -2)
    np.testing.assert_allclose(found[0, inside], (20 + at * 200 / 99)[inside], atol=3)


@pytest.mark.parametrize("shape", [(5, 4, 3), (5, 4)])
def test_a_files_bytes_are_decoded_as_the_file_is_in_colour_in_grey_or_as_they_are(tmp_path, shape):
    pixels = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    path = tmp_path / "a.png"
    write_image(path, pixels)
    content = path.read_bytes()
    np.testing.assert_array_equal(decode_picture(content, "it"), pixels)
    np.testing.assert_array_equal(decode_picture(content, "it", True), read_photo(path))
    np.testing.assert_array_equal(decode_picture(content, "it", False), read_sketch(path))


@pytest.mark.parametrize("colour", [None, True, False])
def test_bytes_that_are_no_image_are_refused_by_their_name(colour):
    for content in (b"", b"no image", b"\x89PNG\r\n\x1a\n"):
        with pytest.raises(DataError, match=r"^it: not an image in a format we read"):
            decode_picture(content, "it", colour)


@pytest.mark.parametrize("shape", [(7, 5), (7, 5, 3)])
def test_an_encoded_picture_comes_back_as_png_and_nearly_as_jpeg(shape):
    array = np.random.default_rng(4).integers(0, 256, shape).astype(np.uint8)
    np.testing.assert_array_equal(decode_picture(encode_picture(array, ".png"), "x"), array)
    smooth = np.full(shape, 90, np.uint8)
    assert encode_picture(smooth, ".jpg").startswith(b"\xff\xd8\xff")
    assert abs(decode_picture(encode_picture(smooth, ".jpg"), "x").astype(int) - 90).max() <= 1


def test_a_pictures_size_is_read_from_its_header_alone():
    content = encode_picture(np.zeros((300, 200, 3), np.uint8), ".png")
    assert picture_size(content[:60], "a.png") == (200, 300)
    with pytest.raises(DataError, match=r"^a\.png: not an image in a format we read, but a text$"):
        picture_size(b"hello\n", "a.png")

"""Tests of pysketch.images."""

import io
import os
import re
import struct
import threading
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFile, ImageOps

from pysketch import images
from pysketch.errors import DataError
from pysketch.images import (
    GAP,
    IMAGE_SUFFIXES,
    image_size,
    list_images,
    read_photo,
    read_sketch,
    side_by_side,
    to_luma,
    write_image,
)

H, W = 5, 7
RGB = np.random.default_rng(0).integers(0, 256, (H, W, 3), dtype=np.uint8)
GREY = np.random.default_rng(1).integers(0, 256, (H, W), dtype=np.uint8)
ALPHA = np.random.default_rng(2).integers(0, 256, (H, W), dtype=np.uint8)
ALPHA[0, :2] = 0, 255
ORIENTATION = 0x0112


def save(path, image, **options):
    image.save(path, **options)
    return path


def save_png(tmp_path, image, **options):
    return save(tmp_path / "a.png", image, **options)


def exif_with(orientation):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return exif


def on_white(pixels, alpha):
    """alpha * pixels + (1 - alpha) * white, not rounded."""
    weight = alpha / 255.0
    return pixels * weight + 255 * (1 - weight)


def error_of(function, *arguments):
    """The message of the DataError that the call raises, which must be one line."""
    with pytest.raises(DataError) as caught:
        function(*arguments)
    message = str(caught.value)
    assert "\n" not in message
    return message


def png_chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_header(width, height):
    """A PNG that claims a size and holds no pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [png_chunk(b"IHDR", header), png_chunk(b"IDAT", b""), png_chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".ppm"])
def test_colour_pixels_come_back_as_they_were(tmp_path, suffix):
    photo = read_photo(save(tmp_path / f"a{suffix}", Image.fromarray(RGB)))
    assert photo.dtype == np.uint8
    np.testing.assert_array_equal(photo, RGB)


def test_lossless_webp_comes_back_as_it_was(tmp_path):
    path = save(tmp_path / "a.webp", Image.fromarray(RGB), lossless=True)
    np.testing.assert_array_equal(read_photo(path), RGB)


@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
def test_tiff_is_read_with_and_without_compression(tmp_path, compression):
    path = save(tmp_path / "a.tif", Image.fromarray(RGB), compression=compression)
    np.testing.assert_array_equal(read_photo(path), RGB)


def test_jpeg_is_decoded_as_pillow_does(tmp_path):
    path = save(tmp_path / "a.jpg", Image.fromarray(RGB))
    with Image.open(path) as image:
        np.testing.assert_array_equal(read_photo(path), np.asarray(image))


def test_the_array_read_can_be_written_to(tmp_path):
    path = save_png(tmp_path, Image.fromarray(RGB))
    for array in (read_photo(path), read_sketch(path)):
        array[0, 0] = 3


def test_the_content_decides_the_format_and_not_the_suffix(tmp_path):
    path = save(tmp_path / "a.jpg", Image.fromarray(RGB), format="PNG")
    np.testing.assert_array_equal(read_photo(path), RGB)


def test_a_path_given_as_text_is_read(tmp_path):
    path = str(save_png(tmp_path, Image.fromarray(RGB)))
    assert read_photo(path).shape == (H, W, 3)
    assert read_sketch(path).shape == (H, W)
    assert image_size(path) == (W, H)


def test_a_sketch_from_a_colour_image_is_its_luma(tmp_path):
    sketch = read_sketch(save_png(tmp_path, Image.fromarray(RGB)))
    assert sketch.dtype == np.uint8
    np.testing.assert_array_equal(sketch, to_luma(RGB))


def test_grey_is_read_as_a_sketch_and_repeated_in_a_photo(tmp_path):
    path = save_png(tmp_path, Image.fromarray(GREY))
    np.testing.assert_array_equal(read_sketch(path), GREY)
    np.testing.assert_array_equal(read_photo(path), np.stack([GREY] * 3, axis=2))


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".pbm"])
def test_one_bit_pixels_become_black_and_white(tmp_path, suffix):
    expected = np.where(GREY > 127, 255, 0).astype(np.uint8)
    path = save(tmp_path / f"a{suffix}", Image.fromarray(expected).convert("1"))
    np.testing.assert_array_equal(read_sketch(path), expected)
    np.testing.assert_array_equal(read_photo(path)[:, :, 1], expected)


def test_a_palette_is_looked_up(tmp_path):
    image = Image.fromarray(RGB).quantize(8)
    path = save_png(tmp_path, image)
    np.testing.assert_array_equal(read_photo(path), np.asarray(image.convert("RGB")))
    np.testing.assert_array_equal(read_sketch(path), np.asarray(image.convert("L")))


def test_rgba_is_shown_on_white(tmp_path):
    path = save_png(tmp_path, Image.fromarray(np.dstack([RGB, ALPHA])))
    photo = read_photo(path)
    np.testing.assert_allclose(photo, on_white(RGB, ALPHA[:, :, None]), atol=1)
    assert (photo[0, 0] == 255).all()
    np.testing.assert_array_equal(photo[0, 1], RGB[0, 1])
    np.testing.assert_array_equal(read_sketch(path), to_luma(photo))


def test_grey_with_alpha_is_shown_on_white(tmp_path):
    image = Image.merge("LA", (Image.fromarray(GREY), Image.fromarray(ALPHA)))
    path = save_png(tmp_path, image)
    sketch = read_sketch(path)
    np.testing.assert_allclose(sketch, on_white(GREY, ALPHA), atol=1)
    np.testing.assert_array_equal(read_photo(path), np.stack([sketch] * 3, axis=2))


@pytest.mark.parametrize("transparency", [1, bytes([255, 0, 255])])
def test_a_transparent_palette_entry_is_white(tmp_path, transparency):
    image = Image.new("P", (W, H))
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    image.putpixel((3, 2), 1)
    image.putpixel((4, 2), 2)
    path = save_png(tmp_path, image, transparency=transparency)
    photo = read_photo(path)
    assert photo[0, 0].tolist() == [10, 20, 30]
    assert photo[2, 3].tolist() == [255, 255, 255]
    assert photo[2, 4].tolist() == [70, 80, 90]
    np.testing.assert_array_equal(read_sketch(path), to_luma(photo))


def test_a_transparent_grey_is_white(tmp_path):
    grey = np.full((H, W), 9, np.uint8)
    grey[2, 3] = 4
    sketch = read_sketch(save_png(tmp_path, Image.fromarray(grey), transparency=4))
    assert sketch[2, 3] == 255
    assert (np.delete(sketch.ravel(), 2 * W + 3) == 9).all()


def test_a_transparent_colour_is_white(tmp_path):
    rgb = np.full((H, W, 3), 9, np.uint8)
    rgb[2, 3] = 4, 5, 6
    photo = read_photo(save_png(tmp_path, Image.fromarray(rgb), transparency=(4, 5, 6)))
    assert photo[2, 3].tolist() == [255, 255, 255]
    assert photo[0, 0].tolist() == [9, 9, 9]


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_cmyk_is_converted(tmp_path, suffix):
    path = save(tmp_path / f"a{suffix}", Image.new("CMYK", (W, H), (255, 0, 0, 0)))
    photo = read_photo(path)
    assert photo.shape == (H, W, 3)
    np.testing.assert_allclose(photo, np.broadcast_to([0, 255, 255], (H, W, 3)), atol=2)
    assert read_sketch(path).shape == (H, W)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".pgm"])
def test_sixteen_bit_grey_is_scaled_and_rounded(tmp_path, suffix):
    values = np.array([0, 128, 129, 257, 385, 386, 32896, 65278, 65406, 65407, 65535], np.uint16)
    wide = np.resize(values, (H, W))
    path = tmp_path / f"a{suffix}"
    if suffix == ".pgm":  # older Pillow cannot write it
        path.write_bytes(b"P5 7 5 65535\n" + wide.astype(">u2").tobytes())
    else:
        Image.fromarray(wide).save(path)
    expected = np.rint(wide / 257).astype(np.uint8)
    assert expected[0, :3].tolist() == [0, 0, 1]
    np.testing.assert_array_equal(read_sketch(path), expected)
    np.testing.assert_array_equal(read_photo(path)[:, :, 2], expected)


def test_big_endian_sixteen_bit_tiff_is_scaled(tmp_path):
    wide = GREY.astype(np.uint16) * 257
    tags = {256: W, 257: H, 258: 16, 259: 1, 262: 1, 273: 134, 277: 1, 278: H, 279: 2 * H * W}
    entries = b"".join(struct.pack(">HHII", tag, 4, 1, value) for tag, value in tags.items())
    directory = struct.pack(">H", len(tags)) + entries + struct.pack(">I", 0)
    content = b"MM\0*" + struct.pack(">I", 8) + directory
    path = tmp_path / "a.tif"
    path.write_bytes(content.ljust(134, b"\0") + wide.astype(">u2").tobytes())
    np.testing.assert_array_equal(read_sketch(path), GREY)


def test_a_transparent_sixteen_bit_grey_is_white(tmp_path):
    wide = np.full((H, W), 257 * 9, np.uint16)
    wide[2, 3] = 1000
    path = save_png(tmp_path, Image.fromarray(wide))
    content = path.read_bytes()  # Pillow writes no tRNS chunk for this mode
    path.write_bytes(content[:33] + png_chunk(b"tRNS", struct.pack(">H", 1000)) + content[33:])
    sketch = read_sketch(path)
    assert sketch[2, 3] == 255
    assert sketch[0, 0] == 9


def test_integer_pixels_beyond_sixteen_bits_are_refused(tmp_path):
    wide = np.zeros((H, W), np.int32)
    wide[1, 2], wide[3, 4] = -5, 70000
    path = save(tmp_path / "a.tif", Image.fromarray(wide))
    assert error_of(read_sketch, path) == f"{path}: integer pixels must lie in 0..65535, found -5..70000"


def test_float_pixels_up_to_one_are_scaled_by_255(tmp_path):
    path = save(tmp_path / "a.tif", Image.fromarray(GREY.astype(np.float32) / 255))
    np.testing.assert_array_equal(read_sketch(path), GREY)
    np.testing.assert_array_equal(read_photo(path)[:, :, 0], GREY)


def test_float_pixels_up_to_255_are_rounded(tmp_path):
    path = save(tmp_path / "a.tif", Image.fromarray(np.minimum(GREY + np.float32(0.4), 255)))
    np.testing.assert_array_equal(read_sketch(path), GREY)


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [(0, 256, "0..256"), (-0.5, 1, "-0.5..1"), (0, np.nan, "nan..nan"), (0, np.inf, "0..inf")],
)
def test_float_pixels_of_unknown_range_are_refused(tmp_path, low, high, found):
    x = np.zeros((H, W), np.float32)
    x[0, 0], x[1, 2] = low, high
    path = save(tmp_path / "a.tif", Image.fromarray(x))
    assert error_of(read_sketch, path) == (f"{path}: float pixels must lie in 0..1 or in 0..255, found {found}")


@pytest.mark.parametrize(
    ("suffix", "options"), [(".gif", {}), (".png", {}), (".webp", {"lossless": True}), (".tif", {})]
)
def test_of_several_frames_the_first_is_read(tmp_path, suffix, options):
    frames = [Image.new("RGB", (W, H), colour) for colour in ("black", "white")]
    path = save(tmp_path / f"a{suffix}", frames[0], save_all=True, append_images=frames[1:], **options)
    with Image.open(path) as image:
        assert image.n_frames == 2
    assert (read_photo(path) == 0).all()
    assert (read_sketch(path) == 0).all()
    assert image_size(path) == (W, H)


def test_a_jpeg_of_two_pictures_gives_the_first(tmp_path):
    path = save(
        tmp_path / "a.jpg",
        Image.new("RGB", (W, H), "white"),
        format="MPO",
        save_all=True,
        append_images=[Image.new("RGB", (W, H), "black")],
    )
    assert (read_sketch(path) == 255).all()


def test_a_transparent_gif_is_white_there(tmp_path):
    image = Image.new("P", (W, H))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((3, 2), 1)
    photo = read_photo(save(tmp_path / "a.gif", image, transparency=1))
    assert photo[2, 3].tolist() == [255, 255, 255]
    assert photo[0, 0].tolist() == [10, 20, 30]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("suffix", "options"),
    [(".png", {}), (".jpg", {}), (".webp", {"lossless": True}), (".tif", {}), (".tif", {"compression": "tiff_lzw"})],
)
def test_exif_orientation_is_applied_and_the_size_agrees(tmp_path, suffix, options, orientation):
    path = save(tmp_path / f"a{suffix}", Image.fromarray(RGB), exif=exif_with(orientation), **options)
    upright = save(tmp_path / f"upright{suffix}", Image.fromarray(RGB), **options)
    with Image.open(upright) as image:
        image.getexif()[ORIENTATION] = orientation
        expected = np.asarray(ImageOps.exif_transpose(image))
    photo = read_photo(path)
    np.testing.assert_array_equal(photo, expected)
    assert image_size(path) == photo.shape[1::-1]
    assert read_sketch(path).shape == photo.shape[:2]


def test_orientation_six_puts_the_first_row_on_the_right(tmp_path):
    path = save_png(tmp_path, Image.fromarray(RGB), exif=exif_with(6))
    np.testing.assert_array_equal(read_photo(path)[:, -1], RGB[0])


@pytest.mark.parametrize("array", [GREY.astype(np.uint16) * 257, GREY.astype(np.float32)])
def test_wide_pixels_are_turned_upright_too(tmp_path, array):
    path = save(tmp_path / "a.tif", Image.fromarray(array), exif=exif_with(8))
    np.testing.assert_array_equal(read_sketch(path), np.rot90(GREY))
    assert image_size(path) == (H, W)


def test_orientation_stored_after_the_pixels_of_a_png_counts(tmp_path):
    path = save_png(tmp_path, Image.fromarray(RGB))
    content = path.read_bytes()
    late = png_chunk(b"eXIf", exif_with(6).tobytes()[6:])
    path.write_bytes(content[:-12] + late + content[-12:])
    assert read_photo(path).shape == (W, H, 3)
    assert image_size(path) == (H, W)


@pytest.mark.parametrize("exif", [b"Exif\0\0rubbish", b"Exif\0\0MM\0*\0\0\0\x08\0\x05\0"])
def test_damaged_exif_counts_as_upright(tmp_path, exif):
    path = save_png(tmp_path, Image.fromarray(RGB), exif=exif)
    np.testing.assert_array_equal(read_photo(path), RGB)
    assert image_size(path) == (W, H)


def test_an_unknown_orientation_counts_as_upright(tmp_path):
    path = save_png(tmp_path, Image.fromarray(RGB), exif=exif_with(9))
    np.testing.assert_array_equal(read_photo(path), RGB)


def test_the_size_is_known_without_decoding(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(png_header(W, H))
    assert image_size(path) == (W, H)
    assert f"{path}: cannot read the image (" in error_of(read_photo, path)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif", ".webp", ".gif", ".ppm"])
def test_pixels_are_never_loaded_for_the_size(tmp_path, suffix, monkeypatch):
    path = save(tmp_path / f"a{suffix}", Image.fromarray(RGB))
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("decoded"))
    assert image_size(path) == (W, H)


@pytest.mark.parametrize("function", [read_photo, read_sketch, image_size])
def test_more_than_200_megapixels_are_refused_before_decoding(tmp_path, function):
    path = tmp_path / "a.png"
    path.write_bytes(png_header(20000, 10001))
    assert error_of(function, path) == (f"{path}: the image has 20000x10001 = 200020000 pixels; the limit is 200000000")


@pytest.mark.parametrize(("width", "height"), [(0, H), (W, 0)])
@pytest.mark.parametrize("function", [read_photo, image_size])
def test_an_image_without_pixels_is_refused(tmp_path, function, width, height):
    path = tmp_path / "a.png"
    path.write_bytes(png_header(width, height))
    assert error_of(function, path).startswith(f"{path}: cannot read the image (")


def test_exactly_200_megapixels_are_within_the_limit(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(png_header(20000, 10000))
    assert image_size(path) == (20000, 10000)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif", ".gif", ".ppm"])
@pytest.mark.parametrize("pillows_limit", [H * W - 1, H * W // 2 - 1])  # it would warn, it would refuse
def test_pillows_own_limit_neither_warns_nor_refuses(tmp_path, suffix, pillows_limit, monkeypatch):
    path = save(tmp_path / f"a{suffix}", Image.fromarray(RGB))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", pillows_limit)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert read_photo(path).shape == (H, W, 3)
        assert image_size(path) == (W, H)
    assert not caught


def test_pillows_globals_are_left_alone(tmp_path):
    before = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, list(warnings.filters)
    read_photo(save_png(tmp_path, Image.fromarray(RGB)))
    assert (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, list(warnings.filters)) == before
    assert images.MAX_PIXELS == 200_000_000


READERS = pytest.mark.parametrize("function", [read_photo, read_sketch, image_size])


@READERS
def test_a_missing_file_is_named(tmp_path, function):
    path = tmp_path / "a.png"
    assert error_of(function, path) == f"{path}: no such file"


@READERS
def test_a_folder_is_not_an_image(tmp_path, function):
    assert error_of(function, tmp_path) == f"{tmp_path}: expected an image, found a folder"


@READERS
def test_an_empty_file_is_not_an_image(tmp_path, function):
    path = tmp_path / "a.png"
    path.touch()
    assert error_of(function, path) == f"{path}: expected an image, found an empty file"


@READERS
@pytest.mark.parametrize("content", [b"P", b"hello", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"RIFF\0\0\0\0WAVEfmt "])
def test_another_kind_of_file_is_not_an_image(tmp_path, function, content):
    path = tmp_path / "a.png"
    path.write_bytes(content)
    assert error_of(function, path) == (
        f"{path}: not an image in a format we read (PNG, JPEG, BMP, TIFF, WebP, GIF, PPM)"
    )


@READERS
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in the file system here")
def test_a_pipe_is_refused_without_waiting_for_it(tmp_path, function):
    path = tmp_path / "a.png"
    os.mkfifo(path)
    assert error_of(function, path) == (f"{path}: expected an image, found something that is not a regular file")


def test_a_file_that_may_not_be_read_says_so(tmp_path, monkeypatch):
    path = save_png(tmp_path, Image.fromarray(RGB))

    def refuse(self, mode):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(type(path), "open", refuse)
    assert error_of(read_photo, path) == f"{path}: cannot read the image (Permission denied)"


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif", ".webp", ".gif", ".ppm"])
def test_a_file_cut_short_anywhere_is_refused(tmp_path, suffix):
    noise = np.random.default_rng(3).integers(0, 256, (41, 37, 3), dtype=np.uint8)
    path = save(tmp_path / f"a{suffix}", Image.fromarray(noise))
    content = path.read_bytes()
    for kept in {20, len(content) // 3, len(content) // 2, len(content) * 3 // 4}:
        path.write_bytes(content[:kept])
        assert error_of(read_photo, path).startswith(f"{path}: cannot read the image (")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif", ".webp", ".gif", ".ppm"])
@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow warns of odd TIFF tags
def test_damaged_bytes_give_pixels_or_a_data_error_and_nothing_else(tmp_path, suffix):
    path = save(tmp_path / f"a{suffix}", Image.fromarray(RGB))
    content = path.read_bytes()
    rng = np.random.default_rng(4)
    for _ in range(200):
        damaged = bytearray(content)
        for position in rng.integers(0, len(content), 3):
            damaged[position] = rng.integers(0, 256)
        path.write_bytes(damaged)
        for function in (read_photo, read_sketch, image_size):
            try:
                result = function(path)
                assert function is not image_size or [type(side) for side in result] == [int, int]
            except DataError as error:
                assert re.match(re.escape(f"{path}: ") + r"\S.*\Z", str(error))


@pytest.mark.parametrize(
    "error",
    [
        SyntaxError("broken"),
        OSError("broken"),
        ValueError("broken"),
        struct.error("broken"),
        Image.DecompressionBombError("broken"),
        IndexError("broken"),
        TypeError("bro\nken"),
    ],
)
def test_whatever_pillow_raises_is_a_data_error_on_one_line(tmp_path, error, monkeypatch):
    def fail(self):
        raise error

    path = save_png(tmp_path, Image.fromarray(RGB))
    monkeypatch.setattr(ImageFile.ImageFile, "load", fail)
    expected = "bro ken" if isinstance(error, TypeError) else "broken"
    assert error_of(read_photo, path) == f"{path}: cannot read the image ({expected})"


def test_an_error_without_a_text_is_named_by_its_type(tmp_path, monkeypatch):
    def fail(self):
        raise MemoryError

    path = save_png(tmp_path, Image.fromarray(RGB))
    monkeypatch.setattr(ImageFile.ImageFile, "load", fail)
    assert error_of(read_photo, path) == f"{path}: cannot read the image (MemoryError)"


def test_an_interrupt_passes_through(tmp_path, monkeypatch):
    def interrupt(self):
        raise KeyboardInterrupt

    path = save_png(tmp_path, Image.fromarray(RGB))
    monkeypatch.setattr(ImageFile.ImageFile, "load", interrupt)
    with pytest.raises(KeyboardInterrupt):
        read_photo(path)


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="open files cannot be counted here")
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif", ".webp", ".gif", ".ppm"])
@pytest.mark.parametrize("whole", [True, False])
def test_no_file_stays_open(tmp_path, suffix, whole):
    path = save(tmp_path / f"a{suffix}", Image.fromarray(RGB))
    if not whole:
        path.write_bytes(path.read_bytes()[:20])
    before = len(os.listdir("/proc/self/fd"))
    for function in (read_photo, read_sketch, image_size):
        try:
            function(path)
        except DataError:
            assert not whole
    assert len(os.listdir("/proc/self/fd")) == before


def test_threads_may_read_at_the_same_time(tmp_path):
    paths = [save(tmp_path / f"{value}.tif", Image.new("L", (W, H), value)) for value in range(8)]
    wrong = []

    def read_all(value):
        for _ in range(20):
            if not (read_sketch(paths[value]) == value).all():
                wrong.append(value)

    threads = [threading.Thread(target=read_all, args=(value,)) for value in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".tiff", ".webp", ".PNG"])
@pytest.mark.parametrize("array", [RGB, GREY])
def test_lossless_formats_give_back_what_was_written(tmp_path, suffix, array):
    path = tmp_path / f"a{suffix}"
    write_image(path, array)
    read = read_photo if array.ndim == 3 else read_sketch
    np.testing.assert_array_equal(read(path), array)
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg"])
def test_jpeg_gives_back_a_smooth_image_nearly(tmp_path, suffix):
    y, x = np.mgrid[:H, :W]
    smooth = np.dstack([20 * y, 30 * x, 100 + 10 * y]).astype(np.uint8)
    write_image(tmp_path / f"a{suffix}", smooth)
    np.testing.assert_allclose(read_photo(tmp_path / f"a{suffix}"), smooth, atol=6)


@pytest.mark.parametrize(
    ("suffix", "expected"),
    [(".png", "PNG"), (".jpg", "JPEG"), (".bmp", "BMP"), (".tif", "TIFF"), (".webp", "WEBP")],
)
def test_the_suffix_decides_the_format_written(tmp_path, suffix, expected):
    write_image(str(tmp_path / f"a{suffix}"), RGB)
    with Image.open(tmp_path / f"a{suffix}") as image:
        assert image.format == expected


def test_a_view_with_strides_is_written_as_it_looks(tmp_path):
    write_image(tmp_path / "a.png", RGB[::-1, ::2])
    np.testing.assert_array_equal(read_photo(tmp_path / "a.png"), RGB[::-1, ::2])


@pytest.mark.parametrize("name", ["a.gif", "a.xyz", "a"])
def test_an_unknown_suffix_is_refused_before_anything_is_written(tmp_path, name):
    path = tmp_path / "folder" / name
    assert error_of(write_image, path, RGB) == (
        f'{path}: cannot write an image with the suffix "{path.suffix}"; '
        "expected one of .png, .jpg, .jpeg, .bmp, .tif, .tiff, .webp"
    )
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("array", "found"),
    [
        (RGB.astype(np.float32), "float32 (5, 7, 3)"),
        (RGB[:, :, :2], "uint8 (5, 7, 2)"),
        (RGB[0, 0], "uint8 (3,)"),
        (RGB[None], "uint8 (1, 5, 7, 3)"),
        (GREY[:0], "uint8 (0, 7)"),
    ],
)
def test_an_array_that_is_no_image_is_refused_before_anything_is_written(tmp_path, array, found):
    path = tmp_path / "folder" / "a.png"
    assert error_of(write_image, path, array) == (
        f"{path}: expected a uint8 array of shape (H, W) or (H, W, 3), found {found}"
    )
    assert os.listdir(tmp_path) == []


def test_a_failed_write_leaves_the_old_image_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    write_image(path, RGB)

    def fail(self, stream, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", fail)
    expected = f"{path}: cannot write the image (No space left on device)"
    assert error_of(write_image, path, RGB // 2) == expected
    np.testing.assert_array_equal(read_photo(path), RGB)
    assert os.listdir(tmp_path) == ["a.png"]


def test_an_image_too_wide_for_its_format_is_refused(tmp_path):
    path = tmp_path / "a.jpg"
    assert error_of(write_image, path, np.zeros((1, 70000), np.uint8)).startswith(f"{path}: cannot write the image (")
    assert os.listdir(tmp_path) == []


def test_luma_is_pillows_to_the_last_bit():
    colours = np.random.default_rng(5).integers(0, 256, (300, 70, 3), dtype=np.uint8)
    expected = np.asarray(Image.fromarray(colours).convert("L"))
    np.testing.assert_array_equal(to_luma(colours), expected)
    r, g, b = np.moveaxis(colours.astype(np.int64), 2, 0)
    np.testing.assert_array_equal(to_luma(colours), (19595 * r + 38470 * g + 7471 * b + 32768) >> 16)


def test_luma_of_grey_is_that_grey():
    grey = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    np.testing.assert_array_equal(to_luma(grey)[0], np.arange(256))


@pytest.mark.parametrize("array", [GREY, RGB.astype(np.float64)])
def test_luma_wants_a_colour_image(array):
    assert error_of(to_luma, array) == (
        f"to_luma: expected a uint8 array of shape (H, W, 3), found {array.dtype} {array.shape}"
    )


def test_two_images_side_by_side_have_a_white_gap_between():
    sheet = side_by_side(RGB, RGB[:, :3])
    assert sheet.dtype == np.uint8
    assert sheet.shape == (H, W + GAP + 3, 3)
    np.testing.assert_array_equal(sheet[:, :W], RGB)
    assert (sheet[:, W : W + GAP] == 255).all()
    np.testing.assert_array_equal(sheet[:, W + GAP :], RGB[:, :3])


@pytest.mark.parametrize("swapped", [False, True])
def test_the_lower_of_two_images_is_centred_on_white(swapped):
    low, high = RGB[:2], np.zeros((H, 3, 3), np.uint8)
    sheet = side_by_side(high, low) if swapped else side_by_side(low, high)
    column = sheet[:, -W:] if swapped else sheet[:, :W]
    assert sheet.shape[0] == H
    np.testing.assert_array_equal(column[1:3], low)
    assert (column[[0, 3, 4]] == 255).all()


def test_a_sketch_beside_a_photo_becomes_grey_in_colour():
    sheet = side_by_side(RGB, GREY)
    np.testing.assert_array_equal(sheet[:, W + GAP :], np.stack([GREY] * 3, axis=2))


def test_side_by_side_leaves_its_arguments_alone():
    left, right = RGB.copy(), GREY.copy()
    side_by_side(left, right)[...] = 0
    np.testing.assert_array_equal(left, RGB)
    np.testing.assert_array_equal(right, GREY)


def test_side_by_side_wants_uint8():
    assert error_of(side_by_side, RGB, GREY / 255) == (
        "side_by_side: expected a uint8 array of shape (H, W) or (H, W, 3), found float64 (5, 7)"
    )


def test_a_folder_lists_its_images_by_name(tmp_path):
    for name in ("b.png", "a.JPG", "C.Tiff", "a10.bmp", ".hidden.png", "notes.txt", "png", ".png"):
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    assert list_images(tmp_path) == [tmp_path / name for name in ("C.Tiff", "a.JPG", "a10.bmp", "b.png")]
    assert list_images(str(tmp_path)) == list_images(tmp_path)


def test_an_empty_folder_lists_nothing(tmp_path):
    assert list_images(tmp_path) == []


def test_a_missing_folder_is_named(tmp_path):
    path = tmp_path / "photos"
    assert error_of(list_images, path) == f"{path}: expected a folder of images, found nothing"


def test_a_file_is_not_a_folder(tmp_path):
    path = tmp_path / "photos"
    path.touch()
    assert error_of(list_images, path) == f"{path}: expected a folder of images, found a file"


def test_a_folder_that_may_not_be_listed_says_so(tmp_path, monkeypatch):
    def refuse(self):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(type(tmp_path), "iterdir", refuse)
    assert error_of(list_images, tmp_path) == f"{tmp_path}: cannot list the folder (Permission denied)"


@pytest.mark.parametrize("suffix", sorted(IMAGE_SUFFIXES))
def test_every_listed_suffix_is_one_that_can_be_read(tmp_path, suffix):
    stream = io.BytesIO()
    mode = {".pgm": "L", ".pbm": "1"}.get(suffix, "RGB")
    Image.new(mode, (W, H)).save(stream, format=Image.registered_extensions()[suffix])
    path = tmp_path / f"a{suffix}"
    path.write_bytes(stream.getvalue())
    assert (read_photo(path) == 0).all()
    assert isinstance(IMAGE_SUFFIXES, frozenset)

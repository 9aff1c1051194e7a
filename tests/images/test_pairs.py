"""Pairs from folders, list files and the synthetic faces, and what is said of those that do not fit."""

from __future__ import annotations

import time
from functools import partial

import numpy as np
import pytest
from helpers import refused
from PIL import Image

from pysketch.errors import DataError
from pysketch.images import synthetic
from pysketch.images.pairs import Pair, PairCache, find_pairs, load_pairs, pair_files
from pysketch.images.pictures import write_image


def write(path, value, size=(3, 2)):
    write_image(path, np.full((*size, 3), value, np.uint8))


@pytest.fixture
def folder(tmp_path):
    """Two pairs, whose photos' grey is 10 and 20, and whose sketches' is 11 and 21."""
    for number, name in ((10, "b"), (20, "a")):
        write(tmp_path / "photos" / f"{name}.png", number)
        write(tmp_path / "sketches" / f"{name}.bmp", number + 1)
    return tmp_path


def greys(pairs):
    return [(pair.name, int(pair.photo[0, 0, 0]), int(pair.sketch[0, 0])) for pair in pairs]


def refusal(source, split="train"):
    return refused(DataError, load_pairs, source, split)


def test_a_pair_shares_a_stem_whatever_the_suffix_and_pairs_come_by_name(folder):
    pairs = load_pairs(folder, "train")
    assert greys(pairs) == [("a", 20, 21), ("b", 10, 11)]
    assert pairs[0].photo.shape == (3, 2, 3)
    assert pairs[0].sketch.shape == (3, 2)
    assert pairs[0].photo.dtype == pairs[0].sketch.dtype == np.uint8


def test_a_picture_of_any_kind_is_a_partner_and_one_that_cannot_be_read_is_called_what_it_is(folder):
    (folder / "photos" / "a.png").rename(folder / "photos" / "a.jfif")
    Image.fromarray(np.full((3, 2), 11, np.uint8)).save(folder / "sketches" / "b.tga")
    (folder / "sketches" / "b.bmp").unlink()
    assert greys(load_pairs(folder, "train")) == [("a", 20, 21), ("b", 10, 11)]
    (folder / "photos" / "b.png").rename(folder / "photos" / "b.nef")
    (folder / "photos" / "b.nef").write_bytes(b"II*\0")
    assert refusal(folder) == (
        f"{folder / 'photos' / 'b.nef'}: a camera's raw picture, which cannot be read; save it as PNG or JPEG"
    )


def test_the_split_names_a_subfolder(folder):
    (folder / "photos").rename(folder / "p")
    (folder / "sketches").rename(folder / "s")
    for split, source in (("train", "a"), ("test", "b")):
        for old, new, suffix in (("p", "photos", "png"), ("s", "sketches", "bmp")):
            (folder / split / new).mkdir(parents=True)
            (folder / old / f"{source}.{suffix}").rename(folder / split / new / f"x.{suffix}")
    assert greys(load_pairs(folder, "train")) == [("x", 20, 21)]
    assert greys(load_pairs(str(folder), "test")) == [("x", 10, 11)]


def test_a_folder_without_splits_serves_both(folder):
    assert greys(load_pairs(folder, "test")) == greys(load_pairs(folder, "train"))


def test_a_list_file_names_a_photo_and_a_sketch_on_each_line_relative_to_itself(folder):
    text = "# photo sketch\r\n\r\nphotos/b.png sketches/a.bmp\r\nphotos/a.png\tsketches/b.bmp\n"
    (folder / "pairs.txt").write_text(text)
    assert greys(load_pairs(folder / "pairs.txt", "train")) == [("b", 10, 21), ("a", 20, 11)]


def test_a_tab_lets_paths_contain_spaces(folder):
    (folder / "photos").rename(folder / "my photos")
    (folder / "pairs.txt").write_text("my photos/a.png\tsketches/a.bmp\n")
    assert greys(load_pairs(folder / "pairs.txt", "train")) == [("a", 20, 21)]


@pytest.mark.parametrize(("split", "maker"), [("train", "training_pairs"), ("test", "test_pairs")])
def test_the_source_synthetic_means_the_made_faces(split, maker, monkeypatch):
    make = getattr(synthetic, maker)
    monkeypatch.setattr(synthetic, maker, lambda: make(1))
    (pair,) = load_pairs("synthetic", split)
    assert pair.photo.shape == (250, 200, 3)
    assert pair.sketch.shape == (250, 200)
    assert pair.name.startswith(split)


def test_a_source_that_is_not_there_is_named():
    assert refusal("no/where") == "no/where: no such folder or list file of photo-sketch pairs"


def test_a_folder_of_something_else_says_what_was_expected_and_found(tmp_path):
    assert refusal(tmp_path, "test") == (
        f"{tmp_path}: expected photos/ and sketches/ in it, or test/photos/ and test/sketches/; found nothing"
    )
    for name in "gfedcba":
        (tmp_path / name).mkdir()
    assert refusal(tmp_path).endswith("found a, b, c, d, e")


def test_photos_without_a_folder_of_sketches_are_refused(folder):
    (folder / "sketches").rename(folder / "drawings")
    assert refusal(folder) == f"{folder / 'sketches'}: no such folder"


def test_the_first_photo_without_a_sketch_is_named(folder):
    for name in "zyx":
        write(folder / "photos" / f"{name}.png", 1)
    assert refusal(folder) == f"{folder / 'photos' / 'x.png'}: no file of the same name in {folder / 'sketches'}"


def test_the_first_sketch_without_a_photo_is_named(folder):
    write(folder / "sketches" / "c.png", 1)
    assert refusal(folder) == f"{folder / 'sketches' / 'c.png'}: no file of the same name in {folder / 'photos'}"


def test_two_files_of_one_stem_are_refused(folder):
    write(folder / "photos" / "a.bmp", 1)
    message = refusal(folder)
    assert message.startswith(str(folder / "photos" / "a."))
    assert message.endswith("; which one is meant?")


def test_empty_folders_are_refused(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "sketches").mkdir()
    assert refusal(tmp_path) == f"{tmp_path / 'photos'}: no images in it"


def test_a_pair_of_two_sizes_is_refused(folder):
    write(folder / "sketches" / "a.bmp", 1, size=(5, 7))
    assert refusal(folder) == (
        f"{folder / 'sketches' / 'a.bmp'}: a 7x5 sketch of a 2x3 photo (width x height); expected the same size"
    )


def test_a_file_that_is_no_image_is_named(folder):
    (folder / "photos" / "a.png").write_text("no image")
    assert refusal(folder).startswith(f"{folder / 'photos' / 'a.png'}: ")


@pytest.mark.parametrize("line", ["photos/a.png", "a b c", "a\tb\tc"])
def test_a_line_of_other_than_two_paths_is_refused_with_its_number(line, folder):
    (folder / "pairs.txt").write_text(f"# a list\n{line}\n")
    assert refusal(folder / "pairs.txt").startswith(
        f"{folder / 'pairs.txt'}:2: expected a photo's and a sketch's path, separated by a space"
    )


def test_a_list_without_pairs_is_refused(folder):
    (folder / "pairs.txt").write_text("# nothing\n\n")
    assert refusal(folder / "pairs.txt") == f"{folder / 'pairs.txt'}: lists no pairs"


def test_a_list_that_is_no_text_is_refused(folder):
    (folder / "pairs.txt").write_bytes(b"\xff\xfe\x00")
    assert refusal(folder / "pairs.txt").startswith(f"{folder / 'pairs.txt'}: not a readable list of pairs: ")


def test_a_byte_order_mark_is_no_part_of_a_list(folder):
    names = sorted(path.name for path in (folder / "sketches").iterdir())
    (folder / "pairs.txt").write_text(f"photos/a.png sketches/{names[0]}\n", encoding="utf-8-sig")
    assert [read().name for read in find_pairs(folder / "pairs.txt", "train")] == ["a"]


def test_a_listed_file_that_is_not_there_is_named(folder):
    (folder / "pairs.txt").write_text("photos/a.png sketches/zz.bmp\n")
    assert "zz.bmp" in refusal(folder / "pairs.txt")


class Readers:
    """Readers of pairs with so many pixels, 4 bytes each, that count how often each pair was read."""

    def __init__(self, *pixels):
        self.times = [0] * len(pixels)
        self.readers = [self.reader(number, count) for number, count in enumerate(pixels)]

    def reader(self, number, pixels):
        def read():
            self.times[number] += 1
            return Pair(f"{number}", np.full((1, pixels, 3), number, np.uint8), np.full((1, pixels), number, np.uint8))

        return read

    def cache(self, budget):
        """A cache that was read through once."""
        cache = PairCache(self.readers, budget)
        assert [pair.name for pair in cache] == [str(number) for number in range(len(cache))]
        return cache


def test_a_pair_counts_its_decoded_bytes():
    assert Pair("a", np.zeros((5, 7, 3), np.uint8), np.zeros((5, 7), np.uint8)).nbytes == 140


@pytest.mark.parametrize(
    ("budget", "kept", "nbytes"),
    [(0, [], 0), (39, [], 0), (40, [0], 40), (79, [0], 40), (80, [0, 1], 80), (119, [0, 1], 80), (120, [0, 1, 2], 120)],
)
def test_the_first_pairs_that_fit_into_the_budget_are_read_once_and_the_others_again(budget, kept, nbytes):
    readers = Readers(10, 10, 10)
    cache = readers.cache(budget)
    assert (cache.kept, cache.nbytes) == (len(kept), nbytes)
    for _ in range(2):
        for number in (2, 0, 1):
            assert int(cache[number].photo[0, 0, 0]) == number
    assert readers.times == [1 if number in kept else 3 for number in range(3)]
    assert (cache.kept, cache.nbytes) == (len(kept), nbytes)


def test_a_small_pair_is_kept_though_a_larger_one_before_it_was_not():
    readers = Readers(10, 30, 5, 1)
    cache = readers.cache(61)
    assert (cache.kept, cache.nbytes) == (2, 60)
    for number in range(4):
        assert cache[number].name == str(number)
    assert readers.times == [1, 2, 1, 2]


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_read_through_by_threads_pairs_are_kept_and_come_as_one_after_another(threads):
    readers = Readers(10, 30, 5, 1, 7)
    expected = readers.cache(100)
    late = [partial(after, (5 - k) / 500, read) for k, read in enumerate(readers.readers)]  # the last are ready first
    cache = PairCache(late, 100)
    assert [pair.name for pair in cache.read_through(threads)] == ["0", "1", "2", "3", "4"]
    assert [pair.name for pair in cache.in_memory] == [pair.name for pair in expected.in_memory] == ["0", "2", "3", "4"]
    assert cache.nbytes == expected.nbytes
    assert [pair.name for pair in cache.read_through(threads)] == ["0", "1", "2", "3", "4"]
    assert cache.nbytes == expected.nbytes


def after(seconds, read):
    time.sleep(seconds)
    return read()


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_read_through_by_threads_the_first_bad_pair_is_told_and_no_more_are_read(threads):
    def bad(name, seconds):
        time.sleep(seconds)
        raise DataError(name)

    readers = Readers(*[10] * 30)
    calls = [*readers.readers[:2], partial(bad, "first", 0.02), partial(bad, "second", 0), *readers.readers[4:]]
    found = []
    with pytest.raises(DataError, match=r"^first$"):
        found += PairCache(calls, 1000).read_through(threads)
    assert sum(readers.times) <= 2 + 2 * threads


def test_a_pair_that_cannot_be_read_any_more_is_an_error_only_if_it_was_not_kept(folder):
    cache = PairCache(find_pairs(folder, "train"), 3 * 2 * 4)
    assert greys(cache) == [("a", 20, 21), ("b", 10, 11)]
    for name in "ab":
        (folder / "photos" / f"{name}.png").unlink()
    assert cache[0].name == "a"
    with pytest.raises(DataError, match=r"b\.png: no such file"):
        cache[1]


def test_finding_pairs_opens_none(folder):
    (folder / "photos" / "b.png").write_text("no image")
    first, second = find_pairs(folder, "train")
    assert first().name == "a"
    with pytest.raises(DataError, match=r"b\.png: "):
        second()


def test_the_files_of_a_source_are_those_that_its_pairs_are_read_from(folder, tmp_path):
    files = {*folder.glob("photos/*"), *folder.glob("sketches/*")}
    assert len(files) == 4
    assert set(pair_files(folder)) == files | {folder / "photos", folder / "sketches"}
    listing = tmp_path / "list.txt"
    listing.write_text(f"{folder}/photos/a.png {folder}/sketches/a.bmp")
    assert set(pair_files(listing)) == {listing, folder / "photos" / "a.png", folder / "sketches" / "a.bmp"}
    assert pair_files("synthetic") == pair_files(tmp_path / "none") == []


def test_the_other_way_the_sketch_is_the_photo_and_the_photos_luma_the_sketch():
    pair = Pair("a", np.array([[[200, 100, 50], [0, 0, 0]]], np.uint8), np.array([[7, 9]], np.uint8))
    swapped = pair.swapped()
    assert swapped.name == "a"
    assert swapped.photo.tolist() == [[[7, 7, 7], [9, 9, 9]]]
    assert swapped.sketch.tolist() == [[round(0.299 * 200 + 0.587 * 100 + 0.114 * 50), 0]]


def test_pairs_are_loaded_in_either_direction(folder):
    assert greys(load_pairs(folder, "train", "photo_to_sketch")) == greys(load_pairs(folder, "train"))
    assert greys(load_pairs(folder, "train", "sketch_to_photo")) == [("a", 21, 20), ("b", 11, 10)]

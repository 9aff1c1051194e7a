"""PhotoSketchData: aligned photo-sketch pairs as batches for the paper's networks."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import fields
from functools import partial

import numpy as np

from pysketch.device import Blob
from pysketch.errors import DataError, counted
from pysketch.files import find_file, where_looked
from pysketch.images import (
    DIRECTIONS,
    PHOTO_TO_SKETCH,
    SKETCH_TO_PHOTO,
    SYNTHETIC,
    Pair,
    PairCache,
    Parts,
    Preprocessing,
    Reader,
    Variation,
    crop_centre,
    crop_corner,
    find_pairs,
    find_parts,
    in_other_light,
    least_alike,
    vary,
)
from pysketch.layers.base import Count, register
from pysketch.layers.batch_data import BatchData
from pysketch.netdef import Choice, Kind, Option, Phase, Table

logger = logging.getLogger(__name__)

PHOTO_ALONE = "colour", "background", "skin", "hair", "side_light", "shadow", "grey", "blur", "noise", "jpeg"
"""Options that change the photo and not, or not alike, the sketch."""


@register
class PhotoSketchData(BatchData):
    """Tops: `data` (N, 5, photo_height, photo_width), `label` (N, 1, sketch_height, sketch_width).

    data: R, G, B as (pixel - mean) * scale with pixels on the 0..255 scale, then X and Y, the pixel's
    position from the image's centre, in pixels, times xy_scale (``"xy": false``: 3 channels).
    label: the sketch's grey levels, 0 (black) .. 255 (white), never scaled.
    The photo is cropped to its centre, the sketch to the centre of that crop: 200 x 250 -> 155 x 200 ->
    143 x 188 is the paper's geometry. In phase TRAIN `mirror` turns every pair left-right with probability
    1/2 and `shift` moves both crops by up to so many pixels; X and Y stay those of the crop, or, with
    ``"xy_from": "photo"``, go along, as they must when small crops of whole photos are learned. `light` and `colour`
    change the photo, not the sketch, by chance (`preprocessing.in_other_light`). The options from `background` to
    `jpeg` vary the whole pair before that, so that a net draws more than one studio's photos (`variation.vary`); a
    photo without a blue screen keeps its background, skin and hair, and the log says how many do.

    ``"direction": "sketch_to_photo"`` goes the other way (as Tang and Wang's eigentransformation, IEEE CSVT 14(1),
    2004, does): data is the sketch's grey levels in one channel, then X and Y (N, 3, ...), label the photo's luma, 0 to
    255. photo_width and photo_height are still those of data, `light` changes the sketch, and what varies the photo
    alone is refused.

    `synthetic` puts so many of the built-in synthetic faces, drawn by another hand, among the pairs to learn from; they
    are neither held out nor counted in `pairs`.

    ``"hold_out": 18`` splits the training pairs: phase TRAIN learns from all but 18, phase TEST scores these 18 in
    place of the test pairs, so that a recipe can be chosen without them. The seed chooses the 18, or, with
    ``"held_out": "unusual"``, they are those whose photos are the least like any other's (`metrics.least_alike`).

    All pairs are decoded and checked at setup, by as many threads as the context has; those that fit into `cache_mb`
    stay in memory. If all do, a batch costs about 1 ms and is made in `forward`: a thread for it was measured and gains
    nothing, as the cores are busy anyway. Else, and always on a GPU, a thread decodes and prepares the next batch while
    the net works on the present one; it holds one batch more. A batch goes up to a GPU once, through page-locked
    memory. A file that has become bad since setup is a DataError then.

    Chance is a function of the net's seed, the layer's name and the number of pairs drawn so far: the same
    seed gives the same batches, also after a resume, with or without the thread.
    """

    type = "PhotoSketchData"
    table = Table(
        "PhotoSketchData",
        (
            Option("source", Kind.STRING, "", help='folder or list of pairs, or "synthetic"; --data wins'),
            Option(
                "split",
                Choice({"train": 0, "test": 1}),
                None,
                help="which subfolder of source; default: train in phase TRAIN, else test",
            ),
            Option("batch_size", Kind.INT32, 4, low=0, help="pairs in a batch; 0: all of them"),
            Option("test_batch_size", Kind.INT32, None, low=0, help="the same in phase TEST; default: batch_size"),
            Option("photo_width", Kind.INT32, 155, low=1, help="pixels"),
            Option("photo_height", Kind.INT32, 200, low=1, help="pixels"),
            Option("sketch_width", Kind.INT32, 143, low=1, help="pixels"),
            Option("sketch_height", Kind.INT32, 188, low=1, help="pixels"),
            Option("scale", Kind.FLOAT, 1.0, help="times R, G, B after the mean is off"),
            Option("mean", Kind.FLOAT, repeated=True, help="grey level taken off: one number, or R, G, B"),
            Option("xy", Kind.BOOL, True, help="append X and Y?"),
            Option("xy_scale", Kind.FLOAT, 1.0, help="times X and Y in pixels"),
            Option(
                "direction",
                Choice({name: k for k, name in enumerate(DIRECTIONS)}),
                PHOTO_TO_SKETCH,
                help="what the net is to make of what",
            ),
            Option("xy_from", Choice({"crop": 0, "photo": 1}), "crop", help="whose centre X and Y are measured from"),
            Option("shuffle", Kind.BOOL, None, help="another order each epoch? default: in phase TRAIN"),
            Option("mirror", Kind.BOOL, False, help="phase TRAIN: turn half of the pairs left-right?"),
            Option("shift", Kind.INT32, 0, low=0, help="phase TRAIN: move the crops by up to so many pixels"),
            Option(
                "light",
                Kind.FLOAT,
                0.0,
                low=0,
                high=1,
                help="phase TRAIN: deviation of ln gamma and ln gain of the photo",
            ),
            Option(
                "colour", Kind.FLOAT, 0.0, low=0, high=1, help="phase TRAIN: deviation of ln gain of each of R, G, B"
            ),
            *(
                Option(name, Kind.FLOAT, 0.0, low=0, high=high, help=f"phase TRAIN: {help}")
                for name, high, help in (
                    ("background", 1, "share of photos with something else behind the person"),
                    ("skin", 1, "share with another tone of skin"),
                    ("hair", 1, "share with hair of another colour, in the sketch too"),
                    ("side_light", 1, "deviation of ln light at a side over that in the middle"),
                    ("shadow", 1, "share with a shadow cast on the person"),
                    ("grey", 1, "share without colour"),
                    ("turn", 45, "deviation of the angle, in degrees, of photo and sketch"),
                    ("zoom", 0.5, "deviation of the ln of the size of photo and sketch"),
                    ("blur", 10, "the largest, in pixels, of the half that is out of focus"),
                    ("noise", 64, "the largest deviation, in grey levels, of the half that is grainy"),
                    ("jpeg", 1, "share that was a JPEG of quality 30 to 95"),
                )
            ),
            Option(
                "hold_out", Kind.INT32, 0, low=0, help="training pairs that TRAIN leaves out and TEST scores instead"
            ),
            Option("held_out", Choice({"random": 0, "unusual": 1}), "random", help="which of them"),
            Option(
                "pairs",
                Kind.INT32,
                0,
                low=0,
                help="use only so many pairs, of those to learn from if some are held out; 0: all",
            ),
            Option(
                "synthetic",
                Kind.INT32,
                0,
                low=0,
                help="phase TRAIN: learn from so many synthetic faces as well",
            ),
            Option("choose", Choice({"first": 0, "random": 1}), "first", help="which of them"),
            Option(
                "cache_mb",
                Kind.INT32,
                1024,
                low=0,
                help="MiB of decoded pairs, 4 bytes a pixel, that stay in memory; a thread decodes the others again",
            ),
        ),
    )
    tops = Count(2)

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Read and check every pair."""
        options = self.options
        self.preprocessing = self._preprocessing()
        train = self.phase == Phase.TRAIN
        test_batch = options.batch_size if options.test_batch_size is None else options.test_batch_size
        batch_size = options.batch_size if train else test_batch
        self.check_size(batch_size)
        self.variation = Variation(**{each.name: getattr(options, each.name) for each in fields(Variation)})
        self.varies = train and not self.variation.is_off
        self.augment = train and any((options.mirror, options.shift, options.light, options.colour))
        self.pairs = PairCache(self._choose(self._find()) + self._synthetic(), options.cache_mb << 20)
        with closing(self.pairs.read_through(self.context.workers.threads)) as pairs:
            for _ in range(len(self.pairs)):
                self._checked(partial(next, pairs))
        self._parts: dict[int, Parts] = {}
        if self.varies:
            self._look_for_screens()
        shuffle = train if options.shuffle is None else options.shuffle
        all_kept = self.pairs.kept == len(self.pairs)
        prefetch = not all_kept or self.varies or self.xp is not np
        self.begin(len(self.pairs), batch_size or len(self.pairs), shuffle, prefetch)
        logger.info(
            "Layer %s: %d of %d pairs stay in memory, %.1f MiB",
            self.name,
            self.pairs.kept,
            len(self.pairs),
            self.pairs.nbytes / 2**20,
        )

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Shapes depend on the options only, but for the last batch of a pass."""
        options, n = self.options, self.next_size
        top[0].reshape(n, self.preprocessing.channels, options.photo_height, options.photo_width)
        top[1].reshape(n, 1, options.sketch_height, options.sketch_width)

    def make_batch(self, draws: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
        """The arrays of both tops, on the CPU, for these draws of these pairs; a thread may call it."""
        options, n, dtype = self.options, len(draws), self.context.dtype
        data = np.empty((n, self.preprocessing.channels, options.photo_height, options.photo_width), dtype)
        label = np.empty((n, 1, options.sketch_height, options.sketch_width), dtype)
        for k, (draw, index) in enumerate(draws):
            pair = self._vary(index, draw) if self.varies else self._read(index)
            data[k], label[k, 0] = self._prepare(pair, draw)
        return data, label

    def contents(self) -> Iterator[bytes]:
        """Names and pixels of the pairs in memory."""
        for pair in self.pairs.in_memory:
            yield from (pair.name.encode(), pair.photo.tobytes(), pair.sketch.tobytes())

    def _preprocessing(self) -> Preprocessing:
        """What is made of a picture; NetdefError for options that do not go together."""
        options = self.options
        made = Preprocessing(
            options.scale, options.mean or (0.0,), options.xy, options.xy_scale, direction=options.direction
        )
        backwards = options.direction == SKETCH_TO_PHOTO
        if len(made.mean) not in (1, made.colours):
            wanted = "one number" if backwards else "one number or three"
            raise self.error(f"mean must be {wanted}, found {len(options.mean)}")
        for name in PHOTO_ALONE if backwards else ():
            if getattr(options, name):
                raise self.error(
                    f'"{name}" changes the photo alone, which is to be learned in the direction sketch_to_photo; '
                    f"leave it out, or vary both with mirror, shift, turn and zoom"
                )
        return made

    def _prepare(self, pair: Pair, draw: int) -> tuple[np.ndarray, np.ndarray]:
        """(channels, h, w) input and (h', w') sketch, augmented by chance numbers of this draw."""
        options = self.options
        if options.direction == SKETCH_TO_PHOTO:
            pair = pair.swapped()
        photo, sketch, shift = pair.photo, pair.sketch, (0, 0)
        if self.augment:
            rng = self.generator("augmentation", draw)
            if options.mirror and rng.random() < 0.5:
                photo, sketch = photo[:, ::-1], sketch[:, ::-1]
            shift = tuple(int(v) for v in rng.integers(-options.shift, options.shift, 2, endpoint=True))
            if options.light or options.colour:
                photo = in_other_light(photo, rng, options.light, options.colour)
        data = self._input(photo, shift)
        sketch = self._crop(sketch, shift)
        return data, crop_centre(sketch, options.sketch_width, options.sketch_height)

    def _input(self, photo: np.ndarray, shift: tuple[int, int]) -> np.ndarray:
        """(channels, h, w) of the crop moved by shift (x, y)."""
        options, crop = self.options, self._crop(photo, shift)
        if options.xy_from == "crop":
            return self.preprocessing.apply(crop)
        corner = crop_corner(photo, options.photo_width, options.photo_height, shift)
        return self.preprocessing.apply(crop, corner, photo.shape[:2])

    def _vary(self, index: int, draw: int) -> Pair:
        """A pair varied by chance numbers of this draw, before it is augmented."""
        pair, rng = self._read(index), self.generator("variation", draw)
        other = self._read(int(rng.integers(len(self.pairs)))).photo
        return vary(pair, self._parts_of(index, pair), self.variation, rng, other)

    def _parts_of(self, index: int, pair: Pair) -> Parts:
        """A pair's parts, which stay in memory for as many pairs as do."""
        parts = self._parts.get(index) or find_parts(pair.photo, pair.sketch)
        if len(self._parts) < self.pairs.kept:
            self._parts[index] = parts
        return parts

    def _look_for_screens(self) -> None:
        """Find every pair's parts, and say how many photos have no screen that could be replaced."""
        pairs = ((index, self._read(index)) for index in range(len(self.pairs)))
        missing = sum(not self._parts_of(index, pair).has_screen for index, pair in pairs)
        if missing:
            logger.warning(
                "Layer %s: %d of %d photos have no blue screen; they keep their background, skin and hair",
                self.name,
                missing,
                len(self.pairs),
            )

    def _crop(self, image: np.ndarray, shift: tuple[int, int] = (0, 0)) -> np.ndarray:
        return crop_centre(image, self.options.photo_width, self.options.photo_height, shift)

    def _read(self, index: int) -> Pair:
        """One pair, from memory or decoded; DataError as `_checked`."""
        return self._checked(partial(self.pairs.__getitem__, index))

    def _checked(self, read: Reader) -> Pair:
        """What is read; DataError if it is bad or a crop, moved as far as it can be, leaves it."""
        try:
            pair = read()
        except DataError as error:
            raise self.error(str(error), DataError) from None
        reach = self.options.shift if self.augment else 0
        names = ("photo_width", "photo_height", *(["shift"] if reach else []))
        try:
            for shift in (-reach, reach):
                crop = self._crop(pair.sketch, (shift, shift))
            names = ("sketch_width", "sketch_height")
            crop_centre(crop, self.options.sketch_width, self.options.sketch_height)
        except DataError as error:
            at = self.options.position("photo_width")  # that of the whole param_str, or of what was set in it last
            at = at if any(f".{name}=" in str(at) for name in names) else None
            raise self.error(f"pair {pair.name}: {error}; it is cut by {', '.join(names)}", DataError, at) from None
        return pair

    def _find(self) -> list[Reader]:
        source, looked = self.context.data_source or self.options.source, ""
        if source not in ("", SYNTHETIC, self.context.data_source):
            source = find_file(source, self.search_folders)
            looked = "" if os.path.exists(source) else where_looked(source, self.search_folders)
        if not source:
            raise self.error(
                "no data: give --data DIR, a folder with train/ and test/, each with photos/ and sketches/ "
                "(the CUHK student set, CUFS, is offered by its makers for research), "
                "or --data synthetic for the built-in synthetic faces",
                DataError,
            )
        of_training = self.phase == Phase.TRAIN or self.options.hold_out > 0
        split = self.options.split or ("train" if of_training else "test")
        logger.info("Layer %s: reading the %s pairs of %s", self.name, split, source)
        try:
            return find_pairs(source, split)
        except DataError as error:
            raise self.error(f"{error}{looked}", DataError) from None

    def _synthetic(self) -> list[Reader]:
        count = self.options.synthetic if self.phase == Phase.TRAIN else 0
        faces = find_pairs(SYNTHETIC, "train") if count else []
        if count > len(faces):
            raise self.error(f"synthetic must be at most {len(faces)}, found {count}", DataError)
        return faces[:count]

    def _choose(self, pairs: list[Reader]) -> list[Reader]:
        if self.options.hold_out:
            learned, held = self._hold_out(pairs)
            if self.phase == Phase.TEST:
                return held
            pairs = learned
        wanted = self.options.pairs
        if wanted > len(pairs):
            raise self.error(f"{wanted} pairs asked for, but the source has {len(pairs)}", DataError)
        if not wanted:
            return pairs
        if self.options.choose == "first":
            return pairs[:wanted]
        chosen = self.generator("subset").permutation(len(pairs))[:wanted]
        return [pairs[k] for k in sorted(chosen)]

    def _hold_out(self, pairs: list[Reader]) -> tuple[list[Reader], list[Reader]]:
        """The training pairs to learn from, and those held out; the same in both phases."""
        count = self.options.hold_out
        if count >= len(pairs):
            raise self.error(
                f"hold_out must leave pairs to learn from: found {count}, of {counted(len(pairs), 'pair')}", DataError
            )
        if self.options.held_out == "random":
            held = self.generator("hold out").permutation(len(pairs))[:count].tolist()
        else:
            held = least_alike(self._same_size_photos(pairs), count)
        return [pair for k, pair in enumerate(pairs) if k not in held], [pairs[k] for k in sorted(held)]

    def _same_size_photos(self, pairs: list[Reader]) -> list[np.ndarray]:
        try:
            photos = [read().photo for read in pairs]
        except DataError as error:
            raise self.error(str(error), DataError) from None
        sizes = {f"{photo.shape[1]}x{photo.shape[0]}" for photo in photos}
        if len(sizes) > 1:
            raise self.error(
                f'"held_out": "unusual" needs photos of one size, found {", ".join(sorted(sizes))}', DataError
            )
        return photos

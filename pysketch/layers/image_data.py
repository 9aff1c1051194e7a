"""ImageData: batches of images and labels from a list of files, as Caffe's layer of that name."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import numpy as np

from pysketch.device import Blob
from pysketch.errors import DataError
from pysketch.files import find_file, read_text, where_looked
from pysketch.images import read_photo, read_sketch, resize
from pysketch.layers.base import Count, register
from pysketch.layers.batch_data import BatchData
from pysketch.layers.transform import MOVED, TRANSFORM, Transform
from pysketch.netdef import Kind, Option, Phase, Table


@register
class ImageData(BatchData):
    """Tops: `data` (N, 3, H, W), `label` (N,).

    data: B, G, R in this order, as Caffe's (OpenCV's) images are, or with ``is_color: false`` one channel of luma:
    (pixel - mean) * scale, pixels on the 0..255 scale; X and Y are not appended. Images are turned upright by
    their EXIF orientation. new_height and new_width resize them (`images.resize`); then crop_size cuts a square out,
    of the middle, in phase TRAIN at a random place; all images of a batch must have one size by then. The mean is
    mean_value, or mean_file's image, which is as large as they are before they are cropped, and cropped along.

    source: a text file, on each line a path and, after a space, a whole number, the label. root_folder is written
    before each path; a relative one is from the working directory (Caffe's rule) or, if it is not there, from the list.
    shuffle: another order each epoch. rand_skip, phase TRAIN: begin up to so many items later. Images are decoded for
    each batch, the next one's in a thread, while the net works on the present one.
    In phase TEST nothing is mirrored, skipped or cropped at random. (Caffe mirrors and skips there too.)

    Chance is a function of the net's seed, the layer's name and the number of images drawn: a resumed run gets the
    same batches. DataError, with the name, for an image or a list that cannot be read.
    """

    type = "ImageData"
    section = "image_data_param"
    table = Table(
        "ImageDataParameter",
        (
            Option("source", Kind.STRING, required=True, help='a text file of lines "path label"'),
            Option("batch_size", Kind.UINT32, 1, low=1, help="images in a batch"),
            Option("rand_skip", Kind.UINT32, 0, help="phase TRAIN: begin up to so many items later"),
            Option("shuffle", Kind.BOOL, False, help="another order each epoch?"),
            Option("new_height", Kind.UINT32, 0, help="pixels; 0: as it is"),
            Option("new_width", Kind.UINT32, 0, help="pixels; 0: as it is"),
            Option("is_color", Kind.BOOL, True, help="B, G, R, or one channel of luma?"),
            Option("root_folder", Kind.STRING, "", help="written before each path"),
        ),
        unsupported=("scale", "mean_file", "crop_size", "mirror"),
        instead=MOVED,
    )
    more_sections = {"transform_param": TRANSFORM}
    tops = Count(2)

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Read the list, and its first image for the tops' shape."""
        options, transform = self.options, self.more["transform_param"]
        if bool(options.new_height) != bool(options.new_width):
            raise self.error("give both new_height and new_width, or neither")
        for name in ("force_color", "force_gray"):
            if getattr(transform, name):
                at = transform.position(name)
                raise self.error(f"{name} is for the images of a Data layer; here is_color says it", at=at)
        self.transform = Transform(self)
        self.items = self._read_list()
        self.begin(len(self.items), options.batch_size, options.shuffle)
        self._shape = self._prepare(0, 0).shape
        if self.phase == Phase.TRAIN and options.rand_skip:
            self.order.skip(int(self.generator("skip").integers(options.rand_skip)))

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """As the list's first image; with batch_size 1 forward gives each image's own shape."""
        top[0].reshape(self.next_size, *self._shape)
        top[1].reshape(self.next_size)

    def make_batch(self, draws: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
        """The arrays of both tops, on the CPU; a thread may call it."""
        images = [self._prepare(draw, index) for draw, index in draws]
        paths, labels = zip(*(self.items[index] for _, index in draws), strict=True)
        data = self.transform.stack(images, list(paths), "new_height and new_width, ")
        return data, np.array(labels, self.context.dtype)

    def contents(self) -> Iterator[bytes]:
        """The list, and how large each file is."""
        for path, label in self.items:
            found = find_file(path, self._beside)
            yield f"{path} {label} {os.path.getsize(found) if os.path.exists(found) else None}\n".encode()

    def _prepare(self, draw: int, index: int) -> np.ndarray:
        """One image (channels, h, w), cropped and mirrored by chance numbers of this draw."""
        options, path = self.options, find_file(self.items[index][0], self._beside)
        try:
            pixels = (read_photo if options.is_color else read_sketch)(path)
        except DataError as error:
            looked = "" if os.path.exists(path) else where_looked(path, self._beside)
            raise self.error(f"{error}{looked}", DataError) from None
        if options.new_height:
            pixels = resize(pixels, options.new_width, options.new_height)
        planes = pixels[:, :, ::-1].transpose(2, 0, 1) if options.is_color else pixels[None]
        return self.transform.apply(planes, self.generator("transform", draw), path)

    def _read_list(self) -> list[tuple[str, int]]:
        """(path, label) of each line."""
        at = self.options.position("source")
        source = self.find_file(self.options.source, "list of images", at)
        try:
            lines = read_text(source).splitlines()
        except (OSError, ValueError) as error:
            raise self.error(f"{source}: not a readable list of images: {error}", DataError, at) from None
        self._beside, items = [os.path.dirname(source)], []
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            path, _, label = line.strip().rpartition(" ")
            try:
                items.append((self.options.root_folder + path.strip(), int(label)))
            except ValueError:
                message = f'{source}:{number}: expected "path label" with a whole number, found "{line}"'
                raise self.error(message, DataError, at) from None
        if not items:
            raise self.error(f"{source}: lists no images", DataError, at)
        return items

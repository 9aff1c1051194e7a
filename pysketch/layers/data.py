"""Data: batches of images and labels from an LMDB, as Caffe's layer of that name."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

import numpy as np

from pysketch.device import Blob
from pysketch.errors import DataError
from pysketch.images import decode_picture
from pysketch.layers.base import Count, register
from pysketch.layers.batch_data import BatchData
from pysketch.layers.transform import MOVED, TRANSFORM, Transform
from pysketch.netdef import Choice, Kind, Option, Phase, Table
from pysketch.weights import Record, Records, is_lmdb

logger = logging.getLogger(__name__)


@register
class Data(BatchData):
    """Tops: `data` (N, C, H, W), and, if there is a second one, `label` (N,).

    source: an LMDB (its folder) of Datum messages, as Caffe's convert_imageset writes them with --backend=lmdb; read in
    the order of its keys, over and over. data: (pixel - mean) * scale by transform_param; raw records (uint8 data or
    float_data) as they are stored, image files (``encoded: true``) decoded: B, G, R in this order, or one channel if
    they are grey; force_color and force_gray make it three or one. Transparent parts are white. All images of a batch
    must have one size, if need be by crop_size.
    rand_skip, phase TRAIN: begin up to so many records later. The next batch is made in a thread while the net works on
    the present one. In phase TEST nothing is mirrored, skipped or cropped at random. (Caffe mirrors there too.)

    Chance is a function of the net's seed, the layer's name and the number of images drawn: a resumed run gets the
    same batches. DataError, with the record's key, for one that cannot be read. Needs the library lmdb. LevelDB, which
    is Caffe's default, is not supported.
    """

    type = "Data"
    section = "data_param"
    table = Table(
        "DataParameter",
        (
            Option("source", Kind.STRING, required=True, help="the LMDB's folder"),
            Option("batch_size", Kind.UINT32, required=True, low=1, help="images in a batch"),
            Option("rand_skip", Kind.UINT32, 0, help="phase TRAIN: begin up to so many records later"),
            Option("backend", Choice({"LEVELDB": 0, "LMDB": 1}), "LEVELDB", help="only LMDB is supported"),
            Option("force_encoded_color", Kind.BOOL, False, help="old name of transform_param's force_color"),
            Option("prefetch", Kind.UINT32, 4, help="Caffe's; has no effect here: one batch is made ahead"),
        ),
        unsupported=("scale", "mean_file", "crop_size", "mirror"),
        instead=MOVED,
    )
    more_sections = {"transform_param": TRANSFORM}
    tops = Count(1, 2)

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Open the database, and read its first record for the tops' shape."""
        options, transform = self.options, self.more["transform_param"]
        if options.backend != "LMDB":
            raise self._leveldb()
        colour = transform.force_color or options.force_encoded_color
        if colour and transform.force_gray:
            raise self.error("give either force_color or force_gray, not both", at=transform.position("force_gray"))
        self._colour = True if colour else False if transform.force_gray else None
        self.check_size(options.batch_size)
        at = options.position("source")
        source = self.find_file(options.source, "LMDB", at)
        self.transform = Transform(self)
        try:
            self.records = Records(source)
        except DataError as error:
            raise self.error(str(error), DataError, at) from None
        self.begin(len(self.records), options.batch_size, shuffle=False)
        first = self._read(0)
        if first.planes is not None and self._colour is not None:
            logger.warning("Layer %s: force_color and force_gray are for encoded records, these are raw", self.name)
        self._shape = self._prepare(0, first).shape
        if self.phase == Phase.TRAIN and options.rand_skip:
            self.order.skip(int(self.generator("skip").integers(options.rand_skip)))

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """As the first record; with batch_size 1 forward gives each image's own shape."""
        top[0].reshape(self.next_size, *self._shape)
        for blob in top[1:]:
            blob.reshape(self.next_size)

    def make_batch(self, draws: list[tuple[int, int]]) -> tuple[np.ndarray, ...]:
        """The arrays of all tops, on the CPU; a thread may call it."""
        records = [self._read(index) for _, index in draws]
        images = [self._prepare(draw, record) for (draw, _), record in zip(draws, records, strict=True)]
        data = self.transform.stack(images, [record.name for record in records], "")
        labels = np.array([record.label for record in records], self.context.dtype)
        return (data, labels)[: len(self.definition.top)]

    def contents(self) -> Iterator[bytes]:
        """The first record and the last one."""
        for record in (self._read(0), self._read(len(self.records) - 1)):
            pixels = record.encoded if record.planes is None else record.planes.tobytes()
            yield f"{record.label} ".encode() + bytes(pixels)

    def close(self) -> None:
        """End the thread, let go of the database."""
        super().close()
        self.records.close()

    def _read(self, index: int) -> Record:
        try:
            return self.records[index]
        except DataError as error:
            raise self.error(str(error), DataError) from None

    def _prepare(self, draw: int, record: Record) -> np.ndarray:
        """One image (channels, h, w), cropped and mirrored by chance numbers of this draw."""
        planes = record.planes
        if planes is None:
            try:
                pixels = decode_picture(record.encoded, record.name, self._colour)
            except DataError as error:
                raise self.error(str(error), DataError) from None
            planes = pixels[None] if pixels.ndim == 2 else pixels[:, :, ::-1].transpose(2, 0, 1)
        return self.transform.apply(planes, self.generator("transform", draw), record.name)

    def _leveldb(self) -> Exception:
        """Why LevelDB, written or meant by saying nothing, is refused, and what to do."""
        options = self.options
        said = "" if options.given("backend") else ", which is the default"
        if is_lmdb(options.source):
            hint = f"{options.source} is an LMDB: write backend: LMDB"
        else:
            hint = (
                "copy its keys and values into an LMDB (Python's plyvel reads them, lmdb writes them), or make one of "
                "the images with Caffe's convert_imageset --backend=lmdb, and write backend: LMDB; or use ImageData"
            )
        at = options.position("backend" if options.given("backend") else "source")
        return self.error(f"not supported: a Data layer with backend LEVELDB{said}; {hint}", at=at)

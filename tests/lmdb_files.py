"""LMDB files of Caffe's Datum messages, written for tests; only for those that have the library lmdb."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pysketch.weights.caffe_schema import message_class


def datum(planes: np.ndarray, label: int = 0, **changes: Any) -> bytes:
    """A Datum of an array (C, H, W), uint8 or float."""
    channels, height, width = planes.shape
    message = message_class("Datum")(channels=channels, height=height, width=width, label=label)
    if planes.dtype == np.uint8:
        message.data = planes.tobytes()
    else:
        message.float_data.extend(planes.ravel().tolist())
    for name, value in changes.items():
        setattr(message, name, value)
    return message.SerializeToString()


def encoded(pixels: np.ndarray, label: int = 0, format: str = "PNG") -> bytes:
    """A Datum with an image file, of pixels (H, W) or (H, W, 3 or 4)."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format)
    return message_class("Datum")(data=stream.getvalue(), label=label, encoded=True).SerializeToString()


def write_lmdb(folder: Path, records: Mapping[str, bytes] | list[bytes], **options: Any) -> Path:
    """A database; a list's keys are 00000000, 00000001, ... as convert_imageset writes them."""
    lmdb = pytest.importorskip("lmdb")
    if not isinstance(records, Mapping):
        records = {f"{k:08d}": value for k, value in enumerate(records)}
    environment = lmdb.open(str(folder), map_size=1 << 26, **options)
    with environment.begin(write=True) as transaction:
        for key, value in records.items():
            transaction.put(key.encode(), value)
    environment.close()
    return folder

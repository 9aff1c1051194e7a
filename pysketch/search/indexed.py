"""The first candidates of a large gallery by FAISS: its outlines in lists of alike ones, of which a few are looked at.

Douze et al. (2024), "The Faiss library": an inverted file over int8 vectors. The index is built in memory, in seconds
for a million people; nothing of it is kept, so that no file of it can be stale, a stranger's, or hold someone who was
removed. Where FAISS can use a GPU, the outlines lie there and all of them are compared.
"""

from __future__ import annotations

import importlib.util
import math
import warnings
from types import ModuleType
from typing import Any

import numpy as np

from pysketch.errors import GalleryError
from pysketch.search.describe import OUTLINE_SCALE
from pysketch.search.shortlist import FEW, Exhaustive, Shortlist, spread
from pysketch.shipped import how_to_install

WORTH = 200_000
"""From so many rows on an index is built without being asked for."""

_PROBED = 8  # one list in so many is looked at
_TRAINED = 48  # rows a list, to find what the lists are of
_ROUNDS = 8
_BLOCK = 16384  # rows at a time
_SEED = 21


def can_index() -> bool:
    """Whether FAISS is installed."""
    return importlib.util.find_spec("faiss") is not None


def make_shortlist(outlines: np.ndarray, index: bool | None, threads: int | None = None) -> Shortlist:
    """How candidates are found among (N, OUTLINE) int8: with an index, without, or with one if it is worth it (None).

    It is from 200,000 rows on, if FAISS is installed. GalleryError for an index without FAISS.
    """
    wanted = len(outlines) >= WORTH and can_index() if index is None else index
    return (Indexed if wanted else Exhaustive)(outlines, threads)


class Indexed:
    """`Shortlist` by FAISS; what it finds under a few transforms is ordered under all, exactly.

    outlines: (N, OUTLINE) int8, mapped or not; the index holds a copy, and 8 bytes a row. GalleryError without FAISS.
    """

    def __init__(self, outlines: np.ndarray, threads: int | None = None) -> None:
        faiss = _library()
        self._all = Exhaustive(outlines, threads)
        on_gpu = getattr(faiss, "get_num_gpus", int)() > 0
        self.name = "FAISS, GPU" if on_gpu else "FAISS"
        self._index = _flat_on_gpus(faiss, outlines) if on_gpu else _lists(faiss, outlines)
        self._scale = 1.0 if on_gpu else OUTLINE_SCALE

    def nearest(self, transforms: np.ndarray, count: int) -> np.ndarray:
        """See `Shortlist`. All rows are looked at where the lists that were probed hold too few."""
        count = min(count, len(self._all.outlines))
        few = transforms[spread(transforms, FEW)]
        if self._scale != 1:  # FAISS multiplies int8 by int8, and would cut a fraction off
            few = np.clip(np.rint(few * self._scale), -127, 127)
        _, found = self._index.search(np.ascontiguousarray(few, np.float32), count)
        rows = np.unique(found[found >= 0])
        if len(rows) < count:
            return self._all.nearest(transforms, count)
        return self._all.among(rows, transforms, count)


def _library() -> ModuleType:
    if not can_index():
        raise GalleryError(f"FAISS is not installed; {how_to_install('search')}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of how SWIG makes modules, from Python 3.12 on
        import faiss
    return faiss


def _lists(faiss: ModuleType, outlines: np.ndarray) -> Any:
    """An inverted file of about a quarter of sqrt(N) lists; what these are of is learned from some of the rows."""
    count, width = outlines.shape
    lists = min(count, 1 << max(4, round(math.log2(math.sqrt(max(count, 1)) / 4))))
    rng = np.random.default_rng(_SEED)
    rows = np.sort(rng.choice(count, min(count, _TRAINED * lists), replace=False))
    options = {"spherical": True, "min_points_per_centroid": 1, "max_points_per_centroid": _TRAINED, "seed": _SEED}
    means = faiss.Kmeans(width, lists, niter=_ROUNDS, **options)
    means.train(outlines[rows].astype(np.float32))
    nearest_list = faiss.IndexFlatIP(width)
    nearest_list.add(means.centroids)
    kind = faiss.ScalarQuantizer.QT_8bit_direct_signed  # int8 as they are
    product = faiss.METRIC_INNER_PRODUCT
    index = faiss.IndexIVFScalarQuantizer(nearest_list, width, lists, kind, product, False)
    index.is_trained = True
    index.nprobe = max(1, lists // _PROBED)
    return _filled(index, outlines)


def _flat_on_gpus(faiss: ModuleType, outlines: np.ndarray) -> Any:
    """All outlines as float16, shared out among the cards."""
    options = faiss.GpuMultipleClonerOptions()
    options.shard, options.useFloat16 = True, True
    return _filled(faiss.index_cpu_to_all_gpus(faiss.IndexFlatIP(outlines.shape[1]), co=options), outlines)


def _filled(index: Any, outlines: np.ndarray) -> Any:
    for start in range(0, len(outlines), _BLOCK):
        index.add(outlines[start : start + _BLOCK].astype(np.float32))
    return index

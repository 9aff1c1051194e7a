"""Those who look for the nearest of many people, for `gallery_race`: ourselves, twice, and two peers.

Everyone finds a thousand candidates, or one in 250, by their outlines, under all transforms of a query, and compares
these in every detail; they differ in how the candidates are found. Peers run in a process that never imports pysketch.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SEARCHERS = {
    "exhaustive": ("pysketch",),
    "index": ("pysketch", "faiss"),
    "faiss-flat": ("faiss",),
    "sklearn": ("sklearn",),
}
"""What each needs, first what is imported before memory is counted. exhaustive, index: `pysketch.search`."""

_BLOCK = 1 << 14  # rows at a time


class Searcher:
    """What all do. folder: where the race wrote its queries; job: what it is about, see `gallery_race`."""

    def __init__(self, folder: Path, job: dict[str, Any]) -> None:
        self.folder, self.threads, self.scales = folder, job["threads"], job["scales"]
        self.count = job["candidates"]
        arrays = (np.load(job[name], mmap_mode="r", allow_pickle=False) for name in ("outlines", "details"))
        self.outlines, self.details = (array[slice(*job["rows"])] for array in arrays)

    def load(self) -> dict[str, float]:
        """seconds: how long it took to get ready; libraries are imported before the clock and memory are looked at."""
        make = self.prepare()
        self._imported, start = _memory("RssAnon"), time.perf_counter()
        make()
        return {"seconds": time.perf_counter() - start}

    def prepare(self) -> Callable[[], None]:
        """Imports libraries; gives what has to be done once before the first query."""
        raise NotImplementedError(f"{type(self).__name__} has no prepare")

    def candidates(self, transforms: np.ndarray) -> np.ndarray:
        """(count,) rows, ascending, of those nearest to one of the (T, OUTLINE) float32 transforms."""
        raise NotImplementedError(f"{type(self).__name__} has no candidates")

    def find(self) -> dict[str, list[float]]:
        """seconds, cpu: how long each query in the folder took, by the clock and of all cores' time.

        rows, distances: who was found first, and how near.
        """
        found: dict[str, list[float]] = {"seconds": [], "cpu": [], "rows": [], "distances": []}
        with np.load(self.folder / "queries.npz", allow_pickle=False) as queries:
            outlines, details = queries["outlines"], queries["details"]
        for transforms, looks in zip(outlines, details, strict=True):
            start, used = time.perf_counter(), time.process_time()
            rows = self.candidates(transforms)
            distances = 1 - (self.details[rows].astype(np.float32) @ looks.T).max(axis=1) / np.float32(self.scales[1])
            first = int(distances.argmin())
            found["seconds"].append(time.perf_counter() - start)
            found["cpu"].append(time.process_time() - used)
            found["rows"].append(int(rows[first]))
            found["distances"].append(float(distances[first]))
        return found

    def memory(self) -> dict[str, int | None]:
        """Bytes held beside imports and mapped files; the most that the process had, mapped files included."""
        now = _memory("RssAnon")
        held = None if now is None or self._imported is None else max(0, now - self._imported)
        return {"held_bytes": held, "peak_bytes": _memory("VmHWM")}

    def _best_of(self, products: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """The `count` rows whose largest product with a transform is largest; products, rows: (T, K)."""
        order = np.argsort(-products, axis=None, kind="stable")
        _, first = np.unique(rows.ravel()[order], return_index=True)
        return np.sort(rows.ravel()[order][np.sort(first)[: self.count]])

    def _floats(self, start: int) -> np.ndarray:
        return self.outlines[start : start + _BLOCK].astype(np.float32) / np.float32(self.scales[0])


class Ours(Searcher):
    """`pysketch.search` with or without its index."""

    def __init__(self, folder: Path, job: dict[str, Any], indexed: bool) -> None:
        super().__init__(folder, job)
        self.indexed = indexed

    def prepare(self) -> Callable[[], None]:
        """Makes the index, if there is to be one."""
        from pysketch.search import make_shortlist

        if self.indexed:
            import faiss

            faiss.omp_set_num_threads(self.threads)

        def make() -> None:
            self.shortlist = make_shortlist(self.outlines, self.indexed, self.threads)

        return make

    def candidates(self, transforms: np.ndarray) -> np.ndarray:
        """By `Exhaustive` or `Indexed`."""
        return self.shortlist.nearest(transforms, self.count)


class FaissFlat(Searcher):
    """FAISS's plain search: all outlines as float32, every product."""

    def prepare(self) -> Callable[[], None]:
        """Copies the outlines."""
        import faiss

        faiss.omp_set_num_threads(self.threads)
        self.index = faiss.IndexFlatIP(self.outlines.shape[1])

        def make() -> None:
            for start in range(0, len(self.outlines), _BLOCK):
                self.index.add(self._floats(start))

        return make

    def candidates(self, transforms: np.ndarray) -> np.ndarray:
        """The nearest of each transform; the best of these."""
        return self._best_of(*self.index.search(transforms, min(self.count, len(self.outlines))))


class Neighbours(Searcher):
    """scikit-learn's NearestNeighbors, by brute force: of all its ways the fastest in 256 dimensions.

    It knows distances, not products: with one number more, which makes all outlines equally long, the order of both is
    the same (Bachrach et al., 2014, "Speeding up the Xbox recommender system", section 3).
    """

    def prepare(self) -> Callable[[], None]:
        """Copies the outlines."""
        from sklearn.neighbors import NearestNeighbors

        count = min(self.count, len(self.outlines))
        self.neighbours = NearestNeighbors(n_neighbors=count, algorithm="brute", n_jobs=self.threads)

        def make() -> None:
            rows = np.zeros((len(self.outlines), self.outlines.shape[1] + 1), np.float32)
            for start in range(0, len(rows), _BLOCK):
                rows[start : start + _BLOCK, :-1] = self._floats(start)
            lengths = np.einsum("nd,nd->n", rows, rows)
            rows[:, -1] = np.sqrt(lengths.max() - lengths)
            self.neighbours.fit(rows)

        return make

    def candidates(self, transforms: np.ndarray) -> np.ndarray:
        """The nearest of each transform; the best of these. What differs between transforms is put right."""
        lengths = np.einsum("td,td->t", transforms, transforms)[:, None]
        distances, rows = self.neighbours.kneighbors(np.pad(transforms, ((0, 0), (0, 1))))
        return self._best_of((lengths - distances**2) / 2, rows)


def make_searcher(name: str, folder: Path, job: dict[str, Any]) -> Searcher:
    """One of SEARCHERS."""
    if name in ("exhaustive", "index"):
        return Ours(folder, job, name == "index")
    return {"faiss-flat": FaissFlat, "sklearn": Neighbours}[name](folder, job)


def _memory(name: str) -> int | None:
    """Bytes, from what Linux says of this process; None elsewhere."""
    status = Path("/proc/self/status")
    found = re.search(rf"^{name}:\s+(\d+) kB$", status.read_text(), re.MULTILINE) if status.exists() else None
    return int(found[1]) * 1024 if found else None

import importlib.util

import numpy as np
import pytest

from pysketch.benchmark.contender import searchers
from pysketch.benchmark.contender.searchers import SEARCHERS, make_searcher

SCALES = 100.0, 120.0


@pytest.fixture
def job(tmp_path, monkeypatch):
    """300 people of whom those from 40 on are searched; two queries of five transforms; 20 candidates each."""
    monkeypatch.setattr(searchers, "_BLOCK", 64)
    rng = np.random.default_rng(3)
    for name, width in (("outlines", 16), ("details", 24)):
        np.save(tmp_path / f"{name}.npy", rng.integers(-60, 61, (300, width)).astype(np.int8))
    lengths = rng.uniform(0.2, 1, (2, 5, 1))  # of outlines, which are not all equally long
    outlines, details = (rng.normal(size=(2, 5, width)) / np.sqrt(width) for width in (16, 24))
    queries = {"outlines": (outlines * lengths).astype(np.float32), "details": details.astype(np.float32)}
    np.savez(tmp_path / "queries.npz", **queries)
    paths = {name: str(tmp_path / f"{name}.npy") for name in ("outlines", "details")}
    return tmp_path, {**paths, "rows": [40, 300], "threads": 1, "scales": SCALES, "candidates": 20}, queries


def naive(job):
    """For each query: the candidates, who of them is first, and how near."""
    _, about, queries = job
    outlines, details = (np.load(about[name])[40:].astype(float) for name in ("outlines", "details"))
    for transforms, looks in zip(queries["outlines"], queries["details"], strict=True):
        rows = np.sort(np.argsort(-(outlines @ transforms.T).max(axis=1), kind="stable")[:20])
        products = (details[rows] @ looks.T).max(axis=1) / SCALES[1]
        yield rows.tolist(), int(rows[products.argmax()]), 1 - products.max()


@pytest.mark.parametrize("name", ["exhaustive", "index", "faiss-flat", pytest.param("sklearn", marks=pytest.mark.slow)])
def test_everybody_finds_whom_plain_loops_find(name, job):
    for library in SEARCHERS[name]:
        if importlib.util.find_spec(library) is None:
            pytest.skip(f"{library} is not installed")
    folder, about, queries = job
    searcher = make_searcher(name, folder, about)
    assert searcher.load()["seconds"] >= 0
    if name == "index":
        searcher.shortlist._index.nprobe = searcher.shortlist._index.nlist
        searcher.shortlist._scale = 100.0  # that of these outlines
    found = searcher.find()
    for k, (rows, first, distance) in enumerate(naive(job)):
        assert np.isin(searcher.candidates(queries["outlines"][k]), rows).mean() >= (0.9 if name == "index" else 1)
        assert found["rows"][k] == first
        assert found["distances"][k] == pytest.approx(distance, abs=1e-5)
    assert len(found["seconds"]) == len(found["cpu"]) == 2


def test_memory_is_told_where_the_system_tells_it(job, monkeypatch):
    searcher = make_searcher("exhaustive", *job[:2])
    searcher.load()
    held = np.ones(30 << 20, np.uint8)
    told = searcher.memory()
    assert set(told) == {"held_bytes", "peak_bytes"}
    assert told["held_bytes"] is None or held.nbytes < told["held_bytes"] + (8 << 20) < told["peak_bytes"]
    monkeypatch.setattr(searchers, "_memory", lambda name: None)
    assert searcher.memory() == {"held_bytes": None, "peak_bytes": None}

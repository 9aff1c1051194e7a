import importlib.util

import numpy as np
import pytest

from pysketch.errors import GalleryError
from pysketch.search import indexed
from pysketch.search.describe import OUTLINE_SCALE
from pysketch.search.indexed import Indexed
from pysketch.search.shortlist import Exhaustive

WIDTH = 32
needs_faiss = pytest.mark.skipif(not indexed.can_index(), reason="FAISS is not installed")


def crowd(count):
    """Outlines of norm 1, rounded, of people some of whom are alike, and transforms of three who are looked for."""
    rng = np.random.default_rng(9)
    kinds = rng.normal(size=(20, WIDTH))
    vectors = kinds[rng.integers(20, size=count)] + 0.5 * rng.normal(size=(count, WIDTH))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    transforms = vectors[:3, None] + 0.03 * rng.normal(size=(3, 30, WIDTH))
    return np.rint(vectors * 127).astype(np.int8), transforms.astype(np.float32) * 127 / OUTLINE_SCALE


def agree(index, outlines, transforms, count):
    """The share of the exhaustive search's candidates that the index has too, for everybody who is looked for."""
    exhaustive = Exhaustive(outlines)
    both = [(index.nearest(each, count), exhaustive.nearest(each, count)) for each in transforms]
    assert all(len(found) == count and (np.diff(found) > 0).all() for found, _ in both)
    return [np.isin(expected, found).mean() for found, expected in both]


@needs_faiss
def test_the_index_finds_whom_the_exhaustive_search_finds():
    outlines, transforms = crowd(1500)
    index = Indexed(outlines)
    assert index.name == "FAISS"
    for k, transform in enumerate(transforms):
        assert k in index.nearest(transform, 5)
    assert min(agree(index, outlines, transforms, 20)) >= 0.9


@needs_faiss
def test_where_all_lists_are_looked_at_the_candidates_are_the_same_up_to_ties():
    outlines, transforms = crowd(2000)
    index = Indexed(outlines)
    index._index.nprobe = index._index.nlist
    assert min(agree(index, outlines, transforms, 100)) >= 0.98


@needs_faiss
def test_where_the_lists_hold_too_few_everybody_is_looked_at():
    outlines, transforms = crowd(300)
    index = Indexed(outlines)
    assert agree(index, outlines, transforms, 250) == [1, 1, 1]
    assert index.nearest(transforms[0], 1000).tolist() == list(range(300))
    assert Indexed(outlines[:1]).nearest(transforms[0], 5).tolist() == [0]


@needs_faiss
@pytest.mark.slow
def test_the_same_gallery_has_the_same_index():
    outlines, transforms = crowd(1500)
    first, second = Indexed(outlines), Indexed(outlines)
    assert [first.nearest(t, 50).tolist() for t in transforms] == [second.nearest(t, 50).tolist() for t in transforms]


def test_without_faiss_a_line_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(GalleryError, match=r"FAISS is not installed; pip install .*search"):
        Indexed(crowd(20)[0])


@needs_faiss
def test_with_a_gpu_all_outlines_lie_there(monkeypatch):
    faiss = indexed._library()

    class Options:
        shard = useFloat16 = False

    asked = []
    monkeypatch.setattr(faiss, "get_num_gpus", lambda: 1, raising=False)
    monkeypatch.setattr(faiss, "GpuMultipleClonerOptions", Options, raising=False)
    monkeypatch.setattr(faiss, "index_cpu_to_all_gpus", lambda flat, co: asked.append(co) or flat, raising=False)
    outlines, transforms = crowd(2000)
    index = indexed.Indexed(outlines)
    assert index.name == "FAISS, GPU"
    assert [(each.shard, each.useFloat16) for each in asked] == [(True, True)]
    assert agree(index, outlines, transforms, 100) == [1, 1, 1]

"""What the test of a net that draws also logs: how near its sketches are, and whether they find their person."""

from __future__ import annotations

import numpy as np

from pysketch.device import Blob, to_host
from pysketch.errors import NetdefError
from pysketch.images import cumulative_match_score, own_ranks, rmse, squared_distances
from pysketch.layers import Context, PhotoSketchData, layer_class
from pysketch.net import Net, unread_tops
from pysketch.netdef import DEPLOY, NetDef, Phase
from pysketch.parallel import ALONE, Communicator


def drawing_blobs(netdef: NetDef, context: Context, level: int | None, stages: tuple[str, ...]) -> tuple[str, ...]:
    """(what is drawn, the artist's sketch): the blobs of a test net that `DrawingScores` compares; () if it draws none.

    What is drawn is the one output of phase TEST, stage "deploy"; the sketch is the second top of the one
    PhotoSketchData layer of the test. A netdef that cannot be cut down to that stage draws nothing.
    """
    tested = netdef.select(netdef.resolve_state(Phase.TEST, level, stages)).layers
    data = [layer for layer in tested if issubclass(layer_class(layer, context), PhotoSketchData)]
    try:
        drawn = unread_tops(netdef.select(netdef.resolve_state(Phase.TEST, stages=DEPLOY)).layers)
    except NetdefError:
        return ()
    made = {top for layer in tested if layer not in data for top in layer.top}
    if len(data) != 1 or len(data[0].top) != 2 or len(drawn) != 1 or drawn[0] not in made:
        return ()
    return drawn[0], data[0].top[1]


class DrawingScores:
    """RMSE and rank 1 over the pairs that a test has drawn, each pair once, as tools/evaluate.py has them.

    Sketches are rounded to whole grey levels 0..255. rmse: the mean of the pairs' (`images.rmse`); rank_1: for what
    percentage of the artist's sketches the own person's drawn sketch is the nearest of all (`images.own_ranks`).
    """

    def __init__(self, net: Net, blobs: tuple[str, ...]) -> None:
        self._drawn, self._sketch = (net.blobs[name] for name in blobs)
        self._data = next(layer for layer in net.layers if isinstance(layer, PhotoSketchData))
        self._next: list[tuple[int, int]] = []
        self._pairs: dict[int, tuple[int, np.ndarray, np.ndarray]] = {}

    def expect(self) -> None:
        """Before a batch: note which pairs will come."""
        self._next = self._data.order.peek(self._data.next_size)

    def add(self) -> None:
        """After a batch: keep what was drawn. Nothing if drawings and sketches differ in size."""
        if self._drawn.shape == self._sketch.shape:
            pictures = map(_levels, (self._drawn, self._sketch))
            for (draw, index), *pair in zip(self._next, *pictures, strict=True):
                self._pairs[index] = draw, *pair

    def scores(self, communicator: Communicator = ALONE) -> dict[str, np.ndarray]:
        """{"rmse", "rank_1"} of what was added, by all processes, {} of nothing; the next test begins anew."""
        pairs, self._pairs = self._gathered(communicator), {}
        if not pairs:
            return {}
        ranks = own_ranks(squared_distances(*zip(*pairs, strict=True)))
        errors = [rmse(drawn, sketch) for drawn, sketch in pairs]
        return {"rmse": np.array(np.mean(errors)), "rank_1": np.array(cumulative_match_score(ranks, 1))}

    def _gathered(self, communicator: Communicator) -> list[tuple[np.ndarray, np.ndarray]]:
        """The pairs of all processes, in the order in which one would have drawn them."""
        if communicator.size == 1 or self._drawn.shape != self._sketch.shape:
            return [(drawn, sketch) for _, drawn, sketch in self._pairs.values()]
        values, shape = self._pairs.items(), self._drawn.shape[1:]
        numbers = np.array([(draw, index) for index, (draw, _, _) in values], np.int64).reshape(-1, 2)
        pictures = np.array([each[1:] for _, each in values], np.uint8).reshape(-1, 2, *shape)
        numbers, pictures = (np.concatenate(communicator.gather_parts(each)) for each in (numbers, pictures))
        last = {int(numbers[k, 1]): k for k in np.argsort(numbers[:, 0])}
        return [tuple(pictures[k]) for k in last.values()]


def _levels(blob: Blob) -> np.ndarray:
    """A blob's pictures in whole grey levels."""
    return np.rint(np.clip(to_host(blob.data), 0, 255)).astype(np.uint8)

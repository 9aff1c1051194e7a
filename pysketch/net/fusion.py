"""Which ReLUs a neighbouring convolution can do in its own pass over memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pysketch.device import Blob
from pysketch.layers import Convolution, Layer, ReLU
from pysketch.net.backward_plan import BackwardPlan


@dataclass(frozen=True)
class Fusion:
    """Pairs of layer indices.

    forward: a convolution and the ReLU in place that comes next on its top; the convolution writes what the ReLU
    would make of it. backward: a convolution and the ReLU in place that made its bottom; the convolution writes the
    diff that the ReLU would make of its own. Nothing that can be read afterwards changes.
    """

    forward: dict[int, int]
    backward: dict[int, int]

    def among(self, indices: Collection[int]) -> Fusion:
        """Those pairs of which both layers are to run."""
        kept = ({a: b for a, b in pairs.items() if {a, b} <= set(indices)} for pairs in (self.forward, self.backward))
        return Fusion(*kept)


def plan_fusion(
    layers: Sequence[Layer], bottoms: Sequence[Sequence[Blob]], tops: Sequence[Sequence[Blob]], plan: BackwardPlan
) -> Fusion:
    """Find the pairs. A convolution with several bottoms, or of a class derived from ours, keeps to itself."""
    fusion = Fusion({}, {})
    last_writer: dict[int, int] = {}
    for index, layer in enumerate(layers):
        producer = last_writer.get(id(bottoms[index][0])) if len(bottoms[index]) == 1 else None
        if producer is not None:
            before = layers[producer]
            if _is_rectifier(layer, bottoms[index], tops[index]) and _is_plain(before, bottoms[producer]):
                fusion.forward[producer] = index
            if _is_plain(layer, bottoms[index]) and _is_rectifier(before, bottoms[producer], tops[producer]):
                needed = plan.needs_backward[producer] and plan.propagate_down[producer][0]
                if needed and plan.propagate_down[index][0]:
                    fusion.backward[index] = producer
        last_writer.update((id(blob), index) for blob in tops[index])
    return fusion


def _is_rectifier(layer: Layer, bottom: Sequence[Blob], top: Sequence[Blob]) -> bool:
    return type(layer) is ReLU and bottom[0] is top[0]


def _is_plain(layer: Layer, bottom: Sequence[Blob]) -> bool:
    return type(layer) is Convolution and len(bottom) == 1

"""What a bit-for-bit resume needs besides what Caffe keeps in its solver states."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from pysketch.errors import SnapshotError

LayerStates = dict[str, dict[str, Any]]
"""Layer name -> its state, such as a data layer's position."""


@dataclass(frozen=True)
class RunState:
    """seed: the run's. losses: the last ones, for the mean. train, test: states of the nets' layers."""

    seed: int
    losses: list[float]
    train: LayerStates
    test: list[LayerStates]

    def to_json(self) -> str:
        """The whole as a JSON object, for a root attribute of the solver state."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str, where: str) -> RunState:
        """Read what to_json wrote; SnapshotError says `where` and what is wrong."""
        try:
            values = json.loads(text)
            return cls(
                seed=_seed(values["seed"]),
                losses=[_loss(loss) for loss in _list(values["losses"])],
                train=_layer_states(values["train"]),
                test=[_layer_states(states) for states in _list(values["test"])],
            )
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise SnapshotError(f"{where}: its pysketch state is malformed: {error!r}") from None


def _seed(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**32:
        raise ValueError("seed must be a whole number below 2**32")
    return value


def _loss(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("losses must be numbers")
    return float(value)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("losses and test must be lists")
    return value


def _layer_states(value: Any) -> LayerStates:
    if not isinstance(value, dict) or not all(isinstance(state, dict) for state in value.values()):
        raise ValueError("layers' states must be objects")
    return value

"""What a bit-for-bit resume needs besides what Caffe keeps in its solver states."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pysketch.errors import SnapshotError

LayerStates = dict[str, dict[str, Any]]
"""Layer name -> its state, such as a data layer's position."""


@dataclass(frozen=True)
class RunState:
    """seed: the run's. losses: the last ones, for the mean. train, test: states of the nets' layers.

    settings: what was set beside the solver file and `matters`, path -> value. solver: its type, and history: what its
    arrays are, in words, for each set of them. None: an older state, which does not say.
    """

    seed: int
    losses: list[float]
    train: LayerStates
    test: list[LayerStates]
    settings: dict[str, str] | None = None
    solver: str | None = None
    history: list[str] | None = None

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
                settings=_settings(values.get("settings")),
                solver=_text(values.get("solver")),
                history=_texts(values.get("history")),
            )
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise SnapshotError(f"{where}: its pysketch state is malformed: {error!r}") from None

    def unlike(self, settings: Mapping[str, str]) -> list[str]:
        """In what a run with these settings is another training, in words."""
        before = self.settings if self.settings is not None else settings
        paths = dict.fromkeys((*before, *settings))
        return [
            f"{path} was {before.get(path, 'as in the file')} and is {settings.get(path, 'as in the file')}"
            for path in paths
            if before.get(path) != settings.get(path)
        ]


_HARMLESS = {"debug_info", "display", "test_compute_loss", "test_initialization", "test_interval", "test_iter"}
_HARMLESS |= {f"snapshot{each}" for each in ("", "_after_train", "_diff", "_format", "_prefix")}


def matters(path: str) -> bool:
    """Whether the option at this path may change what is learned; where files go and what is logged does not."""
    return path not in _HARMLESS


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


def _settings(value: Any) -> dict[str, str] | None:
    if value is None:
        return None
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise ValueError("settings must be texts by their paths")
    return value


def _text(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise ValueError("solver must be a text")
    return value


def _texts(value: Any) -> list[str] | None:
    if value is not None and (not isinstance(value, list) or not all(isinstance(each, str) for each in value)):
        raise ValueError("history must be a list of texts")
    return value


def _layer_states(value: Any) -> LayerStates:
    if not isinstance(value, dict) or not all(isinstance(state, dict) for state in value.values()):
        raise ValueError("layers' states must be objects")
    return value

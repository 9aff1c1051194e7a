"""What training logs say, as panels of a figure: the loss, the test scores, the rate."""

from __future__ import annotations

from pysketch.report.figures import Panel
from pysketch.solver import Curve, TrainingLog


def training_panels(logs: dict[str, TrainingLog]) -> list[Panel]:
    """The loss, every score that any log has, the rate; of each what there is."""
    scores = dict.fromkeys(score for log in logs.values() for score in log.test)
    found = [_panel("training loss", {name: log.loss for name, log in logs.items()})]
    found += [
        _panel(f"test {score}", {name: log.test.get(score, Curve()) for name, log in logs.items()}) for score in scores
    ]
    found.append(_panel("rate", {name: log.rate for name, log in logs.items()}))
    return [panel for panel in found if panel.lines]


def _panel(label: str, curves: dict[str, Curve]) -> Panel:
    return Panel(label, {name: (curve.iterations, curve.values) for name, curve in curves.items() if curve.iterations})

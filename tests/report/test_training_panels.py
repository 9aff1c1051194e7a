from pysketch.report.training_panels import training_panels
from pysketch.solver.log_reader import Curve, TrainingLog


def test_there_is_a_panel_for_the_loss_every_score_and_the_rate():
    one = TrainingLog(loss=Curve([0, 2], [4.0, 1.0]), test={"mae": Curve([0], [3.0])})
    two = TrainingLog(loss=Curve([0], [5.0]), rate=Curve([0], [0.1]), test={"psnr": Curve([0], [30.0])})
    found = training_panels({"a": one, "b": two})
    assert [(panel.label, list(panel.lines)) for panel in found] == [
        ("training loss", ["a", "b"]),
        ("test mae", ["a"]),
        ("test psnr", ["b"]),
        ("rate", ["b"]),
    ]
    assert found[0].lines["a"] == ([0, 2], [4.0, 1.0])

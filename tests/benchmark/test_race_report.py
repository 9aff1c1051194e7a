import json

import pytest

from pysketch.benchmark.contender.child import OURS
from pysketch.benchmark.nets import Job
from pysketch.benchmark.race import LayerResult, Result, Spread
from pysketch.benchmark.race_report import _total_row, report_race, summary_race
from pysketch.benchmark.work import Work


@pytest.fixture
def result():
    """A net of one layer against one peer, which takes half as long again."""
    layer = LayerResult("c", "Convolution", (10**6, 0), Work("CAFFE", 10**6, ()), Spread([2.0] * 3), None, 3 << 20)
    return Result(
        "tiny",
        Job("n.prototxt", threads=2),
        (1, 5, 9, 8),
        4 * 10**6,
        {OURS: Spread([2.0, 1.0, 3.0]), "torch": Spread([3.0, 3.0, 3.0])},
        {OURS: 7 << 20, "torch": None},
        {OURS: 5 << 20, "torch": 6 << 20},
        {"torch": 2e-6},
        Spread([2.0]),
        [layer],
        1 << 20,
    )


def cells(lines, name):
    """The words of the line that begins so."""
    (found,) = [line.split() for line in lines if line.startswith(f"{name} ")]
    return found


def test_people_read_layers_then_whole_steps_with_peers_ratios(result, monkeypatch):
    monkeypatch.setattr("pysketch.benchmark.nets.describe", lambda: "no compiled kernels: why not")
    lines = report_race(result)
    assert lines[0] == "tiny: forward, input 1x5x9x8, 2 threads, no compiled kernels, median (quartiles) of 3 runs"
    assert cells(lines, "c")[:4] == ["c", "Convolution", "CAFFE", "2.00"]
    assert cells(lines, "c")[-1] == "3.0"
    assert cells(lines, "torch")[-5:] == ["1.50", "1.3", "-", "6", "2.0e-06"]
    assert cells(lines, OURS)[-5:] == ["-", "2.0", "7", "5", "-"]
    assert any(line.startswith("Our workspace in a whole step: 1 MiB.") for line in lines)


def test_programs_read_an_object_with_null_where_something_does_not_apply(result, monkeypatch):
    monkeypatch.setattr("pysketch.benchmark.race_report.describe", lambda: "compiled kernels (AVX2)")
    found = json.loads(json.dumps(summary_race(result)))
    assert (found["net"], found["threads"], found["peak_bytes"]) == ("tiny", 2, 7 << 20)
    assert (found["median_ms"], found["ratio"]) == ({OURS: 2.0, "torch": 3.0}, {"torch": 1.5})
    assert found["kernels"] == "compiled kernels (AVX2)"
    (layer,) = found["layers"]
    assert (layer["forward_ms"], layer["backward_ms"], layer["engine"]) == (2.0, None, "CAFFE")


def test_the_last_row_of_layers_is_their_sum_run_by_run():
    layers = [LayerResult("a", "A", (0, 0), None, Spread([1.0, 2.0, 3.0])) for _ in range(2)]
    layers[1].backward = Spread([4.0, 4.0, 6.0])
    assert _total_row(layers)[3:5] == [str(Spread([2.0, 4.0, 6.0])), str(Spread([4.0, 4.0, 6.0]))]
    layers[1].backward = None
    assert _total_row(layers)[4] == "-"

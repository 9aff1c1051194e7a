import json

import pytest

from pysketch.benchmark import roofline
from pysketch.benchmark.machine import Machine
from pysketch.benchmark.nets import Job
from pysketch.benchmark.race import LayerResult, Result, Spread
from pysketch.benchmark.roofline import bound, least_ms, measure_roofline, report_roofline, summary_roofline
from pysketch.benchmark.work import Pass, Work


def result(device="cpu"):
    """Two layers on a machine of 1 GFLOP/s and 1 GB/s: 6 ms of operations, then 1 + 3 ms of bytes."""
    conv = Work("CAFFE", 9_000_000, (Pass("product", 6_000_000, 10_000),), cached=4_000_000)
    relu = Work(None, 0, (Pass("ReLU", 0, 1_000_000), Pass("finish", 5_000, 3_000_000, launches=2)))
    layers = [
        LayerResult("data", "Input", (0, 0), Work(None, 0, ()), Spread([0.01])),
        LayerResult("conv", "Convolution", (9_000_000, 0), conv, Spread([9.0])),
        LayerResult("relu", "ReLU", (0, 0), relu, Spread([8.0])),
    ]
    steps, host = {"pysketch": Spread([16.0])}, Spread([15.0])
    found = Result("net", Job("net", device=device), (1, 3, 5, 7), 1, steps, {}, {}, {}, host, layers)
    found.machine = Machine(1e9, 1e9, 65, 4096)
    return found


def test_a_layer_takes_at_least_what_its_passes_do_and_is_bound_by_the_larger_part():
    _, conv, relu = result().layers
    assert least_ms(result(), conv) == pytest.approx(6)
    assert least_ms(result(), relu) == pytest.approx(4)
    assert (bound(result(), conv), bound(result(), relu)) == ("operations", "bytes")


def test_people_read_a_row_for_every_layer_that_works_and_one_for_all():
    lines = report_roofline(result())
    rows = [line.split() for line in lines if line.startswith(("conv", "relu", "all", "data"))]
    assert rows == [
        ["conv", "CAFFE", "9.0", "6.0", "0.0", "4.0", "600.0", "operations", "6.000", *["9.00", "(9.00-9.00)", "1.50"]],
        ["relu", "-", "-", "0.0", "4.0", "-", "0.0", "bytes", "4.000", *["8.00", "(8.00-8.00)", "2.00"]],
        ["all", "9.0", "6.0", "4.0", "4.0", "1.5", "10.000", "17.00", "1.70"],
    ]
    assert "Cached: columns or transformed tiles, not counted" in "\n".join(lines)


def test_on_a_gpu_columns_are_moved():
    text = "\n".join(report_roofline(result("gpu:0")))
    assert "columns or transformed tiles written and read" in text
    assert "gpu:0, math mode default" in text
    assert "host 15.0 (15.0-15.0) ms" in text


def test_programs_read_one_object():
    found = json.loads(json.dumps(summary_roofline(result("gpu:0"))))
    assert (found["flops_per_second"], found["bytes_per_second"]) == (1e9, 1e9)
    assert [layer["name"] for layer in found["layers"]] == ["conv", "relu"]
    conv, relu = found["layers"]
    assert (conv["direct_flops"], conv["flops"], conv["bytes"], conv["ratio"]) == (9e6, 6e6, 10_000, 1.5)
    assert (relu["launches"], relu["bound"], relu["roofline_ms"]) == (3, "bytes", 4.0)
    assert summary_roofline(result())["layers"][0]["launches"] is None


@pytest.mark.slow
def test_machine_and_layers_are_measured_in_one_run(tiny, device, monkeypatch):
    monkeypatch.setattr(roofline, "ORDERS", {"cpu": 65, "gpu": 33})
    monkeypatch.setattr(roofline, "COPIED", 4096)
    found = measure_roofline(Job(tiny, device=str(device)), 3)
    assert found.machine.flops > 0
    assert found.machine.bandwidth > 0
    on_gpu = device.kind == "gpu"
    names = {each.name for layer in found.layers for each in layer.work.passes}
    assert ("finish" in names) == on_gpu
    text = "\n".join(report_roofline(found))
    assert ("product of 33x33" if on_gpu else "product of 65x65") in text

import json

import bench_race
import benchmark
import common
import pytest

KEYS = {
    "net",
    "phase",
    "batch",
    "threads",
    "device",
    "median_ms",
    "ratio",
    "max_relative_difference",
    "peak_bytes",
    "layers",
}


@pytest.mark.parametrize(("phase", "batch"), [("test", 1), ("train", 4)])
def test_json_is_one_object_with_these_keys(phase, batch, tiny, capsys):
    assert benchmark.main([tiny, "--phase", phase, "--runs", "3", "--threads", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == KEYS
    assert (found["net"], found["phase"], found["batch"], found["threads"]) == ("tiny", phase, batch, 2)
    assert found["median_ms"]["pysketch"] > 0
    assert (found["ratio"], found["max_relative_difference"]) == ({}, {})
    assert found["peak_bytes"] > 1 << 20
    convolutions = [layer for layer in found["layers"] if layer["engine"]]
    assert [layer["name"] for layer in convolutions] == ["conv1", "conv2"]
    for layer in convolutions:
        assert set(layer) == {"name", "engine", "forward_ms", "backward_ms", "gflops"}
        assert layer["forward_ms"] > 0
        assert (layer["backward_ms"] is not None) == (phase == "train")
        assert layer["gflops"] > 0


def test_people_get_a_table_of_layers_and_one_of_steps(tiny, capsys, device):
    assert benchmark.main([tiny, "--runs", "3", "--device", str(device)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("tiny: forward, input 1x3x12x11, ")
    for word in ("conv1", "CAFFE", "GFLOP/s", "workspace MiB", "peak MiB", "pysketch"):
        assert word in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--runs", "2"], "expected 3 or more, found 2"),
        (["--against", "tenserflow"], 'no peer "tenserflow"'),
        (["--size", "3by4"], "expected WIDTHxHEIGHT"),
        (["-o", "x.png"], "-o names the plot of --grow"),
    ],
)
def test_bad_options_end_with_status_2(arguments, message, tiny, capsys):
    with pytest.raises(SystemExit) as stop:
        benchmark.main([tiny, *arguments])
    assert stop.value.code == common.BAD_INPUT
    assert message in capsys.readouterr().err


def test_a_peer_that_is_not_installed_is_one_line(tiny, monkeypatch):
    monkeypatch.setattr(bench_race, "missing_libraries", lambda peer: ["torch"])
    with pytest.raises(bench_race.BenchmarkError, match=r'torch: torch not installed; pip install -e "\.\[bench\]"'):
        benchmark.main([tiny, "--against", "torch", "--runs", "3"])


def test_on_a_gpu_peers_are_refused(tiny, gpu, capsys):
    with pytest.raises(SystemExit) as stop:
        benchmark.main([tiny, "--against", "torch", "--device", str(gpu)])
    assert stop.value.code == common.BAD_INPUT
    assert "--against: the peers run on the CPU only; add --device cpu" in capsys.readouterr().err

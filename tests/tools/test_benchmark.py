import json

import benchmark
import common
import pytest
from helpers import race_once
from solver_helpers import CONV_NET, write_net

import pysketch
from pysketch import device
from pysketch.benchmark import gallery_race, nets, race

KEYS = {
    "net",
    "phase",
    "batch",
    "threads",
    "device",
    "kernels",
    "host_ms",
    "median_ms",
    "ratio",
    "max_relative_difference",
    "peak_bytes",
    "layers",
}


@pytest.mark.slow
@pytest.mark.parametrize(("phase", "batch"), [("test", 1), ("train", 4)])
def test_json_is_one_object_with_these_keys(phase, batch, tiny, capsys):
    assert benchmark.main([tiny, "--phase", phase, "--iterations", "3", "--threads", "2", "--json"]) == 0
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
        assert layer["backward_ms"] > 0
        assert layer["gflops"] > 0


@pytest.mark.slow
def test_people_get_a_table_of_layers_and_one_of_steps(tiny, capsys, device):
    assert benchmark.main([tiny, "--iterations", "3", "--device", str(device)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("tiny: forward, input 1x3x12x11, ")
    assert any(engine in out for engine in ("CAFFE", "DIRECT", "WINOGRAD"))
    for word in ("conv1", "GFLOP/s", "workspace MiB", "peak MiB", "pysketch"):
        assert word in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--iterations", "2"], "expected 3 or more, found 2"),
        (["--against", "tenserflow"], 'no peer "tenserflow"'),
        (["--forward-only", "--phase", "train"], "--phase train is about forward and backward"),
        (["--size", "3by4"], "expected WIDTHxHEIGHT"),
        (["-o", "x.png"], "-o names the plot of --grow"),
        (["--grow", "ranks", "-o", "x.png"], "-o names the plot of --grow area, batch, filters"),
        (["--grow", "ranks", "--phase", "test"], "several processes share a training; leave --phase test out"),
        (["--grow", "ranks", "--against", "torch"], "are about us alone"),
        (["--mpirun", "mpirun -f hosts"], "--mpirun is about --grow ranks"),
        (["--grow", "area", "--json"], "--json: --grow area, batch, filters and --estimate print Markdown"),
        (["--roofline", "--against", "torch"], "are about us alone"),
        (["--roofline", "--phase", "train"], "are about drawing"),
        (["--gpu-report", "x"], "--gpu-report: races the shipped nets in its own ways; it takes --device, --minutes"),
        (["--table2"], "are about one 155x200 photo and the nets sr to large; name no other"),
    ],
)
def test_bad_options_end_with_status_2(arguments, message, tiny, capsys):
    with pytest.raises(SystemExit) as stop:
        benchmark.main([tiny, *arguments])
    assert stop.value.code == common.BAD_INPUT
    assert message in capsys.readouterr().err


def test_without_a_netdef_there_must_be_something_to_do(capsys):
    with pytest.raises(SystemExit) as stop:
        benchmark.main([])
    assert stop.value.code == common.BAD_INPUT
    assert "expected a netdef file, --table2, --estimate or --gpu-report" in capsys.readouterr().err


def test_a_report_on_a_card_needs_one(capsys):
    with pytest.raises(SystemExit) as stop:
        benchmark.main(["--gpu-report", "x", "--device", "cpu"])
    assert stop.value.code == common.BAD_INPUT
    assert "--gpu-report: needs a GPU, found --device cpu" in capsys.readouterr().err


def test_a_report_on_a_card_says_where_it_is(monkeypatch, tmp_path, capsys):
    plans = []

    def report(plan, output, tell):
        plans.append(plan)
        tell("The card: 1 s")
        return tmp_path / f"{output}.json", tmp_path / f"{output}.md"

    monkeypatch.setattr(common, "use_device", lambda args, say: say("Use GPU") or device.Device("gpu", 1))
    monkeypatch.setattr(pysketch.benchmark, "report_card", report)
    arguments = ["--gpu-report", "card", "--minutes", "2", "--seed", "3", "--iterations", "5", "--threads", "6"]
    assert benchmark.main(arguments) == 0
    said = "Use GPU", "The card: 1 s", f"{tmp_path / 'card.md'}: for people; {tmp_path / 'card.json'}: for programs"
    assert tuple(capsys.readouterr().out.splitlines()) == said
    (plan,) = plans
    assert (plan.device, plan.seconds, plan.seed, plan.runs, plan.threads) == ("gpu:1", 120, 3, 5, 6)


@pytest.mark.slow
def test_a_net_that_reads_files_is_timed_with_them(tmp_path, capsys):
    path = write_net(tmp_path, CONV_NET)
    assert benchmark.main([path, "--phase", "train", "--iterations", "3", "--device", "cpu", "--json"]) == 0
    layers = json.loads(capsys.readouterr().out)["layers"]
    assert [layer["name"] for layer in layers] == ["data", "conv1", "relu1", "conv2", "loss"]
    assert [layer["backward_ms"] is not None for layer in layers] == [False, True, True, True, True]


def test_an_estimate_needs_nothing_but_the_nets(capsys):
    assert benchmark.main(["--estimate"]) == 0
    assert "ESTIMATE, not measured" in capsys.readouterr().out


def test_processes_that_share_a_training_are_a_table_or_an_object(tiny, capsys, monkeypatch):
    asked = []
    monkeypatch.setattr("pysketch.benchmark.measure_ranks", lambda *arguments: asked.append(arguments))
    monkeypatch.setattr("pysketch.benchmark.report_ranks", lambda growth: iter(["a", "table"]))
    monkeypatch.setattr("pysketch.benchmark.summary_ranks", lambda growth: {"an": "object"})
    arguments = [tiny, "--grow", "ranks", "--mpirun", "mpirun -f 'my hosts'", "--iterations", "5"]
    assert benchmark.main(arguments) == 0
    assert capsys.readouterr().out == "a\ntable\n"
    assert benchmark.main([*arguments, "--json", "--batch", "8"]) == 0
    assert json.loads(capsys.readouterr().out) == {"an": "object"}
    (job, runs, mpirun), (other, *_) = asked
    assert (job.phase, job.batch, job.threads, job.device, other.batch) == ("train", 4, 1, "cpu", 8)
    assert (runs, mpirun) == (5, ["mpirun", "-f", "my hosts"])


def test_on_a_gpu_the_processes_are_not_timed(tiny, gpu, capsys):
    with pytest.raises(SystemExit):
        benchmark.main([tiny, "--grow", "ranks", "--device", str(gpu)])
    assert "--grow ranks: on the CPU only; add --device cpu" in capsys.readouterr().err


@pytest.mark.slow
def test_many_processes_are_estimated(capsys):
    assert benchmark.main(["--estimate", "ranks"]) == 0
    assert "How many processes pay" in capsys.readouterr().out


@pytest.mark.slow
def test_a_roofline_is_a_table_or_an_object(tiny, capsys, monkeypatch):
    monkeypatch.setattr("pysketch.benchmark.roofline.ORDERS", {"cpu": 65})
    monkeypatch.setattr("pysketch.benchmark.roofline.COPIED", 4096)
    arguments = [tiny, "--roofline", "--iterations", "3", "--device", "cpu"]
    assert benchmark.main(arguments) == 0
    assert "roofline ms" in capsys.readouterr().out
    assert benchmark.main([*arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [layer["name"] for layer in found["layers"]] == ["conv1", "relu1", "conv2"]


def test_engines_are_a_table_or_an_object(tiny, capsys):
    arguments = [tiny, "--engines", "--iterations", "3", "--device", "cpu", "--threads", "1"]
    assert benchmark.main(arguments) == 0
    assert "model's error" in capsys.readouterr().out
    assert benchmark.main([*arguments, "--json"]) == 0
    assert {layer["name"] for layer in json.loads(capsys.readouterr().out)["layers"]} == {"conv1", "conv2"}


@pytest.mark.slow
def test_table_2_is_a_table_or_an_object(tiny, capsys, monkeypatch):
    monkeypatch.setattr("pysketch.benchmark.table2.jobs", lambda job: [nets.Job(tiny)] * 4)
    race_once(monkeypatch)
    assert benchmark.main(["--table2", "--iterations", "3", "--device", "cpu"]) == 0
    assert "the paper's K40 ms" in capsys.readouterr().out
    assert benchmark.main(["--table2", "--iterations", "3", "--device", "cpu", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["nets"]["sr"]["median_ms"] > 0


def test_on_a_gpu_the_engine_is_the_gpus_and_the_hosts_time_is_shown(tmp_path, gpu, capsys):
    path = tmp_path / "net.prototxt"
    path.write_text(
        'layer { name: "data" type: "Input" top: "x" input_param { shape { dim: [1, 32, 20, 20] } } }'
        'layer { name: "conv" type: "Convolution" bottom: "x" top: "y"'
        " convolution_param { num_output: 32 kernel_size: 5 } }"
    )
    assert benchmark.main([str(path), "--iterations", "3", "--device", str(gpu)]) == 0
    out = capsys.readouterr().out
    assert "CAFFE" in out
    assert "The host is busy with a step for" in out


def test_a_peer_that_is_not_installed_is_one_line(tiny, monkeypatch):
    monkeypatch.setattr(race, "missing_libraries", lambda peer: ["torch"])
    with pytest.raises(race.BenchmarkError, match=r'torch: torch not installed; pip install -e "\.\[bench\]"'):
        benchmark.main([tiny, "--against", "torch", "--iterations", "3"])


def test_on_a_gpu_peers_of_the_cpu_are_refused(tiny, gpu, monkeypatch):
    monkeypatch.setattr(race, "missing_libraries", lambda peer: [])
    with pytest.raises(race.BenchmarkError, match=r"^opencv: runs on the CPU only; add --device cpu, or compare with"):
        benchmark.main([tiny, "--against", "opencv", "--device", str(gpu)])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: --keep"),
        (["--keep", "x", "--sizes", "1e3", "50"], "expected a whole number from 100 to 1e8, such as 1e5, found 50"),
        (["--keep", "x", "--sizes", "many"], "found many"),
        (["--keep", "x", "--described", "3"], "expected 100 or more, found 3"),
    ],
)
def test_bad_options_of_a_gallery_end_with_status_2(arguments, message, capsys):
    with pytest.raises(SystemExit) as stop:
        benchmark.main(["gallery", *arguments])
    assert stop.value.code == common.BAD_INPUT
    assert message in capsys.readouterr().err


def test_a_gallery_is_a_table_or_an_object(tmp_path, monkeypatch, capsys):
    jobs = []

    def raced(job):
        jobs.append(job)
        searched = gallery_race.Searched(1000, "index", 0.1, [0.02], [0.03], 1, 1, {"held_bytes": 1, "peak_bytes": 2})
        yield gallery_race.GalleryResult(job, {}, [0.1], {1000: [5]}, [searched])

    monkeypatch.setattr("pysketch.benchmark.race_in_gallery", raced)
    arguments = ["gallery", "--keep", str(tmp_path), "--sizes", "1e3", "--queries", "7", "--threads", "3"]
    assert benchmark.main(arguments) == 0
    assert "1 of 1" in capsys.readouterr().out
    assert benchmark.main([*arguments, "--json", "--strangers"]) == 0
    assert json.loads(capsys.readouterr().out)["searches"][0]["median_ms"] == 20
    assert [(job.sizes, job.queries, job.threads, job.strangers) for job in jobs] == [
        ((1000,), 7, 3, False),
        ((1000,), 7, 3, True),
    ]

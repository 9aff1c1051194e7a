"""A GPU, real or emulated, gives the CPU's numbers: every layer, whole nets, training; snapshots go both ways."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from helpers import assert_equal_to_rounding
from layer_cases import CASES, build
from solver_helpers import CONV_NET, RULES, SKETCH_NET, assert_same_bits, make_solver, weights, write_pairs

from pysketch.device.backend import CPU, copy_into, to_host
from pysketch.errors import DivergenceError
from pysketch.layers.context import Context
from pysketch.net.gradient_check import check_net_gradients
from pysketch.net.net import Net
from pysketch.netdef.definitions import Phase, parse_netdef
from pysketch.solver.updates import Updater

ROOT = Path(__file__).parents[1]
NETDEFS = sorted((ROOT / "netdefs").glob("*.prototxt"))
DTYPES = [np.float64, np.float32]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [name for name in CASES if name != "HDF5Output"])  # which gives no numbers
def test_every_layer(name, dtype, gpu, tmp_path):
    found, expected = (build(name, tmp_path, dtype=dtype, device=device) for device in (gpu, CPU))
    if CASES[name].bottoms:
        assert_equal_to_rounding(found.everything(), expected.everything())
    else:
        assert_equal_to_rounding(found.forward(), expected.forward())


def cropped(path):
    """A shipped netdef with pairs of 15x16 pixels (portrait: 16x16), two a batch."""
    sizes = {"photo_width": 15, "photo_height": 16, "sketch_width": 3, "sketch_height": 4}
    if path.stem == "portrait":
        sizes = dict.fromkeys(sizes, 16)
    text = re.sub(r'"(photo|sketch)_(width|height)": \d+, *', "", path.read_text()).replace('"shift": 28', '"shift": 2')
    options = "".join(f'"{name}": {size}, ' for name, size in sizes.items())
    text, count = re.subn(r'"batch_size": \d+,', f'"batch_size": 2, {options}', text)
    assert count == 1
    return parse_netdef(text, path.name)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("path", NETDEFS, ids=lambda path: path.stem)
def test_every_shipped_net_forward_and_backward(path, dtype, gpu, tmp_path):
    source = str(write_pairs(tmp_path, 3, (24, 23)))
    results = []
    for device in (gpu, CPU):
        net = Net(cropped(path), Phase.TRAIN, Context(dtype=dtype, data_source=source, seed=2, device=device))
        loss = net.forward_loss()
        net.backward()
        arrays = [net.blobs["prediction"].data, *(param.blob.diff for param in net.learnable)]
        results.append([np.array(float(loss), dtype), *map(to_host, arrays)])
    assert_equal_to_rounding(*results)


def test_the_gradients_of_a_whole_net(gpu, tmp_path):
    source = str(write_pairs(tmp_path, 3))
    net = Net(parse_netdef(SKETCH_NET), Phase.TRAIN, Context(dtype=np.float64, data_source=source, device=gpu))
    assert check_net_gradients(net, samples=4) > 10


@pytest.mark.parametrize("net", [CONV_NET, SKETCH_NET], ids=["rows", "pairs"])
@pytest.mark.parametrize("rule", RULES)
def test_twenty_iterations_of_every_solver(rule, net, gpu, tmp_path):
    solvers = [trained(tmp_path, rule, net, device, 20) for device in (gpu, CPU)]
    assert_equal_to_rounding(*(numbers(solver) for solver in solvers))


def trained(folder, rule, net, device, iterations, more=""):
    """A solver, with more options if need be, after so many iterations."""
    pairs = {"data_source": str(write_pairs(folder / "data", 3))} if net is SKETCH_NET else {}
    solver = make_solver(folder, options(rule, net, more), net, device=device, **pairs)
    solver.step(iterations)
    return solver


def options(rule, net, more=""):
    rate = "" if "base_lr" in more else "base_lr: 0.02" if net is CONV_NET else "base_lr: 1e-5"
    clip = RULES[rule].replace("clip_gradients: 10", "" if "clip" in more else "clip_gradients: 10")
    return f'type: "{rule}" {clip} {rate} weight_decay: 0.001 max_iter: 99 {more}'


def numbers(solver):
    """All weights and all history, on the CPU."""
    return [flat(weights(solver.net)), flat(solver.updater.history)]


def flat(arrays):
    """One vector of all their numbers."""
    return np.concatenate([to_host(array).ravel() for array in arrays])


@pytest.mark.parametrize("rule", RULES)
def test_twenty_updates_of_every_rule_in_float64(rule, gpu, tmp_path):
    definition = make_solver(tmp_path, options(rule, CONV_NET)).definition
    results = []
    for device in (gpu, CPU):
        net = Net(definition.train_net, Phase.TRAIN, Context(dtype=np.float64, seed=1, device=device))
        updater = Updater(definition.options, rule, net.learnable, net.context.workers)
        for iteration in range(20):
            net.clear_param_diffs()
            net.forward()
            net.backward()
            updater.update(0.02, iteration)
        results.append([flat(weights(net)), flat(updater.history)])
    assert_equal_to_rounding(*results)


@pytest.mark.parametrize("parts", ["micro_batch: 1", "iter_size: 2 clip_gradients: 0.1"])
def test_batches_in_parts(parts, gpu, tmp_path):
    solvers = [trained(tmp_path, "SGD", SKETCH_NET, device, 5, parts) for device in (gpu, CPU)]
    assert_equal_to_rounding(*(numbers(solver) for solver in solvers))


def test_a_log_with_tests_and_debug_info_has_the_same_lines(gpu, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    lines = []
    for device in (gpu, CPU):
        caplog.clear()
        trained(tmp_path, "SGD", CONV_NET, device, 4, "display: 2 debug_info: true test_iter: 2 test_interval: 2")
        # each device has its own engines
        messages = [re.sub(r"(convolution engine) .*", r"\1", text) for text in caplog.messages]
        lines.append([re.sub(r"-?\d[\d.e+-]*", "#", text) for text in messages])
    assert len(lines[1]) > 50
    assert lines[0] == lines[1]


def test_what_diverges_is_found_in_the_same_place(gpu, tmp_path):
    said = []
    for device in (gpu, CPU):
        with pytest.raises(DivergenceError) as caught:
            trained(tmp_path, "SGD", CONV_NET, device, 20, "base_lr: 1e25 display: 1")
        said.append(str(caught.value))
    assert said[0] == said[1]


@pytest.mark.parametrize("there", [False, True], ids=["cpu_to_gpu", "gpu_to_cpu"])
def test_a_snapshot_of_one_device_goes_on_on_the_other(there, gpu, tmp_path):
    first, second = (gpu, CPU) if there else (CPU, gpu)
    before = trained(tmp_path, "Adam", CONV_NET, first, 4)
    state = before.snapshot()
    resumed = make_solver(tmp_path, options("Adam", CONV_NET), device=second)
    resumed.restore(state)
    assert_same_bits(numbers(resumed), numbers(before))
    resumed.step(3)
    assert_equal_to_rounding(numbers(resumed), numbers(trained(tmp_path, "Adam", CONV_NET, first, 7)))


def test_a_gpu_is_not_asked_for_losses_that_are_not_displayed_but_nothing_diverged_is_written(gpu, tmp_path):
    solver = trained(tmp_path, "SGD", CONV_NET, gpu, 20, "base_lr: 1e25")
    with pytest.raises(DivergenceError, match="param 0, data is not finite"):
        solver.snapshot()
    assert not list((tmp_path / "out").rglob("*"))


def test_a_gpu_without_memory_leaves_the_last_snapshot_good(gpu, tmp_path):
    solver = trained(tmp_path, "Adam", CONV_NET, gpu, 3)
    state = solver.snapshot()
    expected = numbers(solver)
    pool = gpu.xp.get_default_memory_pool()
    solver.net.blobs["data"].reshape(400, 2, 60, 70)  # what the next batch would be, were it so large
    pool.free_all_blocks()
    pool.set_limit(pool.total_bytes() + 1024)
    try:
        with pytest.raises(MemoryError):
            solver.net.forward_layers(range(1, len(solver.net.layers)))
    finally:
        pool.set_limit(0)
    resumed = make_solver(tmp_path, options("Adam", CONV_NET), device=gpu)
    resumed.restore(state)
    assert_same_bits(numbers(resumed), expected)


def test_values_are_copied_between_devices_in_both_directions(gpu):
    values = np.arange(6.0).reshape(2, 3)
    there, back = gpu.xp.zeros((2, 3), np.float32), np.zeros((2, 3))
    copy_into(there, values)
    copy_into(back, there)
    np.testing.assert_array_equal(back, values)


TRAINING = """
import sys
from pathlib import Path
sys.path.insert(0, "tests")
from solver_helpers import SKETCH_NET, make_solver, write_pairs
from pysketch.device import choose_device
folder = Path(sys.argv[1])
source = str(write_pairs(folder, 3, (24, 23)))
options = {"type": '"Adam"', "momentum": 0.9, "momentum2": 0.999, "max_iter": 100, "display": int(sys.argv[2])}
text = "\\n".join(f"{name}: {value}" for name, value in options.items())
solver = make_solver(folder, text, SKETCH_NET.replace(*sys.argv[3:5]), data_source=source, layer_paths=[str(folder)],
                     device=choose_device("gpu"))
solver.step(2)
print("MARK", file=sys.stderr, flush=True)
solver.step(4)
print("MARK", file=sys.stderr, flush=True)
"""


def traced(folder, display=0, replaced=("", "")):
    """What the emulated driver tells of the time before four iterations, and of these."""
    run = subprocess.run(
        [sys.executable, "-c", TRAINING, str(folder), str(display), *replaced],
        env={**os.environ, "CUPY_ON_CPU_TRACE": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    before, during, _ = run.stderr.split("MARK\n")
    return before, during


def copies(folder, display=0, replaced=("", "")):
    """The bytes of each copy (up to the GPU, down from it) in four iterations."""
    before, during = traced(folder, display, replaced)
    pieces = [(int(place, 16), int(size)) for size, place in re.findall(r"hipMalloc (\d+) -> (0x\w+)", before + during)]

    def on_gpu(address):
        return any(place <= int(address, 16) < place + size for place, size in pieces)

    found = re.findall(r"hipMemcpy\w* (0x\w+) <- (0x\w+), (\d+) bytes", during)
    ends = [(on_gpu(target), on_gpu(source), int(size)) for target, source, size in found]
    return [size for up, down, size in ends if up and not down], [size for up, down, size in ends if down and not up]


@pytest.fixture
def emulated(gpu):
    """Only the emulated driver tells of every copy."""
    if not gpu.xp.cuda.runtime.is_hip:
        pytest.skip("a real GPU's driver does not tell of its copies")


def test_an_iteration_takes_its_batch_up_once_and_nothing_down(emulated, tmp_path):
    up, down = copies(tmp_path)
    batch = sorted(4 * size for size in (2 * 5 * 13 * 11, 2 * 1 * 9 * 7))
    assert sorted(up) == sorted(batch * 4)
    assert down == []


def test_an_iteration_launches_few_kernels_of_cupys_and_takes_no_new_memory(emulated, tmp_path):
    _, during = traced(tmp_path)
    names = Counter(re.findall(r"launch (\w+)", during))
    assert not re.search("hipMalloc|hipFree", during)
    assert {name: number / 4 for name, number in names.items() if name.startswith("cupy_")} == {
        "cupy_copy__float32_float32": 3,  # turned kernels, two of them backward
        "cupy_add__float32_float32_float32": 2,  # their gradients
        "cupy_copy__float32_float64": 1,  # the loss, for the log
        "cupy_fill": 1,  # the loss's diff
    }
    assert sum(names.values()) / 4 == 29


def test_a_displayed_iteration_takes_single_numbers_down(emulated, tmp_path):
    _, down = copies(tmp_path, display=2)
    assert down
    assert max(down) <= 8


DOUBLE = """
import caffe


class Double(caffe.Layer):
    def setup(self, bottom, top):
        pass

    def reshape(self, bottom, top):
        top[0].reshape(*bottom[0].shape)

    def forward(self, bottom, top):
        top[0].data[...] = 2 * bottom[0].data

    def backward(self, top, propagate_down, bottom):
        bottom[0].diff[...] = 2 * top[0].diff
"""


def test_only_a_layer_written_for_pycaffe_has_its_blobs_copied(emulated, tmp_path):
    (tmp_path / "double_layer.py").write_text(DOUBLE)
    conv2 = 'layer { name: "conv2" type: "Convolution" bottom: "conv1"'
    python = 'python_param { module: "double_layer" layer: "Double" }'
    double = f'layer {{ name: "double" type: "Python" bottom: "conv1" top: "doubled" {python} }}'
    up, down = copies(tmp_path, replaced=(conv2, f"{double} {conv2.replace('conv1', 'doubled')}"))
    blob = 4 * 2 * 3 * 10 * 9
    assert sorted(up) == sorted([4 * 2 * 5 * 13 * 11, 4 * 2 * 9 * 7, blob, blob] * 4)
    assert set(down) == {blob}

"""The model of a step: its exchanges are those that are made, its times follow from its figures."""

import math
from dataclasses import replace

import numpy as np
import pytest
from ranks import run_ranks

from pysketch.benchmark.nets import Job
from pysketch.benchmark.rank import Trainer
from pysketch.benchmark.scaling import (
    Chunk,
    Exchange,
    Link,
    Plan,
    Processor,
    all_gather,
    all_reduce,
    measured,
    plan,
    step,
)
from pysketch.benchmark.work import Pass, Work

NET = """
name: "joint"
layer {
  name: "data" type: "Input" top: "data" top: "label"
  input_param { shape { dim: [2, 5, 9, 8] } shape { dim: [2, 1, 3, 2] } }
}
layer {
  name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 40 kernel_size: 5 weight_filler { type: "msra" } }
}
layer {
  name: "conv2" type: "Convolution" bottom: "conv1" top: "prediction"
  convolution_param { num_output: 1 kernel_size: 3 weight_filler { type: "msra" } }
}
layer {
  name: "loss" type: "Python" bottom: "prediction" bottom: "label" top: "loss" loss_weight: 1
  python_param { module: "pysketch.layers" layer: "GenerativeDiscriminativeLoss" }
}
"""


@pytest.fixture
def joint(tmp_path):
    path = tmp_path / "joint.prototxt"
    path.write_text(NET)
    return Job(str(path), "train")


def recorded(communicator, work):
    """What a process sends in each exchange while it works; it receives as much, but for what does not divide."""
    found, exchange = [], communicator.exchange

    def noted(sends, receives):
        found.append(Exchange(len(sends), sum(array.nbytes for _, array in sends)))
        assert len(receives) == len(sends)
        exchange(sends, receives)

    communicator.exchange = noted
    work()
    return found


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("count", [1, 4096, 4097, 10001])
def test_the_exchanges_of_process_0_are_counted_to_the_byte(size, count):
    def gathering(communicator):
        return recorded(communicator, lambda: communicator.all_gather(np.ones(count, np.float32)))

    def reducing(communicator):
        return recorded(communicator, lambda: communicator.all_reduce(np.ones(count, np.float32)))

    assert run_ranks(size, gathering)[0] == all_gather(size, 4 * count)
    assert run_ranks(size, reducing)[0] == all_reduce(size, count)


def test_a_whole_steps_exchanges_are_those_of_the_plan(joint, monkeypatch):
    monkeypatch.setattr("pysketch.solver.shared_batches.CHUNK", 1)
    planned = plan(joint)
    assert planned.gathered == (4 * 3 * 2, 4 * 3 * 2)
    assert (planned.pixels, planned.params) == (6, 40 * 5 * 25 + 40 + 40 * 9 + 1)

    def work(communicator):
        trainer = Trainer(replace(joint, batch=6), communicator)
        return recorded(communicator, trainer.step)

    expected = [each for nbytes in planned.gathered for each in all_gather(3, 2 * nbytes)]
    expected += all_reduce(3, planned.sums)
    for chunk in sorted(planned.chunks, key=lambda chunk: -max(chunk.layers)):
        expected += all_reduce(3, chunk.count)
    assert run_ranks(3, work)[0] == expected
    assert [max(chunk.layers) for chunk in planned.chunks] == [1, 1, 2, 2]


def test_a_step_has_the_operations_of_its_layers_and_another_loss_has_no_work(joint, tiny):
    forward = 2 * 40 * 5 * 25 * (5 * 4), 2 * 40 * 9 * (3 * 2)
    assert plan(joint).flops == ((0, 0), (forward[0], forward[0]), (forward[1], 2 * forward[1]), (0, 0))
    assert plan(joint).pair_flops == 2 * forward[0] + 3 * forward[1]
    assert plan(Job(tiny, "train")).pixels == 0


PLAN = Plan(
    "paper",
    ((0, 0), (100, 100), (100, 200)),
    (Work(None, 0, ()), Work(None, 0, (Pass("a", 100, 1),)), Work(None, 0, (Pass("b", 100, 1, 5),))),
    (1000, 1000),
    250,
    2,
    (Chunk(8000, frozenset({1})), Chunk(80000, frozenset({2}))),
    88000,
)
CPU = Processor("cpu", math.inf, math.inf, {"paper": 100.0})
GPU = Processor("gpu", 100.0, math.inf, launch=0.5)
FREE = Link(0.0, 0.0, math.inf)


def test_what_is_computed_is_shared():
    alone, two = (step(PLAN, size, 8, CPU, FREE) for size in (1, 2))
    assert alone.computing == alone.total == 8 * 5
    assert two.total == 4 * 5


def test_gathering_grows_with_the_batch_and_hardly_with_the_processes():
    link = Link(1e-3, 1e-4, 1e6)
    for size, batch in ((2, 8), (4, 8), (4, 80)):
        pairs = batch // size
        expected = 2 * (1e-3 + (size - 2) * 1e-4 + (size - 1) * pairs * 1000 / 1e6)
        assert step(PLAN, size, batch, CPU, link).gathering == pytest.approx(expected)


def test_sums_hide_behind_the_layers_that_are_yet_to_run():
    """Of 2 pairs backward takes 4 s for the last layer, whose chunk is the large one, and then 2 s for the other."""
    for bandwidth, left in ((1.6e6, 0.02), (160e3, 0.2), (80e3, 2.4)):  # the large chunk takes 0.2, 2 and 4 s
        assert step(PLAN, 2, 4, CPU, Link(0.0, 0.0, bandwidth)).summing == pytest.approx(left)


def test_on_a_gpu_small_work_takes_as_long_as_its_launches_and_backward_as_its_operations():
    assert GPU.layers(PLAN, 1) == [(0.0, 0.0), (1.0, 1.0), (2.5, 5.0)]
    assert GPU.layers(PLAN, 10) == [(0.0, 0.0), (10.0, 10.0), (10.0, 20.0)]


def test_the_joint_loss_is_shared_on_a_cpu_and_not_on_a_gpu():
    cpu = Processor("cpu", 1e3, math.inf, {"paper": 1.0})
    assert cpu.joint_loss(PLAN, 4, 8) == pytest.approx(6 * 4 * 8 * 250 / 1e3)
    assert cpu.joint_loss(PLAN, 2, 8) == pytest.approx(6 * 2 * 8 * 250 / 1e3)
    gpu = Processor("gpu", 1e3, math.inf)
    assert gpu.joint_loss(PLAN, 2, 8) == pytest.approx((16 * 8 * 8 + 2 * 2 * 8) * 250 / 1e3)


def test_a_processor_is_found_from_a_steps_time():
    truth = Processor("truth", 1e4, 1e6, {"paper": 100.0})
    alone = step(PLAN, 1, 8, truth, FREE)
    assert alone.total > alone.computing
    assert measured("here", 1e4, 1e6, [(PLAN, 8, alone.total)]).rates["paper"] == pytest.approx(100)

"""One kernel for each rule against the rules of `updates`, on the same numbers, and against the formulas once."""

import numpy as np
import pytest
from solver_helpers import solver_def

from pysketch.device.backend import CPU, copy_into, to_host
from pysketch.device.blob import Blob
from pysketch.device.workers import Workers
from pysketch.net.flat_params import FlatParams
from pysketch.net.params import Param
from pysketch.solver.update_kernels import KERNELS
from pysketch.solver.updates import UPDATE_RULES, Updater

RATES = {
    "SGD": "momentum: 0.9",
    "Nesterov": "momentum: 0.9",
    "AdaGrad": "delta: 1e-3",
    "RMSProp": "rms_decay: 0.98 delta: 1e-3",
    "AdaDelta": "momentum: 0.95 delta: 1e-3",
    "Adam": "momentum: 0.9 momentum2: 0.999",
}


def trained(type, options, device, dtype, steps=3):
    """Data, diffs and history of two params of different multipliers after some steps, as one list."""
    rng = np.random.default_rng(1)
    params = [
        Param("layer", k, Blob(shape, dtype, device.xp), *rates) for k, (shape, rates) in enumerate(SHAPES.items())
    ]
    for each in params:
        copy_into(each.blob.data, rng.integers(-2, 3, each.blob.shape) * 0.7)
    solver = solver_def(f'net: "n" max_iter: 1 {RATES[type]} {options}').options
    updater = Updater(solver, type, FlatParams(params), Workers(1))
    for iteration in range(steps):
        for each in params:
            copy_into(each.blob.diff, rng.integers(-2, 3, each.blob.shape) * 0.37)
        updater.update(0.1, iteration)
    arrays = [array for each in params for array in (each.blob.data, each.blob.diff)]
    return [to_host(array) for array in (*arrays, *updater.history)]


SHAPES = {(3, 7, 5): (1.0, 1.0), (300,): (2.0, 0.0)}


@pytest.mark.kernels
@pytest.mark.on_gpu
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-12)])
@pytest.mark.parametrize("more", ["", "weight_decay: 0.1", 'weight_decay: 0.1 regularization_type: "L1" iter_size: 2'])
@pytest.mark.parametrize("type", UPDATE_RULES)
def test_a_kernel_steps_as_its_rule_does(gpu, type, more, dtype, tolerance):
    results = zip(trained(type, more, gpu, dtype), trained(type, more, CPU, dtype), strict=True)
    for found, expected in results:
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.kernels
@pytest.mark.on_gpu
def test_a_step_of_adam_is_the_formula(gpu):
    """With a sum of squares of (1 - b2) g^2: u = rate g / (|g| + delta / sqrt(1 - b2)) at the first step."""
    shape = next(iter(SHAPES))
    data, diff, *_ = trained("Adam", "", gpu, np.float64, steps=1)
    assert diff.shape == data.shape == shape
    sizes = np.unique(np.abs(diff).round(6))
    np.testing.assert_allclose(sizes, [0, 0.1], atol=1e-6)


def test_every_rule_has_a_kernel():
    assert list(KERNELS) == list(UPDATE_RULES)

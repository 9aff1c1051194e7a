from __future__ import annotations

import sys

import numpy as np
import pytest

from pysketch.baselines.support_vectors import SupportVectorRegression, gaussian_kernel, library
from pysketch.errors import BaselineError

needs_sklearn = 'needs pip install -e ".[baselines]"'


def test_the_kernel_is_that_of_the_formula():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(4, 3)), rng.normal(size=(5, 3))
    expected = [[np.exp(-0.7 * ((a - b) ** 2).sum()) for b in y] for a in x]
    np.testing.assert_allclose(gaussian_kernel(x, y, 0.7), expected)


def test_predictions_are_those_of_a_machine_for_each_output():
    svm = pytest.importorskip("sklearn.svm", reason=needs_sklearn)
    rng = np.random.default_rng(1)
    x, y, new = rng.normal(size=(30, 3)), rng.normal(size=(30, 2)), rng.normal(size=(7, 3))
    machine = SupportVectorRegression(gamma=0.4, C=1.5, epsilon=0.2)
    machine.fit(x, y)
    each = [svm.SVR(kernel="rbf", gamma=0.4, C=1.5, epsilon=0.2, tol=1e-2).fit(x, target) for target in y.T]
    np.testing.assert_allclose(machine.predict(new), np.stack([one.predict(new) for one in each], 1), atol=0.03)


def test_what_is_within_epsilon_is_not_learned():
    pytest.importorskip("sklearn", reason=needs_sklearn)
    x = np.linspace(-1, 1, 9)[:, None]
    machine = SupportVectorRegression(gamma=1, C=10, epsilon=0.5)
    machine.fit(x, np.concatenate([0.4 * x, 3 * x], axis=1))
    flat, steep = machine.predict(x).T
    np.testing.assert_allclose(flat, flat[0], atol=1e-6)
    np.testing.assert_allclose(steep, 3 * x[:, 0], atol=0.55)


def test_without_the_library_one_line_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    message = r'^baseline "svr": scikit-learn is not installed; install it with: pip install -e "\.\[baselines\]"$'
    with pytest.raises(BaselineError, match=message):
        library()

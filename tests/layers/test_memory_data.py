"""MemoryData: the program's arrays, batch after batch, and arrays that do not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from helpers import Case, SingleLayer, layer_text, make_layer, refused

from pysketch.device.backend import Device
from pysketch.errors import DataError, NetdefError

TEXT = layer_text(
    "MemoryData", [], ["data", "label"], "memory_data_param { batch_size: 2 channels: 3 height: 4 width: 5 }"
)


def arrays(n: int) -> tuple[np.ndarray, np.ndarray]:
    """So many items; labels are 10, 11, ..."""
    data = np.random.default_rng(0).standard_normal((n, 3, 4, 5)).astype(np.float32)
    return data, np.arange(10, 10 + n, dtype=np.float32)


def filled(n: int, **more: Any) -> SingleLayer:
    """The layer with so many items."""
    single = make_layer(TEXT, **more)
    single.layer.set_input_arrays(*arrays(n))
    return single


CONTRACT = {
    "MemoryData": Case(
        TEXT, (), ((2, 3, 4, 5), (2,)), prepare=lambda single: single.layer.set_input_arrays(*arrays(4))
    ),
}


def test_batches_come_in_turn_and_after_the_last_the_first_again(device: Device) -> None:
    single = filled(6, device=device)
    data, _ = arrays(6)
    for k in (0, 2, 4, 0, 2):
        found, labels = single.forward()
        np.testing.assert_array_equal(found, data[k : k + 2])
        assert labels.tolist() == [10 + k, 11 + k]


def test_labels_may_have_four_axes_as_pycaffes_have() -> None:
    single = make_layer(TEXT)
    data, labels = arrays(2)
    single.layer.set_input_arrays(data, labels.reshape(2, 1, 1, 1))
    assert single.forward()[1].tolist() == [10, 11]


def test_new_arrays_begin_with_their_first_item() -> None:
    single = filled(4)
    single.forward()
    data, labels = arrays(2)
    single.layer.set_input_arrays(data, labels + 50)
    assert single.forward()[1].tolist() == [60, 61]


def test_a_layer_resumed_from_its_state_goes_on_with_the_next_items() -> None:
    single, resumed = filled(6), filled(6)
    single.forward()
    resumed.layer.restore_state(single.layer.state())
    assert resumed.forward()[1].tolist() == [12, 13]


def test_without_arrays_there_is_no_forward() -> None:
    message = refused(DataError, make_layer(TEXT).forward, where='<netdef>:2:.*layer "it": ')
    assert message.endswith("has no data yet; give it some with set_input_arrays(data, labels)")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, t: (x.tolist(), t), "data: expected a NumPy array, found list"),
        (lambda x, t: (x.astype(float), t), "data: expected float32, found float64"),
        (lambda x, t: (x, t.astype(int)), "labels: expected float32, found int64"),
        (lambda x, t: (x[:, ::-1], t), "data: expected a C-contiguous array (numpy.ascontiguousarray makes one)"),
        (lambda x, t: (x[:, :2].copy(), t), "data: expected the shape (N, 3, 4, 5), found (4, 2, 4, 5)"),
        (lambda x, t: (x[0].copy(), t), "data: expected the shape (N, 3, 4, 5), found (3, 4, 5)"),
        (lambda x, t: (x, t[:3].copy()), "labels: expected the shape (4,) or (4, 1, 1, 1), found (3,)"),
        (lambda x, t: (x[:3].copy(), t[:3].copy()), "expected a multiple of batch_size 2 items, found 3"),
        (lambda x, t: (x[:0].copy(), t[:0].copy()), "expected a multiple of batch_size 2 items, found 0"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_and_change_nothing(change: Any, message: str) -> None:
    single = filled(2)
    found = refused(DataError, single.layer.set_input_arrays, *change(*arrays(4)), where='<netdef>:2:.*layer "it": ')
    assert found.endswith(message)
    assert single.forward()[1].tolist() == [10, 11]


def test_options_that_are_missing_are_refused() -> None:
    text = layer_text("MemoryData", [], ["x", "t"], "memory_data_param { batch_size: 2 channels: 3 height: 4 }")
    assert refused(NetdefError, make_layer, text).endswith("required field MemoryDataParameter.width is missing")

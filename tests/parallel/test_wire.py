"""What is sent comes out as it was, and nothing but values of JSON, bytes and arrays is sent."""

import io

import numpy as np
import pytest

from pysketch.parallel.wire import pack, read_frame, unpack, write_frame


def test_what_is_packed_comes_out_as_it_was():
    arrays = [np.arange(6, dtype=np.float32).reshape(2, 3), np.zeros((0, 4), np.int8), np.array(7.5)]
    value = {"a": [1, 2.5, None, True, "grün\n\udcff"], "b": {"c": b"\0\xff", "d": arrays, "e": b""}, "f": arrays[0].T}
    found = unpack(pack(value))
    assert found["a"] == value["a"]
    assert (found["b"]["c"], found["b"]["e"]) == (b"\0\xff", b"")
    for one, other in zip([*found["b"]["d"], found["f"]], [*arrays, arrays[0].T], strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    found["f"][...] = 3  # an array of its own


def test_tuples_become_lists():
    assert unpack(pack((1, (2, "x")))) == [1, [2, "x"]]


@pytest.mark.parametrize(
    ("value", "error"),
    [({1, 2}, TypeError), (np.array([object()]), TypeError), (np.float32(1), TypeError), ({"": 1}, ValueError)],
)
def test_what_cannot_come_out_as_it_was_is_not_sent(value, error):
    with pytest.raises(error):
        pack([value])


def test_frames_are_read_one_after_the_other_and_one_that_breaks_off_is_none():
    stream = io.BytesIO()
    for content in (b"one", b"", b"three"):
        write_frame(stream, content)
    whole = stream.getvalue()
    stream = io.BytesIO(whole)
    assert [read_frame(stream) for _ in range(4)] == [b"one", b"", b"three", None]
    for end in (3, len(whole) - 1):
        stream = io.BytesIO(whole[:end])
        frames = list(iter(lambda stream=stream: read_frame(stream), None))
        assert b"three" not in frames

"""The peers that read ONNX compute what we compute."""

import pytest

from pysketch.benchmark.contender.peers import missing_libraries
from pysketch.benchmark.nets import Job
from pysketch.benchmark.race import run_race


@pytest.mark.parametrize("peer", ["onnxruntime", "openvino", "opencv"])
def test_peers_that_read_onnx_compute_what_we_compute(peer, tiny):
    if missing := missing_libraries(peer):
        pytest.skip(f"{' and '.join(missing)} not installed; a peer of the benchmark only")
    assert 0 <= run_race(Job(tiny), (peer,), 3, with_layers=False).differences[peer] < 1e-4

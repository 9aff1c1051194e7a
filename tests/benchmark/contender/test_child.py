import io
import json
from dataclasses import asdict

import numpy as np

from pysketch.benchmark.contender.child import main, peak_bytes, read_arrays
from pysketch.benchmark.contender.peers import param_name
from pysketch.benchmark.nets import RATE, Job, build


def serve(tiny, folder, requests, **changes):
    job = Job(tiny, **changes)
    net, inputs = build(job)
    (folder / "job.json").write_text(json.dumps({**asdict(job), "rate": RATE}))
    np.savez(folder / "inputs.npz", **inputs)
    np.savez(folder / "params.npz", **{param_name(param): param.blob.data for param in net.learnable})
    answers = io.StringIO()
    main(folder, "pysketch", io.StringIO(requests), answers)
    return net, inputs, [json.loads(line) for line in answers.getvalue().splitlines()]


def test_every_request_is_answered_by_one_object(tiny, tmp_path):
    _, _, answers = serve(tiny, tmp_path, "check\nstep\npeak\nlayers\n")
    assert [set(answer) for answer in answers] == [
        {"imported_bytes"},
        set(),
        {"seconds", "host_seconds"},
        {"peak_bytes"},
        {"layers"},
    ]
    assert answers[2]["seconds"] > 0


def test_a_device_or_math_mode_that_is_not_there_is_an_answer(tiny, tmp_path):
    for changes, message in (
        ({"device": "gpu:99"}, "device gpu:99 cannot be used: "),
        ({"math": "tf32"}, "math mode tf32 needs a GPU; "),
    ):
        *_, answers = serve(tiny, tmp_path, "check\n", **changes)
        assert [answer["error"][: len(message)] for answer in answers] == [message]


def test_a_check_writes_the_result_of_the_given_weights_and_inputs(tiny, tmp_path):
    net, inputs, _ = serve(tiny, tmp_path, "check\n")
    net.blobs["data"].data[...] = inputs["data"]
    net.forward()
    np.testing.assert_array_equal(read_arrays(tmp_path / "pysketch.npz")["prediction"], net.blobs["prediction"].data)


def test_the_peak_of_memory_is_that_of_this_process():
    before = peak_bytes()
    block = np.ones(16 << 20, np.uint8)
    assert before is None or peak_bytes() >= max(before, block.nbytes)

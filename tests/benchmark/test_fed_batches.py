"""Batches that are given instead of read: each process has its part, and what a loss reads is gathered."""

import numpy as np
from ranks import run_ranks

from pysketch.benchmark.fed_batches import feed_batches
from pysketch.benchmark.nets import Job, build
from pysketch.layers.batch_data import BatchData
from pysketch.parallel.communicator import ALONE
from pysketch.solver.shared_batches import SharedBatches


def test_each_process_has_its_items_again_and_again(tiny):
    def work(communicator):
        net, arrays = build(Job(tiny, "train", batch=6), communicator=communicator)
        feed_batches(net, arrays)
        runner = SharedBatches(net, communicator)
        losses = [float(runner.forward_loss()) for _ in range(2)]
        assert [blob.shape[0] for blob in (*runner.labels, *runner.gathered)] == [6, 6]
        return losses, net.blobs["data"].data.copy(), arrays["data"]

    results = run_ranks(3, work)
    np.testing.assert_array_equal(np.concatenate([share for _, share, _ in results]), results[0][2])
    assert len({tuple(losses) for losses, _, _ in results}) == 1
    one, again = results[0][0]
    assert one == again


def test_alone_the_batch_is_whole(tiny):
    net, arrays = build(Job(tiny, "train", batch=3), communicator=ALONE)
    feed_batches(net, arrays)
    assert isinstance(net.layers[0], BatchData)
    net.forward_loss()
    for name, array in arrays.items():
        np.testing.assert_array_equal(net.blobs[name].data, array)

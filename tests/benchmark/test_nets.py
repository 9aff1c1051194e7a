import numpy as np
import pytest

from pysketch.benchmark.nets import Job, build, build_backward, layer_flops, release_workspace, workspace_bytes
from pysketch.errors import NetdefError


def test_a_job_gives_the_net_its_batch_and_its_size(tiny):
    net, inputs = build(Job(tiny, "test", 3, size=(21, 32)))
    assert {name: array.shape for name, array in inputs.items()} == {"data": (3, 3, 32, 21)}
    assert net.blobs["prediction"].shape == (3, 1, 28, 17)
    net, inputs = build(Job(tiny, "train", 4, size=(12, 14)))
    assert {name: array.shape for name, array in inputs.items()} == {"data": (4, 3, 14, 12), "label": (4, 1, 10, 8)}


def test_the_same_job_gives_the_same_weights_and_inputs(tiny):
    (net, inputs), (again, other) = build(Job(tiny, seed=5)), build(Job(tiny, seed=5))
    np.testing.assert_array_equal(inputs["data"], other["data"])
    np.testing.assert_array_equal(net.params["conv1"][0].data, again.params["conv1"][0].data)
    assert not np.array_equal(build(Job(tiny, seed=6))[1]["data"], inputs["data"])


def test_operations_are_those_of_the_direct_algorithm(tiny):
    net, _ = build(Job(tiny, "train", 2))
    index = [layer.name for layer in net.layers].index("conv1")
    parts = net.layers[index], net.bottoms[index], net.tops[index]
    forward = 2 * 6 * 1 * 3 * 3 * 12 * 11 * 2
    assert layer_flops(*parts, [False]) == (forward, forward)
    assert layer_flops(*parts, [True]) == (forward, 2 * forward)
    assert layer_flops(net.layers[0], [], net.tops[0], []) == (0, 0)


def test_a_drawing_nets_twin_learns_from_the_sum_of_its_outputs(tiny):
    job = Job(tiny, "test", 2)
    net, inputs = build(job)
    twin = build_backward(net)
    assert twin.params["conv2"][0].data is net.params["conv2"][0].data
    twin.blobs["data"].data[...] = inputs["data"]
    twin.forward()
    twin.backward()
    assert float(twin.loss()) == pytest.approx(twin.blobs["prediction"].data.sum(), rel=1e-6)
    np.testing.assert_array_equal(twin.params["conv2"][1].diff, [2 * 8 * 7])


def test_a_net_with_a_loss_keeps_it(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(
        'layer { name: "data" type: "Input" top: "x" top: "t" input_param { shape { dim: [1, 2, 3, 4] } } }\n'
        'layer { name: "loss" type: "EuclideanLoss" bottom: "x" bottom: "t" top: "loss" loss_weight: 3 }'
    )
    job = Job(str(path))
    assert [weight for _, weight in build_backward(build(job)[0]).loss_weights] == [3]


def test_a_net_without_layers_is_nothing_to_time(tmp_path):
    (tmp_path / "net.prototxt").write_text('name: "empty"')
    with pytest.raises(NetdefError, match='has no layers in phase TEST, stage "deploy": nothing to time'):
        build(Job(str(tmp_path / "net.prototxt")))


def test_the_workspace_is_counted_anew(tiny):
    net, _ = build(Job(tiny))
    net.forward()
    assert workspace_bytes(net) > 0
    release_workspace(net)
    assert workspace_bytes(net) == 0


def test_a_net_without_a_loss_cannot_be_timed_in_training(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(
        'layer { name: "data" type: "Input" top: "x" input_param { shape { dim: [1, 2, 3, 4] } } }\n'
        'layer { name: "relu" type: "ReLU" bottom: "x" top: "y" }'
    )
    with pytest.raises(NetdefError, match="has no loss in phase TRAIN"):
        build(Job(str(path), "train"))

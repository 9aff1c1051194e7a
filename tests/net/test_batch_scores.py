from pysketch.net.batch_scores import batch_scores
from pysketch.net.net import Net
from pysketch.netdef.definitions import Phase, parse_netdef

NET = """
layer { name: "data" type: "Input" top: "x" top: "t"
  input_param { shape { dim: [1, 2] } shape { dim: [1, 2] } } }
layer { name: "loss" type: "EuclideanLoss" bottom: "x" bottom: "t" top: "loss" loss_weight: 3 }
layer { name: "y" type: "Power" bottom: "x" top: "y" power_param { scale: 10 } }
"""


def test_each_batchs_elements_are_told_then_the_means_with_what_they_add_to_the_loss():
    net = Net(parse_netdef(NET), Phase.TEST)
    batches = iter([[1, 3], [2, 4]])
    forward, net.blobs["t"].data[...] = net.forward, 0

    def next_batch():
        net.blobs["x"].data[...] = next(batches)
        return forward()

    net.forward = next_batch
    assert list(batch_scores(net, 2)) == [
        "Batch 0, loss = 5",
        "Batch 0, y = 10",
        "Batch 0, y = 30",
        "Batch 1, loss = 10",
        "Batch 1, y = 20",
        "Batch 1, y = 40",
        "Loss: 22.5",
        "loss = 7.5 (* 3 = 22.5 loss)",
        "y = 15",
        "y = 35",
    ]

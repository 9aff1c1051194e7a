"""Maps between tops, held against nets that are built and run."""

import numpy as np
import pytest

from pysketch.caffe import NetSpec, layers, params
from pysketch.caffe.coord_map import (
    AxisMismatchException,
    UndefinedMapException,
    compose,
    coord_map,
    coord_map_from_to,
    crop,
    inverse,
)
from pysketch.net.net import Net
from pysketch.netdef.definitions import Phase, parse_netdef


def photo(*dims):
    return layers.Input(shape={"dim": [1, 1, *(dims or (40, 40))]})


def conv(bottom, kernel=3, stride=1, pad=0, **more):
    return layers.Convolution(bottom, num_output=1, kernel_size=kernel, stride=stride, pad=pad, **more)


def pool(bottom, size):
    return layers.Pooling(bottom, pool=params.Pooling.MAX, kernel_size=size, stride=size)


def up(bottom, stride, pad=0):
    options = {"num_output": 1, "kernel_size": 2 * stride, "stride": stride, "pad": pad}
    return layers.Deconvolution(bottom, convolution_param=options)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda x: conv(x, 3), (1, 1, 1)),
        (lambda x: conv(x, 3, pad=1), (1, 1, 0)),
        (lambda x: conv(x, 5, stride=2), (1, 2, 2)),
        (lambda x: conv(x, 3, dilation=2), (1, 1, 2)),
        (lambda x: pool(x, 2), (1, 2, 0.5)),
        (lambda x: up(x, 2), (1, 0.5, -0.75)),
        (lambda x: layers.ReLU(conv(x, 3)), (1, 1, 1)),
        (lambda x: layers.Crop(x, photo(4, 4), axis=2, offset=3), (1, 1, 3)),
        (lambda x: x, (None, 1, 0)),
    ],
)
def test_a_pixel_of_a_top_lies_at_the_middle_of_what_it_sees(make, expected):
    x = photo()
    axis, a, b = coord_map_from_to(make(x), x)
    assert (axis, np.ravel(a).tolist(), np.ravel(b).tolist()) == (expected[0], [expected[1]], [expected[2]])


def test_each_side_may_have_a_map_of_its_own():
    x = photo()
    axis, a, b = coord_map_from_to(conv(x, [3, 5], [1, 2], [0, 10]), x)
    assert (axis, a.tolist(), b.tolist()) == (1, [1, 2], [1, -8])


@pytest.mark.parametrize(("kernel", "size", "pad"), [(3, 2, 0), (5, 2, 4), (3, 4, 10), (7, 8, 100)])
def test_a_crop_lays_pixels_on_each_other(kernel, size, pad):
    n = NetSpec()
    n.data = photo(41, 37)
    n.scaled = up(pool(conv(n.data, kernel, pad=pad), size), size)
    n.score = crop(n.scaled, n.data)
    net = Net(parse_netdef(str(n.to_proto())), Phase.TEST)
    assert net.blobs["score"].shape == net.blobs["data"].shape
    for blobs in net.params.values():
        blobs[0].data[...] = 1
    net.blobs["data"].data[...] = 0
    spot = 17 - 17 % size + size // 2, 22 - 22 % size + size // 2
    net.blobs["data"].data[0, 0, spot[0], spot[1]] = 1
    net.forward()
    bright = np.argwhere(net.blobs["score"].data[0, 0] == net.blobs["score"].data.max())
    assert np.abs(bright.mean(axis=0) - spot).max() <= size


def test_the_crops_of_skip_connections_are_found_by_way_of_the_common_blob():
    n = NetSpec()
    n.data = photo(64, 64)
    n.first = pool(conv(n.data, 3, pad=20), 2)
    n.second = pool(conv(n.first, 3, pad=1), 2)
    n.up = up(n.second, 2)
    n.skip = crop(n.up, n.first)
    crop_param = n.to_proto().layer[-1].crop_param
    assert (crop_param.axis, crop_param.offset[:]) == (2, [1])
    n.sum = layers.Eltwise(n.first, n.skip)
    net = Net(parse_netdef(str(n.to_proto())), Phase.TEST)
    assert net.blobs["sum"].shape == net.blobs["first"].shape


def test_legacy_sides_unconnected_tops_and_crops_that_do_not_fit_are_refused():
    x = photo()
    with pytest.raises(RuntimeError, match="no layers that keep places connect them"):
        coord_map_from_to(layers.InnerProduct(x, num_output=2), x)
    with pytest.raises(RuntimeError, match="no layers that keep places connect them"):
        coord_map_from_to(layers.Pooling(x, global_pooling=True), x)
    with pytest.raises(AssertionError, match=r"cropping does not support kernel_h, kernel_w"):
        coord_map_from_to(layers.Convolution(x, kernel_h=2, kernel_w=2), x)
    with pytest.raises(AssertionError, match=r"scale mismatch on crop \(a = "):
        crop(up(pool(x, 3), 2), x)
    with pytest.raises(AssertionError, match=r"cannot crop negative width \(b = "):
        crop(up(pool(conv(x), 2), 2, pad=10), x)
    with pytest.raises(AssertionError, match=r"cannot crop noninteger width \(b = "):
        crop(layers.Deconvolution(conv(x, 2), kernel_size=3, pad=0), x)
    with pytest.raises(UndefinedMapException, match="InnerProduct"):
        coord_map(layers.InnerProduct(x).fn)


def test_maps_are_composed_and_turned_around():
    one, two = (1, 2.0, 3.0), (1, 0.5, -1.0)
    assert compose(one, two) == (1, 1, 1)
    assert compose(one, inverse(one)) == (1, 1, 0)
    assert compose((None, 1, 0), one) == one == compose(one, (None, 1, 0))
    with pytest.raises(AxisMismatchException):
        compose(one, (2, 1, 0))

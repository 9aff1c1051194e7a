import numpy as np
import pytest
from solver_helpers import CONV_NET, SKETCH_NET, write_net, write_pairs

from pysketch.errors import DataError
from pysketch.images.pictures import GAP, read_photo, read_sketch, to_luma
from pysketch.layers.context import Context
from pysketch.net.net import Net
from pysketch.netdef.definitions import Phase, parse_netdef
from pysketch.report.data_sheet import data_sheet


@pytest.fixture
def pairs(tmp_path):
    """Three pairs of 15x17 pixels."""
    return write_pairs(tmp_path / "pairs", 3)


def test_a_photo_stands_above_its_sketch_as_they_were_in_the_files(pairs):
    net = Net(parse_netdef(SKETCH_NET), Phase.TEST, Context(data_source=str(pairs)))
    sheet = data_sheet(net, 3, columns=2)
    assert sheet.shape == (2 * (13 + GAP + 9) + GAP, 2 * 11 + GAP, 3)
    photo, sketch = read_photo(pairs / "photos" / "0.png"), read_sketch(pairs / "sketches" / "0.png")
    np.testing.assert_array_equal(sheet[:13, :11], photo[2:15, 2:13])
    np.testing.assert_array_equal(sheet[13 + GAP : 22 + GAP, :7, 0], sketch[4:13, 4:11])
    assert (sheet[13 + GAP : 22 + GAP, 7:11] == 255).all()


def test_other_numbers_go_from_their_darkest_to_their_lightest(tmp_path):
    net = Net(write_net(tmp_path, CONV_NET.replace("shuffle: true", "")), Phase.TEST)
    sheet = data_sheet(net, 2)
    label = net.blobs["label"].data[1, 0]
    shown = sheet[:3, 4 + GAP : 8 + GAP, 0]
    np.testing.assert_allclose(shown, 255 * (label - label.min()) / np.ptp(label), atol=0.51)


def test_a_net_without_pictures_is_an_error():
    text = 'layer { name: "d" type: "DummyData" top: "x" dummy_data_param { shape { dim: [2, 3] } } }'
    with pytest.raises(DataError, match=r"n\.prototxt: no data layer in phase TRAIN gives a picture"):
        data_sheet(Net(parse_netdef(text, "n.prototxt"), Phase.TRAIN), 1)


def test_from_sketch_to_photo_the_sketch_stands_above_the_photos_luma(pairs):
    netdef = SKETCH_NET.replace('{ "batch_size"', '{ "direction": "sketch_to_photo", "batch_size"')
    net = Net(parse_netdef(netdef), Phase.TEST, Context(data_source=str(pairs)))
    sheet = data_sheet(net, 1)
    photo, sketch = read_photo(pairs / "photos" / "0.png"), read_sketch(pairs / "sketches" / "0.png")
    np.testing.assert_array_equal(sheet[:13, :11, 1], sketch[2:15, 2:13])
    np.testing.assert_array_equal(sheet[13 + GAP : 22 + GAP, :7, 0], to_luma(photo)[4:13, 4:11])

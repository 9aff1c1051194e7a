import importlib.util
import re
from pathlib import Path

import common
import numpy as np
import pytest
from solver_helpers import write_net

from pysketch.errors import DataError, NetdefError, SnapshotError
from pysketch.layers.context import Context
from pysketch.net.net import Net
from pysketch.netdef.definitions import Phase

SPEC = importlib.util.spec_from_file_location("tools_test_net", Path(__file__).parents[2] / "tools" / "test_net.py")
test_net = importlib.util.module_from_spec(SPEC)  # not `import test_net`: a file of tests/net has that name
SPEC.loader.exec_module(test_net)

TESTED = """
name: "tested"
layer { name: "data" type: "HDF5Data" top: "data" top: "label"
  hdf5_data_param { source: "LIST" batch_size: 2 } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "y"
  convolution_param { num_output: 1 kernel_h: 4 kernel_w: 4 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "EuclideanLoss" bottom: "y" bottom: "label" top: "loss" loss_weight: 0.25 }
layer { name: "row" type: "Convolution" bottom: "data" top: "row" include { phase: TEST stage: "rows" }
  convolution_param { num_output: 1 kernel_h: 6 kernel_w: 7 weight_filler { type: "constant" value: 0.5 } } }
"""


@pytest.fixture
def net(tmp_path):
    """A netdef, and weights of a net of it."""
    path = write_net(tmp_path, TESTED)
    Net(path, Phase.TRAIN, Context(seed=3)).save(tmp_path / "w.caffemodel.h5")
    return [path, "--weights", str(tmp_path / "w.caffemodel.h5"), "--device", "cpu"]


def losses(path, count):
    """The losses of the first batches."""
    net = Net(path, Phase.TEST, Context(seed=3))
    found = []
    for _ in range(count):
        net.forward()
        found.append(float(net.loss()) / 0.25)
    return found


def test_every_batch_is_printed_and_then_the_means_with_their_weights(net, capsys):
    assert test_net.main([*net, "--iterations", "3"]) == 0
    expected = losses(net[0], 3)
    mean = np.mean(expected)
    assert len(set(expected)) == 3
    assert capsys.readouterr().out.splitlines() == [
        *(f"Batch {k}, loss = {loss:g}" for k, loss in enumerate(expected)),
        f"Loss: {mean / 4:g}",
        f"loss = {mean:g} (* 0.25 = {mean / 4:g} loss)",
    ]


def test_an_output_without_a_weight_is_printed_element_by_element(net, capsys):
    assert test_net.main([*net, "--iterations", "1", "--stage", "rows"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" = ")[0] for line in lines[:3]] == ["Batch 0, loss", "Batch 0, row", "Batch 0, row"]
    assert lines[3].startswith("Loss: ")
    assert [line.split(" = ")[0] for line in lines[4:]] == ["loss", "row", "row"]
    assert all(re.fullmatch(r"row = -?[\d.e-]+", line) for line in lines[5:])


def test_it_scores_pairs_with_their_layer(solver_file, net_file, pairs, capsys):
    netdef = str(solver_file.with_name("tiny.prototxt"))
    arguments = [netdef, "--weights", str(net_file), "--data", str(pairs), "--iterations", "2", "--device", "cpu"]
    assert test_net.main(arguments) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2 + 2


def test_missing_files_are_one_line(net, tmp_path):
    with pytest.raises(SnapshotError, match=r"none\.h5"):
        test_net.main([net[0], "--weights", str(tmp_path / "none.h5"), "--device", "cpu"])
    (tmp_path / "rows.txt").unlink()
    with pytest.raises(DataError, match=r"rows\.txt"):
        test_net.main(net)


def test_weights_must_be_named_and_there_must_be_a_batch(net, capsys):
    for arguments, message in ((net[:1], "--weights"), ([*net, "--iterations", "0"], "expected 1 or more, found 0")):
        with pytest.raises(SystemExit) as stop:
            test_net.main(arguments)
        assert stop.value.code == common.BAD_INPUT
        assert message in capsys.readouterr().err


def test_layers_write_files_where_the_user_lets_them(net, tmp_path):
    output = (
        'layer { name: "out" type: "HDF5Output" bottom: "y" bottom: "label" hdf5_output_param { file_name: "y.h5" } }'
    )
    path = Path(net[0])
    path.write_text(path.read_text() + output)
    with pytest.raises(NetdefError, match="--output"):
        test_net.main([*net, "--iterations", "2"])
    test_net.main([*net, "--iterations", "2", "--output", str(tmp_path / "made")])
    assert (tmp_path / "made" / "y.h5").is_file()


def test_a_wrong_weights_file_is_named_before_any_data_are_read(tmp_path):
    netdef = write_net(tmp_path)
    (tmp_path / "rows.txt").unlink()
    with pytest.raises(SnapshotError, match=r"net\.prototxt: is a netdef; expected a net file or weights$"):
        test_net.main([netdef, "--weights", netdef])


def test_a_stage_that_no_layer_knows_is_refused(tmp_path):
    netdef = write_net(tmp_path, TESTED)
    with pytest.raises(NetdefError, match=r'no layer has a rule for the stage "row"; did you mean "rows"\?$'):
        test_net.main([netdef, "--weights", netdef, "--stage", "row"])

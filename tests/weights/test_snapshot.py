"""HDF5 files: what is written can be read by Caffe, and what strangers write is checked before it is believed."""

from __future__ import annotations

import errno
import logging
import os
import signal
import subprocess
import sys

import h5py
import numpy as np
import pytest

from pysketch.errors import DataError, SnapshotError
from pysketch.net.net import Net
from pysketch.netdef.definitions import Phase, parse_netdef
from pysketch.weights import snapshot
from pysketch.weights.snapshot import (
    SolverState,
    WeightsFile,
    group_name,
    read_datasets,
    read_state,
    write_datasets,
    write_state,
    write_weights,
)

W, B = np.arange(6, dtype=np.float32).reshape(3, 2), np.float32([7, 8, 9])
WEIGHTS = [("zeta", [W, B]), ("relu", []), ("alpha", [B * 2])]
SHAPES = [(3, 2), (3,)]

NET = """
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: [1, 2, 3, 4] } } }
layer { name: "conv" type: "Convolution" bottom: "x" top: "y"
        convolution_param { num_output: 3 kernel_size: 2 weight_filler { value: 5 } } }
layer { name: "relu" type: "ReLU" bottom: "y" top: "y" }
layer { name: "other" type: "Convolution" bottom: "y" top: "z"
        convolution_param { num_output: 1 kernel_size: 1 bias_term: false weight_filler { value: 6 } } }
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file.h5"


def state(**changes):
    return SolverState(**{"iteration": 12, "learned_net": "a/b.h5", "current_step": 3, "history": [W, B]} | changes)


def make_net():
    return Net(parse_netdef(NET), Phase.TEST)


ODD = ["conv1/7x7_s2", "a/", "/", "", ".", "%", "50%", "a%2Fb", "a/b", "\u00fc/\u00df", "n\0l", "x#2"]


def test_any_name_is_read_back_whatever_hdf5_makes_of_it(path):
    write_weights(path, [(name, [np.float32([k])]) for k, name in enumerate(ODD)])
    with WeightsFile(path) as file:
        assert sorted(file.layers) == sorted(ODD)
        assert [file.read(name, 0)[0] for name in ODD] == list(range(len(ODD)))
    with h5py.File(path) as file:
        assert all(len(group) == 1 and "0" in group for group in file["data"].values())
        assert file["data/conv1%2F7x7_s2/0"][0] == 0


def test_a_name_that_hdf5_can_hold_is_the_groups_and_a_strangers_percent_sign_is_one(path):
    assert [group_name(name) for name in ("conv1", "x#2", "\u00fc", "..")] == ["conv1", "x#2", "\u00fc", ".."]
    with h5py.File(path, "w") as file:
        file.create_dataset("data/a%2Fb/0", data=np.float32([3]))
    with WeightsFile(path) as file:
        assert file.layers == ["a%2Fb"]


def test_weights_are_read_as_they_were_written(path):
    write_weights(path, WEIGHTS, attributes={"netdef": "layer {}"})
    with WeightsFile(path) as file:
        assert sorted(file.layers) == ["alpha", "relu", "zeta"]
        assert [file.count(name) for name in ("zeta", "relu", "alpha")] == [2, 0, 1]
        assert file.shape("zeta", 0) == (3, 2)
        np.testing.assert_array_equal(file.read("zeta", 0), W)
        np.testing.assert_array_equal(file.read("zeta", 1), B)
        assert file.read("alpha", 0).dtype == np.float32
        assert file.attributes == {"netdef": "layer {}"}


def test_diffs_are_written_only_if_asked_for(path):
    write_weights(path, WEIGHTS)
    with h5py.File(path) as file:
        assert list(file) == ["data"]
    write_weights(path, WEIGHTS, diffs=[("zeta", [W + 1, B + 1])])
    with h5py.File(path) as file:
        np.testing.assert_array_equal(file["diff/zeta/0"][()], W + 1)


def test_arrays_are_stored_as_little_endian_float32_in_one_piece(path):
    write_weights(path, [("a", [W.astype(np.float64)])])
    with h5py.File(path) as file:
        assert file["data/a/0"].dtype.str == "<f4"
        assert file["data/a/0"].chunks is None


@pytest.mark.parametrize("kind", ["f8", "f2", ">f4", "i4", "u1"])
def test_other_numeric_types_are_read_as_float32(kind, path):
    with h5py.File(path, "w") as file:
        file.create_dataset("data/a/0", data=W.astype(kind))
    with WeightsFile(path) as file:
        values = file.read("a", 0)
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, W)


def test_gzip_chunks_and_foreign_attributes_do_no_harm(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("data/a/0", data=W, compression="gzip", chunks=(2, 1))
        file["more/things"] = 3
        file.attrs["backend"] = "other"
        file.attrs["version"] = np.arange(3)
        file.attrs["empty"] = h5py.Empty("f4")
        file.attrs["bytes"] = np.bytes_(b"\xff\xfe")
        file["data"].attrs["x"] = 1
    with WeightsFile(path) as file:
        np.testing.assert_array_equal(file.read("a", 0), W)
        assert file.attributes == {"backend": "other"}


def test_a_text_too_long_for_an_attribute_is_refused_and_nothing_is_written(path):
    with pytest.raises(SnapshotError, match=r"file\.h5: its netdef is over 60000 bytes, too long"):
        write_weights(path, WEIGHTS, attributes={"netdef": "ü" * 30_001})
    assert os.listdir(path.parent) == []


def test_a_net_takes_what_it_knows_and_warns_of_what_the_file_lacks(path, caplog):
    write_weights(path, [("conv", [np.ones((3, 2, 2, 2)), np.ones(3)]), ("othr", [B]), ("unknown", [W])])
    net = make_net()
    with caplog.at_level(logging.WARNING):
        net.copy_from(path)
    assert net.params["conv"][0].data.min() == 1
    assert net.params["other"][0].data.max() == 6
    assert caplog.messages == [
        f'{path}: has no layer "other"; it keeps its initial weights; did you mean "othr"?',
    ]


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([("conv", [np.ones((3, 2, 2, 2))])], r'layer "conv" has 1 param, the net\'s has 2'),
        ([("conv", [])], r'layer "conv" has 0 params, the net\'s has 2'),
        (
            [("conv", [np.ones((3, 2, 2, 3)), B])],
            r'layer "conv", param 0: shape \(3, 2, 2, 3\), the net\'s is \(3, 2, 2, 2\)',
        ),
        ([("conv", [np.ones((3, 2, 2, 2)), np.ones((1, 1, 1, 3))])], r"param 1: shape \(1, 1, 1, 3\), .* is \(3,\)"),
    ],
)
def test_params_of_another_number_or_shape_are_refused(weights, message, path):
    write_weights(path, weights)
    with pytest.raises(SnapshotError, match=message):
        make_net().copy_from(path)


def test_a_huge_shape_that_a_file_only_claims_is_refused_before_it_is_read(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("data/conv/0", shape=(1 << 40, 3), dtype="f4", chunks=(1 << 10, 3))
        file["data/conv/1"] = B
    with pytest.raises(SnapshotError, match=r"param 0: shape \(1099511627776, 3\), the net's is \(3, 2, 2, 2\)"):
        make_net().copy_from(path)


def test_a_state_is_read_as_it_was_written(path):
    write_state(path, state(attributes={"pysketch": "{}"}))
    found = read_state(path, SHAPES)
    assert (found.iteration, found.learned_net, found.current_step) == (12, "a/b.h5", 3)
    assert found.attributes == {"pysketch": "{}"}
    np.testing.assert_array_equal(found.history[0], W)
    np.testing.assert_array_equal(found.history[1], B)


def test_a_states_numbers_and_name_are_stored_as_caffe_does(path):
    write_state(path, state(learned_net="ü.h5"))
    with h5py.File(path) as file:
        assert (file["iter"].dtype.str, file["iter"].shape) == ("<i4", (1,))
        assert (file["current_step"].dtype.str, file["current_step"].shape) == ("<i4", (1,))
        kind = file["learned_net"].id.get_type()
        assert not kind.is_variable_str()
        assert kind.get_size() == len("ü.h5".encode()) + 1
        assert kind.get_strpad() == h5py.h5t.STR_NULLTERM
        assert file["learned_net"].shape == ()
        assert sorted(file["history"]) == ["0", "1"]
        assert file["history/0"].dtype.str == "<f4"


@pytest.mark.parametrize("name", ["", "plain.h5", "Ordner/Köpfe.h5", "with space.h5"])
def test_the_weights_files_name_survives(name, path):
    write_state(path, state(learned_net=name))
    assert read_state(path, SHAPES).learned_net == name


def test_a_variable_length_name_is_read_too(path):
    write_state(path, state())
    with h5py.File(path, "a") as file:
        del file["learned_net"]
        file["learned_net"] = "other.h5"
    assert read_state(path, SHAPES).learned_net == "other.h5"


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ([(3, 2)], "has 2 history arrays, this solver and net need 1; was it written by another solver type"),
        ([*SHAPES, (3, 2), (3,)], "has 2 history arrays, this solver and net need 4; was it written by another"),
        ([(2, 3), (3,)], r"/history/0 has shape \(3, 2\), expected \(2, 3\)"),
    ],
)
def test_a_state_of_another_solver_or_net_is_refused(shapes, message, path):
    write_state(path, state())
    with pytest.raises(SnapshotError, match=f"file.h5: {message}"):
        read_state(path, shapes)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("iter", 2.5, "/iter is not one whole number"),
        ("iter", [1, 2], "/iter is not one whole number"),
        ("iter", b"3", "/iter is not one whole number"),
        ("iter", -4, "/iter is -4; expected 0 or more"),
        ("current_step", [[1]], "/current_step is not one whole number"),
        ("learned_net", 3, "/learned_net is not a text"),
        ("learned_net", [b"a", b"b"], "/learned_net is not a text"),
        ("history/0", b"text", r"/history/0 has shape \(\), expected \(3, 2\)"),
        ("history/1", np.array([b"a", b"b", b"c"]), r"/history/1 holds \|S1, expected numbers"),
        ("history/1", np.zeros(3, complex), "/history/1 holds complex128, expected numbers"),
    ],
)
def test_a_state_with_values_of_the_wrong_type_is_refused(name, value, message, path):
    write_state(path, state())
    with h5py.File(path, "a") as file:
        del file[name]
        file[name] = value
    with pytest.raises(SnapshotError, match=message):
        read_state(path, SHAPES)


def test_a_name_that_claims_to_be_huge_is_not_read(path):
    write_state(path, state())
    with h5py.File(path, "a") as file:
        del file["learned_net"]
        file.create_dataset("learned_net", shape=(1 << 40,), dtype="S10", chunks=(1 << 10,))
    with pytest.raises(SnapshotError, match="/learned_net is not a text"):
        read_state(path, SHAPES)


@pytest.mark.parametrize("name", ["iter", "current_step", "learned_net", "history"])
def test_a_state_without_one_of_its_parts_is_refused(name, path):
    write_state(path, state())
    with h5py.File(path, "a") as file:
        del file[name]
    with pytest.raises(SnapshotError, match=f"file.h5: has no /{name}; is it a pysketch or Caffe file?"):
        read_state(path, SHAPES)


def read_weights(path):
    with WeightsFile(path) as file:
        return file.read("a", 0)


def external(file, name):
    file[name] = h5py.ExternalLink("secret.h5", "/data/a/0")


def dangling(file, name):
    file[name] = h5py.ExternalLink("nowhere.h5", "/data/a/0")


def soft(file, name):
    file["elsewhere"] = W
    file[name] = h5py.SoftLink("/elsewhere")


def virtual(file, name):
    layout = h5py.VirtualLayout((3, 2), "f4")
    layout[:] = h5py.VirtualSource("secret.h5", "/data/a/0", (3, 2))
    file.create_virtual_dataset(name, layout)


def kept_outside(file, name):
    file.create_dataset(name, (3, 2), "f4", external=[("secret.bin", 0, 24)])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (external, "/data/a/0 is a link; expected the dataset itself"),
        (dangling, "/data/a/0 is a link; expected the dataset itself"),
        (soft, "/data/a/0 is a link; expected the dataset itself"),
        (virtual, "/data/a/0 keeps its data in other files; expected them in this one"),
        (kept_outside, "/data/a/0 keeps its data in other files; expected them in this one"),
    ],
)
def test_a_dataset_that_lies_elsewhere_is_refused(make, message, path):
    write_weights(path.with_name("secret.h5"), [("a", [W])])
    path.with_name("secret.bin").write_bytes(b"x" * 24)
    with h5py.File(path, "w") as file:
        file.create_group("data/a")
        make(file, "data/a/0")
    with pytest.raises(SnapshotError, match=f"file.h5: {message}"):
        read_weights(path)


@pytest.mark.parametrize("where", ["data", "data/a"])
def test_a_group_that_lies_elsewhere_is_refused(where, path):
    write_weights(path.with_name("secret.h5"), [("a", [W])])
    with h5py.File(path, "w") as file:
        file[where] = h5py.ExternalLink("secret.h5", f"/{where}")
    with pytest.raises(SnapshotError, match=f"/{where} is a link; expected the group itself"):
        read_weights(path)


@pytest.mark.parametrize(("make", "message"), [(external, "is a link"), (kept_outside, "keeps its data in other")])
@pytest.mark.parametrize("name", ["iter", "learned_net", "history/0"])
def test_a_states_parts_must_lie_in_it_too(name, make, message, path):
    write_weights(path.with_name("secret.h5"), [("a", [W])])
    path.with_name("secret.bin").write_bytes(b"x" * 24)
    write_state(path, state())
    with h5py.File(path, "a") as file:
        del file[name]
        make(file, name)
    with pytest.raises(SnapshotError, match=f"/{name} {message}"):
        read_state(path, SHAPES)


@pytest.mark.parametrize(("make", "message"), [(external, "is a link"), (virtual, "keeps its data in other files")])
def test_training_data_must_lie_in_their_file_too(make, message, path):
    write_weights(path.with_name("secret.h5"), [("a", [W])])
    with h5py.File(path, "w") as file:
        make(file, "rows")
    with pytest.raises(DataError, match=f"file.h5: /rows {message}"):
        read_datasets(path, ["rows"])


def test_datasets_come_back_as_float32(tmp_path):
    rows = np.arange(6.0).reshape(3, 2)
    write_datasets(tmp_path / "a.h5", {"data": rows, "label": np.array([1, 2, 3])})
    found = read_datasets(tmp_path / "a.h5", ["data", "label"])
    assert found["data"].tolist() == rows.tolist()
    assert found["label"].tolist() == [1, 2, 3]
    assert {array.dtype for array in found.values()} == {np.dtype(np.float32)}


def test_datasets_that_cannot_be_written_are_a_data_error(tmp_path):
    (tmp_path / "a.h5").mkdir()
    with pytest.raises(DataError, match=r"a.h5: cannot be written: "):
        write_datasets(tmp_path / "a.h5", {"data": np.zeros(3)})


def no_hdf5(path):
    path.write_bytes(b"layer { }" * 100)


def empty(path):
    path.write_bytes(b"")


def cut_short(path):
    write_weights(path, WEIGHTS)
    path.write_bytes(path.read_bytes()[:1000])


def without_data(path):
    with h5py.File(path, "w") as file:
        file["model_weights"] = W


def data_is_a_dataset(path):
    with h5py.File(path, "w") as file:
        file["data"] = W


def layer_is_a_dataset(path):
    with h5py.File(path, "w") as file:
        file["data/a"] = W


def without_the_param(path):
    with h5py.File(path, "w") as file:
        file["data/a/1"] = W


def param_is_a_group(path):
    with h5py.File(path, "w") as file:
        file.create_group("data/a/0")


def a_gallery(path):
    with h5py.File(path, "w", userblock_size=4096) as file:
        file.create_group("data")
    with path.open("r+b") as stream:
        stream.write(b"pysketch gallery\n")


def param_is_a_text(path):
    with h5py.File(path, "w") as file:
        file["data/a/0"] = "text"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (no_hdf5, "not an HDF5 file: file signature not found"),
        (empty, "not an HDF5 file: "),
        (cut_short, "not an HDF5 file: truncated file"),
        (a_gallery, "is a gallery of photos, as enroll.py writes it; neither weights nor a net are in it"),
        (without_data, "has no /data; is it a pysketch or Caffe file?"),
        (data_is_a_dataset, "/data is no group"),
        (layer_is_a_dataset, "/data/a is no group"),
        (without_the_param, "has no /data/a/0; is it"),
        (param_is_a_group, "/data/a/0 is no dataset"),
        (param_is_a_text, "/data/a/0 holds object, expected numbers"),
        (lambda path: None, "no such file"),
        (lambda path: path.mkdir(), "no such file"),
    ],
)
def test_what_is_no_weights_file_is_refused_in_one_line(make, message, path):
    make(path)
    with pytest.raises(SnapshotError) as error:
        read_weights(path)
    assert str(error.value).startswith(f"{path}: {message}")
    assert "\n" not in str(error.value)


def test_a_damaged_file_is_refused_in_one_line(path):
    """Its /data lists a layer whose header is overwritten."""
    with h5py.File(path, "w") as file:
        file["data/a/0"] = W
        place = h5py.h5o.get_info(file["data/a"].id).addr
    content = bytearray(path.read_bytes())
    content[place : place + 8] = b"\xff" * 8
    path.write_bytes(content)
    with pytest.raises(SnapshotError, match=r"^.*file\.h5: a damaged HDF5 file: bad object header"):
        read_weights(path)


def test_a_damaged_param_is_refused_in_one_line(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("data/a/0", data=W, compression="gzip")
        place = file["data/a/0"].id.get_chunk_info(0).byte_offset
    content = bytearray(path.read_bytes())
    content[place : place + 8] = b"\xff" * 8
    path.write_bytes(content)
    with pytest.raises(SnapshotError, match=r"file\.h5: /data/a/0 cannot be read: "):
        read_weights(path)


@pytest.mark.parametrize("read", [WeightsFile, lambda path: read_state(path, SHAPES)])
def test_every_reader_refuses_what_is_no_hdf5(read, path):
    no_hdf5(path)
    with pytest.raises(SnapshotError, match=r"file\.h5: not an HDF5 file"):
        read(path)


def test_a_folder_that_cannot_be_made_is_an_error_of_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SnapshotError, match=r"x\.h5: cannot be written: "):
        write_weights(tmp_path / "file" / "x.h5", WEIGHTS)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file size limits")
def test_a_file_that_does_not_fit_on_the_disk_is_an_error_and_the_old_one_stays(path):
    write_weights(path, WEIGHTS)
    before = path.read_bytes()
    script = (
        "import resource, signal, sys, numpy\n"
        "from pysketch.weights.snapshot import write_weights\n"
        "from pysketch.errors import SnapshotError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "for limit in range(0, 55_000, 4999):\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))\n"
        "    try:\n"
        "        write_weights(sys.argv[1], [('a', [numpy.ones(10_000)])])\n"
        "    except SnapshotError as error:\n"
        "        print(error)\n"
    )
    result = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    assert set(result.stdout.splitlines()) == {f"{path}: cannot be written: {os.strerror(errno.EFBIG)}"}
    assert result.stderr == ""
    assert len(result.stdout.splitlines()) == 12
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_a_full_disk_is_met_before_hdf5_writes_and_the_old_file_stays(path, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    write_weights(path, WEIGHTS)
    before = path.read_bytes()
    monkeypatch.setattr(snapshot, "reserve", full)
    monkeypatch.setattr(snapshot.h5py, "File", None)
    with pytest.raises(SnapshotError, match=r"x?\.h5: cannot be written: No space left on device$"):
        write_weights(path, WEIGHTS)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("count", [0, 1, 40])
def test_what_is_reserved_is_enough_and_what_is_not_needed_is_given_back(count, path, monkeypatch):
    weights = [(f"{k}" * (k + 1), [np.ones(k)] * (k % 4)) for k in range(count)]
    texts = {f"{k}": "é" * 1000 * k for k in range(min(count, 20))}
    state = SolverState(1, "net" * 99, 1, [np.ones(k) for k in range(count)], texts)
    writers = {
        "weights": lambda: write_weights(path, weights, weights, texts),
        "state": lambda: write_state(path, state),
        "datasets": lambda: write_datasets(path, {f"data{k}": np.ones(1) for k in range(count)}),
    }
    sizes, reserve = [], snapshot.reserve
    for write in writers.values():
        monkeypatch.setattr(snapshot, "reserve", lambda where, size: sizes.append(size) or reserve(where, size))
        write()
        found = path.read_bytes()
        monkeypatch.setattr(snapshot, "reserve", lambda *arguments: None)
        write()
        assert path.read_bytes() == found
        assert len(found) <= sizes[-1]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot kill -9")
@pytest.mark.parametrize("moment", [pytest.param("_sync", marks=pytest.mark.slow), "os.replace"])
def test_a_process_killed_while_it_writes_leaves_the_older_file_whole(moment, path):
    """It dies once the new file is complete under its temporary name, before or after syncing."""
    write_weights(path, WEIGHTS)
    before = path.read_bytes()
    script = (
        "import os, signal, sys, numpy, pysketch.files as files\n"
        "from pysketch.weights.snapshot import write_weights\n"
        f"files.{moment} = lambda *paths: os.kill(os.getpid(), signal.SIGKILL)\n"
        "write_weights(sys.argv[1], [('zeta', [numpy.zeros((3, 2))])])\n"
    )
    result = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=False)
    assert result.returncode == -signal.SIGKILL
    assert len(os.listdir(path.parent)) == 2
    assert path.read_bytes() == before
    with WeightsFile(path) as file:
        np.testing.assert_array_equal(file.read("zeta", 0), W)


def test_a_group_in_place_of_a_dataset_is_named_with_what_is_in_it(path):
    with h5py.File(path, "w") as file:
        file["data/photo"] = file["data/sketch"] = W
        file.create_group("label")
    with pytest.raises(
        DataError, match=r'file\.h5: "data" is a group, of data/photo, data/sketch; expected a dataset$'
    ):
        read_datasets(path, ["data"])
    with pytest.raises(DataError, match=r'file\.h5: "label" is a group, of nothing; expected a dataset$'):
        read_datasets(path, ["label"])


def test_training_data_in_place_of_weights_are_named(path):
    write_datasets(path, {"data": W, "label": W})
    with pytest.raises(SnapshotError, match=r"file\.h5: /data is no group but a dataset: training data, not weights$"):
        WeightsFile(path)

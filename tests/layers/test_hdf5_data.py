"""HDF5Data: batches over file ends, shuffled and resumed, and every list or file it refuses."""

from __future__ import annotations

import re
from pathlib import Path

import h5py
import numpy as np
import pytest
from helpers import Case, SingleLayer, layer_text, make_layer, refused

from pysketch.errors import DataError, NetdefError
from pysketch.layers.context import Context
from pysketch.net.net import Net
from pysketch.netdef.definitions import Phase, parse_netdef

CONTRACT = {
    "HDF5Data": Case(
        layer_text("HDF5Data", [], ["label", "data"], 'hdf5_data_param { source: "{folder}/list.txt" batch_size: 3 }'),
        (),
        ((3,), (3, 2, 3)),
        write=lambda folder: write_files(folder, 5),
    ),
}


def write_files(folder: Path, *counts: int) -> Path:
    """A list of files with so many rows; row k of them all has data k and label 100 + k in every element."""
    paths, first = [], 0
    for number, count in enumerate(counts):
        rows = np.arange(first, first + count, dtype=np.float32)
        paths.append(folder / f"{number}.h5")
        with h5py.File(paths[-1], "w") as file:
            file["data"] = np.broadcast_to(rows[:, None, None], (count, 2, 3))
            file["label"] = 100 + rows
        first += count
    return write_list(folder, *paths)


def write_list(folder: Path, *paths: Path | str) -> Path:
    """The source file."""
    source = folder / "list.txt"
    source.write_text("".join(f"{path}\n" for path in paths))
    return source


def make(
    source: Path | str, batch_size: int, extra: str = "", tops: tuple[str, ...] = ("data", "label")
) -> SingleLayer:
    """The layer that reads this list."""
    options = f'hdf5_data_param {{ source: "{source}" batch_size: {batch_size} {extra} }}'
    return make_layer(layer_text("HDF5Data", tops=tops, extra=options))


def rows(single: SingleLayer) -> list[int]:
    """Which rows the next batch holds; data and label must be of the same ones."""
    data, label = single.forward()
    assert (data == data[:, :1, :1]).all()
    np.testing.assert_array_equal(label, data[:, 0, 0] + 100)
    return data[:, 0, 0].astype(int).tolist()


def test_batches_wrap_over_the_ends_of_files_and_of_the_list(tmp_path: Path) -> None:
    single = make(write_files(tmp_path, 2, 3), 4)
    assert [blob.shape for blob in single.top] == [(4, 2, 3), (4,)]
    assert [rows(single) for _ in range(3)] == [[0, 1, 2, 3], [4, 0, 1, 2], [3, 4, 0, 1]]


def test_a_batch_may_be_larger_than_all_files_together(tmp_path: Path) -> None:
    assert rows(make(write_files(tmp_path, 1, 2), 7)) == [0, 1, 2, 0, 1, 2, 0]


def test_tops_are_found_by_name_in_any_order(tmp_path: Path) -> None:
    single = make(write_files(tmp_path, 3), 2, tops=("label",))
    assert single.forward()[0].tolist() == [100, 101]
    assert single.forward()[0].tolist() == [102, 100]


def test_numbers_are_given_as_stored_in_the_nets_dtype(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = np.array([[250, 3]], np.uint8)
    options = f'hdf5_data_param {{ source: "{write_list(tmp_path, tmp_path / "a.h5")}" batch_size: 1 }}'
    for dtype in (np.float32, np.float64):
        (data,) = make_layer(layer_text("HDF5Data", tops=["data"], extra=options), dtype=dtype).forward()
        assert data.dtype == dtype
        assert data.tolist() == [[250, 3]]


def test_paths_are_relative_to_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deeper").mkdir()
    write_files(tmp_path, 2)
    (tmp_path / "deeper" / "list.txt").write_text("\r\n  0.h5  \r\n\r\n")
    monkeypatch.chdir(tmp_path)
    assert rows(make("deeper/list.txt", 2)) == [0, 1]


def test_shuffled_every_epoch_gives_every_row_once_with_its_label(tmp_path: Path) -> None:
    single = make(write_files(tmp_path, 3, 4), 7, "shuffle: true")
    epochs = [rows(single) for _ in range(3)]
    assert [sorted(epoch) for epoch in epochs] == [list(range(7))] * 3
    assert epochs[0] != epochs[1] != epochs[2]


@pytest.mark.parametrize("extra", ["", "shuffle: true"])
def test_a_layer_resumed_from_its_state_goes_on_with_the_same_rows(tmp_path: Path, extra: str) -> None:
    source = write_files(tmp_path, 3, 4)
    single, resumed = make(source, 5, extra), make(source, 5, extra)
    rows(single)
    rows(single)
    resumed.layer.restore_state(single.layer.state())
    assert [rows(resumed) for _ in range(4)] == [rows(single) for _ in range(4)]


def test_a_malformed_state_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="position must be a whole number, found -3"):
        make(write_files(tmp_path, 2), 1).layer.restore_state({"position": -3})


def refusal(source: Path | str, **options: object) -> str:
    """What refuses this source; it says where in the netdef."""
    return refused(DataError, make, source, 2, **options, where='<netdef>:2:.*layer "it": ')


def test_a_list_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert f"{tmp_path / 'no.txt'}: not a readable list of HDF5 files: " in refusal(tmp_path / "no.txt")


def test_a_list_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_bytes(b"\xff\xfe\x00")
    assert "bad.txt: not a readable list of HDF5 files: " in refusal(tmp_path / "bad.txt")


def test_a_list_without_paths_is_refused(tmp_path: Path) -> None:
    assert refusal(write_list(tmp_path, "", "  ")).endswith("list.txt: lists no HDF5 files")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert refusal(write_list(tmp_path, tmp_path / "gone.h5")).endswith("gone.h5: no such file")


def test_a_file_that_is_no_hdf5_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.h5").write_text("not a data file")
    assert "text.h5: not an HDF5 file: " in refusal(write_list(tmp_path, tmp_path / "text.h5"))


def test_a_missing_dataset_is_named_with_those_that_are_there(tmp_path: Path) -> None:
    message = refusal(write_files(tmp_path, 2), tops=("data", "sketch"))
    assert message.endswith('0.h5: has no dataset "sketch"; found data, label')


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"data": np.zeros((2, 3)), "label": np.zeros(3)}, "datasets must have equally many rows, at least one; found"),
        ({"data": np.zeros((0, 3)), "label": np.zeros(0)}, "datasets must have equally many rows, at least one; found"),
        ({"data": 3.0, "label": np.zeros(3)}, 'dataset "data" is a single number; expected rows'),
        ({"data": np.array([b"a", b"b"]), "label": np.zeros(2)}, "/data holds |S1, expected numbers"),
    ],
)
def test_datasets_that_are_no_rows_of_numbers_are_refused(tmp_path: Path, values: dict, message: str) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name, value in values.items():
            file[name] = value
    assert f"a.h5: {message}" in refusal(write_list(tmp_path, tmp_path / "a.h5"))


def test_files_with_rows_of_different_shapes_are_refused(tmp_path: Path) -> None:
    for name, columns in (("a.h5", 3), ("b.h5", 4)):
        with h5py.File(tmp_path / name, "w") as file:
            file["data"] = np.zeros((2, columns))
    message = refusal(write_list(tmp_path, tmp_path / "a.h5", tmp_path / "b.h5"), tops=("data",))
    assert 'dataset "data" has rows of different shapes in its files: ' in message
    assert "(3,)" in message
    assert "(4,)" in message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("batch_size: 2", "required field HDF5DataParameter.source is missing"),
        ('source: "x"', "required field HDF5DataParameter.batch_size is missing"),
        ('source: "x" batch_size: 0', "HDF5DataParameter.batch_size: expected at least 1, found 0"),
    ],
)
def test_incomplete_options_are_refused(options: str, message: str) -> None:
    with pytest.raises(NetdefError, match=message):
        make_layer(layer_text("HDF5Data", extra=f"hdf5_data_param {{ {options} }}"))


def test_a_list_and_its_files_are_also_looked_for_beside_the_solver_file_the_netdef_and_the_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    text = layer_text("HDF5Data", tops=["data"], extra='hdf5_data_param { source: "sub/list.txt" batch_size: 1 }')
    netdef = parse_netdef(text, str(tmp_path / "net.prototxt"))
    with pytest.raises(DataError) as error:
        Net(netdef, Phase.TRAIN, Context(folders=["/solvers"]))
    looked = f"looked for it in {tmp_path / 'elsewhere'}, /solvers, {tmp_path}"
    what = f"sub/list.txt: not a readable list of HDF5 files: no such file; {looked}"
    assert re.fullmatch(rf'\S+net.prototxt:\d+:\d+: layer "it": {re.escape(what)}', str(error.value))
    (tmp_path / "sub" / "list.txt").write_text("\ufeffrows.h5\n")
    with pytest.raises(DataError, match=r"rows\.h5: no such file; looked for it in \S+elsewhere, \S+sub$"):
        Net(netdef, Phase.TRAIN)
    with h5py.File(tmp_path / "sub" / "rows.h5", "w") as file:
        file["data"] = np.arange(3.0)
    assert Net(netdef, Phase.TRAIN).forward()["data"].tolist() == [0]


def test_it_does_not_transform_data_and_says_so(tmp_path: Path) -> None:
    source = write_files(tmp_path, 2)
    extra = f'hdf5_data_param {{ source: "{source}" batch_size: 1 }} transform_param {{ scale: 2 }}'
    text = layer_text("HDF5Data", [], ["data"], extra)
    message = refused(NetdefError, make_layer, text, where='<netdef>:2:[0-9]+: layer "it": ')
    assert message.endswith("HDF5Data does not transform data; leave transform_param out, or store them so")

"""HDF5Output: what it writes, only where the user lets it, and never half a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
from helpers import Case, SingleLayer, layer_text, make_layer

from pysketch.device.backend import Device
from pysketch.errors import DataError, NetdefError, ShapeError
from pysketch.net.net import Net
from pysketch.netdef.definitions import parse_netdef
from pysketch.weights.snapshot import read_datasets

CONTRACT = {
    "HDF5Output": Case(
        layer_text("HDF5Output", ["x", "t"], [], 'hdf5_output_param { file_name: "out.h5" }'),
        ((3, 2, 2), (3,)),
        (),
    ),
}


def make(
    folder: Path | None,
    name: str = "out.h5",
    shapes: tuple[tuple[int, ...], ...] = ((3, 2, 5), (3,)),
    device: Device | None = None,
) -> SingleLayer:
    """The layer, allowed to write to the folder."""
    text = layer_text("HDF5Output", ["x", "t"], [], f'hdf5_output_param {{ file_name: "{name}" }}')
    more = {"device": device} if device else {}
    return make_layer(text, shapes, output_dir=None if folder is None else str(folder), **more)


def test_a_batch_is_written_as_data_and_label(tmp_path: Path, device: Device) -> None:
    single = make(tmp_path, device=device)
    assert single.forward() == []
    with h5py.File(tmp_path / "out.h5") as file:
        assert set(file) == {"data", "label"}
        assert {file[name].dtype for name in file} == {np.dtype("<f4")}
    found = read_datasets(tmp_path / "out.h5", ["data", "label"])
    for name, blob in zip(("data", "label"), single.bottom, strict=True):
        np.testing.assert_array_equal(found[name], blob.data.astype(np.float32))


def test_the_file_holds_the_last_batch(tmp_path: Path) -> None:
    single = make(tmp_path)
    single.forward()
    single.bottom[0].data[...] = 7
    single.forward()
    assert (read_datasets(tmp_path / "out.h5", ["data"])["data"] == 7).all()


def test_hdf5_data_reads_what_was_written(tmp_path: Path) -> None:
    single = make(tmp_path)
    single.forward()
    (tmp_path / "list.txt").write_text(f"{tmp_path / 'out.h5'}\n")
    options = f'hdf5_data_param {{ source: "{tmp_path / "list.txt"}" batch_size: 3 }}'
    data, label = make_layer(layer_text("HDF5Data", [], ["data", "label"], options)).forward()
    np.testing.assert_allclose(data, single.bottom[0].data, rtol=1e-6)
    np.testing.assert_allclose(label, single.bottom[1].data, rtol=1e-6)


def test_nothing_is_written_before_a_forward_and_folders_are_made(tmp_path: Path) -> None:
    single = make(tmp_path / "new", "deeper/out.h5")
    assert not (tmp_path / "new").exists()
    single.forward()
    assert [path.name for path in (tmp_path / "new" / "deeper").iterdir()] == ["out.h5"]


def test_without_an_output_folder_it_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NetdefError) as caught:
        make(None)
    assert str(caught.value).endswith(
        'layer "it": the netdef wants to write the file "out.h5"; to let it, name a folder for it with --output DIR, '
        "in Python Context(output_dir=DIR)"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["../x.h5", "a/../../x.h5", "/x.h5", "C:/x.h5", "C:x.h5", "..", ".", "", "a\\000b"])
def test_a_path_that_leads_out_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(NetdefError, match=r'<netdef>:2:\d+: layer "it": the file_name ".*" leads out of the output'):
        make(tmp_path, name)


def test_a_link_that_leads_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link").symlink_to(tmp_path)
    (tmp_path / "in" / "out.h5").symlink_to(tmp_path / "victim.h5")
    for name in ("link/x.h5", "out.h5"):
        with pytest.raises(NetdefError, match="leads out of the output folder"):
            make(tmp_path / "in", name)


def test_a_path_that_stays_inside_may_go_up_and_down(tmp_path: Path) -> None:
    make(tmp_path, "a/../out.h5").forward()
    assert (tmp_path / "out.h5").exists()


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "out.h5").mkdir()
    with pytest.raises(DataError, match=r"out.h5: cannot be written: "):
        make(tmp_path).forward()


def test_in_another_phase_it_needs_no_folder() -> None:
    text = layer_text("HDF5Output", ["x", "t"], [], 'include { phase: TRAIN } hdf5_output_param { file_name: "x.h5" }')
    inputs = 'layer { name: "in" type: "Input" top: "x" top: "t" input_param { shape { dim: 2 } } }'
    Net(parse_netdef(inputs + text))


def test_bottoms_without_equally_many_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ShapeError, match=r'"x" \(3, 2\) and "t" \(2,\) must have equally many rows'):
        make(tmp_path, shapes=((3, 2), (2,)))


def test_of_several_processes_the_first_one_writes(tmp_path: Path) -> None:
    single = make(tmp_path)
    single.layer.context = replace(single.layer.context, communicator=SimpleNamespace(rank=1, size=2))
    single.forward()
    assert not (tmp_path / "out.h5").exists()

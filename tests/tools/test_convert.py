import shutil

import convert
import h5py
import numpy as np
import pytest

from pysketch import Sketcher
from pysketch.drawing.net_file import read_net_file
from pysketch.errors import DataError, NetdefError, SnapshotError
from pysketch.shipped.folders import folder


def draw(path):
    photo = np.random.default_rng(0).integers(0, 256, (23, 21, 3)).astype(np.uint8)
    return Sketcher(path).predict(photo)


@pytest.mark.parametrize("name", ["a.caffemodel", "a.caffemodel.h5"])
def test_a_net_file_goes_to_caffes_formats_and_back(name, net_file, tmp_path, capsys):
    assert convert.main([str(net_file), str(tmp_path / name)]) == 0
    assert capsys.readouterr().out.startswith(f"{tmp_path / name}: input, N x 5 x height x width: R, G, B as (pixel - ")
    convert.main([str(tmp_path / name), str(tmp_path / "back.h5")])
    np.testing.assert_array_equal(draw(tmp_path / "back.h5"), draw(net_file))


def test_a_prototxt_and_our_caffemodel_keep_the_preprocessing(net_file, tmp_path):
    for name in ("a.prototxt", "a.caffemodel"):
        convert.main([str(net_file), str(tmp_path / name)])
    convert.main([str(tmp_path / name) for name in ("a.prototxt", "a.caffemodel", "back.h5")])
    assert read_net_file(tmp_path / "back.h5")[1] == read_net_file(net_file)[1]
    np.testing.assert_array_equal(draw(tmp_path / "back.h5"), draw(net_file))


def test_of_a_net_of_strides_it_says_what_the_sides_must_be(tmp_path, capsys):
    convert.main(["portrait", str(tmp_path / "p.prototxt")])
    convert.main(["sr", str(tmp_path / "s.prototxt")])
    portrait, sr = capsys.readouterr().out.splitlines()
    assert portrait.endswith("; height a multiple of 8, width of 8")
    assert "multiple" not in sr


def test_a_prototxt_and_a_caffemodel_become_a_net_file(net_file, tmp_path):
    convert.main([str(net_file), str(tmp_path / "a.prototxt")])
    convert.main([str(net_file), str(tmp_path / "a.caffemodel")])
    files = [str(tmp_path / name) for name in ("a.prototxt", "a.caffemodel", "back.h5")]
    convert.main([*files, "--scale", "0.004", "--mean", "127.5", "--xy-scale", "0.01"])
    np.testing.assert_array_equal(draw(tmp_path / "back.h5"), draw(net_file))


def test_a_net_file_without_preprocessing_takes_that_of_the_options(net_file, tmp_path, capsys):
    shutil.copy(net_file, tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "a") as file:
        del file.attrs["preprocessing"]
    convert.main([str(tmp_path / "a.h5"), str(tmp_path / "b.h5"), "--scale", "0.5", "--xy-scale", "1"])
    assert "(pixel - 0) * 0.5" in capsys.readouterr().out


def test_a_shipped_net_or_netdef_is_found_by_name_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    convert.main(["sr", "a.caffemodel.h5"])
    convert.main(["sr", "a.caffemodel.h5", "b.h5", "--scale", "1", "--xy-scale", "1"])
    for path in ("a.caffemodel.h5", "b.h5"):
        netdef, preprocessing = read_net_file(path)
        assert netdef.text == (folder("netdefs") / "sr.prototxt").read_text(encoding="utf-8")
        assert preprocessing.channels == 5
    with pytest.raises(SnapshotError, match=r"^srr: no such file, nor a shipped net "):
        convert.main(["srr", "c.h5"])


def test_an_onnx_model_is_written(net_file, tmp_path):
    onnx = pytest.importorskip("onnx", reason='needs onnx: pip install -e ".[interop]"')
    convert.main([str(net_file), str(tmp_path / "a.onnx")])
    assert [value.name for value in onnx.load(tmp_path / "a.onnx").graph.input] == ["data"]


@pytest.mark.parametrize("names", [["a.h5"], ["a.h5", "b.txt"], ["a", "b", "c", "d.h5"]])
def test_other_suffixes_and_numbers_of_files_are_refused(names, capsys):
    with pytest.raises(SystemExit) as exit:
        convert.main(names)
    assert exit.value.code == 2
    assert "expected NET OUT or NETDEF WEIGHTS OUT" in capsys.readouterr().err


def test_weights_without_a_netdef_need_one(net_file, tmp_path):
    Sketcher(net_file).net.save(tmp_path / "plain.caffemodel")
    with pytest.raises(SnapshotError, match=r"plain\.caffemodel: has no netdef in it; put one in front: NETDEF "):
        convert.main([str(tmp_path / "plain.caffemodel"), str(tmp_path / "b.h5")])


def test_a_netdef_that_draws_nothing_is_refused(net_file, tmp_path):
    (tmp_path / "a.prototxt").write_text('layer { name: "x" type: "Silence" bottom: "y" }')
    with pytest.raises(NetdefError):
        convert.main([str(tmp_path / "a.prototxt"), str(net_file), str(tmp_path / "b.h5")])


def test_a_net_is_not_converted_over_what_it_is_read_from(net_file, tmp_path):
    before = net_file.read_bytes()
    convert.main([str(net_file), str(tmp_path / "a.prototxt")])
    for arguments in ([net_file, net_file], [tmp_path / "a.prototxt", net_file, tmp_path / "a.prototxt"]):
        with pytest.raises(DataError, match="is read by this command, and would be overwritten"):
            convert.main(list(map(str, arguments)))
    assert net_file.read_bytes() == before

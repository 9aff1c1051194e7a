import re

import pytest
import summarize

from pysketch.errors import NetdefError


def table(text):
    """The rows by layer: cells, which two blanks part."""
    lines = text.splitlines()[2:]
    rows = [re.split(r" {2,}", line) for line in lines[: lines.index("")]]
    return rows[0], {row[0]: row[1:] for row in rows[1:]}


def test_every_layer_has_a_row_and_the_last_has_the_totals(tiny, capsys):
    assert summarize.main([tiny]) == 0
    out = capsys.readouterr().out
    assert out.startswith("tiny: phase TEST\n")
    head, rows = table(out)
    assert head == ["layer", "type", "output", "params", "multiply-adds", "bytes", "sees", "stride"]
    assert rows["data"] == ["Input", "2x3x12x11, 2x1x8x7", "-", "-", "3,616", "1x1", "1"]
    assert rows["conv1"] == ["Convolution", "2x6x12x11", "60", "14,256", "6,336", "3x3", "1"]
    assert rows["relu1"] == ["ReLU", "2x6x12x11", "-", "-", "-", "3x3", "1"]
    assert rows["conv2"] == ["Convolution", "2x1x8x7", "151", "16,800", "448", "7x7", "1"]
    assert rows["loss"] == ["EuclideanLoss", "1", "-", "-", "4", "-", "-"]
    assert rows["all"] == ["211", "31,056", "10,404"]


def test_phase_stage_and_size_choose_what_is_shown(tiny, capsys):
    assert summarize.main([tiny, "--stage", "deploy", "--size", "20x30"]) == 0
    out = capsys.readouterr().out
    assert out.startswith('tiny: phase TEST, stage "deploy"\n')
    _, rows = table(out)
    assert "loss" not in rows
    assert rows["conv2"][1] == "1x1x26x16"
    assert summarize.main([tiny, "--phase", "train"]) == 0
    assert "tiny: phase TRAIN" in capsys.readouterr().out


def test_pairs_need_no_data(solver_file, capsys):
    assert summarize.main([str(solver_file.with_name("tiny.prototxt")), "--phase", "train"]) == 0
    assert "2x5x19x17, 2x1x15x13" in capsys.readouterr().out


def test_a_shipped_netdef_is_found_by_name_from_any_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert summarize.main(["sr", "--stage", "deploy"]) == 0
    assert capsys.readouterr().out.startswith('sr: phase TEST, stage "deploy"\n')
    with pytest.raises(NetdefError, match=r'^smal: no such file, nor a shipped netdef .*; did you mean "small"\?$'):
        summarize.main(["smal"])


def test_a_missing_netdef_is_one_line():
    with pytest.raises(NetdefError, match=r"none\.prototxt: cannot be read"):
        summarize.main(["none.prototxt"])

import subprocess
import sys
from pathlib import Path

import pytest
from layers import describe, main

from pysketch.errors import NetdefError
from pysketch.layers.base import LAYERS
from pysketch.layers.unsupported import UNSUPPORTED_LAYERS


def test_the_list_has_every_type_once_and_those_of_caffe_alone(capsys):
    assert main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    firsts = [line.split("  ")[0] for line in lines]
    for name in [*LAYERS, *UNSUPPORTED_LAYERS]:
        assert firsts.count(name) == 1
    assert any(line.startswith("Pooling  ") and "mean" in line for line in lines)


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_every_layer_has_its_words_and_every_option_its_row(name):
    layer = LAYERS[name]
    lines = describe(layer)
    assert lines[0] == name
    assert len(lines[2]) > 10
    tables = [layer.table, *layer.more_sections.values()]
    rows = {line.split()[0] for line in lines if line.startswith("  ")}
    assert {option.name for table in tables for option in table.options} <= rows


def test_options_are_shown_with_their_kind_and_default_and_fillers_once():
    text = "\n".join(describe(LAYERS["Convolution"]))
    rows = [line.split("  ") for line in text.splitlines()]
    rows = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    assert ["num_output", "integer from 1 on", "required", "channels of the output"] in rows
    assert text.count("FillerParameter:") == 1
    assert "FAN_IN, FAN_OUT, AVERAGE" in text
    assert "param_str of python_param, in JSON:" in "\n".join(describe(LAYERS["PhotoSketchData"]))


def test_a_slip_gets_a_hint_and_a_type_of_caffe_alone_what_is_near():
    with pytest.raises(NetdefError, match=r'unknown layer type .Poling.; did you mean "Pooling"'):
        main(["Poling"])
    with pytest.raises(NetdefError, match=r"not supported: Tile .Caffe has it.; near: Concat"):
        main(["Tile"])


def test_bad_input_ends_with_status_2_and_one_line():
    tool = Path(__file__).parents[2] / "tools" / "layers.py"
    found = subprocess.run([sys.executable, str(tool), "Nothing"], capture_output=True, text=True, check=False)
    assert found.returncode == 2
    assert found.stderr.splitlines() == ["error: unknown layer type 'Nothing'; without a name all are listed"]

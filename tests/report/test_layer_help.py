import pytest

import pysketch  # noqa: F401  (registers the layers)
from pysketch.layers.base import LAYERS
from pysketch.layers.unsupported import UNSUPPORTED_LAYERS
from pysketch.report.layer_help import describe_layer, list_layers


def test_the_list_has_a_line_for_each_type_without_its_name_twice():
    lines = list_layers()
    head = lines.index("")
    assert [line.split()[0] for line in lines[1:head]] == sorted(LAYERS, key=str.lower)
    assert [line.split()[0] for line in lines[head + 2 :]] == list(UNSUPPORTED_LAYERS)
    assert not [line for line in lines[1:head] if line.split()[1] == f"{line.split()[0]}:"]


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_every_layer_has_its_words_and_every_option_its_row(name):
    layer = LAYERS[name]
    lines = describe_layer(layer)
    assert lines[0] == name
    assert len(lines[2]) > 10
    tables = [layer.table, *layer.more_sections.values()]
    rows = {line.split()[0] for line in lines if line.startswith("  ")}
    assert {option.name for table in tables for option in table.options} <= rows


def test_options_are_shown_with_their_kind_and_default_and_fillers_once():
    text = "\n".join(describe_layer(LAYERS["Convolution"]))
    rows = [line.split("  ") for line in text.splitlines()]
    rows = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    assert ["num_output", "integer from 1 on", "required", "channels of the output"] in rows
    assert text.count("FillerParameter:") == 1
    assert "FAN_IN, FAN_OUT, AVERAGE" in text
    assert "param_str of python_param, in JSON:" in "\n".join(describe_layer(LAYERS["PhotoSketchData"]))

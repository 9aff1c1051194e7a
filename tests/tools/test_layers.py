import subprocess
import sys
from pathlib import Path

import pytest
from layers import main

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


def test_a_slip_gets_a_hint_and_a_type_of_caffe_alone_what_is_near():
    with pytest.raises(NetdefError, match=r'unknown layer type .Poling.; did you mean "Pooling"'):
        main(["Poling"])
    with pytest.raises(NetdefError, match=r"not supported: LSTM .Caffe has it.; near: unroll"):
        main(["LSTM"])


def test_bad_input_ends_with_status_2_and_one_line():
    tool = Path(__file__).parents[2] / "tools" / "layers.py"
    found = subprocess.run([sys.executable, str(tool), "Nothing"], capture_output=True, text=True, check=False)
    assert found.returncode == 2
    assert found.stderr.splitlines() == ["error: unknown layer type 'Nothing'; without a name all are listed"]

import sys

import pytest

from pysketch import __version__
from pysketch.shipped.command import main


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["--version"], 0, f"pysketch {__version__}"),
        (["drw"], 2, 'pysketch: error: argument COMMAND: no command "drw"'),
    ],
)
def test_the_command_runs_the_tools_with_this_processes_arguments(words, status, told, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["/anywhere/pysketch", *words])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == status
    captured = capsys.readouterr()
    assert told in captured.out + captured.err

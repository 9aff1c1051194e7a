"""The page's folder is swept, its port is free or said to be taken, its environment is put back.

That it serves, keeps nothing and asks nobody is looked at in a browser, in tests/tools/test_page.py.
"""

import contextlib
import importlib.util
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pysketch.errors import DataError
from pysketch.page import serving
from pysketch.page.layout import Limits
from pysketch.page.serving import open_page, remove_older


def test_old_files_are_removed_with_their_folders_and_new_ones_stay(tmp_path):
    old, new = tmp_path / "a" / "old.png", tmp_path / "b" / "new.png"
    for path in (old, new):
        path.parent.mkdir()
        path.write_bytes(b"x")
    os.utime(old, (time.time() - 100, time.time() - 100))
    remove_older(tmp_path, 60)
    assert not old.exists() and new.exists()
    remove_older(tmp_path, 60)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["b"]


def test_a_port_that_is_taken_is_said_to_be():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(DataError, match=rf"^the page cannot be served at 127.0.0.1:{port}: .*; choose another$"):
            serving._free_port("127.0.0.1", port)


def test_without_a_port_the_first_free_one_is_taken(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            other = free.getsockname()[1]
        monkeypatch.setattr(serving, "PORTS", [port, other])
        assert serving._free_port("127.0.0.1", None) == other


def launched(monkeypatch, lost, port, errno=None):
    """The port that a page is launched at where Gradio loses the race for so many ports, and those that it tried."""
    tried = []

    class Page:
        def launch(self, server_name, server_port):
            tried.append(server_port)
            if len(tried) <= lost:
                raise OSError(*([errno, "of the system"] if errno else ["Cannot find empty port in range"]))

    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(3)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        free = [each.getsockname()[1] for each in sockets]
    monkeypatch.setattr(serving, "PORTS", free)
    return serving._launch(Page(), "127.0.0.1", free[0] if port else None), free, tried


def test_a_port_that_somebody_takes_after_the_look_is_followed_by_the_next(monkeypatch):
    found, free, tried = launched(monkeypatch, lost=2, port=False)
    assert found == free[2] and tried == free


@pytest.mark.parametrize("port", [False, True])
def test_where_all_ports_are_taken_after_the_look_a_line_says_so(monkeypatch, port):
    with pytest.raises(DataError, match=r"another program has just taken it; choose another$"):
        launched(monkeypatch, lost=9, port=port)


def test_another_error_of_the_system_is_not_taken_for_a_lost_port(monkeypatch):
    with pytest.raises(OSError, match="of the system"):
        launched(monkeypatch, lost=1, port=False, errno=28)


def test_an_address_that_is_not_this_machines_is_refused():
    with pytest.raises(DataError, match=r"cannot be served at no\.such\.host\.invalid:80"):
        serving._free_port("no.such.host.invalid", 80)


def test_the_address_is_one_that_a_browser_takes():
    hosts = {"127.0.0.1": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "[::1]", "lab-pc": "lab-pc"}
    assert {host: serving._in_address(host) for host in hosts} == hosts


def test_the_environment_says_that_nothing_goes_out_and_is_put_back(monkeypatch):
    monkeypatch.setenv("GRADIO_SHARE", "True")
    monkeypatch.setenv("NO_PROXY", "x.example")
    before = dict(os.environ)
    with serving._environment("folder", "lab-pc"):
        assert os.environ["GRADIO_ANALYTICS_ENABLED"] == "False"
        assert os.environ["GRADIO_TEMP_DIR"] == "folder"
        assert os.environ["NO_PROXY"] == "x.example,127.0.0.1,localhost,lab-pc"
        assert "GRADIO_SHARE" not in os.environ
    assert dict(os.environ) == before


def test_without_the_library_nothing_is_begun(monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    before = dict(os.environ)
    with pytest.raises(DataError, match="needs Gradio"), open_page(None, Limits()):
        pass
    assert dict(os.environ) == before


FORGETFUL = """
import gradio
from pysketch.page.serving import _forgetful
with gradio.Blocks(analytics_enabled=False) as page:
    box = gradio.Textbox()
page.state_session_capacity = 10000
holder = _forgetful(page)
session = holder["visitor"]
session._update_value_in_config(box._id, "secret")
assert "secret" in str(session.config_values)  # as Gradio keeps it
assert "secret" not in str(holder["visitor"].config_values)
assert not holder.session_data and page.state_holder is holder
print("nothing kept")
"""


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("gradio") is None, reason="gradio is not installed")
def test_what_a_visitor_sent_and_got_is_not_kept_in_memory():
    environment = {**os.environ, "GRADIO_ANALYTICS_ENABLED": "False", "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", FORGETFUL]
    run = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert run.stdout == "nothing kept\n", run.stderr[-2000:]

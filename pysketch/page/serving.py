"""The page, started: for this machine alone unless told otherwise, without anything from elsewhere, keeping nothing."""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
import threading
import time
from collections.abc import Iterator, Set
from pathlib import Path
from typing import Any

from pysketch.errors import DataError
from pysketch.page.guard import Guard
from pysketch.page.layout import Limits, build, styles
from pysketch.page.studio import Studio

KEPT = 300.0
"""Seconds after which an upload is removed that was not looked at, as when its sender went away."""

PORTS = range(7860, 7960)
"""Ports that are tried, in order, where none is named."""


@contextlib.contextmanager
def open_page(
    studio: Studio, limits: Limits, host: str = "127.0.0.1", port: int | None = None, kept: float = KEPT
) -> Iterator[str]:
    """Serve the page while the block runs; the value is its address, as a browser takes it.

    host: the address to listen on; 127.0.0.1 is reached from this machine only, 0.0.0.0 from others too. port: default:
    the first of PORTS that is free. kept: see KEPT. DataError where Gradio is missing or the address cannot be had.

    Gradio is told by the environment that it is to send nothing anywhere; settings of other pages of Gradio
    (GRADIO_...) do not hold for this one. Uploads lie in a temporary folder of its own, which is gone at the end.
    """
    _free_port(host, port)  # said before Gradio is imported, which takes seconds
    with (
        tempfile.TemporaryDirectory(prefix="pysketch-page-", ignore_cleanup_errors=True) as folder,
        _environment(folder, host),  # before Gradio is imported, which looks at it then, too
    ):
        page = build(studio, limits, Path(folder))
        names = frozenset({host, socket.gethostname()})
        port = _launch(
            page,
            host,
            port,
            max_file_size=limits.file_bytes,
            app_kwargs={
                "middleware": [(Guard, (names, limits.message_bytes), {})],
                "docs_url": None,
                "redoc_url": None,
                "openapi_url": None,
            },
            prevent_thread_lock=True,
            share=False,
            inbrowser=False,
            inline=False,
            quiet=True,
            show_error=True,
            footer_links=[],
            run_history=False,
            enable_monitoring=False,
            allowed_paths=[],
            ssr_mode=False,
            pwa=False,
            mcp_server=False,
            **styles(),
        )
        page.app.state_holder = _forgetful(page)
        ended = threading.Event()
        sweeper = threading.Thread(target=_sweep, args=(Path(folder), kept, ended), daemon=True)
        sweeper.start()
        try:
            yield f"http://{_in_address(host)}:{port}/"
        finally:
            ended.set()
            page.close(verbose=False)
            sweeper.join()


def remove_older(folder: Path, age: float) -> None:
    """Remove the files in a folder that were last written `age` seconds ago or earlier, and folders left empty."""
    before = time.time() - age
    for path in sorted(folder.rglob("*"), reverse=True):  # what is in a folder comes before it
        with contextlib.suppress(OSError):  # whoever wrote it may remove it, too, or be about to use the folder
            if path.is_dir():
                path.rmdir()
            elif path.stat().st_mtime <= before:
                path.unlink()


def _sweep(folder: Path, age: float, ended: threading.Event) -> None:
    while not ended.wait(min(age / 4, 5.0)):
        remove_older(folder, age)


def _launch(page: Any, host: str, port: int | None, **options: Any) -> int:
    """Launch the page at the port, or the first of PORTS that can be had: which it is; DataError if there is none.

    Between the look at a port and Gradio's own binding somebody else may take it: then the next is tried.
    """
    lost: set[int] = set()
    while True:
        found = _free_port(host, port, lost)
        try:
            page.launch(server_name=host, server_port=found, **options)
        except OSError as error:
            if error.errno is not None:  # not Gradio's word that the port cannot be had, which has no number
                raise
            lost.add(found)
        else:
            return found


def _free_port(host: str, port: int | None, lost: Set[int] = frozenset()) -> int:
    """The port if it can be had, the first of PORTS if it is None, none of the lost; DataError if there is none."""
    reason = "another program has just taken it"
    for each in PORTS if port is None else [port]:
        if each in lost:
            continue
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(host, each, type=socket.SOCK_STREAM)[0]
            with socket.socket(family, kind, protocol) as trial:
                trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                trial.bind(address)
            return each
        except OSError as error:
            reason = error.strerror or str(error)
    where = f"{host}:{port}" if port is not None else f"{host}, ports {PORTS[0]} to {PORTS[-1]}"
    raise DataError(f"the page cannot be served at {where}: {reason}; choose another")


def _in_address(host: str) -> str:
    """The host as it stands in an address: of all interfaces this machine's own, IPv6 in brackets."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{host}]" if ":" in host else host


@contextlib.contextmanager
def _environment(folder: str, host: str) -> Iterator[None]:
    """Settings that Gradio, and what it uses to ask itself whether it is there, read from the environment."""
    before = dict(os.environ)
    for name in [name for name in before if name.startswith("GRADIO_")]:
        del os.environ[name]
    direct = ",".join(filter(None, (before.get("NO_PROXY") or before.get("no_proxy"), "127.0.0.1,localhost", host)))
    os.environ.update(
        GRADIO_ANALYTICS_ENABLED="False", GRADIO_TEMP_DIR=folder, HF_HUB_OFFLINE="1", NO_PROXY=direct, no_proxy=direct
    )
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _forgetful(page: Any) -> Any:
    """Gradio keeps what a visitor sent and got last, for ten thousand visitors; this page needs nothing of it."""
    from gradio.state_holder import SessionState, StateHolder

    class Forgetful(StateHolder):
        def __getitem__(self, session_id: str) -> SessionState:
            return SessionState(self.blocks)

    holder = Forgetful()
    holder.set_blocks(page)
    return holder

"""What stands before the page: who may ask, how much may be sent, and what the browser may do with what it gets."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Application = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]
"""An ASGI application (asgi.readthedocs.io): of what is asked for, how more of it comes, how an answer goes out."""

POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
"""Content-Security-Policy: whatever is in the page, the browser asks nobody else for anything."""

_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "x-dns-prefetch-control": "off",
}
_NOT_STORED = {"cache-control": "no-store"}
_CLOSED = (
    "/gradio_api/call",
    "/gradio_api/runs",
    "/gradio_api/mcp",
    "/gradio_api/proxy",
    "/file",
    "/proxy",
    "/monitoring",
)
"""Doors of Gradio that the page does not use: to files, for programs that call it, to look at who called."""
_FILES = "/gradio_api/file"
"""Gradio's browser side asks for an upload back, to show it while the answer is made. It gets nothing, which is no
error that a browser would complain of."""


class Guard:
    """An ASGI application that lets through to another one what belongs to this page.

    names: what the page's machine is called in the browser's address line; numbers and localhost always are. So no
    other page can have its own name lead here and read what this one shows (DNS rebinding). most_bytes: of what is sent
    in one piece.
    """

    def __init__(self, application: Application, names: frozenset[str], most_bytes: int) -> None:
        self._application, self._names, self._most_bytes = application, names, most_bytes

    async def __call__(
        self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        """Answer a refusal, or pass on."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await _refuse(send, *refusal)
            return
        extra = {**_HEADERS, **(_NOT_STORED if scope["path"].startswith("/gradio_api/") else {})}

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [pair for pair in message.get("headers", []) if pair[0].decode("latin-1").lower() not in extra]
                message["headers"] = kept + [(name.encode(), value.encode()) for name, value in extra.items()]
            await send(message)

        await self._application(scope, receive, send_guarded)

    def _refusal(self, scope: Message) -> tuple[int, str] | None:
        """The status and the sentence for what is not let through."""
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if not is_ours(headers.get("host", ""), self._names):
            return 403, "This page is reached by another address: that which was shown when it was started."
        if scope["path"].startswith(_FILES):
            return 204, ""
        if scope["path"].startswith(_CLOSED):
            return 404, "There is nothing here."
        if scope["method"] in ("GET", "HEAD", "OPTIONS"):
            return None
        length = headers.get("content-length", "")
        if not length.isdecimal():
            return 411, "How much is sent must be said first."
        if int(length) > self._most_bytes:
            return 413, f"Too large: up to {self._most_bytes / 2**20:.0f} MB are taken at a time."
        return None


def is_ours(host: str, names: frozenset[str]) -> bool:
    """Whether the Host of a request is a number, localhost or one of the names, with or without a port."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() and not host.endswith("]") else host
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return name.lower().rstrip(".") in {"localhost", *(each.lower() for each in names)}
    return True


async def _refuse(send: Callable[[Message], Awaitable[None]], status: int, sentence: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": sentence.encode()})

"""Before the page: other addresses, large messages and unused doors are refused, and answers carry a policy."""

import asyncio

import pytest

from pysketch.page.guard import POLICY, Guard, is_ours


def asked(path="/", method="GET", **headers):
    """Status, headers and text of the answer to a request; the page behind answers with what it was asked for."""
    sent = []

    async def page(scope, receive, send):
        kept = [(b"content-type", b"text/html"), (b"Cache-Control", b"max-age=9")]
        await send({"type": "http.response.start", "status": 200, "headers": kept})
        await send({"type": "http.response.body", "body": scope["path"].encode()})

    async def send(message):
        sent.append(message)

    headers = {"host": "127.0.0.1:7860", **headers}
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    guard = Guard(page, frozenset({"lab-pc"}), 3 * 2**20)
    asyncio.run(guard({"type": "http", "path": path, "method": method, "headers": pairs}, None, send))
    start, body = sent
    return start["status"], {name.decode(): value.decode() for name, value in start["headers"]}, body["body"].decode()


def test_a_page_goes_out_with_a_policy_that_asks_nobody_else():
    status, headers, text = asked()
    assert (status, text) == (200, "/")
    assert headers["content-security-policy"] == POLICY
    assert headers["Cache-Control"] == "max-age=9"
    assert "http" not in POLICY and "*" not in POLICY


def test_answers_are_not_stored_by_the_browser():
    _, headers, _ = asked("/gradio_api/queue/data")
    assert headers["cache-control"] == "no-store"
    assert "Cache-Control" not in headers


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:7860", "127.0.0.1.evil.example", "", "localhost.evil.example"]
)
def test_another_pages_name_that_leads_here_is_refused(host):
    status, _, text = asked(host=host)
    assert status == 403
    assert text == "This page is reached by another address: that which was shown when it was started."


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:80", "localhost:7860", "[::1]:7860", "[::1]", "10.1.2.3:9", "Lab-PC:80"]
)
def test_numbers_localhost_and_the_machines_names_are_ours(host):
    assert is_ours(host, frozenset({"lab-pc"}))


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/call/x",
        "/file=a",
        "/monitoring",
        "/gradio_api/runs",
        "/proxy=http://a",
    ],
)
def test_doors_that_the_page_does_not_use_are_closed(path):
    assert asked(path)[0] == 404


@pytest.mark.parametrize("path", ["/gradio_api/file=/etc/passwd", "/gradio_api/file/x"])
def test_whoever_asks_for_a_file_gets_nothing_which_is_no_error(path):
    status, _, text = asked(path)
    assert (status, text) == (204, "")


def test_too_much_or_nobody_knows_how_much_is_refused_before_it_is_read():
    assert asked("/gradio_api/upload", "POST", content_length=str(3 * 2**20))[0] == 200
    status, _, text = asked("/gradio_api/upload", "POST", content_length=str(3 * 2**20 + 1))
    assert (status, text) == (413, "Too large: up to 3 MB are taken at a time.")
    assert asked("/gradio_api/upload", "POST")[0] == 411
    assert asked("/gradio_api/upload", "POST", content_length="-5")[0] == 411


def test_what_is_no_request_passes():
    passed = []

    async def page(scope, receive, send):
        passed.append(scope["type"])

    asyncio.run(Guard(page, frozenset(), 1)({"type": "lifespan"}, None, None))
    assert passed == ["lifespan"]

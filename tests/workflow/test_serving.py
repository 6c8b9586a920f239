"""A web application on an address of this machine."""

from __future__ import annotations

import errno
import http.client
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest

from sweep.errors import UsageError
from sweep.workflow.serving import Server, is_loopback, open_server

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment


def hello(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


@contextmanager
def running(server: Server) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    with server:
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def get(server: Server, **headers: str) -> tuple[int, bytes]:
    host, port = server.server_address[:2]
    with closing(http.client.HTTPConnection(str(host), int(port), timeout=10)) as connection:
        connection.request("GET", "/", headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()


def test_it_answers_and_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    server = open_server(hello, "127.0.0.1", 0)
    with running(server):
        assert server.url == f"http://127.0.0.1:{server.server_port}/"
        assert get(server) == (200, b"hello")
    assert capfd.readouterr() == ("", "")


def test_a_browser_that_opens_a_connection_and_leaves_it_holds_up_nobody(capfd: pytest.CaptureFixture[str]) -> None:
    server = open_server(hello, "127.0.0.1", 0)
    with running(server), closing(socket.create_connection(server.server_address[:2])):
        assert get(server) == (200, b"hello")
    assert capfd.readouterr() == ("", "")


def test_another_name_for_this_machine_is_refused() -> None:
    server = open_server(hello, "127.0.0.1", 0)
    with running(server):
        for name in (f"localhost:{server.server_port}", "127.0.0.1", "[::1]:80"):
            assert get(server, Host=name)[0] == 200
        for name in ("evil.example", f"evil.example:{server.server_port}", "[", ""):
            assert get(server, Host=name)[0] == 403


def test_whoever_asks_for_more_than_this_machine_may_use_any_name() -> None:
    server = open_server(hello, "0.0.0.0", 0)
    with running(server):
        assert get(server, Host="workstation.lab")[0] == 200


def test_version_six_of_the_protocol_is_spoken() -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    try:
        server = open_server(hello, "::1", 0)
    except UsageError:
        pytest.skip("no IPv6 here")
    with running(server):
        assert server.url == f"http://[::1]:{server.server_port}/"
        assert get(server) == (200, b"hello")


def test_a_port_in_use_is_named() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            UsageError, match=f"--port: received {port}, which another program listens on.*--port {port + 1}"
        ):
            open_server(hello, "127.0.0.1", port)


def test_a_port_of_the_administrator_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(server: Server) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Server, "server_bind", refuse)
    with pytest.raises(UsageError, match="80, which is kept for administrators"):
        open_server(hello, "127.0.0.1", 80)


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host"])
def test_an_address_of_another_machine_is_refused(host: str) -> None:
    with pytest.raises(UsageError, match=f"--host: received {host} .*; expected a name or an address of this machine"):
        open_server(hello, host, 0)


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("lab", False)],
)
def test_loopback_is_what_only_this_machine_reaches(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected

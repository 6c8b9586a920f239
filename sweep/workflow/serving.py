"""A web application on an address of this machine: found free, answered in threads, closed when it is done."""

from __future__ import annotations

import errno
import ipaddress
import socket
import sys
from collections.abc import Iterable
from socketserver import TCPServer, ThreadingMixIn
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from sweep.errors import UsageError

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["Server", "is_loopback", "open_server"]

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Server(ThreadingMixIn, WSGIServer):
    """Answers every request in a thread of its own: browsers keep connections open that they do not use yet."""

    daemon_threads = True
    # Of the request that stopped it, nobody waits for an answer.
    block_on_close = False

    @property
    def url(self) -> str:
        """Where a browser finds it."""
        host = self.server_name
        return f"http://{f'[{host}]' if ':' in host else host}:{self.server_port}/"

    def server_bind(self) -> None:
        """Bind without asking the network for this machine's name, which may take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - the signature of socketserver
        """Say nothing of a browser that left before it had its answer."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Quiet(WSGIRequestHandler):
    """A handler that does not print every request."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the signature of http.server
        """Print nothing."""


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def open_server(application: WSGIApplication, host: str, port: int) -> Server:
    """Bind an address; requests are answered from `serve_forever` on.

    Args:
        application: what answers.
        host: a name or an address of this machine.
        port: 0 for any that is free.

    Raises:
        UsageError: the port is taken or not allowed, or the host is no address of this machine.
    """
    if is_loopback(host):
        application = _for_names(application, {*_LOOPBACK, host})
    kind = type("Server6", (Server,), {"address_family": socket.AF_INET6}) if ":" in host else Server
    try:
        server: Server = kind((host, port), _Quiet)
    except OSError as error:
        raise _unusable(host, port, error) from error
    server.set_app(application)
    return server


def _for_names(application: WSGIApplication, names: set[str]) -> WSGIApplication:
    """Refuse what was asked of this machine under another name: a page of the web may have its own name point here."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if _asked_name(environ.get("HTTP_HOST", "")) not in names:
            start_response("403 Forbidden", [("Content-Type", "text/plain; charset=utf-8")])
            return [b"Served under the names of this machine alone; a proxy has to ask for Host: localhost.\n"]
        return application(environ, start_response)

    return answer


def _asked_name(host: str) -> str | None:
    """The name in a request's Host line, without its port."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _unusable(host: str, port: int, error: OSError) -> UsageError:
    if error.errno == errno.EADDRINUSE:
        return UsageError(
            "--port",
            received=f"{port}, which another program listens on",
            expected="a free port",
            remedy=f"name another one: --port {port + 1}, or --port 0 for any",
        )
    if error.errno == errno.EACCES:
        return UsageError(
            "--port",
            received=f"{port}, which is kept for administrators",
            expected="a port above 1023",
            remedy="name another one: --port 8080",
        )
    return UsageError(
        "--host",
        received=f"{host} ({error.strerror or error})",
        expected="a name or an address of this machine",
        remedy="leave --host out, or name 0.0.0.0 for every address that it has",
    )

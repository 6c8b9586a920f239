"""A PostgreSQL server of its own for a measurement: in a temporary folder, on a free port of this machine alone."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Server", "find_programs", "processor_seconds", "running_server"]

_USER = "postgres"  # the server refuses to run as root
_PATIENCE = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server.

    Attributes:
        location: the URL of its database.
        pid: of its first process, whose children serve the clients.
    """

    location: str
    pid: int


def find_programs() -> Path | None:
    """The folder of the newest server's programs that is installed, as Debian lays them out; None without any."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    found += [Path(path).parent for path in (shutil.which("initdb"),) if path is not None]
    return max(found, default=None, key=lambda folder: (len(folder.parts), folder.parts))


@contextmanager
def running_server(programs: Path) -> Iterator[Server]:
    """A server with Debian's default settings, gone with its data at the end of the context."""
    folder = Path(tempfile.mkdtemp(prefix="fleet-"))
    data = folder / "data"
    try:
        if os.getuid() == 0:
            shutil.chown(folder, _USER)
        _run(
            programs / "initdb",
            "--pgdata",
            data,
            "--auth",
            "trust",
            "--username",
            _USER,
            "--encoding",
            "UTF8",
            "--no-sync",
        )
        port = _free_port()
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
        start = ("--pgdata", data, "--wait", "--timeout", _PATIENCE, "--log", folder / "log", "--options", options)
        _run(programs / "pg_ctl", "start", *start)
        try:
            pid = int((data / "postmaster.pid").read_text(encoding="ascii").split()[0])
            yield Server(location=f"postgresql+psycopg://{_USER}@127.0.0.1:{port}/{_USER}", pid=pid)
        finally:
            _run(programs / "pg_ctl", "stop", "--pgdata", data, "--mode", "immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def processor_seconds(pid: int) -> float:
    """What a process and its children that are still there have used so far; a difference is exact to microseconds."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return sum(_run_time(child) for child in (str(pid), *children))


def _run_time(pid: str) -> float:
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9
    except FileNotFoundError:  # it has just ended
        return 0.0


def _run(program: Path, *arguments: object) -> None:
    """Run one of the server's programs as its user; its output is shown where it fails."""
    command = [str(program), *map(str, arguments)]
    if os.getuid() == 0:
        command = ["runuser", "-u", _USER, "--", *command]
    # The server lives on, so pipes would never end.
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(command, stdout=output, stderr=output, cwd="/", check=False, timeout=2 * _PATIENCE)
        if done.returncode:
            output.seek(0)
            raise RuntimeError(f"{' '.join(command)}: {output.read().decode(errors='replace')}")


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])

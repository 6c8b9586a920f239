"""Living and dead processes."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from sweep.search import process
from sweep.search.process import Process, is_dead, this_process

needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")


@pytest.fixture
def ended() -> Process:
    """A process that ran on this host and is gone."""
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        pid = child.pid
    return replace(this_process(), pid=pid, started="1")


def test_this_process_lives() -> None:
    assert not is_dead(this_process())


def test_an_ended_process_is_dead(ended: Process) -> None:
    assert is_dead(ended)
    assert is_dead(replace(ended, started=""))


@needs_proc
def test_a_process_that_got_a_dead_ones_id_is_another() -> None:
    assert is_dead(replace(this_process(), started="1"))


@needs_proc
def test_a_killed_process_that_nobody_has_waited_for_is_dead() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = process._start_time(child.pid)
    assert started is not None
    waiting = replace(this_process(), pid=child.pid, started=started)
    assert not is_dead(waiting)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert is_dead(waiting)
    child.communicate()


def test_of_other_hosts_nothing_is_known(ended: Process) -> None:
    assert not is_dead(replace(ended, host="elsewhere"))


def test_without_start_times_the_id_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_start_time", lambda pid: None)
    here = this_process()
    assert here.started == ""
    assert not is_dead(here)


def test_a_process_of_another_user_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(pid: int, signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", refused)
    assert not is_dead(replace(this_process(), started=""))


def test_a_process_is_stored_and_read() -> None:
    assert Process.read(this_process().stored) == this_process()
    assert Process.read(None) is None
    assert Process.read({"pid": 1}) is None

"""What `native_start` does to standard error and to the garbage collector."""

from __future__ import annotations

import atexit
import gc
import os
import sys

import pytest

from sweep.cli.native import native_start


def test_native_messages_are_dropped_while_tensorflow_starts(capfd: pytest.CaptureFixture[str]) -> None:
    with native_start():
        os.write(2, b"I0000 port.cc:153] oneDNN custom operations are on.\n")
    os.write(2, b"heard again\n")
    assert capfd.readouterr().err == "heard again\n"


def test_the_garbage_collector_rests_meanwhile_also_where_the_import_fails() -> None:
    inside: list[bool] = []

    def fail() -> None:
        inside.append(gc.isenabled())
        raise ImportError("no TensorFlow")

    with pytest.raises(ImportError), native_start():
        fail()
    assert (inside, gc.isenabled()) == ([False], True)


def test_a_collector_that_the_caller_has_stopped_stays_so() -> None:
    gc.disable()
    try:
        with native_start():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.parametrize("loaded", [False, True])
def test_what_was_imported_is_out_of_its_sight_from_the_first_time_on(
    loaded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[str] = []
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    if loaded:
        monkeypatch.setitem(sys.modules, "tensorflow", gc)
    monkeypatch.setattr(gc, "freeze", lambda: called.append("now"))
    monkeypatch.setattr(atexit, "register", lambda function: called.append(f"at exit: {function is gc.freeze}"))
    with native_start():
        pass
    assert called == ([] if loaded else ["now", "at exit: True"])

"""Importing TensorFlow from the command line: silently, and without looking for garbage among what stays."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["native_start"]


@contextmanager
def native_start() -> Iterator[None]:
    """Import TensorFlow, and what needs it, within this.

    Keeps its start-up messages off the terminal; a log level that the caller has set stays. The garbage collector
    rests, since looking through a million new objects, all of which stay, is a fifth of the import's time, and the
    first time they are put out of its sight; so is at exit what there is then, whose search would take another second.
    """
    first, collecting = "tensorflow" not in sys.modules, gc.isenabled()
    gc.disable()
    try:
        with _quiet_descriptor():
            yield
    finally:
        if first:
            gc.freeze()
            atexit.register(gc.freeze)
        if collecting:
            gc.enable()


@contextmanager
def _quiet_descriptor() -> Iterator[None]:
    """Turn standard error away: the first messages come from native code, before TensorFlow reads its log level.

    Python's exceptions are not touched by that.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)

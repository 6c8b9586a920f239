"""A probe that cannot fail: what goes wrong in it becomes "not measured", with the reason."""

from __future__ import annotations

from collections.abc import Callable

from sweep.errors import SweepError
from sweep.records import Cause, Finding

__all__ = ["Probe", "probed"]

Probe = Callable[[], Finding]


def probed(cause: Cause, probe: Probe) -> Finding:
    """What a probe says; a broken one, or one that lacks something, never breaks the verdict."""
    try:
        return probe()
    except SweepError as error:
        return Finding.not_measured(cause, str(error))
    except Exception as error:
        reason = " ".join(str(error).split())
        return Finding.not_measured(cause, f"{type(error).__name__}: {reason}" if reason else type(error).__name__)

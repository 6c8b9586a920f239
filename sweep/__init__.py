"""Why does my image classifier score 99 % on training and 75 % on validation, and what do I change?

Example:
    >>> import sweep
    >>> study = sweep.run("toys", trials=50)  # doctest: +SKIP
    >>> study = sweep.open("study.db")        # doctest: +SKIP
    >>> study.ranking().head()                # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sweep.errors import SweepError

if TYPE_CHECKING:
    from sweep.records import EpochRecord, Interval, Measurement, StudyRecord, TrialRecord, TrialState
    from sweep.workflow.as_hypermodel import as_hypermodel as hypermodel
    from sweep.workflow.audit import audit
    from sweep.workflow.check import check_study as check
    from sweep.workflow.diagnose import diagnose
    from sweep.workflow.opened import OpenedStudy
    from sweep.workflow.opened import open_study as open  # noqa: A004 - `sweep.open` reads as it should
    from sweep.workflow.prove import prove
    from sweep.workflow.run import run_study as run

__all__ = [
    "EpochRecord",
    "Interval",
    "Measurement",
    "OpenedStudy",
    "StudyRecord",
    "SweepError",
    "TrialRecord",
    "TrialState",
    "audit",
    "check",
    "diagnose",
    "hypermodel",
    "open",
    "prove",
    "run",
]

_RECORDS = ("EpochRecord", "Interval", "Measurement", "StudyRecord", "TrialRecord", "TrialState")
_LAZY = {
    **{name: ("sweep.records", name) for name in _RECORDS},
    "OpenedStudy": ("sweep.workflow.opened", "OpenedStudy"),
    "audit": ("sweep.workflow.audit", "audit"),
    "check": ("sweep.workflow.check", "check_study"),
    "diagnose": ("sweep.workflow.diagnose", "diagnose"),
    "hypermodel": ("sweep.workflow.as_hypermodel", "as_hypermodel"),
    "open": ("sweep.workflow.opened", "open_study"),
    "prove": ("sweep.workflow.prove", "prove"),
    "run": ("sweep.workflow.run", "run_study"),
}


def __getattr__(name: str) -> object:
    """Load what needs NumPy, pandas or TensorFlow at its first use."""
    if name not in _LAZY:
        raise AttributeError(f"module 'sweep' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415

    module, attribute = _LAZY[name]
    return getattr(import_module(module), attribute)

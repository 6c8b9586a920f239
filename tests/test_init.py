"""The Python face is small, and importing it is cheap."""

from __future__ import annotations

import subprocess
import sys

import pytest

import sweep


def test_the_public_names() -> None:
    assert sorted(sweep.__all__) == [
        "EpochRecord", "Interval", "Measurement", "OpenedStudy", "StudyRecord", "SweepError", "TrialRecord",
        "TrialState", "audit", "check", "diagnose", "hypermodel", "open", "prove", "run",
    ]  # fmt: skip
    assert all(getattr(sweep, name) is not None for name in sweep.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = sweep.nonsense


def test_importing_it_loads_nothing_heavy() -> None:
    program = "import sweep, sys; assert not {'pandas', 'tensorflow', 'optuna', 'pydantic'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)

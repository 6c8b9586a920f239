"""Durations as people write them."""

from __future__ import annotations

import pytest

from sweep.cli.options import seconds
from sweep.errors import UsageError


@pytest.mark.parametrize(("text", "expected"), [("90", 90), ("90s", 90), ("30m", 1800), ("1.5h", 5400)])
def test_a_duration_is_read_in_seconds(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "-3m", "0", "30 min", "soon"])
def test_another_duration_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"--timeout.*write 90s, 30m or 2h"):
        seconds(text)

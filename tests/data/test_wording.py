"""Sentences count properly."""

from __future__ import annotations

import pytest

from sweep.data.wording import counted


@pytest.mark.parametrize(("number", "text"), [(0, "0 files"), (1, "1 file"), (2, "2 files"), (1200, "1,200 files")])
def test_counted(number: int, text: str) -> None:
    assert counted(number, "file") == text

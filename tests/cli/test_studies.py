"""`sweep studies` lists what can be run without data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def test_each_bundled_study_has_a_line(cli: Callable[..., Any]) -> None:
    lines = cli("studies").out.splitlines()
    assert [line.split()[0] for line in lines] == [
        "dropout-in-conv", "hypermodel", "radar", "small-two-class",
        "toys", "toys-backbones", "toys-bursts", "toys-composites", "toys-mobilenet",
    ]  # fmt: skip
    assert all(line.endswith("?") for line in lines)

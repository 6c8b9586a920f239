"""`sweep cache` shows what it would remove before it does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sweep.data.cache import cache_folder

Cli = Callable[..., Any]


def test_show_then_clear(cli: Cli) -> None:
    part = cache_folder() / "toys"
    part.mkdir(parents=True)
    (part / "one.jpg").write_bytes(b"x" * 2_000_000)
    assert "2.0 MB" in cli("cache", "show").out
    assert cli("cache", "clear", "--yes").out == "freed 2 MB\n"
    assert cli("cache", "show").out.endswith(": 0.0 MB\n")

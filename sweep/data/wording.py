"""Numbers of things in sentences for people."""

from __future__ import annotations

__all__ = ["counted"]


def counted(number: int, noun: str) -> str:
    """Number and noun, as in "1 file" and "1,200 files"; the noun's plural ends in s."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"

"""What is kept, and what goes first."""

from __future__ import annotations

from sweep.training.recent import RecentlyUsed, physical_memory


def test_a_thing_is_made_once() -> None:
    kept: RecentlyUsed[str, int] = RecentlyUsed(10, lambda value: value)
    assert kept.get("a", lambda: 3) == 3
    assert kept.get("a", lambda: 4) == 3


def test_beyond_the_capacity_the_one_not_used_for_longest_goes() -> None:
    kept: RecentlyUsed[str, int] = RecentlyUsed(10, lambda value: value)
    kept.get("a", lambda: 4)
    kept.get("b", lambda: 5)
    kept.get("a", lambda: 0)
    kept.get("c", lambda: 6)  # 15 in all: b goes, and 10 fit
    assert len(kept) == 2
    assert kept.get("a", lambda: 0) == 4
    assert kept.get("b", lambda: 1) == 1


def test_what_is_too_large_is_kept_until_the_next_one() -> None:
    kept: RecentlyUsed[str, int] = RecentlyUsed(10, lambda value: value)
    assert kept.get("a", lambda: 99) == 99
    assert kept.get("a", lambda: 0) == 99
    kept.get("b", lambda: 1)
    assert len(kept) == 1


def test_memory_is_some_gigabytes() -> None:
    assert 2**28 < physical_memory() < 2**50

"""The cache can be looked at and emptied."""

from __future__ import annotations

from sweep.data.cache import cache_folder
from sweep.workflow.cache import clear_cache, describe_cache


def test_an_absent_cache_is_empty() -> None:
    assert describe_cache()[-1].endswith(": 0.0 MB")
    assert clear_cache() == 0


def test_each_part_is_counted_and_cleared() -> None:
    for part, name, size in [("arrays", "one", 1_500_000), ("toys", "two", 500_000)]:
        folder = cache_folder() / part
        folder.mkdir(parents=True)
        (folder / name).write_bytes(b"x" * size)
    lines = describe_cache()
    assert lines[0].split() == ["arrays", "1", "files", "1.5", "MB"]
    assert lines[-1].endswith(": 2.0 MB")
    assert clear_cache() == 2_000_000
    assert describe_cache()[-1].endswith(": 0.0 MB")

"""What the cache folder holds, and how it is emptied."""

from __future__ import annotations

import shutil
from pathlib import Path

from sweep.data.cache import cache_folder

__all__ = ["clear_cache", "describe_cache"]


def describe_cache() -> tuple[str, ...]:
    """A line for each sub-folder of the cache, the total last."""
    folder = cache_folder()
    parts = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    sizes = {path.name: _size(path) for path in parts}
    lines = [f"{name:12} {files:>7,} files {size / 1e6:>10,.1f} MB" for name, (files, size) in sizes.items()]
    total = sum(size for _, size in sizes.values())
    return (*lines, f"{folder}: {total / 1e6:,.1f} MB")


def clear_cache() -> int:
    """Remove everything in the cache folder; returns the bytes freed."""
    folder = cache_folder()
    _, size = _size(folder)
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    return size


def _size(folder: Path) -> tuple[int, int]:
    """Files below a folder and their bytes."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return len(files), sum(path.stat().st_size for path in files)

"""The data sets that need no files: rendered at the first use, then kept in the cache folder."""

from __future__ import annotations

from pathlib import Path

from sweep.data.drawings import DRAWINGS, drawing_rendering
from sweep.data.rendering import find_or_render
from sweep.data.toys import TOYS, toy_rendering
from sweep.progress import Progress

__all__ = ["RENDERED", "rendered_folder"]

RENDERED = (*TOYS, *DRAWINGS)
"""What `data.source` may name instead of a folder."""


def rendered_folder(name: str, *, progress: Progress) -> Path:
    """The folder of one of `RENDERED`, with a sub-folder for each class; rendered where it is not there yet.

    Raises:
        CacheError: the cache folder is full or cannot be written.
    """
    rendering = toy_rendering(name) if name in TOYS else drawing_rendering(name)
    return find_or_render(rendering, progress=progress)

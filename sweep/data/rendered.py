"""The data sets that need no files: rendered at the first use, then kept in the cache folder."""

from __future__ import annotations

from pathlib import Path

from sweep.data.drawings import DRAWINGS, drawing_rendering
from sweep.data.rendering import Rendering, find_or_render, place_of
from sweep.data.toys import TOYS, toy_rendering
from sweep.progress import Progress

__all__ = ["RENDERED", "rendered_folder", "rendered_place"]

RENDERED = (*TOYS, *DRAWINGS)
"""What `data.source` may name instead of a folder."""


def rendered_folder(name: str, *, progress: Progress) -> Path:
    """The folder of one of `RENDERED`, with a sub-folder for each class; rendered where it is not there yet.

    Raises:
        CacheError: the cache folder is full or cannot be written.
    """
    return find_or_render(_rendering(name), progress=progress)


def rendered_place(name: str) -> Path:
    """Where that folder is, or would be: nothing is rendered."""
    return place_of(_rendering(name))


def _rendering(name: str) -> Rendering:
    return toy_rendering(name) if name in TOYS else drawing_rendering(name)

"""Paths as people write them."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["written_path"]


def written_path(text: str) -> Path:
    """A path with `~` and `~user` for a home; where no such home can be told it is taken as it stands."""
    # Path.expanduser raises instead, and a file that is missing is said so with its name.
    return Path(os.path.expanduser(text))  # noqa: PTH111

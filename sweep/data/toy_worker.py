"""A process of its own that renders a share of a set.

`python -m sweep.data.toy_worker SET FOLDER PER_CLASS SHARE SHARES` tells every finished picture on standard output by
an empty line, and a failure by its reason.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from sweep.data.toy_pictures import list_pictures, render_picture

__all__ = ["render_share"]

_QUALITY = 90


def render_share(name: str, folder: Path, per_class: int, share: int, shares: int) -> None:
    """Render every `shares`-th picture of the set, from number `share` on, into an existing folder."""
    for picture in list_pictures(name, per_class)[share::shares]:
        path = folder / picture.path
        path.parent.mkdir(exist_ok=True)
        render_picture(picture).save(path, quality=_QUALITY)
        _tell("")


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(arguments: Sequence[str]) -> int:
    """Render the share that the arguments name; 1 where the folder cannot be written."""
    name, folder, *numbers = arguments
    try:
        render_share(name, Path(folder), *map(int, numbers))
    except BrokenPipeError:  # nobody listens any more: the parent was killed
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        _tell((error.strerror or str(error)).lower())
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Making a set of pictures once: kept in the cache folder, never half, never mixed with what an older renderer drew."""

from __future__ import annotations

import hashlib
import shutil
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sweep.data.cache import cache_folder
from sweep.errors import CacheError
from sweep.progress import Advance, Progress

__all__ = ["Rendering", "find_or_render", "place_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """How a set of pictures comes into being.

    Attributes:
        name: of the set.
        part: sub-folder of the cache folder.
        modules: the files that decide about the pixels; they are part of the name of the set's folder.
        pictures: how many there are.
        render: draws all of them into an existing folder, with a sub-folder for each class, and tells of each; raises
            OSError where it cannot.
    """

    name: str
    part: str
    modules: tuple[Path, ...]
    pictures: int
    render: Callable[[Path, Advance], None]


def find_or_render(rendering: Rendering, *, progress: Progress) -> Path:
    """The folder of the set, rendered where it is not there yet.

    Raises:
        CacheError: the cache folder is full or cannot be written.
    """
    folder = place_of(rendering)
    if not folder.is_dir():
        _render_whole(rendering, folder, progress)
    return folder


def place_of(rendering: Rendering) -> Path:
    """Where the folder of the set is, or will be once it is rendered."""
    title = f"{rendering.name}-v1-{_digest(rendering.modules)[:12]}"
    return cache_folder().absolute() / rendering.part / title


def _render_whole(rendering: Rendering, folder: Path, progress: Progress) -> None:
    """Render into a folder of another name and rename it when it is whole, so that half a set is never taken for one.

    Two processes may render the same set at once: the first one wins, and the other takes what it finds.
    """
    partial = folder.with_name(f".{folder.name}-{uuid.uuid4().hex}")
    try:
        partial.mkdir(parents=True)
        with progress.stage(f"rendering {rendering.name}", rendering.pictures, "images") as advance:
            rendering.render(partial, advance)
        partial.rename(folder)
    except OSError as error:
        if not folder.is_dir():
            raise _refusal(folder, error.strerror or str(error)) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    for leftover in folder.parent.glob(f".{folder.name}-*"):  # of renderings that were killed, or are needless now
        shutil.rmtree(leftover, ignore_errors=True)


def _refusal(folder: Path, received: str) -> CacheError:
    return CacheError(
        str(folder.parent),
        received=received.lower(),
        expected="a folder that can be written, with 100 MB free",
        remedy="free some space, make it writable, or set SWEEP_CACHE to another folder",
    )


def _digest(modules: tuple[Path, ...]) -> str:
    """SHA-256 of what draws the pictures, so that a changed renderer never meets pictures of an older one."""
    digest = hashlib.sha256()
    for path in modules:
        digest.update(path.read_bytes())
    return digest.hexdigest()

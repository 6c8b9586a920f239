"""The rendered toys: four look-alike bears and pictures without any, made once and kept in the cache folder."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

from sweep.data.cache import cache_folder
from sweep.data.toy_pictures import PER_CLASS, TOYS, list_pictures
from sweep.errors import CacheError
from sweep.progress import Advance, Progress

__all__ = ["TOYS", "rendered_folder"]

_HERE = Path(__file__).parent
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def rendered_folder(name: str, *, progress: Progress) -> Path:
    """The folder of one of `TOYS`, with a sub-folder for each class; rendered where it is not there yet.

    Raises:
        CacheError: the cache folder is full or cannot be written.
    """
    folder = cache_folder().absolute() / "toys" / f"{name}-v1-{_renderer_digest()[:12]}"
    if not folder.is_dir():
        _render_set(name, folder, progress, per_class=PER_CLASS)
    return folder


def _render_set(name: str, folder: Path, progress: Progress, *, per_class: int) -> None:
    """Render into a folder of another name and rename it when it is whole, so that half a set is never taken for one.

    Two processes may render the same set at once: the first one wins, and the other takes what it finds.
    """
    partial = folder.with_name(f".{folder.name}-{uuid.uuid4().hex}")
    try:
        partial.mkdir(parents=True)
        with progress.stage(f"rendering {name}", len(list_pictures(name, per_class)), "images") as advance:
            _render_in_processes(name, partial, per_class, advance)
        partial.rename(folder)
    except CacheError:
        if not folder.is_dir():
            raise
    except OSError as error:
        if not folder.is_dir():
            raise _refusal(folder, error.strerror or str(error)) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    for leftover in folder.parent.glob(f".{folder.name}-*"):  # of renderings that were killed, or are needless now
        shutil.rmtree(leftover, ignore_errors=True)


def _render_in_processes(name: str, folder: Path, per_class: int, advance: Advance) -> None:
    """One process a core; each tells every finished picture by an empty line, or in words why it gives up.

    Not `multiprocessing`: it runs the caller's script again in each process, unless that guards its main part.
    """
    shares = os.cpu_count() or 1
    command = [sys.executable, "-m", "sweep.data.toy_worker", name, str(folder), str(per_class)]
    reading, writing = os.pipe()
    workers: list[subprocess.Popen[bytes]] = []
    try:
        with os.fdopen(reading, encoding="utf-8") as lines:
            try:
                workers.extend(_start([*command, str(share), str(shares)], writing) for share in range(shares))
            finally:
                os.close(writing)  # so that the lines end with the last worker
            for line in lines:
                if reason := line.strip():
                    raise _refusal(folder, reason)
                advance()
        if any(worker.wait() for worker in workers):
            raise _refusal(folder, "a rendering process that died")
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


def _start(command: list[str], writing: int) -> subprocess.Popen[bytes]:
    """A worker that finds this very package, and whom Ctrl-C does not reach: we end it ourselves."""
    paths = os.pathsep.join([str(_HERE.parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, **_ONE_THREAD, "PYTHONPATH": paths}
    return subprocess.Popen(command, stdout=writing, env=environment, process_group=0)


def _refusal(folder: Path, received: str) -> CacheError:
    return CacheError(
        str(folder.parent),
        received=received.lower(),
        expected="a folder that can be written, with 100 MB free",
        remedy="free some space, make it writable, or set SWEEP_CACHE to another folder",
    )


def _renderer_digest() -> str:
    """SHA-256 of what draws the pictures, so that a changed renderer never meets pictures of an older one."""
    digest = hashlib.sha256()
    for path in sorted(_HERE.glob("toy_*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()

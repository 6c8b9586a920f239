"""The rendered toys: four look-alike bears and pictures without any."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from pathlib import Path

from sweep.data.rendering import Rendering
from sweep.data.toy_pictures import PER_CLASS, TOYS, list_pictures
from sweep.progress import Advance

__all__ = ["TOYS", "toy_rendering"]

_HERE = Path(__file__).parent
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def toy_rendering(name: str) -> Rendering:
    """How one of `TOYS` is made."""
    return Rendering(
        name=name,
        part="toys",
        modules=tuple(sorted(_HERE.glob("toy_*.py"))),
        pictures=len(list_pictures(name, PER_CLASS)),
        render=functools.partial(_render_in_processes, name, PER_CLASS),
    )


def _render_in_processes(name: str, per_class: int, folder: Path, advance: Advance) -> None:
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
                    raise OSError(reason)
                advance()
        if any(worker.wait() for worker in workers):
            raise OSError("a rendering process that died")
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


def _start(command: list[str], writing: int) -> subprocess.Popen[bytes]:
    """A worker that finds this very package, and whom Ctrl-C does not reach: we end it ourselves."""
    paths = os.pathsep.join([str(_HERE.parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, **_ONE_THREAD, "PYTHONPATH": paths}
    return subprocess.Popen(command, stdout=writing, env=environment, process_group=0)

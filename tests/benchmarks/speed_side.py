"""One side of a comparison in a fresh process of its own, so that imports and memory are its own too.

    python speed_side.py MODULE:FUNCTION PLAN.json RESULT.json      # what `run_side` starts

Imports nothing of the house or of its libraries: what that takes belongs to the side that needs it.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SHOWN_LINES = 30
_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a process took.

    Attributes:
        seconds: wall time from its start to its end, the interpreter's own start included.
        peak_bytes: the most memory that was resident, of the process or of one that it waited for, whichever is more.
        began: when it was started, seconds since 1970.
    """

    seconds: float
    peak_bytes: int
    began: float


class SpeedError(Exception):
    """A side ended with an error, or cannot be run; says which, and the last lines that it printed."""


def run_command(command: Sequence[str], *, log: Path, environment: Mapping[str, str]) -> Outcome:
    """Run a command to its end; what it prints goes to the file `log`.

    `environment` replaces the caller's: see `clean_environment`.

    Raises:
        SpeedError: its exit code is not 0.
    """
    began, start = time.time(), time.perf_counter()
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=dict(environment))
        try:
            # Not `wait`: the peak of one child alone, whatever others there were before, is told here only.
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        except BaseException:
            process.kill()
            process.wait()
            raise
    seconds = time.perf_counter() - start
    if process.returncode:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_SHOWN_LINES:]
        raise SpeedError(f"{' '.join(command)}\nended with {process.returncode}:\n" + "\n".join(lines))
    return Outcome(seconds=seconds, peak_bytes=usage.ru_maxrss * _MAXRSS_UNIT, began=began)


def clean_environment(**changes: str) -> dict[str, str]:
    """The caller's environment without any setting of a sweep, and with these changes."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SWEEP_")}
    return {**kept, "TF_CPP_MIN_LOG_LEVEL": "3", **changes}


def run_side(target: str, plan: Mapping[str, Any], folder: Path) -> tuple[Outcome, dict[str, Any]]:
    """Call a function of a sibling module with a plan, in a process of its own; both are JSON.

    Args:
        target: "module:function".
        plan: the function's only argument.
        folder: where plan, result and log are left, named after the function.

    Returns:
        What it took, and what the function returned with "importing" added, the seconds until its module was there.
    """
    name = target.partition(":")[2]
    given, result = folder / f"{name}.plan.json", folder / f"{name}.result.json"
    given.write_text(json.dumps(plan), encoding="utf-8")
    command = [sys.executable, __file__, target, str(given), str(result)]
    outcome = run_command(command, log=folder / f"{name}.log", environment=clean_environment())
    return outcome, json.loads(result.read_text(encoding="utf-8"))


class Budget:
    """How many trials a peer runs: at least one, and no more than time and number allow.

    Args:
        seconds: for its trials; none is started that would not fit if it took as long as the mean so far.
        trials: at most so many.

    Attributes:
        spent: seconds of each trial so far; whoever runs one adds to it.
    """

    def __init__(self, seconds: float, trials: int) -> None:
        self.spent = list[float]()
        self._seconds = seconds
        self._trials = trials

    @property
    def allows_another(self) -> bool:
        """Whether one more trial is to be started."""
        done = len(self.spent)
        if not done:
            return self._trials > 0
        return done < self._trials and sum(self.spent) * (done + 1) / done <= self._seconds


def main(target: str, plan: str, result: str) -> None:
    """What the process does."""
    module, function = target.split(":")
    start = time.perf_counter()
    call = getattr(importlib.import_module(module), function)
    importing = time.perf_counter() - start
    found = call(json.loads(Path(plan).read_text(encoding="utf-8")))
    Path(result).write_text(json.dumps({"importing": importing, **found}), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])

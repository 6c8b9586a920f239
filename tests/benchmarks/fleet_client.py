"""One worker of `fleet.py`, in a process of its own: real trials of nothing, and what each costs beside its training.

`run_search` runs them as it runs any other; only the trainer is made up. What is watched is Optuna's storage under its
cache, that is whatever goes to the database, and the one method of ours that stores a measurement.
"""

from __future__ import annotations

import functools
import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from multiprocessing.synchronize import Barrier
from typing import Any
from unittest.mock import patch

from fleet_database import finished_trials, study_definition
from fleet_server import processor_seconds
from optuna.storages import RDBStorage, _cached_storage
from scale_study import MadeUpTrainer, make_index, make_study

from sweep.progress import Silent
from sweep.records import TrialRecord
from sweep.search.runner import run_search
from sweep.store.results import Database, open_database

__all__ = ["OPERATIONS", "measure"]

OPERATIONS: Mapping[str, tuple[type, tuple[str, ...]]] = {
    "queue a place": (RDBStorage, ("_create_new_trial",)),
    "look for dead workers": (RDBStorage, ("_get_stale_trial_ids",)),
    "read trials": (RDBStorage, ("_get_trials", "get_trial")),
    "draw": (RDBStorage, ("_set_trial_param",)),
    "report": (RDBStorage, ("set_trial_intermediate_value",)),
    "note": (RDBStorage, ("set_trial_user_attr", "set_trial_system_attr")),
    "save": (Database, ("save_measurement", "save_duplicate")),
    "take and tell": (RDBStorage, ("set_trial_state_values",)),
    "sign of life": (RDBStorage, ("record_heartbeat",)),
}
MANY = 10_000_000  # trials, which no measurement reaches
CLOCKS = ("wall_ms", "processor_ms", "server_ms")


class Enough(Exception):  # noqa: N818 - the end of a measurement
    """All trials of this client were run."""


class Stopwatch:
    """What each operation took since the last look.

    Args:
        server: tells the seconds that the database server's processors have used so far, and is not free itself.

    Attributes:
        looking: seconds that reading the server's clock has taken so far.
    """

    def __init__(self, server: Callable[[], float]) -> None:
        self.looking = 0.0
        self._server = server
        self._inside = threading.local()
        self._taken: dict[str, list[tuple[float, float, float]]] = defaultdict(list)

    def now(self) -> tuple[float, float, float]:
        """Wall, of this thread's processor, of the server's processors: seconds, of use for differences alone."""
        start = time.perf_counter()
        server = self._server()
        now = time.perf_counter()
        self.looking += now - start
        return now, time.thread_time(), server

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, noted under a name unless another one that is noted has called it."""

        @functools.wraps(function)
        def call(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever the function takes
            if getattr(self._inside, "another", False):
                return function(*arguments, **named)
            self._inside.another = True
            before = self.now()
            try:
                return function(*arguments, **named)
            finally:
                wall, processor, server = (one - other for one, other in zip(self.now(), before, strict=True))
                self._taken[name].append((wall, processor, server))
                self._inside.another = False

        return call

    def look(self) -> dict[str, dict[str, float]]:
        """Calls, and milliseconds of the three clocks; begins anew."""
        taken, self._taken = self._taken, defaultdict(list)
        return {
            name: {
                "calls": len(some),
                **dict(zip(CLOCKS, (1000 * sum(one) for one in zip(*some, strict=True)), strict=True)),
            }
            for name, some in taken.items()
        }


class Window(Silent):
    """Notes trial by trial what the worker and the database had to do; raises `Enough` after the last one.

    The first trial, which reads everything there is, stands apart.
    """

    def __init__(self, watch: Stopwatch, trainer: MadeUpTrainer, *, trials: int) -> None:
        self.joining = self.joining_processor = 0.0
        self.laps: list[dict[str, Any]] = []
        self.began = self.ended = 0.0
        self._watch = watch
        self._trainer = trainer
        self._trials = trials
        self._last = self._now()

    def trial(self, trial: TrialRecord) -> None:
        """Note it."""
        now, spent = self._now(), self._watch.look()
        if not self.began:
            self.joining = spent["read trials"]["wall_ms"] / 1000
            self.joining_processor = spent["read trials"]["processor_ms"] / 1000
            self.began = time.time()
        else:
            taken = (1000 * (one - other) for one, other in zip(now, self._last, strict=True))
            self.laps.append({**dict(zip(CLOCKS, taken, strict=True)), "operations": spent})
        self.ended = time.time()
        self._last = self._now()
        if len(self.laps) == self._trials:
            raise Enough

    def _now(self) -> tuple[float, ...]:
        """The three clocks, without what making numbers up and reading the clocks has taken."""
        wall, _, server = self._watch.now()
        apart = self._trainer.seconds + self._watch.looking
        return wall - apart, time.process_time() - apart, server


def measure(plan: Mapping[str, Any], barrier: Barrier | None = None) -> dict[str, Any]:
    """Run the trials of one client.

    Args:
        plan: "location" of a filled database; "trials" to run after the first; "images" of the study; "server", the
            process id of a PostgreSQL server on this machine, or None; "known", of how many trials the worker holds a
            copy: it is given no older ones, as if it had read them long ago.
        barrier: where all clients wait for one another before their first trial.

    Returns:
        "joining" and "joining_processor" (seconds of the first reading), "began" and "ended" (seconds since 1970),
        "trials", and of one trial, medians: "wall_ms", "processor_ms" (of the client), "server_ms" (of the server's
        processors, for all clients) and "operations", by name with "calls" and the same three.
    """
    index = make_index(plan["images"])
    definition = study_definition(MANY)
    _, split = make_study(definition, index)
    pid = plan["server"]
    watch = Stopwatch((lambda: 0.0) if pid is None else functools.partial(processor_seconds, pid))
    trainer = MadeUpTrainer(index, split)
    window = Window(watch, trainer, trials=plan["trials"])
    with ExitStack() as stack:
        for name, (owner, methods) in OPERATIONS.items():
            for method in methods:
                stack.enter_context(patch.object(owner, method, watch.timed(name, getattr(owner, method))))
        stack.enter_context(patch.object(_cached_storage, "_StudyInfo", _knowing(plan["location"], plan["known"])))
        database = stack.enter_context(open_database(plan["location"]))
        if barrier is not None:
            barrier.wait()
        with suppress(Enough):
            run_search(definition=definition, database=database, trainer=trainer, progress=window)
    return {
        "joining": window.joining,
        "joining_processor": window.joining_processor,
        "began": window.began,
        "ended": window.ended,
        "trials": len(window.laps),
        **_typical(window.laps),
    }


def _knowing(location: str, known: int) -> Callable[[], Any]:
    """What makes Optuna's cache of a study begin with the last trials alone."""
    oldest = finished_trials(location) - known
    make = _cached_storage._StudyInfo

    def begin() -> Any:  # noqa: ANN401 - Optuna's
        info = make()
        info.last_finished_trial_id = max(info.last_finished_trial_id, oldest)
        return info

    return begin


def _typical(laps: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Medians over trials; an operation that a trial did without counts there as nothing."""
    nothing = dict.fromkeys(("calls", *CLOCKS), 0.0)
    return {
        **{clock: statistics.median(lap[clock] for lap in laps) for clock in CLOCKS},
        "operations": {
            name: {
                field: statistics.median(lap["operations"].get(name, nothing)[field] for lap in laps)
                for field in nothing
            }
            for name in OPERATIONS
        },
    }

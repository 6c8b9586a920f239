"""The searching side of `scale.py`: what the scheduler costs a trial, and a database of thousands of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import optuna
from scale_study import MadeUpTrainer, make_definition, make_index, make_study

from sweep.progress import Silent
from sweep.records import EpochRecord, TrialRecord
from sweep.search import marks
from sweep.search.objective import objective_value
from sweep.search.runner import run_search
from sweep.search.suggest import distributions, suggest
from sweep.store.results import Database, open_database
from sweep.studyfile.definition import StudyDefinition

__all__ = ["Checkpoint", "search"]

IMAGES = 2_500
LOOKED_AT = (100, 1_000, 2_000, 5_000, 10_000)
WINDOW = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What a trial costs beside its training once there are so many.

    Attributes:
        trials: of the study at the end of the window, the last `WINDOW` trials at most.
        wall_ms: median of wall time, milliseconds.
        processor_ms: median of the process's own time, which other programs do not lengthen as much.
        resident: memory of the process, MB.
    """

    trials: int
    wall_ms: float
    processor_ms: float
    resident: float


class Clock(Silent):
    """Notes what each trial took, less what its measurement took to be made up."""

    def __init__(self, trainer: MadeUpTrainer, *, looked_at: Sequence[int], before: int) -> None:
        self.checkpoints: list[Checkpoint] = []
        self._trainer = trainer
        self._looked_at = looked_at
        self._ended = before
        self._spent: list[tuple[float, float]] = []
        self._last: tuple[float, float, float] | None = None

    def trial(self, trial: TrialRecord) -> None:
        """Note it; the first one has no earlier end to start from."""
        now = time.perf_counter(), time.process_time(), self._trainer.seconds
        if self._last is not None:
            wall, processor, made_up = (one - before for one, before in zip(now, self._last, strict=True))
            self._spent.append((wall - made_up, processor - made_up))
        self._last = now
        self._ended += 1
        if self._ended in self._looked_at:
            wall, processor = (statistics.median(column) for column in zip(*self._spent[-WINDOW:], strict=True))
            self.checkpoints.append(
                Checkpoint(
                    trials=self._ended,
                    wall_ms=1000 * wall,
                    processor_ms=1000 * processor,
                    resident=_resident(),
                )
            )


class Unheard:
    """A reporter that keeps what Optuna would be told, and ends nothing."""

    def __init__(self, heard: frozenset[int]) -> None:
        self.values: dict[int, float] = {}
        self._heard = heard

    def epoch(self, record: EpochRecord) -> bool:
        """Keep it."""
        if record.epoch in self._heard:
            self.values[record.epoch] = -record.validation_cross_entropy
        return True


def search(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Search, write, search: so that the cost of a trial is known with few trials and with many.

    Driving ten thousand trials through TPE takes half an hour, so those in the middle are written as a search would
    have left them, by the store's own writers and Optuna's, drawn at random and trained to the end: for a report the
    most there can be.

    Args:
        plan: "database", a path; "trials" and "epochs" of the study; "scheduled", how many the scheduler drives at
            first. It drives the last `WINDOW` too.

    Returns:
        "checkpoints", "written" (the number of trials that the scheduler never saw) and "write_ms" of one of these.
    """
    trials, scheduled = plan["trials"], min(plan["scheduled"], plan["trials"])
    written = max(0, trials - scheduled - WINDOW - 1)  # the first trial after a pause has no earlier end
    definition = make_definition(trials=trials, epochs=plan["epochs"])
    index = make_index(IMAGES)
    study, split = make_study(definition, index)
    trainer = MadeUpTrainer(index, split)
    checkpoints = []
    with open_database(plan["database"], create=True) as database:
        database.add_study(study, index, split)
        first = scheduled if written else trials
        checkpoints += _drive(database, definition, trainer, before=0, until=first)
        start, before = time.perf_counter(), trainer.seconds
        _write(database, definition, trainer, numbers=range(first, first + written))
        writing = time.perf_counter() - start - (trainer.seconds - before)
        if written:
            checkpoints += _drive(database, definition, trainer, before=first + written, until=trials)
    return {
        "checkpoints": [asdict(one) for one in checkpoints],
        "written": written,
        "write_ms": 1000 * writing / written if written else None,
    }


def _drive(
    database: Database, definition: StudyDefinition, trainer: MadeUpTrainer, *, before: int, until: int
) -> list[Checkpoint]:
    """Search on to a total; looks at the cost at fixed numbers of trials and at the end."""
    total = definition.search.model_copy(update={"trials": until})
    clock = Clock(trainer, looked_at=(*(number for number in LOOKED_AT if number < until), until), before=before)
    run_search(
        definition=definition.model_copy(update={"search": total}), database=database, trainer=trainer, progress=clock
    )
    return clock.checkpoints


def _write(database: Database, definition: StudyDefinition, trainer: MadeUpTrainer, *, numbers: range) -> None:
    drawn = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study = optuna.load_study(study_name=definition.name, storage=database.optuna_storage())
    for number in numbers:
        parameters = suggest(drawn.ask(), definition.space)
        configuration = definition.configuration(parameters)
        reporter = Unheard(frozenset({5, 15}))
        measurement = trainer.train(configuration, seed=(definition.search.seed, number), reporter=reporter)
        value = objective_value(measurement, definition.search)
        database.save_measurement(
            definition.name, number, baseline=False, configuration=configuration.stored(), measurement=measurement
        )
        study.add_trial(
            optuna.trial.create_trial(
                params=dict(parameters),
                distributions=distributions(definition.space),
                value=value,
                user_attrs=marks.shown(measurement, value),
                intermediate_values=reporter.values,
            )
        )


def _resident() -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS:")).split()[1]) * 1024 / 1e6

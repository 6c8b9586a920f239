"""The end of `sweep run`: the first configurations once more, over other seeds and on other splits.

The best of many trials on one validation side is partly luck, and so is the order of the first few. What holds when
weights, batches and split are drawn anew holds for the configuration, not for one training of it.

Source: Bouthillier et al., Accounting for variance in machine learning benchmarks, MLSys 2021,
https://arxiv.org/abs/2103.03098.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from sweep.data.split import repeated_split
from sweep.diagnosis.ranking import RankedTrial
from sweep.diagnosis.tiers import Tier
from sweep.errors import TrialError
from sweep.progress import Progress
from sweep.records import Measurement, Moment, RepeatRecord, Side, SplitIndices, TrialState
from sweep.store.results import Database
from sweep.studyfile.definition import StudyDefinition
from sweep.training.course import Unpruned
from sweep.training.folds import TrainsSplits
from sweep.workflow.prepare import PreparedData
from sweep.workflow.reading import read_report

__all__ = ["FinalistRuns", "choose_finalists", "differs", "repeat_record"]


def choose_finalists(rows: Sequence[RankedTrial], count: int) -> tuple[RankedTrial, ...]:
    """The first rows that may be the best at all, and the baseline, to which they are compared.

    Args:
        rows: of the ranking, by rank.
        count: how many besides the baseline.

    Returns:
        By rank; nothing where no trial is eligible, since there is nothing to confirm.
    """
    eligible = [row for row in rows if row.tier in (Tier.LEADING, Tier.BEHIND)]
    if not eligible or not count:
        return ()
    first = [row for row in eligible if not row.baseline][:count]
    baseline = [row for row in rows if row.baseline and row.trial.state is TrialState.COMPLETE]
    return tuple(sorted((*first, *baseline), key=lambda row: row.rank))


class FinalistRuns:
    """The repetitions that a study asks for; what is stored is never trained again.

    Args:
        definition: says how many finalists and repetitions.
        data: the images and the study's own split.
        trainer: has the cached features.
        database: holds the trials; takes the repetitions.
        progress: stage "finalists".
    """

    def __init__(
        self,
        *,
        definition: StudyDefinition,
        data: PreparedData,
        trainer: TrainsSplits,
        database: Database,
        progress: Progress,
    ) -> None:
        self._definition = definition
        self._data = data
        self._trainer = trainer
        self._database = database
        self._progress = progress
        self._splits: dict[int, SplitIndices] = {}

    def run(self, *, deadline: float | None = None) -> str:
        """Train what is missing, repetition by repetition, so that an interrupted run leaves what can be compared.

        Args:
            deadline: on the clock of `time.monotonic`; no training is started after it.

        Returns:
            A clause for the user, or "" where there is nothing to repeat.
        """
        search, name = self._definition.search, self._definition.name
        rows = read_report(self._database, self._database.study(name)).ranking.rows
        finalists = choose_finalists(rows, search.finalists) if search.repeats else ()
        if not finalists:
            return ""
        stored = {(record.number, record.repeat) for record in self._database.repeats(name)}
        wanted = [(finalist, repeat) for repeat in range(1, search.repeats + 1) for finalist in finalists]
        missing = [(finalist, repeat) for finalist, repeat in wanted if (finalist.number, repeat) not in stored]
        done = len(wanted) - len(missing)
        with self._progress.stage("finalists", len(missing), "trainings") as advance:
            for finalist, repeat in missing:
                if deadline is not None and time.monotonic() >= deadline:
                    break
                done += self._repeat(finalist, repeat)
                advance()
        named = ", ".join(str(finalist.number) for finalist in finalists)
        return f"{done} of {len(wanted)} repetitions of the finalists (trials {named}) are there"

    def _repeat(self, finalist: RankedTrial, repeat: int) -> bool:
        """Train and store one repetition; a failure is said and left to the next run."""
        trial = finalist.trial
        try:
            measurement = self._trainer.train(
                self._definition.configuration(trial.parameters),
                seed=(self._definition.search.seed, trial.number, repeat),
                reporter=Unpruned(),
                thorough=True,
                split=self._split(repeat),
            )
        except TrialError as error:
            self._progress.note(f"repetition {repeat} of trial {trial.number} failed: {error}")
            return False
        new = differs(self._data.split, self._split(repeat))
        record = repeat_record(trial.number, repeat, measurement, new_split=new)
        self._database.save_repeat(self._definition.name, record)
        return True

    def _split(self, repeat: int) -> SplitIndices:
        if repeat not in self._splits:
            self._splits[repeat] = repeated_split(self._data.index, self._definition.data, repeat)
        return self._splits[repeat]


def differs(own: SplitIndices, other: SplitIndices) -> bool:
    """Whether the validation side, or a fold, is another one."""
    pairs = zip(own.folds or (own.validation,), other.folds or (other.validation,), strict=True)
    return not all(np.array_equal(mine, theirs) for mine, theirs in pairs)


def repeat_record(number: int, repeat: int, measurement: Measurement, *, new_split: bool) -> RepeatRecord:
    """What a repetition has shown, as it is stored."""
    kept = (Side.VALIDATION, Moment.SELECTED)
    return RepeatRecord(
        number=number,
        repeat=repeat,
        new_split=new_split,
        train_accuracy=measurement.train_accuracy,
        train_cross_entropy=measurement.train_cross_entropy,
        validation_accuracy=measurement.validation_accuracy,
        validation_cross_entropy=measurement.validation_cross_entropy,
        train_images=measurement.train_images,
        validation_images=measurement.validation_images,
        selected_epoch=measurement.selected_epoch,
        folds=measurement.folds,
        seconds=measurement.seconds,
        validation=next((one for one in measurement.predictions if (one.side, one.moment) == kept), None),
    )

"""Where remedies are run: a configuration as it is and mended, each once a repetition, on paired splits and seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from sweep.data.folds import trainings
from sweep.data.split import repeated_split
from sweep.diagnosis.balanced import balanced_accuracy
from sweep.diagnosis.remedy import Promise
from sweep.errors import TrialError
from sweep.progress import Advance, Progress
from sweep.records import DataIndex, IndexArray, Measurement, RepeatRecord, SplitIndices
from sweep.studyfile.definition import Configuration, StudyDefinition
from sweep.training.course import Unpruned
from sweep.training.folds import TrainsSplits
from sweep.workflow.finalists import differs, repeat_record
from sweep.workflow.hypermodel import Training, make_training
from sweep.workflow.prepare import PreparedData, prepare_data
from sweep.workflow.repairs import Repair

__all__ = ["ProofBench"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Side:
    """What is trained: a configuration, on a split for each repetition.

    Attributes:
        own: the study's split, to know whether a repetition's is another one.
    """

    trainer: TrainsSplits
    configuration: Configuration
    split: Callable[[int], SplitIndices]
    own: SplitIndices


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """How a split is drawn.

    Attributes:
        first_fold: whether folds are left aside: then only the first training of each split is done.
        own: whether it is the study's own every time.
    """

    first_fold: bool = False
    own: bool = False


class ProofBench:
    """Trains what proofs compare; the configuration as it is only once, whatever the number of remedies.

    Args:
        definition: of the study.
        base: the folder that relative paths in it start from.
        data: the study's images.
        training: who trains its models, with the frozen part run.
        number: the trial whose configuration is mended.
        configuration: of that trial.
        stored: its repetitions that a search has left.
        progress: stage "proof".

    Attributes:
        validated: how many images the study validates.
    """

    def __init__(
        self,
        *,
        definition: StudyDefinition,
        base: Path,
        data: PreparedData,
        training: Training,
        number: int,
        configuration: Configuration,
        stored: Sequence[RepeatRecord],
        progress: Progress,
    ) -> None:
        self._definition = definition
        self._base = base
        self._data = data
        self._training = training
        self._number = number
        self._configuration = configuration
        self._progress = progress
        self._known = {(_Way(), record.repeat): record for record in stored}
        self._predicted: dict[tuple[_Way, int], tuple[Measurement, SplitIndices]] = {}
        self.validated = len(data.split.validation)

    def run(self, repair: Repair, seeds: int) -> tuple[list[RepeatRecord], list[RepeatRecord]]:
        """Train both sides.

        Args:
            repair: what is mended.
            seeds: repetitions, each with a seed and, unless a folder fixes it, a split of its own.

        Returns:
            Repetitions of the configuration as it is, and of the mended one.

        Raises:
            DefinitionError: the changes do not fit the study.
            DataError: the images cannot be split as the changes ask for.
            TrialError: a training has failed.
        """
        way = _Way(first_fold=bool(repair.left_out and self._data.split.folds), own=repair.own_split)
        mended = self._mended(repair, way)
        before = self._side(self._training, self._data, self._definition, way)
        repeats = range(1, seeds + 1)
        as_it_is = self._without if repair.compared_without else self._as_it_is
        with self._progress.stage("proof", 2 * seeds, "trainings") as advance:
            first = [as_it_is(before, repeat, way, repair, advance) for repeat in repeats]
            second = [self._record(mended, repeat, *self._trained(mended, repeat, advance)) for repeat in repeats]
        if repair.promise is Promise.BALANCED:
            first, second = self._balanced(first, before), self._balanced(second, mended)
        return first, second

    def _balanced(self, records: Sequence[RepeatRecord], side: _Side) -> list[RepeatRecord]:
        """The same with balanced accuracies of validation; what was stored without predictions stays out."""
        told = []
        for record in records:
            if record.validation is not None:
                labels = self._data.index.labels[side.split(record.repeat).validation]
                accuracy = balanced_accuracy(record.validation.predicted == labels, labels).estimate
                told.append(replace(record, validation_accuracy=accuracy))
        if not told:
            raise TrialError(
                "the balanced accuracy of a proof",
                received="repetitions without stored predictions",
                expected="predictions of every validation image",
                remedy="prove it with other --seeds, which trains them again",
            )
        return told

    def _as_it_is(self, side: _Side, repeat: int, way: _Way, _: Repair, advance: Advance) -> RepeatRecord:
        """What is configured, which is trained once whatever the number of remedies."""
        key = (way, repeat)
        if key in self._known:
            advance()
        else:
            self._known[key] = self._record(side, repeat, *self._measured(side, repeat, way, advance))
        return self._known[key]

    def _without(self, side: _Side, repeat: int, way: _Way, repair: Repair, advance: Advance) -> RepeatRecord:
        """The same, judged on the validation images that the remedy leaves."""
        measurement, split = self._measured(side, repeat, way, advance)
        record = self._record(side, repeat, measurement, split)
        kept = ~np.isin(split.validation, repair.left_out)
        if record.validation is None or not kept.any():
            raise TrialError(
                f"repetition {repeat}",
                received="no prediction of an image that the remedy leaves in validation",
                expected="validation images beside those that are left out",
                remedy="validate more images",
            )
        right = record.validation.predicted == self._data.index.labels[split.validation]
        return replace(
            record,
            validation_accuracy=float(right[kept].mean()),
            validation_cross_entropy=float(record.validation.cross_entropy[kept].astype(np.float64).mean()),
            validation_images=int(kept.sum()),
        )

    def _measured(self, side: _Side, repeat: int, way: _Way, advance: Advance) -> tuple[Measurement, SplitIndices]:
        key = (way, repeat)
        if key in self._predicted:
            advance()
        else:
            self._predicted[key] = self._trained(side, repeat, advance)
        return self._predicted[key]

    def _trained(self, side: _Side, repeat: int, advance: Advance) -> tuple[Measurement, SplitIndices]:
        split = side.split(repeat)
        seed = (self._definition.search.seed, self._number, repeat)
        measurement = side.trainer.train(side.configuration, seed=seed, reporter=Unpruned(), split=split)
        advance()
        return measurement, split

    def _record(self, side: _Side, repeat: int, measurement: Measurement, split: SplitIndices) -> RepeatRecord:
        return repeat_record(self._number, repeat, measurement, new_split=differs(side.own, split))

    def _side(self, training: Training, data: PreparedData, definition: StudyDefinition, way: _Way) -> _Side:
        @cache
        def split(repeat: int) -> SplitIndices:
            drawn = repeated_split(data.index, definition.data, 0 if way.own else repeat)
            return trainings(drawn)[0] if way.first_fold else drawn

        trainer = training.single if way.first_fold and training.single is not None else training.trainer
        return _Side(trainer=trainer, configuration=self._configuration, split=split, own=split(0))

    def _mended(self, repair: Repair, way: _Way) -> _Side:
        tables = [(*name.partition(".")[::2], value) for name, value in repair.changes.items()]
        of_data = {field: value for table, field, value in tables if table == "data"}
        others = {field: value for table, field, value in tables if table != "data"}
        definition, data, training = self._definition, self._data, self._training
        if of_data:
            definition = definition.with_data(of_data)
            data = prepare_data(definition, base=self._base, progress=self._progress)
            training = make_training(definition, data, base=self._base, progress=self._progress)
        side = self._side(training, data, definition, way)
        if others:
            changed = self._configuration.replaced(others)
            kept = {"hyperparameters": self._configuration.hyperparameters}
            side = replace(side, configuration=changed.model_copy(update=kept))
        # Other units give another test side: what the study has sealed stays unseen.
        out = [*repair.left_out, *(self._data.split.test.tolist() if of_data else ())]
        return replace(side, split=_leaving_out(side, self._paths(out), data.index)) if out else side

    def _paths(self, positions: Sequence[int]) -> frozenset[str]:
        return frozenset(self._data.index.images[position].path for position in positions)


def _leaving_out(side: _Side, paths: frozenset[str], index: DataIndex) -> Callable[[int], SplitIndices]:
    rows = np.array([row for row, image in enumerate(index.images) if image.path in paths], np.int64)

    def split(repeat: int) -> SplitIndices:
        whole = side.split(repeat)

        def without(given: IndexArray) -> IndexArray:
            return np.setdiff1d(given, rows, assume_unique=True)

        folds = tuple(without(fold) for fold in whole.folds)
        return SplitIndices(
            train=without(whole.train), validation=without(whole.validation), test=whole.test, folds=folds
        )

    return split

"""A study's records become one frozen report, and pandas frames; nothing is measured and nothing is drawn here."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sweep.diagnosis.balanced import classes_unequal
from sweep.diagnosis.marginals import Marginal, marginal
from sweep.diagnosis.ranking import RankedTrial, Ranking, Sort, rank, sorted_rows
from sweep.diagnosis.repeats import Repeated, repeated
from sweep.diagnosis.sealed import SealedResult, judge_sealed
from sweep.diagnosis.survival import Survival, surviving
from sweep.diagnosis.waterfall import Quantity, Waterfall, waterfall
from sweep.records import (
    EpochRecord,
    HoldoutRecord,
    Moment,
    PredictionRecord,
    RepeatRecord,
    Scalar,
    Side,
    Split,
    StudyRecord,
    TrialRecord,
    TrialState,
)
from sweep.report.diagnosis import Diagnosis
from sweep.report.sides import LabelledImages, LabelledSide, labelled_side
from sweep.report.wording import verdict_sentence

__all__ = ["FailureGroup", "Opening", "Report", "gather_report"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureGroup:
    """Trials that failed alike."""

    kind: str
    reason: str
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Opening:
    """One opening of the sealed test side, and what it shows."""

    record: HoldoutRecord
    result: SealedResult


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Report:
    """Everything that terminal, page and tables show of a study.

    Attributes:
        definition: the study's resolved definition, parsed.
        baseline_name: "your configuration", or "our default" where the study has none of the user's.
        swept: the fields of the space, in the order of the definition.
        trials: all of them, in the order of their numbers.
        rows: the ranking's rows in the order of `sort`.
        sentence: what the study says of the baseline and rank 1.
        importances: "gap" and "validation" -> field -> share of its influence, the shares of each summing to about 1.
        importances_reason: why there are none, or "".
        marginals: the curve of every swept field that has more than one value, in the order of `swept`.
        repeated: the finalists over their repetitions, by trial, in the order of the ranking.
        repetitions: the single ones behind that, in the same order.
        survival: which differences between them survive; None without repetitions of two trials.
        openings: of the sealed test side, the first one first.
        predictions: trial number -> predictions of the validation side at the selected epoch.
        epochs: trial number -> its epochs, at least of the trials whose curves are shown.
        validation: labels and sources behind them, or None where they are not stored.
        failures: failed trials by reason, the most frequent first.
        states: trial state or "duplicate" -> number of trials.
        images: every image with its side, in the order of the study's index.
        diagnosis: the verdict on the baseline; None where it has no result yet, or none was asked for.
        arguments: what names the study on a command line, "study.db"; "" where it was not read from a database.
    """

    study: StudyRecord
    definition: Mapping[str, Any]
    baseline_name: str
    swept: tuple[str, ...]
    trials: tuple[TrialRecord, ...]
    ranking: Ranking
    rows: tuple[RankedTrial, ...]
    sort: Sort
    sentence: str
    importances: Mapping[str, Mapping[str, float]]
    importances_reason: str
    marginals: tuple[Marginal, ...]
    repeated: Mapping[int, Repeated]
    repetitions: tuple[RepeatRecord, ...]
    survival: Survival | None
    openings: tuple[Opening, ...]
    predictions: Mapping[int, PredictionRecord]
    epochs: Mapping[int, Sequence[EpochRecord]]
    validation: LabelledSide | None
    failures: tuple[FailureGroup, ...]
    states: Mapping[str, int]
    images: LabelledImages = ()
    diagnosis: Diagnosis | None = None
    arguments: str = ""

    @property
    def question(self) -> str:
        """What the study file asks, or ""."""
        return str(self.definition.get("question", ""))

    @property
    def wanted(self) -> int | None:
        """The total of trials that the study asks for."""
        trials = self.definition.get("search", {}).get("trials")
        return int(trials) if trials is not None else None

    @property
    def unequal(self) -> bool:
        """Whether the classes' sizes differ so much that balanced accuracy is shown beside accuracy."""
        return classes_unequal(self.study.data.counts[Split.VALIDATION])

    @property
    def folds(self) -> int:
        """Folds of one repetition of the cross-validation that the study asks for; 0 where it has one split."""
        validation = self.definition.get("data", {}).get("validation")
        return int(validation["folds"]) if isinstance(validation, Mapping) else 0

    def waterfall(self, row: RankedTrial, quantity: Quantity = "accuracy") -> Waterfall:
        """The gap that Keras would have reported of a row's trial, taken apart."""
        side = self.validation
        return waterfall(
            row.measurement,
            quantity,
            validation=self.predictions.get(row.number),
            labels=side.labels if side else None,
            groups=side.groups if side else None,
            images=self.study.data.images(Split.VALIDATION),
        )

    def parameters(self, row: RankedTrial) -> dict[str, Scalar | None]:
        """The swept fields of a row; the baseline's come from its configuration, as it may lie outside the space."""
        trial = row.trial
        return {name: trial.configuration.get(name, trial.parameters.get(name)) for name in self.swept}

    @property
    def fixed(self) -> dict[str, Scalar]:
        """Fields to which the space leaves one choice: alike in every trial but, maybe, the baseline."""
        choices = {name: span.get("choices", ()) for name, span in self.definition.get("space", {}).items()}
        return {name: values[0] for name, values in choices.items() if len(values) == 1}

    def changed(self, row: RankedTrial) -> dict[str, Scalar | None]:
        """The fields that vary in which a row differs from the baseline; all of them where there is no baseline."""
        baseline, fixed = self.ranking.baseline, self.fixed
        before = {} if baseline is None else self.parameters(baseline)
        varying = {name: value for name, value in self.parameters(row).items() if name not in fixed}
        return {name: value for name, value in varying.items() if not before or value != before[name]}


def gather_report(
    study: StudyRecord,
    trials: Iterable[TrialRecord],
    predictions: Mapping[int, PredictionRecord] | None = None,
    *,
    images: LabelledImages = (),
    repeats: Sequence[RepeatRecord] = (),
    holdouts: Sequence[HoldoutRecord] = (),
    importances: Mapping[str, Mapping[str, float]] | str = "",
    sort: Sort = "tier",
) -> Report:
    """Rank a study's trials and collect what reports show.

    Args:
        study: as stored.
        trials: all of its trials, in any state.
        predictions: trial number -> predictions of the validation side at the selected epoch; those that the trials'
            measurements carry are taken where it is None.
        images: every image with its side, in the order of the study's index: labels and sources of the validation side.
        repeats: of the finalists.
        holdouts: openings of the sealed test side.
        importances: "gap" and "validation" -> field -> share; or the reason why there are none.
        sort: order of the rows.
    """
    every = tuple(sorted(trials, key=lambda trial: trial.number))
    definition: Mapping[str, Any] = json.loads(study.definition)
    known = _stored_predictions(every) if predictions is None else predictions
    side = labelled_side(images, Split.VALIDATION, repeats=max(1, study.data.fold_repeats))
    validated = study.data.images(Split.VALIDATION)
    ranking = _ranked(study, every, known, side, definition.get("search", {}))
    baseline_name = "our default" if study.default_baseline else "your configuration"
    by_trial = _by_rank(repeats, ranking)
    repetitions = tuple(record for records in by_trial.values() for record in records)
    return Report(
        study=study,
        definition=definition,
        baseline_name=baseline_name,
        swept=_swept(definition, every),
        trials=every,
        ranking=ranking,
        rows=sorted_rows(ranking, sort),
        sort=sort,
        sentence=verdict_sentence(ranking, baseline_name),
        importances={} if isinstance(importances, str) else importances,
        importances_reason=importances if isinstance(importances, str) else "",
        marginals=_marginals(definition, every),
        repeated=repeated(repetitions, images=validated),
        repetitions=repetitions,
        survival=_survival(by_trial, ranking, validated),
        openings=_openings(holdouts, images),
        predictions=known,
        epochs={one.number: one.measurement.epochs for one in every if one.measurement is not None},
        validation=side,
        failures=_failures(every),
        states=Counter("duplicate" if trial.duplicate_of is not None else str(trial.state) for trial in every),
        images=images,
    )


def _ranked(
    study: StudyRecord,
    trials: Sequence[TrialRecord],
    predictions: Mapping[int, PredictionRecord],
    side: LabelledSide | None,
    search: Mapping[str, Any],
) -> Ranking:
    """The ranking by what the study's own table [search] says of the objective."""
    return rank(
        trials,
        predictions,
        class_counts=study.data.counts[Split.VALIDATION],
        labels=side.labels if side else None,
        groups=side.groups if side else None,
        gap_weight=search.get("gap_weight", 0.25) if search.get("objective", "balanced") == "balanced" else 0.0,
        seed=int(search.get("seed", 0)),
    )


def _by_rank(repeats: Sequence[RepeatRecord], ranking: Ranking) -> dict[int, list[RepeatRecord]]:
    """The repetitions of every ranked trial that has any, in the order of the ranking."""
    found = {row.number: [one for one in repeats if one.number == row.number] for row in ranking.rows}
    return {number: records for number, records in found.items() if records}


def _survival(by_trial: Mapping[int, Sequence[RepeatRecord]], ranking: Ranking, images: int) -> Survival | None:
    """Against the baseline where it was repeated, else against the first of the ranking."""
    if len(by_trial) < 2:
        return None
    baseline = ranking.baseline
    reference = baseline.number if baseline is not None and baseline.number in by_trial else next(iter(by_trial))
    return surviving(by_trial, reference, images=images)


def _openings(holdouts: Sequence[HoldoutRecord], images: LabelledImages) -> tuple[Opening, ...]:
    """Each opening judged by what it saw then; sources are known of the images that the study has now."""
    sealed = labelled_side(images, Split.TEST)
    hashes = tuple(image.content_hash for image, side in images if side is Split.TEST)
    return tuple(
        Opening(
            record=record,
            result=judge_sealed(record, groups=sealed.groups if sealed and record.content_hashes == hashes else None),
        )
        for record in holdouts
    )


def _marginals(definition: Mapping[str, Any], trials: Sequence[TrialRecord]) -> tuple[Marginal, ...]:
    curves = (marginal(trials, name, span) for name, span in definition.get("space", {}).items())
    return tuple(curve for curve in curves if len(curve.bins) > 1)


def _stored_predictions(trials: Iterable[TrialRecord]) -> dict[int, PredictionRecord]:
    return {
        trial.number: prediction
        for trial in trials
        if trial.measurement is not None
        for prediction in trial.measurement.predictions
        if prediction.side is Side.VALIDATION and prediction.moment is Moment.SELECTED
    }


def _swept(definition: Mapping[str, Any], trials: Iterable[TrialRecord]) -> tuple[str, ...]:
    named = tuple(definition.get("space", {}))
    return named or tuple(dict.fromkeys(name for trial in trials for name in trial.parameters))


def _failures(trials: Iterable[TrialRecord]) -> tuple[FailureGroup, ...]:
    alike: dict[tuple[str, str], list[int]] = {}
    for trial in trials:
        if trial.state is TrialState.FAILED:
            kind, reason = ("unknown", "no reason was stored")
            if trial.failure is not None:
                kind, reason = trial.failure.kind, trial.failure.reason
            alike.setdefault((kind, reason), []).append(trial.number)
    groups = [FailureGroup(kind=kind, reason=reason, numbers=tuple(them)) for (kind, reason), them in alike.items()]
    return tuple(sorted(groups, key=lambda group: (-len(group.numbers), group.numbers)))

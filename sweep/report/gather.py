"""A study's records become one frozen report, and pandas frames; nothing is measured and nothing is drawn here."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sweep.diagnosis.ranking import RankedTrial, Ranking, Sort, rank, sorted_rows
from sweep.records import (
    ImageRecord,
    IndexArray,
    Moment,
    PredictionRecord,
    Scalar,
    Split,
    StudyRecord,
    TrialRecord,
    TrialState,
)
from sweep.report.rows import flat_row, ranking_row
from sweep.report.wording import verdict_sentence

__all__ = ["FailureGroup", "Report", "epochs_frame", "gather_report", "ranking_frame"]

LabelledImages = Sequence[tuple[ImageRecord, Split | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureGroup:
    """Trials that failed alike."""

    kind: str
    reason: str
    numbers: tuple[int, ...]


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
        failures: failed trials by reason, the most frequent first.
        states: trial state or "duplicate" -> number of trials.
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
    failures: tuple[FailureGroup, ...]
    states: Mapping[str, int]

    @property
    def question(self) -> str:
        """What the study file asks, or ""."""
        return str(self.definition.get("question", ""))

    @property
    def wanted(self) -> int | None:
        """The total of trials that the study asks for."""
        trials = self.definition.get("search", {}).get("trials")
        return int(trials) if trials is not None else None

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
    importances: Mapping[str, Mapping[str, float]] | str = "",
    default_baseline: bool = False,
    sort: Sort = "tier",
) -> Report:
    """Rank a study's trials and collect what reports show.

    Args:
        study: as stored.
        trials: all of its trials, in any state.
        predictions: trial number -> predictions of the validation side at the selected epoch; those that the trials'
            measurements carry are taken where it is None.
        images: every image with its side, in the order of the study's index: labels and sources of the validation side.
        importances: "gap" and "validation" -> field -> share; or the reason why there are none.
        default_baseline: the baseline is our default, not the user's own configuration.
        sort: order of the rows.
    """
    every = tuple(sorted(trials, key=lambda trial: trial.number))
    definition: Mapping[str, Any] = json.loads(study.definition)
    labels, groups = _validation_side(images)
    ranking = rank(
        every,
        _stored_predictions(every) if predictions is None else predictions,
        class_counts=study.data.counts[Split.VALIDATION],
        labels=labels,
        groups=groups,
        seed=int(definition.get("search", {}).get("seed", 0)),
    )
    baseline_name = "our default" if default_baseline else "your configuration"
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
        failures=_failures(every),
        states=Counter("duplicate" if trial.duplicate_of is not None else str(trial.state) for trial in every),
    )


def ranking_frame(report: Report) -> pd.DataFrame:
    """One row a ranked trial; accuracies, gaps and their bounds are fractions, cross-entropies nats, times seconds."""
    return pd.DataFrame([flat_row(ranking_row(row, report.parameters(row))) for row in report.rows])


def epochs_frame(trials: Iterable[TrialRecord]) -> pd.DataFrame:
    """One row a trial and epoch: the logged and the clean accuracies and cross-entropies."""
    columns = (
        "epoch",
        "logged_train_accuracy",
        "logged_train_loss",
        "train_accuracy",
        "train_cross_entropy",
        "validation_accuracy",
        "validation_cross_entropy",
        "learning_rate",
        "seconds",
    )
    measured = [(trial.number, trial.measurement) for trial in trials if trial.measurement is not None]
    return pd.DataFrame(
        [
            {"trial": number, **{name: getattr(epoch, name) for name in columns}}
            for number, measurement in measured
            for epoch in measurement.epochs
        ],
        columns=["trial", *columns],
    )


def _validation_side(images: LabelledImages) -> tuple[IndexArray | None, tuple[str, ...] | None]:
    validation = [image for image, side in images if side is Split.VALIDATION]
    if not validation:
        return None, None
    labels = np.fromiter((image.label for image in validation), np.int64, len(validation))
    groups = tuple(image.group for image in validation)
    return labels, groups if any(groups) else None


def _stored_predictions(trials: Iterable[TrialRecord]) -> dict[int, PredictionRecord]:
    return {
        trial.number: prediction
        for trial in trials
        if trial.measurement is not None
        for prediction in trial.measurement.predictions
        if prediction.split is Split.VALIDATION and prediction.moment is Moment.SELECTED
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

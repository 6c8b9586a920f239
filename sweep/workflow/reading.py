"""A stored study is read and ranked: what its report, its verdict and its proofs start from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import get_args

from sweep.diagnosis.ranking import Sort
from sweep.records import StudyRecord, TrialRecord, TrialState
from sweep.report.gather import Report, gather_report
from sweep.report.thinning import shown_rows
from sweep.search.drawn import drawn_space
from sweep.search.influence import Metric, importances
from sweep.store.results import Database
from sweep.studyfile.definition import StudyDefinition
from sweep.studyfile.ranges import written
from sweep.studyfile.space import FieldRange

__all__ = ["read_report"]


def read_report(opened: Database, study: StudyRecord, *, sort: Sort = "tier", every_epoch: bool = False) -> Report:
    """Rank a study of an open database.

    Args:
        opened: the database.
        study: as stored.
        sort: order of the rows.
        every_epoch: whether the trials come with their epochs; else the curves do that the page shows.
    """
    trials = opened.trials(study.name, with_epochs=every_epoch)
    definition = StudyDefinition.model_validate(json.loads(study.definition))
    space = definition.space
    if definition.model.hypermodel:
        space = {**drawn_space(opened.distributions(study.name)), **space}
        study = _with_space(study, space)
    report = gather_report(
        study,
        trials,
        opened.validation_predictions(study.name),
        images=opened.images(study.name),
        repeats=opened.repeats(study.name),
        holdouts=opened.holdouts(study.name),
        importances=_influence(trials, space),
        sort=sort,
    )
    if every_epoch:
        return report
    return replace(report, epochs=opened.epochs(study.name, [row.number for row in shown_rows(report)]))


def _with_space(study: StudyRecord, space: Mapping[str, FieldRange]) -> StudyRecord:
    """The study as if its file had named all that is swept, which is what a report shows."""
    definition = json.loads(study.definition)
    definition["space"] = {name: written(values) for name, values in space.items()}
    return replace(study, definition=json.dumps(definition))


def _influence(
    trials: tuple[TrialRecord, ...], space: Mapping[str, FieldRange]
) -> Mapping[str, Mapping[str, float]] | str:
    """What moves the gap and what moves validation, as far as it can be told; the reason where neither can.

    Of hyperparameters that some trials do not have, nothing is told: theirs would be a share of another whole.
    """
    drawn = [trial.parameters for trial in trials if trial.state is TrialState.COMPLETE and not trial.baseline]
    common = {name: values for name, values in space.items() if all(name in parameters for parameters in drawn)}
    found = [importances(trials, common, metric) for metric in get_args(Metric)]
    return {one.metric: one.shares for one in found if one.shares} or found[0].reason

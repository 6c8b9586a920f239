"""Which field moves the gap, and which moves validation: importances by PED-ANOVA."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import optuna
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import create_trial

from sweep.records import Measurement, TrialRecord, TrialState
from sweep.search.quiet import quiet_optuna
from sweep.search.suggest import distributions
from sweep.studyfile.space import FieldRange

__all__ = ["FEWEST_BEST", "FEWEST_TRIALS", "MOST_TRIALS", "Influence", "Metric", "importances"]

FEWEST_TRIALS = 10
FEWEST_BEST = 5
MOST_TRIALS = 1000
"""Optuna takes a millisecond for each, and the order of the fields is settled long before."""

Metric = Literal["gap", "validation"]

# Lower is better in both.
_LOSSES: dict[Metric, Callable[[Measurement], float]] = {
    "gap": lambda measurement: measurement.gap_accuracy,
    "validation": lambda measurement: -measurement.validation_accuracy,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Influence:
    """How much each field decides whether a trial is among the best.

    Attributes:
        metric: "gap" (clean accuracy gap, smaller is better) or "validation" (clean accuracy, larger is better).
        shares: field -> share of the whole, from 0 to 1, the largest first; empty where `reason` says why.
        trials: the number of trials it rests on.
        reason: why there are no shares, or "".
    """

    metric: Metric
    shares: Mapping[str, float] = field(default_factory=dict)
    trials: int = 0
    reason: str = ""


def importances(trials: Sequence[TrialRecord], space: Mapping[str, FieldRange], metric: Metric) -> Influence:
    """Importances over the complete trials that lie in the space; duplicates are left out.

    PED-ANOVA compares where the best trials lie with where all lie, so it needs no model of the objective. The best are
    a tenth of all, but at least five, as its authors advise. Read the order, not the digits. Of more than `MOST_TRIALS`
    every second, third or so is looked at.

    Source: Watanabe et al., PED-ANOVA, IJCAI 2023, https://arxiv.org/abs/2304.10255.
    """
    loss = _LOSSES[metric]
    usable = [
        ({name: trial.parameters[name] for name in space}, loss(trial.measurement))
        for trial in trials
        if trial.measurement is not None and _is_usable(trial, space)
    ]
    usable = usable[:: math.ceil(len(usable) / MOST_TRIALS) or 1]
    reason = _reason_against([value for _, value in usable], space)
    if reason:
        return Influence(metric=metric, trials=len(usable), reason=reason)
    kinds = distributions(space)
    with quiet_optuna():
        study = optuna.create_study(direction="minimize")
        study.add_trials(
            create_trial(params=parameters, distributions=kinds, value=value) for parameters, value in usable
        )
        evaluator = PedAnovaImportanceEvaluator(target_quantile=_best_share(len(usable)))
        shares = get_param_importances(study, evaluator=evaluator, params=list(kinds))
    return Influence(metric=metric, shares=shares, trials=len(usable))


def _is_usable(trial: TrialRecord, space: Mapping[str, FieldRange]) -> bool:
    complete = trial.state is TrialState.COMPLETE and trial.duplicate_of is None
    return complete and trial.parameters.keys() >= space.keys()


def _best_share(trials: int) -> float:
    return max(0.1, FEWEST_BEST / trials)


def _reason_against(losses: Sequence[float], space: Mapping[str, FieldRange]) -> str:
    if not space:
        return "no field is swept"
    if len(losses) < FEWEST_TRIALS:
        return f"needs {FEWEST_TRIALS} complete trials inside the space, has {len(losses)}"
    worst_of_best = sorted(losses)[math.ceil(_best_share(len(losses)) * len(losses)) - 1]
    if worst_of_best >= max(losses):
        return "the best trials are no better than the rest"
    return ""

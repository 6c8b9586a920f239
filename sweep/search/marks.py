"""What this package notes on Optuna's trials: the keys of their user attributes, and what follows from them."""

from __future__ import annotations

from collections.abc import Sequence

from optuna.trial import FrozenTrial, TrialState

from sweep.records import Measurement, Scalar

__all__ = [
    "BASELINE",
    "DUPLICATE_OF",
    "FINISHED",
    "KILLS",
    "OBJECTIVE",
    "RETRY_OF",
    "SHOWN",
    "STOPPED",
    "WORKER",
    "counted",
    "is_baseline",
    "queued_parameters",
    "shown",
]

BASELINE = "baseline"
DUPLICATE_OF = "duplicate_of"
WORKER = "worker"
"""The process that queued the trial, then the one that runs it."""
RETRY_OF = "retry_of"
"""The number of the trial that ended without a result and whose parameters this one has."""
KILLS = "kills"
"""How many processes were killed over these parameters so far."""

OBJECTIVE = "objective"
"""J, for pruned trials too, whose value in Optuna is the last −CE_val reported."""
STOPPED = "stopped"
"""Why training ended: "finished", "early stopping" or "pruned"."""

_MEASURED = (
    "gap_accuracy",
    "gap_cross_entropy",
    "train_accuracy",
    "train_cross_entropy",
    "validation_accuracy",
    "validation_cross_entropy",
    "selected_epoch",
    STOPPED,
)
SHOWN = (*_MEASURED, OBJECTIVE)
FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)


def is_baseline(trial: FrozenTrial) -> bool:
    """Whether the trial is the user's configuration of today, under whatever number."""
    return bool(trial.user_attrs.get(BASELINE))


def counted(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """The trials that count towards a study's total: complete and pruned ones, the baseline included, no duplicates."""
    return [trial for trial in trials if trial.state in FINISHED and DUPLICATE_OF not in trial.user_attrs]


def queued_parameters(trial: FrozenTrial) -> dict[str, Scalar]:
    """What a trial was queued with and what it has drawn since, as Optuna stores it."""
    return {**trial.system_attrs.get("fixed_params", {}), **trial.params}


def shown(measurement: Measurement, objective: float) -> dict[str, float | str]:
    """What Optuna's dashboard shows beside a trial's value; set before the trial ends, read-only after it."""
    return {name: getattr(measurement, name) for name in _MEASURED} | {OBJECTIVE: objective}

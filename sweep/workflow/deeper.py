"""What a search's own trials with unfrozen layers say of the frozen features that the baseline goes by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sweep.diagnosis.probes.features import weak_features
from sweep.records import Cause, Finding, IndexArray, Remedy, Scalar, TrialRecord, TrialState
from sweep.report.gather import Report
from sweep.workflow.masking import Masks
from sweep.workflow.observed import Observed
from sweep.workflow.trial_probing import Trained

__all__ = ["Deeper", "deeper_trials", "held_against_deeper"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Deeper:
    """A trial with unfrozen layers.

    Attributes:
        layers: how many.
        correct: whether it is right, bool, shape (n_validation,).
    """

    number: int
    layers: int
    correct: NDArray[np.bool_]

    @property
    def accuracy(self) -> float:
        """On validation."""
        return float(self.correct.mean())


def deeper_trials(report: Report, one: Trained) -> tuple[Deeper, ...]:
    """Complete trials of the baseline's backbone that train more of it than a frozen baseline does, the best first.

    None where the baseline itself trains some of it, or with folds, whose every image was trained on in turn.

    Args:
        report: with the trials' predictions.
        one: the baseline.
    """
    labels = one.labels
    if labels is None or one.measurement.folds or one.flat.get("unfrozen_layers", 0) != 0:
        return ()
    found = []
    for trial in report.trials:
        prediction, layers = report.predictions.get(trial.number), trial.configuration.get("unfrozen_layers", 0)
        if prediction is not None and len(prediction.predicted) == len(labels) and _comparable(trial, one, layers):
            found.append(Deeper(number=trial.number, layers=int(layers), correct=prediction.predicted == labels))
    return tuple(sorted(found, key=lambda deeper: -deeper.accuracy))


def _comparable(trial: TrialRecord, one: Trained, layers: Scalar) -> bool:
    same = all(trial.configuration.get(field) == one.flat.get(field) for field in ("backbone", "weights"))
    return trial.state is TrialState.COMPLETE and same and isinstance(layers, int) and layers > 0


def held_against_deeper(
    observed: Observed, deeper: Sequence[Deeper], validated: IndexArray, masks: Masks, *, seed: int
) -> Finding:
    """The best head on the frozen features against the best trial that trains more than a head.

    It is chosen among all of them, which its p is multiplied for; the head is fitted to the training side alone, and
    both are asked of the same validation images.

    Args:
        observed: the images, with their features.
        deeper: the trials, the best first.
        validated: positions in the study's index of the images that the trials predict.
        masks: the images to leave out.
        seed: of the study.
    """
    seen = observed.kept(masks.kept(observed.positions))
    assert seen.features is not None
    best, places = deeper[0], dict(zip(validated.tolist(), range(len(validated)), strict=True))
    theirs = np.full(len(seen.labels), np.nan)
    for row in seen.validation.tolist():
        theirs[row] = best.correct[places[int(seen.positions[row])]]
    found = weak_features(
        features=seen.features,
        labels=seen.labels,
        num_classes=seen.num_classes,
        seed=seed,
        groups=seen.groups,
        unfrozen=theirs,
    )
    if found.p is None:
        return found
    trials = "the one trial" if len(deeper) == 1 else f"the best of {len(deeper)} trials"
    return replace(
        found,
        cause=Cause.WEAK_FEATURES,
        p=min(1.0, len(deeper) * found.p),
        summary=f"{found.summary.rstrip('.')}: trial {best.number}, {trials} with unfrozen layers.",
        evidence={**found.evidence, "trial": best.number, "trials": len(deeper), "unfrozen_layers": best.layers},
        remedies=(_as_it_does(best), *found.remedies[1:]),
    )


def _as_it_does(best: Deeper) -> Remedy:
    return Remedy(
        sentence=f"Train the head alone for three epochs and then the last {best.layers} layers with it, as many as "
        f"trial {best.number} does, batch norms frozen.",
        changes={
            "model.unfrozen_layers": best.layers,
            "model.batch_norm": "frozen",
            "training.head_epochs": 3,
        },
    )

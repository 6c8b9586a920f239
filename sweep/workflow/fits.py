"""Which short trainings the probes of a configuration need, and doing them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from sweep.data.folds import trainings
from sweep.errors import TrialError
from sweep.progress import Progress
from sweep.records import FitRecord, IndexArray, Scalar, SplitIndices
from sweep.studyfile.definition import Configuration, stored
from sweep.training.folds import TrainsSplits
from sweep.training.refit import memorised, refit
from sweep.workflow.masking import Masks
from sweep.workflow.prepare import PreparedData

__all__ = ["Fits", "fit_variants", "planned_fits"]

Changes = Mapping[str, Scalar]

_SEEDS = 8
"""Trainings a fit, where they are short: their mean has an eighth of one training's luck."""
_CONVOLUTION_SEEDS = 5
_TAIL_SEEDS = 2
"""Where the head has a convolution, or layers of the backbone train: that takes ten and a hundred times as long."""
_BUDGET = 300.0
"""Seconds for all of them, which the number of seeds is cut down to; but one seed each there is always."""
_PATIENCE = 1_200.0
"""Seconds that a single seed each may take before only `_ESSENTIAL` ones are trained."""
_ESSENTIAL = ("linear", "undropped", "recalibrated", "frozen")
_STREAM = 7
"""Of the seeds of these trainings, apart from those of trials and repetitions."""
_RATE_STEP, _RATE_LEAP = 5.0, 25.0
"""By what learning rates are divided and multiplied: a rate that is a hundred times off shows little at the first."""
_WEAKER = 10.0
_STRONG_DROPOUT = 0.5
_KERNEL = 3
_DEAD = 0.1
"""Points above the most frequent class's share below which a network may not be training; a generous bound."""
_NARROW = 16
"""Units of the first hidden layer below which a narrower head says nothing."""

_LINEAR: Changes = {"conv_filters": 0, "pooling": "avg", "head_width": "none", "dropout": 0.0, "activity_l2": 0.0}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fits:
    """What was trained.

    Attributes:
        baseline: the configuration itself.
        again: the same with other seeds.
        variants: by name; see `planned_fits`. What could not be trained is missing.
        memorised: clean accuracy on a few images that it was asked to learn by heart, or None.
        labels: of the validation images, int64, shape (n_validation,).
        groups: int64, the source of each, or None where images are independent.
        images: their positions in the study's index.
        positions: at how many places of the feature map the same dropout is drawn; 1 for vectors.
    """

    baseline: FitRecord
    again: FitRecord
    variants: Mapping[str, FitRecord]
    memorised: float | None
    labels: IndexArray
    groups: IndexArray | None
    images: IndexArray
    positions: int

    def without(self, masks: Masks) -> Fits:
        """The same judged on fewer validation images."""
        kept = masks.kept(self.images)

        def fewer(fit: FitRecord) -> FitRecord:
            predicted = None if fit.predicted is None else fit.predicted[kept]
            return replace(fit, correct=fit.correct[kept], cross_entropy=fit.cross_entropy[kept], predicted=predicted)

        return replace(
            self,
            baseline=fewer(self.baseline),
            again=fewer(self.again),
            variants={name: fewer(fit) for name, fit in self.variants.items()},
            labels=self.labels[kept],
            groups=None if self.groups is None else self.groups[kept],
            images=self.images[kept],
        )

    def having(self, prefix: str) -> tuple[FitRecord, ...]:
        """The variants whose names begin so, in their order."""
        return tuple(fit for name, fit in self.variants.items() if name.startswith(prefix))


def planned_fits(configuration: Configuration) -> dict[str, Changes]:
    """Name -> changed fields of every variant that says something about this configuration.

    Names begin with what they are for: "linear", "smaller", "undropped" (which is a weaker one too), "weaker",
    "lower rate", "higher rate" (each once more, "…, far", where only a head trains), "longer", "best", "recalibrated",
    "frozen".
    """
    model, training = configuration.model, configuration.training
    fields = configuration.stored()
    hidden, dropped = bool(model.head_width or model.conv_filters), model.dropout not in (0.0, ())
    tail = model.unfrozen_layers > 0 or model.unfrozen == "batch_norm"
    plan: dict[str, Changes] = {}
    if hidden:
        plan["linear"] = _LINEAR
    if not tail:
        behind_pooling: Changes = {"dropout": _STRONG_DROPOUT, "dropout_position": "after_pooling"}
        plan["smaller, linear"] = {**_LINEAR, **behind_pooling}
        if model.head_width and model.head_width[0] >= _NARROW:
            narrow = stored([max(1, width // 4) for width in model.head_width])
            plan["smaller, narrow"] = {**_LINEAR, **behind_pooling, "head_width": narrow}
        plan |= _regularisers(fields, dropped=dropped)
        plan["longer"] = {"epochs": 2 * training.epochs}
    if dropped:
        plan["undropped"] = {"dropout": 0.0}
    plan["lower rate"] = {"learning_rate": training.learning_rate / _RATE_STEP}
    if not tail:
        plan["lower rate, far"] = {"learning_rate": training.learning_rate / _RATE_LEAP}
        plan["higher rate"] = {"learning_rate": training.learning_rate * _RATE_STEP}
        plan["higher rate, far"] = {"learning_rate": training.learning_rate * _RATE_LEAP}
    if training.keep == "last":
        plan["best"] = {"keep": "best"}
    if tail or model.batch_norm == "legacy":
        plan["frozen"] = {"unfrozen": "last", "unfrozen_layers": 0, "batch_norm": "frozen", "head_epochs": 0}
        if model.batch_norm != "frozen":
            plan["recalibrated"] = {"recalibrate": True}
            plan["frozen batch norm"] = {"batch_norm": "frozen"}
    changed = {
        name: {field: value for field, value in changes.items() if fields[field] != value}
        for name, changes in plan.items()
    }
    plan = {}
    for name, changes in changed.items():
        if changes and changes not in plan.values():
            plan[name] = changes
    return plan


def fit_variants(
    trainer: TrainsSplits,
    configuration: Configuration,
    data: PreparedData,
    *,
    feature_map: tuple[int, int],
    seed: int,
    seconds: float = 0.0,
    progress: Progress,
) -> Fits:
    """Train a configuration and what is planned for it.

    A variant that fails is left out with a note: the cause that it was for is then not measured.

    Args:
        trainer: of single trainings, on the cached features.
        configuration: usually the baseline.
        data: with folds the first one is used.
        feature_map: height and width of what the backbone gives.
        seed: of the study.
        seconds: that one training of the configuration takes, compiled. Long ones are done with fewer seeds, and only
            those that say most.
        progress: stage "fits".

    Raises:
        TrialError: the configuration itself cannot be trained.
    """
    labels, split = data.index.labels, trainings(data.split)[0]
    plan = planned_fits(configuration)
    if seconds * (len(plan) + 2) > _PATIENCE:
        plan = {name: changes for name, changes in plan.items() if name in _ESSENTIAL}
        progress.note(f"a training takes {seconds:.0f} s: for the verdict only {', '.join(plan)} are tried beside it")
    affordable = int(_BUDGET / (max(seconds, 0.1) * (len(plan) + 2)))
    count = max(1, min(_trainings(configuration), affordable))
    seeds = [(seed, _STREAM, number) for number in range(count)]
    others = [(seed, _STREAM, count + number) for number in range(count)]
    with progress.stage("fits", len(plan) + 3, "configurations") as advance:

        def fit(name: str, changes: Changes, chosen: list[tuple[int, int, int]]) -> FitRecord:
            found = refit(trainer, configuration, name=name, changes=changes, labels=labels, split=split, seeds=chosen)
            advance()
            return found

        baseline, again = fit("baseline", {}, seeds), fit("again", {}, others)
        variants = {}
        for name, changes in plan.items():
            try:
                variants[name] = fit(name, changes, seeds)
            except TrialError as error:
                progress.note(f"the fit {name!r} failed: {error}")
        learnt = None
        if _looks_dead(baseline, labels[split.train]):
            learnt = _memorised(trainer, configuration, labels, split, seeds[0], progress)
        advance()
    return Fits(
        baseline=baseline,
        again=again,
        variants=variants,
        memorised=learnt,
        labels=labels[split.validation],
        groups=_groups(data, split),
        images=split.validation,
        positions=_positions(configuration, feature_map),
    )


def _trainings(configuration: Configuration) -> int:
    model = configuration.model
    if model.unfrozen_layers or model.unfrozen == "batch_norm" or model.batch_norm == "legacy":
        return _TAIL_SEEDS
    return _CONVOLUTION_SEEDS if model.conv_filters else _SEEDS


def _regularisers(fields: Mapping[str, Scalar], *, dropped: bool) -> dict[str, Changes]:
    """Each kind that is on, a tenth as strong, and all of them."""
    penalties = {name: float(str(fields[name])) for name in ("l1", "l2", "activity_l2")}
    weaker = {name: value / _WEAKER for name, value in penalties.items() if value}
    plan: dict[str, Changes] = {}
    if weaker:
        plan["weaker, penalty"] = weaker
    if weaker and dropped:
        plan["weaker, all"] = {**weaker, "dropout": 0.0}
    return plan


def _memorised(
    trainer: TrainsSplits,
    configuration: Configuration,
    labels: IndexArray,
    split: SplitIndices,
    seed: tuple[int, int, int],
    progress: Progress,
) -> float | None:
    try:
        return memorised(trainer, configuration, labels=labels, split=split, seed=seed)
    except TrialError as error:
        progress.note(f"learning a few images by heart failed: {error}")
        return None


def _looks_dead(baseline: FitRecord, labels: IndexArray) -> bool:
    """Whether it fits little more than the most frequent class, so that it is worth asking whether it trains at all."""
    return baseline.train_accuracy < float(np.bincount(labels).max()) / len(labels) + _DEAD


def _groups(data: PreparedData, split: SplitIndices) -> IndexArray | None:
    """The source of each validation image; None where no image has one."""
    names = [data.index.images[row].group or f"\0{row}" for row in split.validation.tolist()]
    if not any(data.index.images[row].group for row in split.validation.tolist()):
        return None
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


def _positions(configuration: Configuration, feature_map: tuple[int, int]) -> int:
    """Over how many places an average takes what elementwise dropout has hit one by one; 1 where it does not."""
    model = configuration.model
    if model.dropout_kind == "spatial" or model.pooling != "avg":
        return 1
    if model.dropout_position not in ("before_conv", "after_conv", "both"):
        return 1
    height, width = feature_map
    if model.conv_filters and model.dropout_position != "before_conv":
        height, width = ((side - _KERNEL) // model.conv_stride + 1 for side in feature_map)
    return max(1, height * width)

"""Which configuration is drawn next, and when a trial is not worth its remaining epochs."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable, Mapping

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner, WilcoxonPruner
from optuna.samplers import BaseSampler, GPSampler, QMCSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial

from sweep.errors import DefinitionError
from sweep.search.samplers import GridSampler, InSpaceSampler, SeededSampler, trial_seed
from sweep.search.suggest import distributions, space_size
from sweep.studyfile.definition import StudyDefinition
from sweep.studyfile.space import FieldRange, NumberRange, grid

__all__ = ["FIRST_PRUNED_EPOCH", "LARGEST_GRID", "check_schedule", "make_pruner", "make_sampler"]

FIRST_PRUNED_EPOCH = 5
LARGEST_GRID = 100_000

_STARTUP_TRIALS = 5
# Optuna's default. Four folds that are all worse than the best trial's have p = 1/16, so three never suffice.
_WORSE_FOLDS = 0.1


def check_schedule(definition: StudyDefinition) -> None:
    """Refuse what the sampler cannot do, before anything is decoded or trained.

    Raises:
        DefinitionError: `gp` without PyTorch, `grid` over a continuous range or over too many points.
    """
    sampler = definition.search.sampler
    if sampler == "gp" and importlib.util.find_spec("torch") is None:
        raise DefinitionError(
            "[search] sampler",
            received="'gp' without PyTorch",
            expected="PyTorch, with which Optuna fits its Gaussian process, or another sampler",
            remedy='type `pip install torch`, or write sampler = "tpe"',
        )
    if sampler == "grid":
        _check_grid(definition.space)


def make_sampler(definition: StudyDefinition) -> BaseSampler:
    """The study's sampler, drawing afresh from (study seed, trial number) for each trial."""
    check_schedule(definition)
    return SeededSampler(_inner_sampler(definition), distributions(definition.space), definition.search.seed)


def make_pruner(definition: StudyDefinition) -> BasePruner:
    """The study's pruner; it acts from epoch 5 on, so never in studies of five epochs or fewer.

    With folds it acts between them, from the fourth on: a trial ends when its folds are worse than the same folds of
    the best trial by Wilcoxon's signed-rank test.
    """
    if definition.search.pruner == "wilcoxon":
        return _wilcoxon_pruner()
    epochs = _most_epochs(definition)
    if definition.search.pruner == "none" or epochs <= FIRST_PRUNED_EPOCH:
        return NopPruner()
    if definition.search.pruner == "median":
        return MedianPruner(n_startup_trials=_STARTUP_TRIALS, n_warmup_steps=FIRST_PRUNED_EPOCH)
    return _WholeStudyHyperband(HyperbandPruner(min_resource=FIRST_PRUNED_EPOCH, max_resource=epochs))


def _inner_sampler(definition: StudyDefinition) -> Callable[[int], BaseSampler]:
    """What makes a trial's own sampler of the trial's seed."""
    match definition.search.sampler:
        case "tpe":
            return lambda seed: TPESampler(seed=seed)
        case "random":
            return lambda seed: RandomSampler(seed=seed)
        case "gp":
            return lambda seed: InSpaceSampler(GPSampler(seed=seed, warn_independent_sampling=False))
        case "grid":
            points = GridSampler(definition.space, seed=definition.search.seed)
            return lambda _: points
        case "qmc":
            sequence = _qmc_sampler(trial_seed(definition.search.seed, 0))
            return lambda _: sequence


def _qmc_sampler(seed: int) -> QMCSampler:
    """One sequence for the whole study, whose position Optuna keeps in the study's attributes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)  # since Optuna 3.0; its results are tested here
        return QMCSampler(scramble=True, seed=seed, warn_independent_sampling=False)


def _wilcoxon_pruner() -> WilcoxonPruner:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)  # since Optuna 3.6; what it does is tested here
        return WilcoxonPruner(p_threshold=_WORSE_FOLDS)


def _check_grid(space: Mapping[str, FieldRange]) -> None:
    continuous = [name for name, values in space.items() if grid(values) is None]
    if continuous:
        raise DefinitionError(
            f"[space] {continuous[0]}",
            received='a continuous range under sampler = "grid"',
            expected="a range with a step, or choices",
            remedy=f'give it a step, as in {continuous[0]} = "0.0:0.9:0.1", or write sampler = "tpe"',
        )
    size = space_size(space) or 0
    if size > LARGEST_GRID:
        raise DefinitionError(
            "[space]",
            received=f"a grid of {size:,} points",
            expected=f"at most {LARGEST_GRID:,}",
            remedy='sweep fewer fields or fewer values, or write sampler = "tpe"',
        )


def _most_epochs(definition: StudyDefinition) -> int:
    """The largest number of epochs that a trial of the study can have."""
    swept = definition.space.get("epochs")
    if swept is None:
        return definition.training.epochs
    highest = swept.high if isinstance(swept, NumberRange) else max(int(value) for value in swept.values)
    return max(definition.training.epochs, int(highest))


class _WholeStudyHyperband(BasePruner):
    """Hyperband whose brackets stop trials but do not divide what the sampler learns from.

    Where a study's pruner is Optuna's `HyperbandPruner` itself, Optuna shows the sampler nothing but the trials of the
    same bracket, so that with 50 trials most are still drawn at random. BOHB (Falkner et al., 2018), too, models all
    brackets together.
    """

    def __init__(self, hyperband: HyperbandPruner) -> None:
        self._hyperband = hyperband

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        return self._hyperband.prune(study, trial)

"""Which configuration is drawn next, and when a trial is not worth its remaining epochs."""

from __future__ import annotations

import importlib.util
import itertools
import warnings
from collections.abc import Callable, Iterator, Mapping

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner, WilcoxonPruner
from optuna.samplers import BaseSampler, GPSampler, QMCSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial

from sweep.errors import DefinitionError
from sweep.search.samplers import BoundedSampler, GridSampler, InSpaceSampler, SeededSampler, trial_seed
from sweep.search.suggest import distributions, space_size
from sweep.studyfile.definition import StudyDefinition
from sweep.studyfile.space import FieldRange, NumberRange, grid

__all__ = ["FIRST_PRUNED_EPOCH", "LARGEST_GRID", "check_schedule", "make_pruner", "make_sampler", "rungs"]

FIRST_PRUNED_EPOCH = 5
LARGEST_GRID = 100_000

_STARTUP_TRIALS = 5
_REDUCTION = 3  # Hyperband's factor from one rung to the next, and from the trials of one to those of the next
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
    return _WholeStudyHyperband(
        _Brackets(min_resource=FIRST_PRUNED_EPOCH, max_resource=epochs, reduction_factor=_REDUCTION)
    )


def rungs(definition: StudyDefinition) -> frozenset[int]:
    """The epochs that Optuna hears of.

    Those are the rungs of Hyperband: it looks at no other epoch. The median pruner, whose rungs could be any, is asked
    at epochs ever farther apart (5, 8, 13, 21, …): later, a trial has less left to save. Where nobody prunes, they
    begin with the first epoch and are there for the curve in Optuna's dashboard.
    """
    epochs, pruner = _most_epochs(definition), definition.search.pruner
    pruned = epochs > FIRST_PRUNED_EPOCH and pruner in {"hyperband", "median"}
    if pruned and pruner == "hyperband":
        ladder: Iterator[int] = (FIRST_PRUNED_EPOCH * _REDUCTION**power for power in itertools.count())
    else:
        ladder = _fibonacci()
    found = itertools.takewhile(lambda epoch: epoch <= epochs, ladder)
    return frozenset(epoch for epoch in found if epoch >= FIRST_PRUNED_EPOCH or not pruned)


def _fibonacci() -> Iterator[int]:
    earlier, number = 1, 1
    while True:
        yield number
        earlier, number = number, earlier + number


def _inner_sampler(definition: StudyDefinition) -> Callable[[int], BaseSampler]:
    """What makes a trial's own sampler of the trial's seed."""
    match definition.search.sampler:
        case "tpe":
            return lambda seed: BoundedSampler(TPESampler(seed=seed))
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


class _Brackets(HyperbandPruner):
    """Hyperband that remembers in which bracket a trial is, instead of reckoning it for every trial at every rung."""

    def __init__(self, *, min_resource: int, max_resource: int, reduction_factor: int) -> None:
        super().__init__(min_resource, max_resource, reduction_factor)
        self._known: dict[int, int] = {}

    def _get_bracket_id(self, study: optuna.Study, trial: FrozenTrial) -> int:
        number = trial.number
        if number not in self._known:
            self._known[number] = super()._get_bracket_id(study, trial)
        return self._known[number]


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

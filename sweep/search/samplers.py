"""Samplers around Optuna's: each trial draws afresh, a model looks at no more than it needs, a grid leaves none out."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any, cast

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from sweep.records import Scalar
from sweep.search.suggest import settled
from sweep.studyfile.space import FieldRange, grid

__all__ = ["BoundedSampler", "GridSampler", "InSpaceSampler", "SeededSampler", "trial_seed"]

_DRAWING = 1
"""The purpose of these random numbers, apart from those of training with the same seed and trial."""


def trial_seed(study_seed: int, number: int) -> int:
    """Seed of a trial's draws, 32 bits."""
    return int(np.random.SeedSequence((study_seed, number, _DRAWING)).generate_state(1)[0])


class SeededSampler(BaseSampler):
    """A sampler whose random numbers depend on (study seed, trial number) alone.

    Optuna's samplers draw from one stream from their construction on, so a search that is taken up again repeats its
    first draws. Here each trial has an inner sampler of its own.

    The relative space is the declared one. Optuna takes the intersection of the past trials' parameters, which a
    baseline outside the space, recorded without parameters, would empty for good. (TPE itself passes over trials that
    lack a parameter.)
    """

    def __init__(
        self, make: Callable[[int], BaseSampler], space: Mapping[str, BaseDistribution], study_seed: int
    ) -> None:
        self._make = make
        self._space = {name: distribution for name, distribution in space.items() if not distribution.single()}
        self._study_seed = study_seed
        self._inner = make(trial_seed(study_seed, 0))
        self._given: dict[str, Scalar] = {}

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Give the trial a sampler of its own."""
        self._given.clear()
        self._inner = self._make(trial_seed(self._study_seed, trial.number))
        self._inner.before_trial(study, trial)

    def give(self, name: str, value: Scalar) -> None:
        """Have the running trial draw this value of a field outside the declared space."""
        self._given[name] = value

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """The declared space, but for fields of a single value."""
        return dict(self._space)

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Draw as the trial's own sampler does."""
        drawn = self._inner.sample_relative(study, trial, search_space)
        return {name: settled(value, search_space[name]) for name, value in drawn.items()}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:  # noqa: ANN401 - Optuna's signature
        """Draw a field that the trial's own sampler left out."""
        if param_name in self._given:
            return self._given[param_name]
        drawn = self._inner.sample_independent(study, trial, param_name, param_distribution)
        return settled(drawn, param_distribution)

    def after_trial(
        self, study: optuna.Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """Hand the end of the trial on."""
        self._inner.after_trial(study, trial, state, values)


class BoundedSampler(RandomSampler):
    """Shows the inner sampler the best of all trials and the latest: TPE's time for a draw grows with what it sees.

    TPE takes at most 25 trials for the good ones and all others for the bad ones, of which the early ones weigh least.
    So with `best` no smaller than that the good ones are the same, and the bad ones are the latest.
    """

    def __init__(self, inner: BaseSampler, *, best: int = 50, latest: int = 1000) -> None:
        super().__init__()
        self._inner = inner
        self._best = best
        self._latest = latest

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Draw from what is shown."""
        return self._inner.sample_relative(self._shown(study), trial, search_space)

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:  # noqa: ANN401 - Optuna's signature
        """Draw one field from what is shown."""
        return self._inner.sample_independent(self._shown(study), trial, param_name, param_distribution)

    def _shown(self, study: optuna.Study) -> optuna.Study:
        every = study._get_trials(deepcopy=False, use_cache=True)
        if len(every) <= self._best + self._latest:
            return study
        complete = (trial for trial in every[: -self._latest] if trial.state is TrialState.COMPLETE)
        best = heapq.nlargest(self._best, complete, key=lambda trial: cast(float, trial.value))
        shown = [*sorted(best, key=lambda trial: trial.number), *every[-self._latest :]]
        return cast(optuna.Study, _Excerpt(study, shown))


class _Excerpt:
    """A study that is asked for its trials and knows some of them only."""

    def __init__(self, study: optuna.Study, trials: Sequence[FrozenTrial]) -> None:
        self._study = study
        self._trials = trials

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the study has
        return getattr(self._study, name)

    def _get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None, use_cache: bool = False
    ) -> list[FrozenTrial]:
        return [trial for trial in self._trials if states is None or trial.state in states]


class InSpaceSampler(RandomSampler):
    """Shows the inner sampler the study without the trials that lack a parameter: Optuna's GP stumbles over them."""

    def __init__(self, inner: BaseSampler) -> None:
        super().__init__()
        self._inner = inner

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Draw from what a copy of the study in memory shows."""
        known = (TrialState.COMPLETE, TrialState.RUNNING)
        shown = optuna.create_study(direction="maximize")
        shown.add_trials(
            past for past in study.get_trials(deepcopy=False, states=known) if search_space.keys() <= past.params.keys()
        )
        shown.add_trial(create_trial(state=TrialState.RUNNING))
        return self._inner.sample_relative(shown, shown.get_trials()[-1], search_space)

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:  # noqa: ANN401 - Optuna's signature
        """Draw a field that the inner sampler left out, as it does while there are few trials."""
        return self._inner.sample_independent(study, trial, param_name, param_distribution)


class GridSampler(RandomSampler):
    """Every point once, in an order drawn from the study's seed.

    Optuna's own numbers its points by trial and so skips those whose number the baseline or a failed trial took.
    """

    def __init__(self, space: Mapping[str, FieldRange], *, seed: int) -> None:
        super().__init__(seed=seed)
        columns = {name: values for name, kind in space.items() if len(values := grid(kind) or ()) > 1}
        points: list[dict[str, Scalar]] = [
            dict(zip(columns, values, strict=True)) for values in itertools.product(*columns.values())
        ]
        order = np.random.default_rng(trial_seed(seed, 0)).permutation(len(points))
        self._points: list[dict[str, Scalar]] = [points[position] for position in order]

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Scalar]:
        """A point that no other trial has; any point once all are tried."""
        names = sorted(search_space)
        tried = {
            tuple(past.params.get(name) for name in names)
            for past in study.get_trials(deepcopy=False)
            if past.number != trial.number
        }
        left = [point for point in self._points if tuple(point[name] for name in names) not in tried] or self._points
        # By number, so that processes which draw at the same moment take different points.
        return left[trial.number % len(left)]

"""The samplers around Optuna's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.samplers import BaseSampler, GPSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from sweep.search.samplers import BoundedSampler, GridSampler, InSpaceSampler, SeededSampler
from sweep.search.suggest import distributions, suggest
from sweep.studyfile.space import Choices, FieldRange, NumberRange

SPACE: Mapping[str, FieldRange] = {
    "dropout": NumberRange(low=0.0, high=0.9),
    "l2": NumberRange(low=1e-6, high=1e-1, log=True),
}
POINTS: Mapping[str, FieldRange] = {
    "dropout": NumberRange(low=0.0, high=0.4, step=0.2),
    "batch_size": Choices(values=(16, 32)),
    "epochs": Choices(values=(5,)),
}


@pytest.fixture
def modelled(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many trials each of TPE's models is made of, in the order in which they are made."""
    counts: list[int] = []
    estimate = TPESampler._get_internal_repr

    def counting(sampler: TPESampler, *arguments: object) -> dict[str, np.ndarray]:
        values = estimate(sampler, *arguments)  # type: ignore[arg-type]
        counts.append(len(values["dropout"]))
        return values

    monkeypatch.setattr(TPESampler, "_get_internal_repr", counting)
    return counts


def bowl(trial: optuna.Trial) -> float:
    drawn = suggest(trial, SPACE)
    return -abs(float(drawn["dropout"]) - 0.3)


def study_with_a_baseline_outside(inner: type[BaseSampler]) -> optuna.Study:
    sampler = SeededSampler(lambda seed: inner(seed=seed), distributions(SPACE), 0)  # type: ignore[call-arg]
    study = optuna.create_study(sampler=sampler, direction="maximize")
    study.enqueue_trial({}, user_attrs={"baseline": True})
    study.optimize(lambda trial: -0.05, n_trials=1)
    assert study.get_trials()[0].params == {}
    return study


def test_tpe_models_on_beside_a_baseline_without_parameters(modelled: list[int]) -> None:
    study = study_with_a_baseline_outside(TPESampler)
    study.optimize(bowl, n_trials=20)
    # From ten finished trials on: two models, of the best tenth and of the rest, over all that have parameters.
    assert [sum(modelled[:2]), sum(modelled[-2:])] == [9, 19]


class Watching(RandomSampler):
    """Notes the numbers of the finished trials that it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[list[int]] = []

    def sample_relative(self, study: optuna.Study, *_: object) -> dict[str, Any]:
        finished = (TrialState.COMPLETE, TrialState.PRUNED)
        self.shown.append([past.number for past in study._get_trials(deepcopy=False, states=finished)])
        return {}


def test_of_many_trials_the_best_and_the_latest_are_shown() -> None:
    """Thirty worth 0, 7, 14, 21, 28, 4, …, every third pruned: of the first 21 the best are 13, 4 and 17."""
    study = optuna.create_study(direction="maximize")
    for number in range(30):
        pruned = number % 3 == 0
        study.add_trial(
            create_trial(state=TrialState.PRUNED, intermediate_values={1: 99.0})
            if pruned
            else create_trial(value=float(number * 7 % 31))
        )
    inner = Watching()
    study.sampler = SeededSampler(lambda _: BoundedSampler(inner, best=3, latest=10), distributions(SPACE), 0)
    study.ask(distributions(SPACE))
    assert inner.shown == [[4, 13, 17, 21, 22, 23, 24, 25, 26, 27, 28, 29]]


def test_of_few_trials_all_are_shown() -> None:
    study = optuna.create_study(direction="maximize")
    study.add_trials(create_trial(value=0.0) for _ in range(12))
    inner = Watching()
    study.sampler = SeededSampler(lambda _: BoundedSampler(inner, best=3, latest=10), distributions(SPACE), 0)
    study.ask(distributions(SPACE))
    assert inner.shown == [list(range(12))]


def test_tpe_models_no_more_than_it_is_shown(modelled: list[int]) -> None:
    sampler = SeededSampler(
        lambda seed: BoundedSampler(TPESampler(seed=seed), best=5, latest=20), distributions(SPACE), 0
    )
    optuna.create_study(sampler=sampler, direction="maximize").optimize(bowl, n_trials=40)
    # The latest twenty have the running trial among them, whose draw is not yet made.
    assert sum(modelled[-2:]) == 24


def test_tpe_finds_more_than_chance_does() -> None:
    tpe, chance = study_with_a_baseline_outside(TPESampler), study_with_a_baseline_outside(RandomSampler)
    tpe.optimize(bowl, n_trials=60)
    chance.optimize(bowl, n_trials=60)

    def late_mean(study: optuna.Study) -> float:
        values = [trial.value for trial in study.get_trials()[30:]]
        return sum(value for value in values if value is not None) / len(values)

    assert late_mean(tpe) > late_mean(chance) / 2


def test_the_first_ten_draws_survive_a_baseline_that_is_best() -> None:
    """With ten trials the best tenth is one: the baseline, of which TPE knows no parameter."""
    study = study_with_a_baseline_outside(TPESampler)
    study.optimize(lambda trial: bowl(trial) - 10, n_trials=15)
    assert all(trial.params.keys() == SPACE.keys() for trial in study.get_trials()[1:])


def test_a_sampler_that_needs_every_parameter_is_not_shown_such_a_baseline() -> None:
    shown: list[list[Mapping[str, Any]]] = []

    class Demanding(RandomSampler):
        """Reads every parameter of every trial, as Optuna's GP does."""

        def sample_relative(
            self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
        ) -> dict[str, Any]:
            past = [one.params for one in study.get_trials() if one.number != trial.number]
            shown.append([{name: params[name] for name in search_space} for params in past])
            return {"dropout": 0.1, "l2": 0.01}

    sampler = SeededSampler(lambda seed: InSpaceSampler(Demanding(seed)), distributions(SPACE), 0)
    study = optuna.create_study(sampler=sampler, direction="maximize")
    study.enqueue_trial({})
    study.optimize(lambda trial: 0.0, n_trials=1)
    study.optimize(bowl, n_trials=3)
    assert [len(past) for past in shown] == [0, 1, 2]
    assert shown[-1][0] == {"dropout": 0.1, "l2": 0.01}


def test_a_grid_visits_every_point_once_whatever_number_the_baseline_took() -> None:
    points = GridSampler(POINTS, seed=3)
    study = optuna.create_study(sampler=SeededSampler(lambda _: points, distributions(POINTS), 3))
    study.enqueue_trial({})
    study.optimize(lambda trial: 0.0, n_trials=1)
    study.optimize(lambda trial: float(suggest(trial, POINTS)["dropout"]), n_trials=6)
    drawn = {(trial.params["dropout"], trial.params["batch_size"]) for trial in study.get_trials()[1:]}
    assert drawn == {(dropout, size) for dropout in (0.0, 0.2, 0.4) for size in (16, 32)}


def test_two_processes_take_different_points_of_a_grid() -> None:
    points = GridSampler(POINTS, seed=3)
    study = optuna.create_study(sampler=SeededSampler(lambda _: points, distributions(POINTS), 3))
    first, second = study.ask(), study.ask()
    # Both draw before either has stored what it drew.
    space = {name: kind for name, kind in distributions(POINTS).items() if not kind.single()}
    draws = [
        points.sample_relative(study, study.get_trials()[number], space) for number in (first.number, second.number)
    ]
    assert draws[0] != draws[1]


def test_a_field_of_one_value_is_not_modelled() -> None:
    sampler = SeededSampler(RandomSampler, {"epochs": FloatDistribution(5, 5)}, 0)
    study = optuna.create_study(sampler=sampler)
    assert sampler.infer_relative_search_space(study, optuna.trial.create_trial(value=0.0)) == {}


@pytest.mark.parametrize("number", [0, 1, 17])
def test_what_a_trial_draws_depends_on_its_number_alone(number: int) -> None:
    """Random draws of a trial are the same whether other trials came before it or not."""

    def drawn(before: int) -> dict[str, Any]:
        sampler = SeededSampler(RandomSampler, distributions(SPACE), 5)
        study = optuna.create_study(sampler=sampler)
        for _ in range(number):
            trial = study.ask()
            if before:
                suggest(trial, SPACE)
            study.tell(trial, 0.0)
        trial = study.ask()
        suggest(trial, SPACE)
        return trial.params

    assert drawn(before=0) == drawn(before=1)


def test_every_draw_from_a_stepped_range_is_one_of_its_values() -> None:
    space: Mapping[str, FieldRange] = {"dropout": NumberRange(low=0.0, high=0.9, step=0.1)}
    study = optuna.create_study(sampler=SeededSampler(lambda seed: TPESampler(seed=seed), distributions(space), 0))
    study.optimize(lambda trial: float(suggest(trial, space)["dropout"]), n_trials=100)
    drawn = {trial.params["dropout"] for trial in study.get_trials()}
    assert drawn == {0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9}


def test_a_gaussian_process_models_on_beside_a_baseline_without_parameters() -> None:
    pytest.importorskip("torch", reason="needs PyTorch")
    sampler = SeededSampler(lambda seed: InSpaceSampler(GPSampler(seed=seed)), distributions(SPACE), 0)
    study = optuna.create_study(sampler=sampler, direction="maximize")
    study.enqueue_trial({})
    study.optimize(lambda trial: -0.05, n_trials=1)
    study.optimize(bowl, n_trials=14)
    assert all(trial.params.keys() == SPACE.keys() for trial in study.get_trials()[1:])

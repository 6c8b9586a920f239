"""Which sampler and which pruner a study gets, and what is refused."""

from __future__ import annotations

import importlib.util
from collections.abc import Container
from types import ModuleType

import numpy as np
import optuna
import pytest
from optuna.pruners import MedianPruner, NopPruner, WilcoxonPruner

from sweep.errors import DefinitionError
from sweep.search.schedule import check_schedule, make_pruner, make_sampler, rungs
from sweep.search.suggest import suggest
from sweep.studyfile.definition import FoldSettings
from sweep.studyfile.space import Choices, NumberRange

GRID = {"dropout": NumberRange(low=0.0, high=0.4, step=0.2), "batch_size": Choices(values=(16, 32))}


@pytest.mark.parametrize("sampler", ["tpe", "random", "qmc"])
def test_the_same_seed_draws_the_same_trials_and_another_one_others(scripted: ModuleType, sampler: str) -> None:
    def drawn(seed: int) -> list[dict[str, object]]:
        definition = scripted.make_definition(sampler=sampler, seed=seed)
        study = optuna.create_study(sampler=make_sampler(definition), direction="maximize")
        study.optimize(lambda trial: -float(suggest(trial, definition.space)["dropout"]), n_trials=14)
        return [trial.params for trial in study.get_trials()]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


@pytest.mark.parametrize("sampler", ["tpe", "random", "qmc", "grid"])
def test_a_search_taken_up_again_repeats_no_draw(scripted: ModuleType, sampler: str) -> None:
    space = GRID if sampler == "grid" else scripted.SPACE
    definition = scripted.make_definition(sampler=sampler, space=space)
    storage = optuna.storages.InMemoryStorage()
    for _ in range(3):
        study = optuna.create_study(
            study_name="toys", storage=storage, sampler=make_sampler(definition), load_if_exists=True
        )
        study.optimize(lambda trial: float(suggest(trial, definition.space)["dropout"]), n_trials=2)
    assert len({tuple(trial.params.values()) for trial in study.get_trials()}) == 6


def test_gp_without_pytorch_is_refused_with_the_remedy(scripted: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DefinitionError, match=r"'gp' without PyTorch.*pip install torch"):
        check_schedule(scripted.make_definition(sampler="gp"))


def test_a_grid_needs_steps(scripted: ModuleType) -> None:
    with pytest.raises(DefinitionError, match=r"\[space\] dropout: received a continuous range.*give it a step"):
        make_sampler(scripted.make_definition(sampler="grid"))


def test_a_grid_has_its_limit(scripted: ModuleType) -> None:
    space = {name: NumberRange(low=1, high=400, integer=True) for name in ("batch_size", "conv_filters")}
    with pytest.raises(DefinitionError, match=r"a grid of 160,000 points; expected at most 100,000"):
        check_schedule(scripted.make_definition(sampler="grid", space=space))


@pytest.mark.parametrize(
    ("pruner", "epochs", "kind"),
    [("none", 20, NopPruner), ("hyperband", 5, NopPruner), ("median", 3, NopPruner), ("median", 6, MedianPruner)],
)
def test_pruners(scripted: ModuleType, pruner: str, epochs: int, kind: type) -> None:
    assert isinstance(make_pruner(scripted.make_definition(pruner=pruner, epochs=epochs)), kind)


def test_folds_are_compared_one_by_one_however_few_epochs_there_are(scripted: ModuleType) -> None:
    """Ten folds, each worse than the best trial's: p is 1/8 after three of them and 1/16 after four."""
    definition = scripted.make_definition(pruner="wilcoxon", epochs=1, validation=FoldSettings(folds=10))
    pruner = make_pruner(definition)
    assert isinstance(pruner, WilcoxonPruner)
    study = optuna.create_study(direction="maximize", pruner=pruner)
    lengths = []
    for badness in (0.0, 0.1, -0.1):
        trial = study.ask()
        for number in range(1, 11):
            trial.report(-badness - 0.3 * (number % 3), number)
            if trial.should_prune():
                break
        lengths.append(number)
        study.tell(trial, -badness)
    assert lengths == [10, 4, 10]


def test_swept_epochs_make_room_for_pruning(scripted: ModuleType) -> None:
    for swept in (NumberRange(low=2, high=9, integer=True), Choices(values=(2, 9))):
        definition = scripted.make_definition(pruner="median", epochs=3, space={"epochs": swept})
        assert isinstance(make_pruner(definition), MedianPruner)


def test_hyperband_stops_at_epoch_five_and_no_earlier(scripted: ModuleType) -> None:
    """Twelve trials, each worse than the one before: all but the first stop, and none before epoch 5."""
    pruner = make_pruner(scripted.make_definition(pruner="hyperband", epochs=12))
    study = optuna.create_study(direction="maximize", pruner=pruner)
    lengths = []
    for badness in range(12):
        trial = study.ask()
        for epoch in range(1, 13):
            trial.report(-float(badness), epoch)
            if trial.should_prune():
                break
        lengths.append(epoch)
        study.tell(trial, -float(badness))
    assert lengths == [12] + 11 * [5]


@pytest.mark.parametrize(
    ("pruner", "epochs", "expected"),
    [
        ("hyperband", 30, {5, 15}),
        ("hyperband", 45, {5, 15, 45}),
        ("median", 30, {5, 8, 13, 21}),
        ("none", 30, {1, 2, 3, 5, 8, 13, 21}),
        ("hyperband", 5, {1, 2, 3, 5}),  # too short to be pruned
    ],
)
def test_optuna_hears_of_the_epochs_at_which_the_pruner_looks(
    scripted: ModuleType, pruner: str, epochs: int, expected: set[int]
) -> None:
    assert rungs(scripted.make_definition(pruner=pruner, epochs=epochs)) == expected


def test_swept_epochs_have_the_rungs_of_the_longest_trial(scripted: ModuleType) -> None:
    space = {"epochs": NumberRange(low=2, high=20, integer=True)}
    assert rungs(scripted.make_definition(pruner="hyperband", epochs=3, space=space)) == {5, 15}


def test_hyperband_decides_alike_whether_it_hears_of_every_epoch_or_of_its_rungs(scripted: ModuleType) -> None:
    """Sixty trials of 50 epochs with noisy curves, in three brackets: each ends in the same epoch."""
    definition = scripted.make_definition(pruner="hyperband", epochs=50)
    curves = -np.random.default_rng(0).gamma(2.0, size=(60, 51))

    def lengths(heard: Container[int]) -> list[int]:
        study = optuna.create_study(study_name="alike", direction="maximize", pruner=make_pruner(definition))
        found = []
        for curve in curves:
            trial = study.ask()
            for epoch in range(1, 51):
                if epoch in heard:
                    trial.report(float(curve[epoch]), epoch)
                    if trial.should_prune():
                        break
            study.tell(trial, float(curve[50]))
            found.append(epoch)
        return found

    assert lengths(range(1, 51)) == lengths(rungs(definition))
    assert set(lengths(rungs(definition))) == {5, 15, 45, 50}


def test_the_brackets_of_hyperband_do_not_divide_what_the_sampler_sees(scripted: ModuleType) -> None:
    """With 100 epochs Hyperband has three brackets; TPE models from the eleventh trial on all the same."""
    seen = []

    class Watched(optuna.samplers.RandomSampler):
        def before_trial(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
            seen.append(len(study.get_trials(deepcopy=False)))

    pruner = make_pruner(scripted.make_definition(pruner="hyperband", epochs=100))
    optuna.create_study(sampler=Watched(), pruner=pruner).optimize(lambda trial: 0.0, n_trials=8)
    assert seen == [1, 2, 3, 4, 5, 6, 7, 8]

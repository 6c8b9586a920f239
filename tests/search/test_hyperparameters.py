"""Hyperparameters that a hypermodel declares are drawn by Optuna's trial, and recorded there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

import keras_tuner
import pytest

from sweep.errors import DefinitionError, TrialError
from sweep.progress import Silent
from sweep.records import Measurement, TrialState
from sweep.search import runner
from sweep.search.keras_tuner import Candidates
from sweep.search.runner import SearchOutcome, run_search
from sweep.store.results import Database, open_database
from sweep.studyfile.definition import Configuration, ModelSettings, StudyDefinition
from sweep.studyfile.space import Choices

Declare = Callable[[keras_tuner.HyperParameters], None]
Search = Callable[..., SearchOutcome]


class Declared(keras_tuner.HyperModel):  # type: ignore[misc]
    """Declares hyperparameters and builds nothing."""

    def __init__(self, declare: Declare) -> None:
        self._declare = declare
        super().__init__()

    def build(self, hp: keras_tuner.HyperParameters) -> None:
        self._declare(hp)


class Untrained:
    """Builds the candidate, and measures that its cross-entropy is its `rate`."""

    def __init__(self, candidates: Candidates, scripted: ModuleType) -> None:
        self.trained: list[tuple[int, ...]] = []
        self._candidates = candidates
        self._scripted = scripted

    def train(self, configuration: Configuration, *, seed: Sequence[int], **_: object) -> Measurement:
        candidate = self._candidates(configuration)
        candidate.build()
        candidate.settle()
        self.trained.append(tuple(seed))
        rate = float(candidate.values.get("rate", 0.5))
        return self._scripted.make_measurement([self._scripted.make_epoch(1, rate)])


@pytest.fixture
def trainers() -> list[Untrained]:
    """One a search, the last one last."""
    return []


@pytest.fixture
def search(scripted: ModuleType, database: Database, trainers: list[Untrained]) -> Search:
    """`search(declare, trials=…)`: a study of a hypermodel that declares so."""

    def run(declare: Declare, **options: object) -> SearchOutcome:
        model = ModelSettings(hypermodel="mine:model")
        definition: StudyDefinition = scripted.make_definition(**{"model": model, "space": {}, "epochs": 1, **options})
        if not database.studies():
            scripted.add_study(database, definition)
        candidates = Candidates(Declared(declare), "mine:model")
        trainers.append(Untrained(candidates, scripted))
        return run_search(
            definition=definition,
            database=database,
            trainer=trainers[-1],
            progress=Silent(),
            candidates=candidates,
        )

    return run


def branching(hp: keras_tuner.HyperParameters) -> None:
    hp.Fixed("constant", 3)
    hp.Float("rate", 0.1, 0.9, default=0.5)
    hp.Boolean("deep", default=True)
    with hp.conditional_scope("deep", [True]):
        hp.Int("width", 8, 64, step=8, default=24)


def test_the_baseline_has_the_defaults_and_what_is_inactive_is_absent(search: Search, database: Database) -> None:
    search(branching, trials=12)
    baseline, *others = database.trials("toys")
    assert baseline.baseline
    assert baseline.parameters == {"rate": 0.5, "deep": True, "width": 24}
    assert baseline.configuration["constant"] == 3
    assert {trial.parameters.keys() == {"rate", "deep", "width"} for trial in others} == {True, False}
    for trial in others:
        assert ("width" in trial.parameters) == trial.parameters["deep"]
        assert ("width" in trial.configuration) == trial.parameters["deep"]
        assert 0.1 <= float(trial.parameters["rate"]) <= 0.9


def test_a_sampler_that_learns_finds_low_rates(search: Search, database: Database) -> None:
    search(branching, trials=25, sampler="tpe")
    rates = [float(trial.parameters["rate"]) for trial in database.trials("toys")]
    assert sum(rates[-8:]) < sum(rates[1:9])


def test_the_draws_are_those_of_seed_and_trial(
    search: Search, database: Database, scripted: ModuleType, tmp_path: Path
) -> None:
    """Stopped after three and taken up again, a study draws what one in one go would."""
    search(branching, trials=3, sampler="random")
    search(branching, trials=6, sampler="random")
    halves = [trial.parameters for trial in database.trials("toys")]
    with open_database(tmp_path / "other.db", create=True) as other:
        definition = scripted.make_definition(
            model=ModelSettings(hypermodel="mine:model"), space={}, epochs=1, trials=6, sampler="random"
        )
        scripted.add_study(other, definition)
        candidates = Candidates(Declared(branching), "mine:model")
        run_search(
            definition=definition,
            database=other,
            trainer=Untrained(candidates, scripted),
            progress=Silent(),
            candidates=candidates,
        )
        assert [trial.parameters for trial in other.trials("toys")] == halves


def test_a_default_outside_its_range_is_trained_but_not_learnt_from(search: Search, database: Database) -> None:
    search(lambda hp: hp.Int("width", 8, 64, step=8, default=10), trials=2)
    baseline, other = database.trials("toys")
    assert baseline.parameters == {}
    assert baseline.configuration["width"] == 10
    assert other.parameters["width"] in range(8, 65, 8)


def test_a_repeated_draw_takes_over_the_result_before_it_is_trained(
    search: Search, database: Database, trainers: list[Untrained], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "MOST_REPETITIONS", 5)
    outcome = search(lambda hp: hp.Boolean("deep"), trials=5)
    trials = database.trials("toys")
    trained = [trial for trial in trials if trial.duplicate_of is None]
    assert [trial.parameters["deep"] for trial in trained] == [False, True]
    assert len(trainers[0].trained) == 2
    assert outcome.duplicates == len(trials) - 2
    assert outcome.complete
    assert "exhausted" in outcome.stopped_because


def test_fields_of_ours_are_drawn_beside_them(search: Search, database: Database) -> None:
    space = {"batch_size": Choices(values=(16, 32))}
    search(branching, space=space, trials=6)
    for trial in database.trials("toys"):
        assert trial.parameters["batch_size"] in (16, 32)
        assert trial.configuration["batch_size"] == trial.parameters["batch_size"]


def test_a_name_that_space_has_too_is_refused(search: Search) -> None:
    space = {"batch_size": Choices(values=(16, 32))}
    with pytest.raises(
        DefinitionError, match=r'hyperparameter "batch_size": received a name that a field in \[space\]'
    ):
        search(lambda hp: hp.Choice("batch_size", [64]), space=space)


def test_other_choices_in_another_scope_are_refused_by_name(search: Search) -> None:
    def scoped(hp: keras_tuner.HyperParameters) -> None:
        hp.Boolean("deep")
        for deep, choices in ((False, ["a", "b"]), (True, ["c", "d"])):
            with hp.conditional_scope("deep", [deep]):
                hp.Choice("kind", choices)

    with pytest.raises(DefinitionError, match='hyperparameter "kind": received another kind or other choices'):
        search(scoped, trials=9)


def test_a_kind_that_cannot_be_drawn_ends_the_search_at_once(search: Search, database: Database) -> None:
    with pytest.raises(DefinitionError, match='hyperparameter "rate": received sampling="reverse_log"'):
        search(lambda hp: hp.Float("rate", 0.1, 1.0, sampling="reverse_log"))
    (trial,) = database.trials("toys")
    assert trial.failure is not None
    assert "reverse_log" in trial.failure.reason


def test_a_build_that_fails_is_a_failed_trial(search: Search, database: Database) -> None:
    def sometimes(hp: keras_tuner.HyperParameters) -> None:
        if hp.Boolean("deep"):
            raise TrialError("mine:model", received="a bad day", expected="a good one", remedy="wait")
        hp.Float("rate", 0.1, 0.9)

    outcome = search(sometimes, trials=6, sampler="random")
    failed = [trial for trial in database.trials("toys") if trial.state is TrialState.FAILED]
    assert outcome.failed == len(failed) > 0
    assert all(trial.failure is not None and "a bad day" in trial.failure.reason for trial in failed)
    assert all(trial.parameters["deep"] for trial in failed)
    assert outcome.finished == 6


def test_a_space_of_which_half_fails_and_the_rest_is_known_is_exhausted(
    search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "MOST_REPETITIONS", 5)

    def half(hp: keras_tuner.HyperParameters) -> None:
        if hp.Boolean("deep"):
            raise TrialError("mine:model", received="a bad day", expected="a good one", remedy="wait")

    outcome = search(half, trials=2, sampler="random")
    assert (outcome.finished, outcome.complete) == (1, True)

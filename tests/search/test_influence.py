"""Which field moves what."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from sweep.records import TrialRecord, TrialState
from sweep.search import influence
from sweep.search.influence import importances
from sweep.studyfile.space import Choices, FieldRange, NumberRange

SPACE: Mapping[str, FieldRange] = {
    "dropout": NumberRange(low=0.0, high=0.9),
    "head_width": Choices(values=("none", "128", "256")),
}
Trials = Callable[..., list[TrialRecord]]


@pytest.fixture
def trials(scripted: ModuleType) -> Trials:
    """Random trials: the gap falls with dropout, validation depends on the width."""

    def make(count: int, **changes: object) -> list[TrialRecord]:
        rng = np.random.default_rng(0)
        made = []
        for number in range(count):
            dropout, width = float(rng.uniform(0.0, 0.9)), str(rng.choice(["none", "128", "256"]))
            validation = 0.9 if width == "128" else 0.7
            measurement = scripted.make_measurement(
                [scripted.make_epoch(1, 0.5)],
                validation_accuracy=validation,
                train_accuracy=validation + 0.3 * (1 - dropout),
            )
            values: dict[str, object] = {
                "number": number,
                "state": TrialState.COMPLETE,
                "baseline": False,
                "parameters": {"dropout": dropout, "head_width": width},
                "configuration": {},
                "objective": 0.0,
                "measurement": measurement,
            }
            made.append(TrialRecord(**(values | changes)))  # type: ignore[arg-type]
        return made

    return make


def test_the_gap_and_validation_have_different_causes(trials: Trials) -> None:
    gap, validation = (importances(trials(60), SPACE, metric) for metric in ("gap", "validation"))
    assert next(iter(gap.shares)) == "dropout"
    assert next(iter(validation.shares)) == "head_width"
    assert sum(gap.shares.values()) == pytest.approx(1.0)
    assert gap.shares["dropout"] > 0.8
    assert (gap.metric, gap.trials, gap.reason) == ("gap", 60, "")


def test_trials_may_have_more_than_what_is_asked_about(trials: Trials) -> None:
    """As those of a hypermodel do, some of whose hyperparameters are inactive in others."""
    both = trials(60)
    some = [
        replace(trial, parameters={**trial.parameters, "depth": 2}) if trial.number % 2 else trial for trial in both
    ]
    assert importances(some, SPACE, "gap") == importances(both, SPACE, "gap")


def test_too_few_trials_give_a_reason_instead(trials: Trials) -> None:
    found = importances(trials(9), SPACE, "gap")
    assert found.shares == {}
    assert found.reason == "needs 10 complete trials inside the space, has 9"
    assert importances(trials(10), SPACE, "gap").reason == ""


@pytest.mark.parametrize(
    "changes",
    [
        {"state": TrialState.PRUNED},
        {"duplicate_of": 3},
        {"parameters": {}},
        {"measurement": None},
    ],
)
def test_only_own_complete_results_inside_the_space_count(trials: Trials, changes: dict[str, object]) -> None:
    assert importances([*trials(4), *trials(40, **changes)], SPACE, "gap").trials == 4


def test_trials_that_do_not_differ_say_nothing(trials: Trials, scripted: ModuleType) -> None:
    same = scripted.make_measurement([scripted.make_epoch(1, 0.5)])
    found = importances(trials(20, measurement=same), SPACE, "validation")
    assert found.reason == "the best trials are no better than the rest"


def test_without_a_space_nothing_has_influence(trials: Trials) -> None:
    assert importances(trials(20, parameters={}), {}, "gap").reason == "no field is swept"


def test_the_search_loads_no_tensorflow() -> None:
    modules = "import sys, sweep.search.influence, sweep.search.runner"
    code = f"{modules}; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_optuna_does_not_speak_beside_the_report(trials: Trials, capfd: pytest.CaptureFixture[str]) -> None:
    importances(trials(60), SPACE, "gap")
    assert capfd.readouterr().err == ""


def test_of_thousands_of_trials_an_even_pick_tells_the_same(trials: Trials, monkeypatch: pytest.MonkeyPatch) -> None:
    every = trials(300)
    monkeypatch.setattr(influence, "MOST_TRIALS", 100)
    found = importances(every, SPACE, "gap")
    assert found.trials == 100  # one in three
    assert next(iter(found.shares)) == "dropout"
    assert found.shares == importances(every[::3], SPACE, "gap").shares

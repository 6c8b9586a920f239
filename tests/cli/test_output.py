"""Progress is plain lines where stderr is no terminal, and a display with the best trial where it is one."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from sweep.cli.output import LiveProgress, PlainProgress, trial_line
from sweep.records import EpochRecord, FailureRecord, Measurement, TrialRecord, TrialState


def measured(train: float, validation: float) -> Measurement:
    epoch = EpochRecord(
        epoch=1, logged_train_accuracy=train, logged_train_loss=0.5, train_accuracy=train, train_cross_entropy=0.4,
        validation_accuracy=validation, validation_cross_entropy=0.6, learning_rate=1e-3, seconds=0.1,
        logged_penalty=0.0, logged_weighting=0.0, logged_validation_accuracy=validation, logged_validation_loss=0.6,
    )  # fmt: skip
    return Measurement(
        selected_epoch=1, epochs_run=1, stopped="finished", train_accuracy=train, train_cross_entropy=0.4,
        validation_accuracy=validation, validation_cross_entropy=0.6, validation_cross_entropy_error=0.02,
        train_balanced_accuracy=train, validation_balanced_accuracy=validation,
        logged_train_accuracy=train, logged_train_loss=0.5, logged_penalty=0.0, logged_weighting=0.0,
        logged_validation_accuracy=validation, logged_validation_loss=0.6, penalty=0.0,
        train_images=100, validation_images=50,
        trainable_parameters=10, total_parameters=20, engine="fused", cut="top|avg", seconds=1.0, compile_seconds=0.5,
        epochs=(epoch,),
    )  # fmt: skip


def trial(number: int, objective: float | None, **changes: object) -> TrialRecord:
    fields: dict[str, object] = {
        "number": number, "state": TrialState.COMPLETE, "baseline": False, "configuration": {},
        "parameters": {"dropout": 0.25, "name": "[bold]x[/bold]"}, "objective": objective,
        "measurement": measured(0.99, 0.75),
    }  # fmt: skip
    return TrialRecord(**{**fields, **changes})


def console() -> tuple[Console, io.StringIO]:
    stream = io.StringIO()
    return Console(file=stream, width=100), stream


def test_a_trial_is_one_line_with_its_gap_in_points() -> None:
    assert trial_line(trial(3, -0.61)) == (
        "trial 3 complete: train 99.0%, validation 75.0%, gap +24.0, J -0.610  dropout=0.25 name=[bold]x[/bold]"
    )


def test_the_baseline_is_called_the_users_configuration() -> None:
    assert trial_line(trial(0, -0.7, baseline=True)).endswith("your configuration")


def test_a_failed_trial_shows_its_reason() -> None:
    failure = FailureRecord(kind="nan", reason="the loss became nan in epoch 2", epoch=2)
    failed = trial(4, None, state=TrialState.FAILED, measurement=None, failure=failure)
    assert trial_line(failed) == "trial 4 failed: the loss became nan in epoch 2"


def test_a_repeated_trial_names_its_original() -> None:
    assert trial_line(trial(5, -0.6, duplicate_of=2)) == "trial 5 repeats trial 2: its result was taken over"


def test_plain_lines_mark_each_new_best() -> None:
    shown, stream = console()
    progress = PlainProgress(shown)
    with progress.stage("backbone pass", 3, "images") as advance:
        advance(3)
    for number, objective in enumerate([-0.7, -0.9, -0.5]):
        progress.trial(trial(number, objective))
    lines = stream.getvalue().splitlines()
    assert lines[0] == "backbone pass: 3 images"
    assert lines[1].startswith("backbone pass: done in ")
    assert [line.endswith("<- best so far") for line in lines[2:]] == [True, False, True]


@pytest.mark.parametrize("state", [TrialState.PRUNED, TrialState.FAILED])
def test_only_complete_trials_can_be_best(state: TrialState) -> None:
    shown, stream = console()
    PlainProgress(shown).trial(trial(0, -0.1, state=state))
    assert "best" not in stream.getvalue()


def test_the_live_display_keeps_the_best_trial_in_view() -> None:
    shown, stream = console()
    progress = LiveProgress(shown)
    with progress.stage("trials", 20, "trials") as advance:
        for number in range(20):
            progress.trial(trial(number, -0.1 if number == 2 else -1.0 - number))
            advance()
    shown.print(progress.display.get_renderable())
    numbers = [line.split()[0] for line in stream.getvalue().splitlines() if "complete" in line]
    assert numbers == ["2", *map(str, range(12, 20))]
    assert "[bold]x[/bold]" in stream.getvalue(), "parameters are shown as they are, not as markup"

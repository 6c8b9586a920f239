"""Finalists whose repetitions are known: which differences are claimed, and in which words."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest

from sweep.diagnosis.survival import survival_sentence, surviving
from sweep.records import RepeatRecord

NOISE = (0.0, 0.02, -0.02, 0.01, -0.01)  # of a split, or of the training on it
OTHER = (0.01, -0.02, 0.0, -0.01, 0.02)


def finalist(
    number: int,
    accuracy: float,
    *,
    train: float = 0.99,
    noise: Sequence[float] = (0.0,) * 5,
    new_split: bool = True,
    repeats: int = 5,
) -> list[RepeatRecord]:
    """Accuracies on five splits that are hard and easy for all alike, with noise of the configuration's own."""
    return [
        RepeatRecord(
            number=number,
            repeat=repeat,
            new_split=new_split,
            train_accuracy=train,
            train_cross_entropy=0.05,
            validation_accuracy=accuracy + NOISE[repeat - 1] + noise[repeat - 1],
            validation_cross_entropy=0.5,
            train_images=400,
            validation_images=100,
            selected_epoch=8,
            folds=0,
            seconds=3.0,
        )
        for repeat in range(1, repeats + 1)
    ]


def test_every_trial_meets_the_reference_and_each_other() -> None:
    found = surviving({7: finalist(7, 0.90), 0: finalist(0, 0.75), 3: finalist(3, 0.90), 12: []}, 0)
    assert found.reference == 0
    assert [(one.comparison.first, one.comparison.second) for one in found.against] == [(0, 7), (0, 3)]
    assert [(one.comparison.first, one.comparison.second) for one in found.among] == [(7, 3)]


def test_the_number_of_validated_images_reaches_every_comparison() -> None:
    records = {number: [dataclasses.replace(one, folds=10) for one in finalist(number, 0.75)] for number in (0, 7, 3)}
    found = surviving(records, 0, images=500)
    # All repetitions agree, so the scatter counts as one image of 500: (1/5 + 500/400) variances; t(0.975; 4).
    for one in (*found.against, *found.among):
        assert one.comparison.accuracy_gained.high == pytest.approx(2.776445 * 1.45**0.5 / 500, abs=1e-6)


def test_p_values_are_holms() -> None:
    records = {0: finalist(0, 0.75), 7: finalist(7, 0.80, noise=OTHER), 3: finalist(3, 0.78, noise=NOISE)}
    strong, weak = surviving(records, 0).against
    assert strong.p_accuracy == pytest.approx(2 * strong.comparison.p_accuracy)
    assert weak.p_accuracy == pytest.approx(max(weak.comparison.p_accuracy, strong.p_accuracy))
    assert strong.accuracy_shown == (strong.p_accuracy < 0.05)


def test_a_gap_that_stays_smaller_is_claimed_with_its_interval() -> None:
    # 15 points more on validation; all train equally well. One image of a hundred is the least scatter:
    # 2.776 * 0.01 * sqrt(1/5 + 1/4) = 1.9 points.
    records = {0: finalist(0, 0.75), 7: finalist(7, 0.90), 3: finalist(3, 0.90), 12: finalist(12, 0.90)}
    assert survival_sentence(surviving(records, 0), "your configuration") == (
        "Over 5 repetitions on new splits "
        "trial 7 has a smaller gap (15.0 points [13.1, 16.9]) and a higher validation accuracy "
        "(15.0 points [13.1, 16.9]) than your configuration; "
        "trial 3 has a smaller gap (15.0 points [13.1, 16.9]) and a higher validation accuracy "
        "(15.0 points [13.1, 16.9]) than your configuration; "
        "trial 12 has a smaller gap (15.0 points [13.1, 16.9]) and a higher validation accuracy "
        "(15.0 points [13.1, 16.9]) than your configuration; "
        "the order of trials 7, 3 and 12 among themselves is not shown."
    )


def test_what_is_not_shown_is_said() -> None:
    # Trial 7 gives up training accuracy only: its gap is 12 points smaller at the same validation accuracy.
    records = {0: finalist(0, 0.75), 7: finalist(7, 0.75, train=0.87), 3: finalist(3, 0.752)}
    assert survival_sentence(surviving(records, 0), "our default") == (
        "Over 5 repetitions on new splits trial 7 has a smaller gap than our default (12.0 points [10.1, 13.9]), while "
        "their validation accuracies are not shown to differ; for trial 3 no difference from our default is shown, in "
        "gap or in accuracy; trial 3 has a larger gap than trial 7 (11.8 points [9.9, 13.7]), while their validation "
        "accuracies are not shown to differ."
    )


def test_an_accuracy_may_differ_at_the_same_gap() -> None:
    records = {0: finalist(0, 0.85, train=0.99), 7: finalist(7, 0.75, train=0.89)}
    assert survival_sentence(surviving(records, 0), "your configuration") == (
        "Over 5 repetitions on new splits trial 7 has a lower validation accuracy than your configuration "
        "(10.0 points [8.1, 11.9]), while their gaps are not shown to differ."
    )


def test_what_else_is_among_the_finalists_is_left_open() -> None:
    records = {0: finalist(0, 0.75), 7: finalist(7, 0.90), 3: finalist(3, 0.751), 5: finalist(5, 0.90)}
    sentence = survival_sentence(surviving(records, 0), "your configuration")
    assert sentence.endswith("than trial 3; nothing else is shown among them.")


def test_new_seeds_on_one_split_say_nothing_of_other_images() -> None:
    records = {0: finalist(0, 0.75, new_split=False), 7: finalist(7, 0.90, new_split=False)}
    assert survival_sentence(surviving(records, 0), "your configuration").startswith(
        "Over 5 repetitions with new seeds on the same validation images, which say nothing of other images, trial 7"
    )


def test_unfinished_repetitions_count_as_far_as_they_go() -> None:
    records = {0: finalist(0, 0.75), 7: finalist(7, 0.90, repeats=3), 3: finalist(3, 0.90)}
    assert survival_sentence(surviving(records, 0), "your configuration").startswith("Over 3 to 5 repetitions")
    late = [dataclasses.replace(one, repeat=9) for one in finalist(5, 0.9, repeats=1)]
    assert surviving({0: finalist(0, 0.75), 5: late}, 0).against == ()


def test_too_little_gives_no_claim() -> None:
    once = {0: finalist(0, 0.5, repeats=1), 7: finalist(7, 0.9, repeats=1)}
    assert survival_sentence(surviving(once, 0), "your configuration") == (
        "One repetition shows no scatter, so it shows no difference between trials either."
    )
    assert survival_sentence(surviving({0: finalist(0, 0.5)}, 0), "your configuration") == ""
    with pytest.raises(ValueError, match="trial 4 has no repetition"):
        surviving(once, 4)

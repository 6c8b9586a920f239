"""Means, noise and paired changes, worked out by hand; no model."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from sweep.records import ModeRecord
from sweep.training.draws import Draw, draw_passes, mode_records
from sweep.training.evaluation import evaluate
from sweep.training.switching import CLEAN, Mode, Switches

LABELS = np.array([0, 0])
RIGHT, WRONG, EVEN = [math.log(3), 0.0], [0.0, math.log(3)], [0.0, 0.0]
"""Logits of class 0 at 3/4, 1/4 and 1/2: cross-entropies ln 4/3, ln 4 and ln 2."""
NOTHING = {"dropout": "no dropout", "augmentation": "no augmentation", "batch_statistics": "no batch norm that trains"}


def logits(*images: list[float]) -> NDArray[np.float32]:
    return np.array(images, np.float32)


class Script:
    """Gives for each mode the logits of its draws, and remembers what it was asked for."""

    def __init__(self, **by_mode: list[NDArray[np.float32]]) -> None:
        self.asked: list[str] = []
        self._by_mode = by_mode

    def __call__(self, mode: Mode) -> NDArray[np.float32]:
        name = "".join(
            letter
            for letter, on in zip("dab", (mode.dropout, mode.augmentation, mode.batch_statistics), strict=True)
            if on
        )
        self.asked.append(name)
        return np.stack(self._by_mode[name])


def passes(*draws: list[list[int]]) -> list[Draw]:
    """Draws in these batches."""
    return [Draw(views=None, batches=tuple(np.array(batch) for batch in drawn)) for drawn in draws]


def records(script: Script, *active: str, every_corner: bool = False) -> tuple[ModeRecord, ...]:
    """Of two images, each in a batch of its own."""
    switches = Switches(**{name: "" if name in active else reason for name, reason in NOTHING.items()})
    clean, drawn = evaluate(logits(RIGHT, RIGHT), LABELS), passes(*[[[0], [1]]] * 2)
    return mode_records(script, LABELS, clean, switches, passes=drawn, every_corner=every_corner)


def test_nothing_to_switch_is_measured_nowhere_and_says_so() -> None:
    script = Script()
    first, second, third = records(script, every_corner=True)
    assert script.asked == []
    assert [one.unchanged for one in (first, second, third)] == list(NOTHING.values())
    for one in (first, second, third):
        assert (one.accuracy, one.accuracy_noise, one.accuracy_change_error, one.draws) == (1, 0, 0, 1)
        assert one.cross_entropy == pytest.approx(math.log(4 / 3), rel=1e-6)


def test_means_noise_and_change_of_dropout() -> None:
    """Image 0 is right, then wrong; image 1 is right in both draws."""
    script = Script(d=[logits(RIGHT, RIGHT), logits(WRONG, RIGHT)])
    first, second, third = records(script, "dropout", every_corner=True)
    assert script.asked == ["d"]  # one switch has no other corner
    assert (first.dropout, first.augmentation, first.batch_statistics) == (True, True, True)
    assert (first.unchanged, first.draws) == ("", 2)
    assert first.accuracy == 3 / 4
    assert first.cross_entropy == pytest.approx((3 * math.log(4 / 3) + math.log(4)) / 4, rel=1e-6)
    # Variance over draws 1/2 and 0, mean 1/4; of the mean of 2 draws of 2 images: 1/4 / 4.
    assert first.accuracy_noise == pytest.approx(1 / 4)
    # Means over draws 1/2 and 1, less 1 and 1: −1/2 and 0 have a deviation of √2/4, over √2.
    assert first.accuracy_change_error == pytest.approx(1 / 4)
    # The same for cross-entropies, whose two values lie ln 3 apart.
    assert first.cross_entropy_noise == pytest.approx(math.log(3) / 4, rel=1e-6)
    assert first.cross_entropy_change_error == pytest.approx(math.log(3) / 4, rel=1e-6)
    assert (second.accuracy, third.accuracy) == (1, 1)


def test_changes_are_to_the_next_mode_that_was_measured() -> None:
    """Augmentation makes nothing different here: E2 is E3, so E1 is compared with it."""
    script = Script(
        db=[logits(WRONG, WRONG), logits(WRONG, RIGHT)],
        b=[logits(WRONG, RIGHT), logits(RIGHT, RIGHT)],
    )
    first, second, third = records(script, "dropout", "batch_statistics")
    assert script.asked == ["b", "db"]
    assert [one.accuracy for one in (first, second, third)] == [1 / 4, 3 / 4, 3 / 4]
    assert (second.unchanged, second.draws, second.accuracy_noise) == ("no augmentation", 2, third.accuracy_noise)
    assert second.accuracy_change_error == 0
    assert third.accuracy_change_error == pytest.approx(1 / 4)
    # 0 − 1/2 and 1/2 − 1: both −1/2.
    assert first.accuracy_change_error == 0


PAIRS = passes([[0, 1], [2, 3]], [[0, 2], [1, 3]])
FIRST_BATCH_FAILS = [logits(WRONG, WRONG, RIGHT, RIGHT), logits(RIGHT, RIGHT, RIGHT, RIGHT)]


def in_pairs(script: Script, *active: str) -> tuple[ModeRecord, ...]:
    """Of four images in two draws of two batches each."""
    switches = Switches(**{name: "" if name in active else reason for name, reason in NOTHING.items()})
    labels = np.zeros(4, np.int64)
    clean = evaluate(logits(RIGHT, RIGHT, RIGHT, RIGHT), labels)
    return mode_records(script, labels, clean, switches, passes=PAIRS, every_corner=False)


def test_what_a_batch_does_to_all_of_its_images_is_noise_of_the_batch() -> None:
    third = in_pairs(Script(b=FIRST_BATCH_FAILS), "batch_statistics")[2]
    assert third.accuracy == 3 / 4
    # One by one: variances over draws 1/2, 1/2, 0 and 0, mean 1/4; over 2 draws of 4 images 1/32. In common: the first
    # batch deviates by −1/2 twice, 1 - 2/4 = 1/2 more than one by one, and no other batch; over (1 · 4)² again 1/32.
    assert third.accuracy_noise == pytest.approx(1 / 4)
    # Mean changes −1/2, −1/2, 0 and 0 have a variance of 1/12, over 4; and 1/32 in common.
    assert third.accuracy_change_error == pytest.approx(math.sqrt(1 / 48 + 1 / 32))


def test_without_batch_statistics_batches_have_nothing_in_common() -> None:
    first = in_pairs(Script(d=FIRST_BATCH_FAILS), "dropout")[0]
    assert first.accuracy_noise == pytest.approx(math.sqrt(1 / 32))
    assert first.accuracy_change_error == pytest.approx(math.sqrt(1 / 48))


def test_what_two_modes_have_in_common_is_no_error_of_the_change() -> None:
    first, _, third = in_pairs(Script(db=FIRST_BATCH_FAILS, b=FIRST_BATCH_FAILS), "dropout", "batch_statistics")
    assert first.accuracy_noise == third.accuracy_noise == pytest.approx(1 / 4)
    assert first.accuracy_change_error == 0


def test_batches_whose_images_go_apart_take_nothing_off() -> None:
    draws = [logits(WRONG, RIGHT, RIGHT, RIGHT), logits(RIGHT, WRONG, RIGHT, RIGHT)]
    third = in_pairs(Script(b=draws), "batch_statistics")[2]
    assert third.accuracy_noise == pytest.approx(math.sqrt(1 / 32))


def test_corners_off_the_way_have_no_next_mode() -> None:
    draws = [logits(RIGHT, EVEN)] * 2
    script = Script(da=draws, a=draws, d=draws)
    found = records(script, "dropout", "augmentation", every_corner=True)
    assert script.asked == ["a", "da", "d"]
    (corner,) = found[3:]
    # What makes no difference counts as on.
    assert (corner.dropout, corner.augmentation, corner.batch_statistics) == (True, False, True)
    assert math.isnan(corner.accuracy_change_error)
    assert math.isnan(corner.cross_entropy_change_error)
    assert corner.accuracy_noise == 0
    assert len(records(Script(da=draws, a=draws), "dropout", "augmentation")) == 3


def test_three_switches_have_eight_corners() -> None:
    draws = [logits(RIGHT, EVEN)] * 2
    script = Script(**dict.fromkeys(("dab", "ab", "b", "da", "db", "d", "a"), draws))
    found = records(script, *NOTHING, every_corner=True)
    corners = [Mode(one.dropout, one.augmentation, one.batch_statistics) for one in found]
    assert len(set(corners)) == 7
    assert CLEAN not in corners
    assert corners[:3] == [Mode(True, True, True), Mode(False, True, True), Mode(False, False, True)]
    assert sorted(script.asked) == sorted(("dab", "ab", "b", "da", "db", "d", "a"))


@pytest.mark.parametrize(
    ("images", "lengths"), [(70, [16, 16, 16, 22]), (64, [16] * 4), (16, [16]), (17, [17]), (31, [31]), (5, [5])]
)
def test_a_short_last_batch_joins_the_one_before(images: int, lengths: list[int]) -> None:
    (drawn,) = draw_passes(images, count=1, batch_size=16, draw_views=None, seed=np.random.SeedSequence(1))
    assert [len(batch) for batch in drawn.batches] == lengths
    assert sorted(np.concatenate(drawn.batches)) == list(range(images))
    assert drawn.views is None


def test_every_pass_has_batches_and_views_of_its_own() -> None:
    one, other = draw_passes(
        50,
        count=2,
        batch_size=10,
        draw_views=lambda generator: generator.integers(3, size=50),
        seed=np.random.SeedSequence(1),
    )
    assert one.views is not None
    assert other.views is not None
    assert not np.array_equal(one.views, other.views)
    assert not np.array_equal(one.batches[0], other.batches[0])

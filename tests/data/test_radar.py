"""Radar pulses: what a modulation is, and what must not give it away."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from sweep.data.radar import MODULATIONS, draw_pulse


def pulse(label: int, number: int) -> NDArray[np.float64]:
    """Grey values, 0 to 255, shape (160, 160)."""
    return np.asarray(draw_pulse(label, np.random.default_rng((label, number))), np.float64)


def course(picture: NDArray[np.float64]) -> NDArray[np.int_]:
    """The loudest frequency at each time within the pulse, in rows from below."""
    smooth = sum(np.roll(picture, step, axis=1) for step in (-2, -1, 0, 1, 2))
    rows: NDArray[np.int_] = 159 - np.argmax(smooth, axis=0)
    return rows[42:110]  # every pulse sounds from a quarter to 0.7 of the time


def quiet(label: int, count: int) -> list[NDArray[np.int_]]:
    """The courses of the pictures that stand out clearest from their noise."""
    pictures = sorted((pulse(label, number) for number in range(4 * count)), key=lambda one: -one.max() / one.mean())
    return [course(picture) for picture in pictures[:count]]


def jumps(levels: NDArray[np.int_], rows: int = 3) -> NDArray[np.int_]:
    """Changes of frequency by at least some rows within five columns' time, one for each column."""
    change = levels[5:] - levels[:-5]
    signs: NDArray[np.int_] = np.sign(change) * (np.abs(change) >= rows)
    return signs


def test_the_same_numbers_give_the_same_picture() -> None:
    for label in range(len(MODULATIONS)):
        np.testing.assert_array_equal(pulse(label, 3), pulse(label, 3))
        assert not np.array_equal(pulse(label, 3), pulse(label, 4))


def test_a_linear_chirp_is_a_line() -> None:
    for levels in quiet(MODULATIONS.index("linear_chirp"), 8):
        time = np.arange(len(levels))
        line = np.polyval(np.polyfit(time, levels, 1), time)
        assert abs(np.median(levels - line)) < 2
        assert np.median(np.abs(levels - line)) < 2
        assert abs(line[-1] - line[0]) > 10


def test_a_stepped_chirp_goes_one_way_and_a_hopping_one_both() -> None:
    for levels in quiet(MODULATIONS.index("stepped_chirp"), 8):
        signs = jumps(levels)
        assert min((signs > 0).sum(), (signs < 0).sum()) <= 2, "noise at most"
    both = [jumps(levels) for levels in quiet(MODULATIONS.index("frequency_hop"), 8)]
    assert sum((signs > 0).any() and (signs < 0).any() for signs in both) >= 7


def halves(picture: NDArray[np.float64]) -> tuple[int, int]:
    """The loudest row of a pulse's first half, and that of its second."""
    first, second = (
        np.convolve(part.mean(axis=1), np.ones(7), "same") for part in (picture[:, 42:76], picture[:, 76:110])
    )
    return int(np.argmax(first[4:-4])), int(np.argmax(second[4:-4]))


def test_a_pulsed_tone_stays_where_it_is_and_a_chirp_does_not() -> None:
    tones = [halves(pulse(MODULATIONS.index("pulsed_tone"), number)) for number in range(20)]
    chirps = [halves(pulse(MODULATIONS.index("linear_chirp"), number)) for number in range(20)]
    assert all(abs(first - second) <= 4 for first, second in tones)
    assert sum(abs(first - second) > 4 for first, second in chirps) >= 18


def test_brightness_tells_next_to_nothing_of_the_class() -> None:
    means = np.array([[pulse(label, number).mean() for number in range(60)] for label in range(4)])
    spread = means.std(axis=1).mean()
    assert np.ptp(means.mean(axis=1)) < 0.5 * spread


@pytest.mark.parametrize("label", range(4))
def test_a_pulse_lies_inside_the_picture(label: int) -> None:
    # Its frequencies lie between 7 and 93 % of the height: the edges hold noise alone, of the same kind everywhere.
    pictures = np.stack([pulse(label, number) for number in range(40)])
    top, bottom = pictures[:, :4].mean(), pictures[:, -4:].mean()
    assert top == pytest.approx(bottom, rel=0.06)
    assert pictures[:, 8:-8].max() > 150

"""Sonar echoes: what answers stands left of its shadow, and colours are those of the palette."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from sweep.data.echoes import ECHOES, draw_echo


def echoes(label: int, count: int) -> NDArray[np.float64]:
    """Colours, 0 to 255, shape (count, 160, 160, 3)."""
    pictures = [draw_echo(label, np.random.default_rng((label, number))) for number in range(count)]
    return np.stack([np.asarray(picture, np.float64) for picture in pictures])


def test_the_same_numbers_give_the_same_picture() -> None:
    for label in range(len(ECHOES)):
        first, again = echoes(label, 2), echoes(label, 2)
        np.testing.assert_array_equal(first, again)
        assert not np.array_equal(first[0], first[1])


@pytest.mark.parametrize("label", [0, 1])
def test_a_shadow_lies_behind_what_casts_it(label: int) -> None:
    # Relative to the floor of the same picture: its rim, where nothing ever stands.
    pictures = echoes(label, 60)[..., 0]
    floor = np.concatenate([pictures[:, :12], pictures[:, -12:]], axis=1).mean(axis=(1, 2))
    profile = (pictures[:, 50:110].mean(axis=1) / floor[:, None]).mean(axis=0)
    darkest = int(np.argmin(np.convolve(profile, np.ones(9) / 9, mode="same")[20:140])) + 20
    assert 70 < darkest < 125, "right of the middle of what stands there, at 56 to 88"
    assert profile[darkest] < 0.93 < profile[20:40].mean()


def test_brightness_tells_next_to_nothing_of_the_class() -> None:
    means = np.stack([echoes(label, 60).mean(axis=(1, 2, 3)) for label in range(2)])
    assert abs(means[0].mean() - means[1].mean()) < 0.5 * means.std(axis=1).mean()


def test_colours_run_from_black_over_orange_to_yellow() -> None:
    colours = echoes(0, 10).reshape(-1, 3)
    red, green, blue = colours.T
    assert (red >= green - 2).all()
    assert (green[red < 200] >= blue[red < 200] - 16).all()
    assert np.median(red) > 2 * np.median(blue)

"""Casting: a ball of known size is seen where and how large it should be."""

from __future__ import annotations

import numpy as np
import pytest

from sweep.data.toy_shapes import Ellipsoid, Light, Sprite, cast, turn

FROM_ABOVE = Light(direction=(0, 1, 0), colour=(1, 1, 1), ambient=0.4)
BALL = Ellipsoid(centre=(0, 0, 0), radii=(1, 1, 1), colour=(0.5, 0.5, 0.5))


def look(*parts: Ellipsoid, yaw: float = 0.0, scale: float = 20.0, distance: float = 10.0) -> Sprite:
    rng = np.random.default_rng(0)
    return cast(parts, turn(yaw, 0, 0), scale=scale, distance=distance, light=FROM_ABOVE, rng=rng)


def test_a_ball_covers_the_area_of_its_disc() -> None:
    seen = look(BALL)
    assert seen.alpha.sum() == pytest.approx(np.pi * 20**2, rel=0.01)
    rows, columns = np.nonzero(seen.alpha > 0.5)
    assert rows.mean() + seen.top == pytest.approx(-0.5, abs=0.1), "its middle lies between two pixels at the origin"
    assert columns.mean() + seen.left == pytest.approx(-0.5, abs=0.1)


def test_what_is_nearer_is_larger() -> None:
    nearer = Ellipsoid(centre=(0, 0, 5), radii=(1, 1, 1), colour=(0.5, 0.5, 0.5))
    # From 10 units away, something 5 units nearer looks twice as large.
    assert look(nearer).alpha.sum() == pytest.approx(4 * np.pi * 20**2, rel=0.01)


def test_what_is_nearer_hides_what_is_behind() -> None:
    red = Ellipsoid(centre=(0, 0, -3), radii=(1, 1, 1), colour=(1, 0, 0))
    blue = Ellipsoid(centre=(0, 0, 0), radii=(1, 1, 1), colour=(0, 0, 1))
    for parts in ((red, blue), (blue, red)):
        assert look(*parts).colour[0].max() == 0


def test_turning_brings_the_side_to_the_front() -> None:
    wide = Ellipsoid(centre=(0, 0, 0), radii=(2, 1, 1), colour=(0.5, 0.5, 0.5))
    assert look(wide).alpha.sum() == pytest.approx(2 * np.pi * 20**2, rel=0.01)
    assert look(wide, yaw=90).alpha.sum() == pytest.approx(np.pi * 20**2, rel=0.01)


def test_the_side_towards_the_light_is_brighter() -> None:
    colour = look(BALL).colour[1]
    middle = colour.shape[1] // 2
    assert colour[5, middle] > 1.5 * colour[-6, middle] > 0

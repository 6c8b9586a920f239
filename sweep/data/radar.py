"""Radar pulses as time-frequency pictures: four modulations that a listener has to tell apart, grey on noise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["MODULATIONS", "draw_pulse"]

MODULATIONS = ("frequency_hop", "linear_chirp", "pulsed_tone", "stepped_chirp")

_SIZE = 160

_Course = NDArray[np.float64]


def draw_pulse(label: int, rng: np.random.Generator) -> Image.Image:
    """One pulse of `MODULATIONS[label]`, grey, 160 pixels square: time to the right, frequency upwards.

    A narrow ridge of varying strength on receiver noise. The noise is drawn apart from the modulation, and wide ridges
    are weaker, so brightness tells little of the class.
    """
    start, stop = rng.uniform(0.04, 0.25), rng.uniform(0.7, 0.96)
    time = (np.arange(_SIZE) + 0.5) / _SIZE
    elapsed = np.clip((time - start) / (stop - start), 0, 1 - 1e-9)
    course, width, loudness = _COURSES[label](rng, elapsed)
    loudness = loudness * ((time > start) & (time < stop))
    frequency = (np.arange(_SIZE)[::-1, None] + 0.5) / _SIZE
    ridge = np.exp(-0.5 * ((frequency - course) / width) ** 2) * loudness
    strength = rng.uniform(0.5, 1) * np.sqrt(0.017 / width)
    return _received(strength * ridge, rng)


def _received(ridge: _Course, rng: np.random.Generator) -> Image.Image:
    """The ridge on a floor of noise: magnitudes of a real-valued distribution, which noise spreads around zero."""
    floor = np.abs(rng.normal(0, rng.uniform(0.22, 0.28), ridge.shape))
    fading = 1 + rng.uniform(0, 0.35) * rng.standard_normal(ridge.shape)
    return Image.fromarray(np.clip((ridge * fading + floor) * 255, 0, 255).astype(np.uint8))


# ---- modulations: frequency over the elapsed share of the pulse, the ridge's width, loudness; each 0 to 1 ----------

_Shape = tuple[_Course, float, _Course]


def _linear_chirp(rng: np.random.Generator, elapsed: _Course) -> _Shape:
    low, high = _band(rng)
    return low + (high - low) * elapsed, _narrow(rng), np.ones_like(elapsed)


def _stepped_chirp(rng: np.random.Generator, elapsed: _Course) -> _Shape:
    low, high = _band(rng)
    steps = int(rng.integers(4, 9))
    return low + (high - low) * np.floor(elapsed * steps) / (steps - 1), _narrow(rng), np.ones_like(elapsed)


def _frequency_hop(rng: np.random.Generator, elapsed: _Course) -> _Shape:
    """A permutation of the frequencies that goes up and down at least once each."""
    low, high = sorted(_band(rng))
    hops = int(rng.integers(4, 9))
    order = rng.permutation(hops)
    while len(set(np.sign(np.diff(order)))) == 1:
        order = rng.permutation(hops)
    levels = low + (high - low) * order / (hops - 1)
    return levels[np.floor(elapsed * hops).astype(int)], _narrow(rng), np.ones_like(elapsed)


def _pulsed_tone(rng: np.random.Generator, elapsed: _Course) -> _Shape:
    """One frequency, wide, louder and softer many times."""
    beats, depth = rng.uniform(5, 16), rng.uniform(0.4, 1)
    loud = np.sin(2 * np.pi * (beats * elapsed + rng.random())) > rng.uniform(-0.5, 0.5)
    loudness = np.where(loud, 1.0, 1 - depth)
    return np.full_like(elapsed, rng.uniform(0.2, 0.8)), _narrow(rng) * rng.uniform(2, 4), loudness


def _band(rng: np.random.Generator) -> tuple[float, float]:
    """Where a pulse begins and ends in frequency, upwards or downwards."""
    middle, half = rng.uniform(0.35, 0.65), rng.uniform(0.1, 0.28) * rng.choice([-1, 1])
    return middle - half, middle + half


def _narrow(rng: np.random.Generator) -> float:
    return float(rng.uniform(0.012, 0.022))


_COURSES: tuple[Callable[[np.random.Generator, _Course], _Shape], ...] = (
    _frequency_hop,
    _linear_chirp,
    _pulsed_tone,
    _stepped_chirp,
)

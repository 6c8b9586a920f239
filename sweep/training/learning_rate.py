"""The learning rate of every step of a trial, known before the first one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sweep.studyfile.definition import TrainingSettings

__all__ = ["learning_rates"]

_SECOND_PHASE = 0.1
_EXPONENTIAL_END = 0.01


def learning_rates(settings: TrainingSettings, steps: int) -> NDArray[np.float32]:
    """The rate of each step of each epoch, float32, shape (epochs, steps).

    With `head_epochs` there are two phases, each with a warm-up and a schedule of its own; the second one's highest
    rate is a tenth of the first one's.

    Args:
        settings: of the configuration.
        steps: of one epoch.
    """
    epochs, head = settings.epochs, min(settings.head_epochs, settings.epochs)
    if not head:
        phases = [_phase(settings, settings.learning_rate, epochs, steps)]
    else:
        phases = [
            _phase(settings, settings.learning_rate, head, steps),
            _phase(settings, settings.learning_rate * _SECOND_PHASE, epochs - head, steps),
        ]
    return np.concatenate(phases).astype(np.float32).reshape(epochs, steps)


def _phase(settings: TrainingSettings, highest: float, epochs: int, steps: int) -> NDArray[np.float64]:
    """The rates of consecutive epochs; Keras' schedules, and its updates, count steps from 0 as well."""
    step = np.arange(epochs * steps)
    warm = settings.warmup_epochs * steps
    rising = (step + 1) / max(1, warm)
    progress = np.clip((step - warm) / max(1, len(step) - warm), 0, 1)
    falling = {
        "constant": np.ones(len(step)),
        "cosine": (1 + np.cos(np.pi * progress)) / 2,
        "linear": 1 - progress,
        "exponential": _EXPONENTIAL_END**progress,
    }[settings.schedule]
    rates: NDArray[np.float64] = highest * np.where(step < warm, rising, falling) / (1 + settings.decay * step)
    return rates

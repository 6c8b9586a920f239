"""One number per trial, in nats, higher is better."""

from __future__ import annotations

from sweep.records import Measurement
from sweep.studyfile.definition import SearchSettings

__all__ = ["ONE_SIDED_95", "balanced", "objective_value"]

ONE_SIDED_95 = 1.645
"""Standard errors below an estimate at which a one-sided interval of 95 % ends."""


def balanced(measurement: Measurement, gap_weight: float) -> float:
    """The part of the gap that is no accident is charged against validation: J = −CE_val − λ·max(0, G − 1.645·SE_G).

    G is the clean cross-entropy gap. SE_G counts the noise of validation alone: the training set is what the weights
    were fitted to, not a sample. Never the gap by itself: it crowns models that learn nothing.

    Args:
        measurement: of the weights that the configuration keeps.
        gap_weight: λ; 0 leaves −CE_val.

    Returns:
        J in nats; NaN where a cross-entropy is NaN.
    """
    certain_gap = measurement.gap_cross_entropy - ONE_SIDED_95 * measurement.validation_cross_entropy_error
    return -measurement.validation_cross_entropy - gap_weight * max(0.0, certain_gap)


def objective_value(measurement: Measurement, search: SearchSettings) -> float:
    """J of `balanced`, or −CE_val where the study asks for `objective = "val"`; nats."""
    if search.objective == "val":
        return -measurement.validation_cross_entropy
    return balanced(measurement, search.gap_weight)

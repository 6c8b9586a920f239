"""What the masks of dropout leave, by arithmetic: how many units of a hidden layer, how much noise in an average."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sweep.records import Scalar

__all__ = ["HiddenLayers", "active_units", "mask_arithmetic", "narrowest", "perturbation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HiddenLayers:
    """The hidden layers of a head.

    Attributes:
        widths: units of each dense layer, from the features on.
        rates: of the dropout behind each, as many as widths; 0 where none follows.
        classes: width of the output.
        filters: of the convolution before them; 0 where there is none.
    """

    widths: tuple[int, ...]
    rates: tuple[float, ...]
    classes: int
    filters: int = 0

    @property
    def layers(self) -> tuple[tuple[int, float], ...]:
        """Units and rate of each, the convolution first: no mask takes a filter away at every position."""
        dense = tuple(zip(self.widths, self.rates, strict=True))
        return ((self.filters, 0.0), *dense) if self.filters else dense


def active_units(hidden: HiddenLayers, dead: float = math.nan) -> tuple[float, ...]:
    """Units of each layer that are expected to answer, once dropout has taken its own.

    Args:
        hidden: at least one layer.
        dead: share of the last layer's units that never answer; NaN where that was not measured.
    """
    *first, last = (width * (1 - rate) for width, rate in hidden.layers)
    return (*first, last if math.isnan(dead) else last * (1 - dead))


def narrowest(hidden: HiddenLayers, dead: float = math.nan) -> int:
    """Position of the layer with the fewest active units."""
    active = active_units(hidden, dead)
    return active.index(min(active))


def mask_arithmetic(width: int, rate: float, classes: int) -> dict[str, Scalar]:
    """What masks leave of a layer, and which training accuracy under them no weights, or no plain code, can exceed.

    With n units, rate p and K classes, all units are gone with probability p^n; then one class is as good as another,
    so accuracy is at most 1 - p^n (1 - 1/K). Where every class has one unit of its own it is (1 - p) + p/K.

    Returns:
        "active_units", "all_dropped", "masked_accuracy_at_most" and "masked_accuracy_one_unit_a_class".

    Source: N. Srivastava et al., Dropout: a simple way to prevent neural networks from overfitting, JMLR 15 (2014), for
    the masks.
    """
    all_dropped = rate**width
    return {
        "active_units": width * (1 - rate),
        "all_dropped": all_dropped,
        "masked_accuracy_at_most": 1 - all_dropped * (1 - 1 / classes),
        "masked_accuracy_one_unit_a_class": (1 - rate) + rate / classes,
    }


def perturbation(rate: float, positions: int) -> float:
    """Standard deviation, over the masks, of an average of so many equal activations, in shares of that average."""
    return math.sqrt(rate / ((1 - rate) * positions))

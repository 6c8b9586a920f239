"""A difference between two configurations, with what is uncertain in it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from scipy.special import stdtr, stdtrit

from sweep.records import Interval

__all__ = ["LUCK_DEGREES", "Gain"]

LUCK_DEGREES = 12
"""Degrees of freedom that an error is worth which was not estimated from these trainings but from many other ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """A difference between two configurations and how sure it is; positive is better for the first.

    Attributes:
        estimate: a share of the images, or nats.
        centre: the middle of its interval.
        images_variance: of the estimate, by the draw of the images; infinite for a single one.
        training_variance: of the estimate, by the luck that the images of one training share.
        units: independent images, or sources; 0 where none were drawn, as for the whole training side.
        largest: no difference can be greater.
    """

    estimate: float
    centre: float
    images_variance: float
    training_variance: float
    units: int
    largest: float = 1.0

    @property
    def error(self) -> float:
        """Standard error."""
        return math.sqrt(self.images_variance + self.training_variance)

    @property
    def images(self) -> int:
        """The units, or 0 where more of them would not help: most of the error is the luck of the trainings."""
        return self.units if self.images_variance > self.training_variance else 0

    def interval(self, level: float = 0.95) -> Interval:
        """Student's interval."""
        half = float(stdtrit(self._degrees(), (1 + level) / 2)) * self.error if self.error else 0.0
        low, high = self.centre - half, self.centre + half
        return Interval(estimate=self.estimate, low=max(-self.largest, low), high=min(self.largest, high), level=level)

    def above(self, threshold: float = 0.0) -> float:
        """One-sided p that the true difference is not above a threshold."""
        distance = self.centre - threshold
        if not math.isfinite(self.error):
            return 1.0
        if not self.error:
            return 0.0 if distance > 0 else 1.0
        return float(stdtr(self._degrees(), -distance / self.error))

    def within(self, margin: float) -> float:
        """P that the true difference, either way, is as large as the margin: the greater of two one-sided ones.

        Source: D. J. Schuirmann, A comparison of the two one-sided tests procedure and the power approach for assessing
        the equivalence of average bioavailability, J. Pharmacokinet. Biopharm. 15 (1987).
        """
        return max(self.above(-margin), self.turned().above(-margin))

    def turned(self) -> Gain:
        """The same difference the other way round."""
        return replace(self, estimate=-self.estimate, centre=-self.centre)

    def plus(self, other: Gain) -> Gain:
        """The sum of two differences whose errors do not depend on each other."""
        return replace(
            self,
            estimate=self.estimate + other.estimate,
            centre=self.centre + other.centre,
            images_variance=self.images_variance + other.images_variance,
            training_variance=self.training_variance + other.training_variance,
            units=max(self.units, other.units),
        )

    def _degrees(self) -> float:
        """Of freedom, by Welch and Satterthwaite.

        Source: F. E. Satterthwaite, An approximate distribution of estimates of variance components, Biometrics 2
        (1946).
        """
        images, training = self.images_variance, self.training_variance
        if not math.isfinite(images):
            return 1.0
        parts = images**2 / max(1, self.units - 1) + training**2 / LUCK_DEGREES
        return (images + training) ** 2 / parts if parts else math.inf

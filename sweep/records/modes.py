"""Train numbers in the modes of the waterfall, between what Keras logs and what is clean."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ModeRecord"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeRecord:
    """The whole training side at the selected weights, with some of what training switches on.

    The waterfall's E1 has everything on, E2 no dropout, E3 no augmentation either; E4, clean, is in the measurement.

    Attributes:
        dropout, augmentation, batch_statistics: whether dropout and noise are on, whether the images are augmented, and
            whether batch norm works as in training (its trainable layers on the statistics of the batch).
        accuracy, cross_entropy: means over the images and the draws; cross-entropy in nats, without penalty or weights.
        accuracy_noise, cross_entropy_noise: standard errors of these means from the draws alone (masks, views and
            batches, whose images share their statistics); 0 where nothing is drawn.
        accuracy_change_error, cross_entropy_change_error: standard errors of the mean change, image by image, to the
            next mode of E1, E2, E3, E4, with what the images of a batch have in common; NaN for modes that are none of
            these.
        draws: how many draws of masks, views and batches were averaged; 1 where nothing is drawn.
        unchanged: why this mode equals the next one by construction, such as "no dropout"; "" where it was measured.
    """

    dropout: bool
    augmentation: bool
    batch_statistics: bool
    accuracy: float
    cross_entropy: float
    accuracy_noise: float
    cross_entropy_noise: float
    accuracy_change_error: float
    cross_entropy_change_error: float
    draws: int
    unchanged: str = ""

"""Labels and sources of the images behind stored predictions, in the predictions' order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sweep.records import ImageRecord, IndexArray, Split

__all__ = ["LabelledImages", "LabelledSide", "labelled_side"]

LabelledImages = Sequence[tuple[ImageRecord, Split | None]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelledSide:
    """What is known of each prediction of one side.

    Attributes:
        labels: int64, shape (n_predictions,).
        groups: the source of each, where images are grouped; where they are predicted repeatedly, at least what is the
            same for all predictions of one image. None where every prediction stands for itself.
    """

    labels: IndexArray
    groups: tuple[str, ...] | None


def labelled_side(images: LabelledImages, split: Split, *, repeats: int = 1) -> LabelledSide | None:
    """The images of one side, once for each repetition of a cross-validation; None where there are none."""
    members = [image for image, side in images if side is split]
    if not members:
        return None
    labels = np.fromiter((image.label for image in members), np.int64, len(members))
    grouped = any(image.group for image in members)
    # An image without a source among grouped ones is a source of its own: its path cannot be a group's name as well.
    names = tuple(image.group or f"\0{image.path}" for image in members) if grouped or repeats > 1 else None
    return LabelledSide(labels=np.tile(labels, repeats), groups=names and names * repeats)

"""How many different images the validation numbers of a cross-validation rest on."""

from __future__ import annotations

__all__ = ["images_validated"]


def images_validated(validation_images: int, folds: int, images: int | None) -> int:
    """Different images behind a measurement or a repetition.

    Each training validates its own fold, so a trial pruned between folds has validated a part, and images that are
    trained on in every fold are never validated. Where folds are drawn anew the same images come again, which `images`
    alone shows.

    Args:
        validation_images: of one training; with folds the mean over them.
        folds: trainings behind the numbers; 0 where there is one split.
        images: how many images the study validates, or None where that is not known.
    """
    if not folds:
        return validation_images
    validated = validation_images * folds
    return validated if images is None else min(validated, images)

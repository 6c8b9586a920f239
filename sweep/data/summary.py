"""What a study keeps of its data."""

from __future__ import annotations

import numpy as np

from sweep.data.cache import content_key
from sweep.data.folds import fold_repeats
from sweep.records import DataIndex, DataSummary, IndexArray, Split, SplitIndices

__all__ = ["fingerprint", "summarise"]


def summarise(index: DataIndex, split: SplitIndices, source: str) -> DataSummary:
    """Count and fingerprint what the study runs on.

    With folds, an image that is validated counts as validation alone, though it is trained on in the other folds.

    Args:
        index: after decoding, so that unreadable files are known.
        split: of the same index.
        source: as the study file names it.
    """
    labels = index.labels

    def counted(images: IndexArray) -> tuple[int, ...]:
        return tuple(np.bincount(labels[images], minlength=len(index.class_names)).tolist())

    return DataSummary(
        source=source,
        fingerprint=fingerprint(index),
        class_names=index.class_names,
        counts={
            Split.TRAIN: counted(split.train),
            Split.VALIDATION: counted(split.validation),
            Split.TEST: counted(split.test),
        },
        groups=len({image.group for image in index.images if image.group}),
        fold_repeats=fold_repeats(split),
        unreadable=index.unreadable,
        notes=(*index.notes, *split.notes),
    )


def fingerprint(index: DataIndex) -> str:
    """SHA-256 over every image's path, class name and content hash, in order, hexadecimal."""
    return content_key(
        *(part for image in index.images for part in (image.path, index.class_names[image.label], image.content_hash))
    )

"""Images, their split, and what a study keeps of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sweep.records.values import IndexArray, Split

__all__ = ["DataIndex", "DataSummary", "ImageRecord", "SplitIndices", "UnreadableFile"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRecord:
    """One image file.

    Attributes:
        path: relative to the index's root, with forward slashes.
        label: position in the index's `class_names`.
        group: the source that the image comes from; images of one group never stand on two sides. "" for none.
        content_hash: SHA-256 of the file's bytes, hexadecimal.
        pinned: the side that the folder or the renderer fixed, or None where the split decides.
    """

    path: str
    label: int
    group: str
    content_hash: str
    pinned: Split | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableFile:
    """A file that cannot be decoded, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DataIndex:
    """Every image of a source, in a stable order (by path).

    Attributes:
        root: the folder that paths are relative to.
        class_names: sorted; a label is a position in it.
        images: what can be trained on.
        unreadable: files left out because they could not be decoded.
        notes: sentences for the user, such as copies dropped or groups that file names suggest.
    """

    root: str
    class_names: tuple[str, ...]
    images: tuple[ImageRecord, ...]
    unreadable: tuple[UnreadableFile, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def labels(self) -> IndexArray:
        """int64, shape (n_images,)."""
        return np.fromiter((image.label for image in self.images), np.int64, len(self.images))


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitIndices:
    """Positions in `DataIndex.images` of each side, ascending, int64.

    Attributes:
        train: with folds only images that are never validated, such as pasted pictures, so mostly empty.
        validation: with folds every other image that is not sealed.
        test: sealed.
        folds: with cross-validation the validation side of each training, repetition after repetition; the training
            side is the rest of what is not sealed.
        notes: sentences for the user.
    """

    train: IndexArray
    validation: IndexArray
    test: IndexArray
    folds: tuple[IndexArray, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def developed(self) -> IndexArray:
        """Every position that is not sealed, ascending."""
        return np.sort(np.concatenate([self.train, self.validation]))


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSummary:
    """What a study keeps of its data: enough to report it and to recognise it again.

    Attributes:
        source: as the study file names it.
        fingerprint: SHA-256 over paths, labels and content hashes in order, hexadecimal.
        class_names: in label order.
        counts: images per side and class, `counts["train"][label]`.
        groups: the number of distinct groups, 0 where images are not grouped.
        fold_repeats: how often every image that is not sealed is predicted in cross-validation; 0 without folds.
        unreadable: files left out.
        notes: sentences for the user.
    """

    source: str
    fingerprint: str
    class_names: tuple[str, ...]
    counts: Mapping[str, tuple[int, ...]]
    groups: int
    fold_repeats: int = 0
    unreadable: tuple[UnreadableFile, ...] = ()
    notes: tuple[str, ...] = ()

    def images(self, split: Split) -> int:
        """Number of images on a side."""
        return sum(self.counts[split])

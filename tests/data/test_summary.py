"""The summary: counts by side and class, and a fingerprint that knows the same data again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sweep.data.summary import fingerprint, summarise
from sweep.records import DataIndex, ImageRecord, Split, SplitIndices, UnreadableFile

INDEX = DataIndex(
    root="/photos",
    class_names=("cat", "dog"),
    images=tuple(
        ImageRecord(path=f"{number}.jpg", label=number % 2, group=group, content_hash=str(number))
        for number, group in enumerate(["p", "p", "q", "", "", ""])
    ),
    unreadable=(UnreadableFile(path="x.jpg", reason="the file is empty"),),
    notes=("of the index",),
)
SPLIT = SplitIndices(
    train=np.array([0, 1, 2]), validation=np.array([3, 5]), test=np.array([], np.int64), notes=("of the split",)
)


def test_images_are_counted_by_side_and_class() -> None:
    summary = summarise(INDEX, SPLIT, "my-photos")
    assert summary.counts == {"train": (2, 1), "validation": (0, 2), "test": (0, 0)}
    assert [summary.images(side) for side in Split] == [3, 2, 0]


def test_with_folds_every_image_that_is_validated_counts_once() -> None:
    folds = (np.array([0, 1]), np.array([2, 3]), np.array([0, 3]), np.array([1, 2]))
    split = SplitIndices(train=np.array([4]), validation=np.arange(4), test=np.array([5]), folds=folds)
    summary = summarise(INDEX, split, "my-photos")
    assert summary.counts == {"train": (1, 0), "validation": (2, 2), "test": (0, 1)}
    assert (summary.fold_repeats, summarise(INDEX, SPLIT, "my-photos").fold_repeats) == (2, 0)


def test_the_rest_is_taken_over() -> None:
    summary = summarise(INDEX, SPLIT, "my-photos")
    assert summary.source == "my-photos"
    assert summary.class_names == ("cat", "dog")
    assert summary.groups == 2
    assert summary.unreadable == INDEX.unreadable
    assert summary.notes == ("of the index", "of the split")
    assert summary.fingerprint == fingerprint(INDEX)


def test_the_fingerprint_is_of_the_images_and_not_of_where_they_lie() -> None:
    moved = replace(INDEX, root="/elsewhere", notes=(), unreadable=())
    assert fingerprint(moved) == fingerprint(INDEX)
    assert len(fingerprint(INDEX)) == 64


@pytest.mark.parametrize(
    "changed",
    [
        replace(INDEX.images[0], path="renamed.jpg"),
        replace(INDEX.images[0], label=1),
        replace(INDEX.images[0], content_hash="edited"),
    ],
    ids=["path", "label", "content"],
)
def test_the_fingerprint_knows_other_data(changed: ImageRecord) -> None:
    others = INDEX.images[1:]
    assert fingerprint(replace(INDEX, images=(changed, *others))) != fingerprint(INDEX)


def test_the_fingerprint_knows_another_order() -> None:
    assert fingerprint(replace(INDEX, images=INDEX.images[::-1])) != fingerprint(INDEX)

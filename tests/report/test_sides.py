"""Labels and sources in the order of stored predictions."""

from __future__ import annotations

from sweep.records import ImageRecord, Split
from sweep.report.sides import labelled_side


def image(name: str, label: int, group: str = "") -> ImageRecord:
    return ImageRecord(path=name, label=label, group=group, content_hash=name)


IMAGES = (
    (image("a.jpg", 1), Split.VALIDATION),
    (image("b.jpg", 0), Split.TRAIN),
    (image("c.jpg", 0), Split.VALIDATION),
    (image("d.jpg", 1), None),
)


def test_only_that_sides_images_count_in_their_order() -> None:
    side = labelled_side(IMAGES, Split.VALIDATION)
    assert side is not None
    assert side.labels.tolist() == [1, 0]
    assert side.groups is None, "every image stands for itself"
    assert labelled_side(IMAGES, Split.TEST) is None


def test_an_image_without_a_source_is_a_source_of_its_own() -> None:
    grouped = [(image("a.jpg", 1, "burst"), Split.TEST), (image("burst", 0), Split.TEST)]
    side = labelled_side(grouped, Split.TEST)
    assert side is not None
    assert side.groups is not None
    assert side.groups[0] == "burst"
    assert len(set(side.groups)) == 2, "its path is no name of a source"


def test_images_predicted_repeatedly_are_one_source_each() -> None:
    side = labelled_side(IMAGES, Split.VALIDATION, repeats=3)
    assert side is not None
    assert side.labels.tolist() == [1, 0, 1, 0, 1, 0]
    assert side.groups is not None
    assert side.groups[:2] == side.groups[2:4] == side.groups[4:]
    assert len(set(side.groups)) == 2

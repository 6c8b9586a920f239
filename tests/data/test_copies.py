"""Files with the same bytes are always told, dropped when asked, and dropped altogether when their labels differ."""

from __future__ import annotations

from sweep.data.copies import settle_copies
from sweep.records import ImageRecord


def image(path: str, content_hash: str) -> ImageRecord:
    label = {"cat": 0, "dog": 1}[path.split("/", maxsplit=1)[0]]
    return ImageRecord(path=path, label=label, group="", content_hash=content_hash)


IMAGES = [
    image("cat/a.jpg", "one"),
    image("cat/b.jpg", "one"),
    image("cat/c.jpg", "two"),
    image("cat/d.jpg", "both"),
    image("dog/e.jpg", "both"),
    image("dog/f.jpg", "three"),
]


def test_without_copies_nothing_is_said() -> None:
    assert settle_copies(IMAGES[1:4], deduplicate=True) == (tuple(IMAGES[1:4]), ())


def test_copies_stay_unless_asked_and_are_told() -> None:
    images, notes = settle_copies(IMAGES, deduplicate=False)
    assert images == tuple(IMAGES)
    assert notes == (
        "2 files with the bytes of another (cat/a.jpg = cat/b.jpg, cat/d.jpg = dog/e.jpg): "
        "equal files are put on one side; data.deduplicate = true drops them",
        "1 photo under contradictory labels (cat/d.jpg = dog/e.jpg): "
        "exclude the wrong ones, or set data.deduplicate = true to drop all of them",
    )


def test_the_first_copy_stays_and_of_contradictory_ones_none() -> None:
    images, notes = settle_copies(IMAGES, deduplicate=True)
    assert [image.path for image in images] == ["cat/a.jpg", "cat/c.jpg", "dog/f.jpg"]
    assert notes[1] == (
        "1 photo under contradictory labels (cat/d.jpg = dog/e.jpg): "
        "dropped with all copies, since nobody can tell which label is right"
    )


def test_many_copies_are_counted_and_only_some_named() -> None:
    images = [image(f"cat/{number}.jpg", str(number // 2)) for number in range(14)]
    _, (note,) = settle_copies(images, deduplicate=True)
    assert note == (
        "7 files with the bytes of another (cat/0.jpg = cat/1.jpg, cat/2.jpg = cat/3.jpg, cat/4.jpg = cat/5.jpg, "
        "cat/6.jpg = cat/7.jpg, cat/8.jpg = cat/9.jpg, …): dropped, the first of each stays"
    )

"""How large the images of a source are."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from sweep.data.sizes import sample_sizes
from sweep.records import DataIndex, ImageRecord


def indexed(root: Path, names: list[str]) -> DataIndex:
    images = tuple(ImageRecord(path=name, label=0, group="", content_hash=name) for name in names)
    return DataIndex(root=str(root), class_names=("cat",), images=images)


def test_width_and_height_of_every_image_where_they_are_few(tmp_path: Path) -> None:
    Image.new("RGB", (30, 20)).save(tmp_path / "a.png")
    Image.new("L", (8, 9)).save(tmp_path / "b.jpg")
    assert sample_sizes(indexed(tmp_path, ["a.png", "b.jpg"])) == ((30, 20), (8, 9))


def test_a_sample_reaches_from_the_first_to_the_last(tmp_path: Path) -> None:
    names = [f"{number}.png" for number in range(10)]
    for number, name in enumerate(names):
        Image.new("L", (number + 1, 1)).save(tmp_path / name)
    assert [width for width, _ in sample_sizes(indexed(tmp_path, names), count=4)] == [1, 4, 7, 10]


def test_what_is_no_image_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no image")
    Image.new("RGB", (30, 20)).save(tmp_path / "b.png")
    assert sample_sizes(indexed(tmp_path, ["a.png", "b.png", "gone.png"])) == ((30, 20),)


def test_no_images_no_sizes(tmp_path: Path) -> None:
    assert sample_sizes(indexed(tmp_path, [])) == ()

"""The index of a source: labels, hashes, groups and pins of what the study file names."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pytest

from sweep.data.folder import index_source, source_root
from sweep.errors import DataError
from sweep.progress import Silent
from sweep.records import DataIndex, Split
from sweep.studyfile.definition import DataSettings

PhotoFolder = Callable[..., Path]


def index(root: Path, **settings: object) -> DataIndex:
    table = DataSettings.model_validate({"source": root.name, **settings})
    return index_source(table, progress=Silent(), base=root.parent)


def pins(found: DataIndex) -> dict[str, Split | None]:
    """The pin of each side's folder, or of each file where there are none."""
    return {image.path.rsplit("/", maxsplit=2)[0]: image.pinned for image in found.images}


@pytest.fixture
def sided(photo_folder: PhotoFolder) -> Callable[..., Path]:
    """Make sides with two classes of two photos each: `sided("train", "val")`."""

    def make(*sides: str) -> Path:
        for number, side in enumerate(sides):
            root = photo_folder({"cat": 2, "dog": 2}, name=f"photos/{side}", seed=number)
        return root.parent

    return make


def test_a_folder_is_indexed_by_path_with_the_hash_of_each_file(photo_folder: PhotoFolder) -> None:
    root = photo_folder({"dog": 2, "cat": 1})
    found = index(root)
    assert found.root == str(root)
    assert found.class_names == ("cat", "dog")
    assert [(image.path, image.label) for image in found.images] == [
        ("cat/cat_000.png", 0),
        ("dog/dog_000.png", 1),
        ("dog/dog_001.png", 1),
    ]
    content = (root / "dog" / "dog_001.png").read_bytes()
    assert found.images[2].content_hash == hashlib.sha256(content).hexdigest()
    assert {(image.group, image.pinned) for image in found.images} == {("", None)}


def test_the_root_is_found_again_without_looking_at_files(photo_folder: PhotoFolder) -> None:
    root = photo_folder({"cat": 1, "dog": 1})
    table = root / "labels.csv"
    table.write_text("file,label\ncat/cat_000.png,cat\ndog/dog_000.png,dog\n", encoding="utf-8")
    for source in ("photos", str(root), "photos/labels.csv", "./photos/../photos"):
        settings = DataSettings(source=source)
        found = index_source(settings, progress=Silent(), base=root.parent)
        assert str(source_root(source, base=root.parent)) == found.root
    shutil.rmtree(root)
    assert source_root("photos/labels.csv", base=root.parent) == root
    assert source_root("toys", base=root.parent).parent.name == "toys"
    assert not source_root("toys", base=root.parent).exists(), "nothing is rendered"


def test_an_absolute_source_needs_no_base(photo_folder: PhotoFolder) -> None:
    root = photo_folder({"cat": 1, "dog": 1})
    found = index_source(DataSettings(source=str(root)), progress=Silent(), base=Path("/nowhere"))
    assert len(found.images) == 2


def test_a_table_brings_labels_and_groups(photo_folder: PhotoFolder) -> None:
    root = photo_folder({"a": 2, "b": 1})
    table = root / "labels.csv"
    table.write_text("file,label,group\na/a_000.png,cat,p1\na/a_001.png,dog,p2\nb/b_000.png,cat,\n", encoding="utf-8")
    found = index_source(DataSettings(source="photos/labels.csv"), progress=Silent(), base=root.parent)
    assert found.class_names == ("cat", "dog")
    assert [(image.path, image.label, image.group) for image in found.images] == [
        ("a/a_000.png", 0, "p1"),
        ("a/a_001.png", 1, "p2"),
        ("b/b_000.png", 0, ""),
    ]


def test_excluded_files_and_copies_are_gone_and_told(photo_folder: PhotoFolder) -> None:
    root = photo_folder({"cat": 4, "dog": 2})
    shutil.copy(root / "cat" / "cat_000.png", root / "cat" / "copy.png")
    found = index(root, exclude=("cat/cat_003.png",), deduplicate=True)
    assert [image.path for image in found.images if image.label == 0] == [
        f"cat/cat_00{number}.png" for number in range(3)
    ]
    assert found.notes == (
        "left out 1 file by data.exclude",
        "1 file with the bytes of another (cat/cat_000.png = cat/copy.png): dropped, the first of each stays",
    )


def test_a_class_goes_when_all_of_it_is_excluded(photo_folder: PhotoFolder) -> None:
    root = photo_folder({"cat": 1, "cow": 1, "dog": 1})
    assert index(root, exclude=("cow/*",)).class_names == ("cat", "dog")
    with pytest.raises(DataError, match=r"photos: received images of 1 class after data.exclude"):
        index(root, exclude=("cow/*", "dog/*"))


def test_empty_and_unreadable_files_are_listed(photo_folder: PhotoFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    root = photo_folder({"cat": 3, "dog": 2})
    (root / "cat" / "cat_001.png").write_bytes(b"")
    opened = Path.open

    def refuse(path: Path, mode: str) -> IO[Any]:
        if path.name == "dog_000.png":
            raise PermissionError(13, os.strerror(13))
        return opened(path, mode)

    monkeypatch.setattr(Path, "open", refuse)
    found = index(root)
    assert [(file.path, file.reason) for file in found.unreadable] == [
        ("cat/cat_001.png", "the file is empty"),
        ("dog/dog_000.png", "permission denied"),
    ]
    assert len(found.images) == 3


# ---- pins ------------------------------------------------------------------------------------------------------------


def test_a_whole_split_is_pinned(sided: Callable[..., Path]) -> None:
    assert pins(index(sided("train", "val", "test"))) == {
        "train": Split.TRAIN,
        "val": Split.VALIDATION,
        "test": Split.TEST,
    }


def test_train_stays_open_where_validation_is_still_to_be_drawn(sided: Callable[..., Path]) -> None:
    assert pins(index(sided("train", "test"))) == {"train": None, "test": Split.TEST}


def test_train_stays_open_where_a_test_side_is_wanted_but_not_given(sided: Callable[..., Path]) -> None:
    root = sided("train", "val")
    assert pins(index(root)) == {"train": None, "val": Split.VALIDATION}
    assert pins(index(root, test=0.0)) == {"train": Split.TRAIN, "val": Split.VALIDATION}


def test_rendered_composites_are_pinned_to_training(photo_folder: PhotoFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    root = photo_folder({"truck": 2, "negative": 1})
    (root / "truck" / "truck_001.png").rename(root / "truck" / "composite_000.jpg")
    monkeypatch.setattr("sweep.data.folder.rendered_folder", lambda name, *, progress: root)
    found = index_source(DataSettings(source="toys-composites"), progress=Silent(), base=Path("/nowhere"))
    assert {image.path: image.pinned for image in found.images} == {
        "negative/negative_000.png": None,
        "truck/composite_000.jpg": Split.TRAIN,
        "truck/truck_000.png": None,
    }
    assert {image.pinned for image in index(root).images} == {None}, (
        "in a folder of the user's it is a name like others"
    )


def test_a_folder_of_the_same_name_as_a_rendered_set_is_told(
    photo_folder: PhotoFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered = photo_folder({"0": 1, "1": 1}, name="cache/digits")
    own = photo_folder({"eight": 2, "nine": 2}, name="digits")
    monkeypatch.setattr("sweep.data.folder.rendered_folder", lambda name, *, progress: rendered)
    found = index(own)
    assert found.class_names == ("0", "1")
    assert found.notes == (f"data.source = 'digits' is the rendered set; for what lies at {own} write './digits'",)
    assert index(own, source="./digits").class_names == ("eight", "nine")
    assert index_source(DataSettings(source="digits"), progress=Silent(), base=rendered).notes == ()


# ---- groups ----------------------------------------------------------------------------------------------------------


def test_names_that_look_like_sources_are_told_unless_they_are_groups(shared: Path) -> None:
    settings = DataSettings(source="lego_shapes")
    (note,) = index_source(settings, progress=Silent(), base=shared / "data").notes
    assert note == (
        r"4,404 files look like 124 sources (names that differ only after `^(.+)_v\d+`): a random split would put "
        r"copies of one source on both sides; set data.group='^(.+)_v\d+'"
    )
    pattern = re.findall("'(.+)'", note)[0]
    grouped = settings.model_copy(update={"group": pattern})
    found = index_source(grouped, progress=Silent(), base=shared / "data")
    assert len({image.group for image in found.images}) == 124
    assert found.notes == ()


def test_real_photos_that_are_no_copies_of_each_other_get_no_note(shared: Path) -> None:
    found = index_source(DataSettings(source="cats_dogs_small"), progress=Silent(), base=shared / "data")
    assert len(found.images) == 1399
    assert found.notes == ()


# ---- bad input -------------------------------------------------------------------------------------------------------


def test_no_such_source(tmp_path: Path) -> None:
    message = (
        "gone: received no such folder or file; expected a folder of images, a CSV, or one of toys, .*, radar, echoes, "
        "digits; check the spelling; relative sources start from"
    )
    with pytest.raises(DataError, match=message):
        index(tmp_path / "gone")


def test_a_file_instead_of_a_folder(photo_folder: PhotoFolder) -> None:
    root = photo_folder({"cat": 1, "dog": 1})
    with pytest.raises(
        DataError, match=r"cat_000.png: received a file; expected a folder with one sub-folder per class"
    ):
        index(root / "cat" / "cat_000.png")


def test_a_folder_that_may_not_be_read(photo_folder: PhotoFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, os.strerror(13), str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DataError, match=r"photos: received .*photos: permission denied; .* check their permissions"):
        index(photo_folder({"cat": 1, "dog": 1}))

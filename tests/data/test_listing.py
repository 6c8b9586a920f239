"""Folders: class folders are classes, train/val/test above them are sides, and litter is nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from sweep.data.listing import list_folder, pictures_in
from sweep.errors import DataError
from sweep.records import Split

MakeFolder = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path) -> MakeFolder:
    """Make empty files: `folder("cat/a.jpg", "dog/b.png")`; a path that ends with a slash is a folder."""

    def make(*paths: str) -> Path:
        root = tmp_path / "photos"
        for path in paths:
            target = root / path
            (target if path.endswith("/") else target.parent).mkdir(parents=True, exist_ok=True)
            if not path.endswith("/"):
                target.touch()
        return root

    return make


def found(root: Path) -> dict[str, tuple[str, Split | None]]:
    return {file.path: (file.label, file.side) for file in list_folder(root, "photos").files}


def test_one_sub_folder_is_one_class_and_files_come_by_path(folder: MakeFolder) -> None:
    listing = list_folder(folder("dog/b.PNG", "cat/a.jpg", "cat/2024/deep/c.tiff", "cat/d.webp"), "photos")
    assert [(file.path, file.label) for file in listing.files] == [
        ("cat/2024/deep/c.tiff", "cat"),
        ("cat/a.jpg", "cat"),
        ("cat/d.webp", "cat"),
        ("dog/b.PNG", "dog"),
    ]
    assert listing.levels == 1
    assert listing.notes == ()


def test_litter_is_ignored_and_other_files_are_counted(folder: MakeFolder) -> None:
    root = folder(
        "cat/a.jpg", "dog/b.jpg", ".git/x.jpg", "cat/.DS_Store", "cat/Thumbs.db", "cat/._a.jpg", "__MACOSX/cat/a.jpg",
        "cat/notes.txt", "dog/labels.xml", "dog/more.txt", "dog/README", "lying.jpg",
    )  # fmt: skip
    listing = list_folder(root, "photos")
    assert [file.path for file in listing.files] == ["cat/a.jpg", "dog/b.jpg"]
    assert listing.notes == (
        "passed over 4 files of other kinds (2 .txt, 1 .xml, 1 no suffix)",
        "passed over 1 image outside the class folders, such as lying.jpg",
    )


def test_heic_photos_are_taken_where_their_package_is_there(
    folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = folder("cat/a.jpg", "cat/b.HEIC", "dog/c.heif", "dog/d.jpg")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    assert list(found(root)) == ["cat/a.jpg", "cat/b.HEIC", "dog/c.heif", "dog/d.jpg"]
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    listing = list_folder(root, "photos")
    assert [file.path for file in listing.files] == ["cat/a.jpg", "dog/d.jpg"]
    assert "HEIC photos are read after `pip install 'gapsweep[images]'`" in listing.notes


@pytest.mark.parametrize(
    ("train", "validation", "test"),
    [
        ("train", "val", "test"),
        ("Training", "VALIDATION", "Testing"),
        ("TRAIN", "valid", "test"),
        ("train", "dev", "test"),
    ],
)
def test_sides_are_never_classes(folder: MakeFolder, train: str, validation: str, test: str) -> None:
    root = folder(*(f"{side}/{label}/x.jpg" for side in (train, validation, test) for label in ("cat", "dog")))
    assert found(root) == {
        f"{train}/cat/x.jpg": ("cat", Split.TRAIN),
        f"{train}/dog/x.jpg": ("dog", Split.TRAIN),
        f"{validation}/cat/x.jpg": ("cat", Split.VALIDATION),
        f"{validation}/dog/x.jpg": ("dog", Split.VALIDATION),
        f"{test}/cat/x.jpg": ("cat", Split.TEST),
        f"{test}/dog/x.jpg": ("dog", Split.TEST),
    }
    assert list_folder(root, "photos").levels == 2


def test_a_class_called_train_is_a_class_where_no_other_side_stands_beside_it(folder: MakeFolder) -> None:
    assert found(folder("train/a.jpg", "plane/b.jpg")) == {
        "plane/b.jpg": ("plane", None),
        "train/a.jpg": ("train", None),
    }


def test_folders_beside_the_sides_are_named(folder: MakeFolder) -> None:
    root = folder("train/cat/a.jpg", "train/dog/b.jpg", "val/cat/c.jpg", "val/dog/d.jpg", "unlabelled/e.jpg")
    listing = list_folder(root, "photos")
    assert len(listing.files) == 4
    assert listing.notes == ("passed over what lies beside the sides of the split: unlabelled",)


def test_links_are_followed_but_never_in_circles(folder: MakeFolder, tmp_path: Path) -> None:
    root = folder("cat/a.jpg", "dog/b.jpg")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "c.jpg").touch()
    (root / "cat" / "linked").symlink_to(elsewhere)
    (root / "cat" / "itself").symlink_to(root / "cat")
    (root / "cat" / "upwards").symlink_to(root)
    (root / "dog" / "further_up").symlink_to(tmp_path)
    (root / "dog" / "dangling.jpg").symlink_to(tmp_path / "gone.jpg")
    listing = list_folder(root, "photos")
    assert [file.path for file in listing.files] == ["cat/a.jpg", "cat/linked/c.jpg", "dog/b.jpg"]
    assert listing.notes == ("passed over 1 file of other kinds (1 .jpg)",)


# ---- bad input -------------------------------------------------------------------------------------------------------


def test_images_directly_in_the_folder(folder: MakeFolder) -> None:
    with pytest.raises(DataError, match=r"photos: received 2 images directly .* expected one sub-folder per class"):
        list_folder(folder("a.jpg", "b.jpg"), "photos")


def test_a_folder_without_anything(folder: MakeFolder) -> None:
    with pytest.raises(DataError, match="photos: received a folder without sub-folders"):
        list_folder(folder("notes.txt"), "photos")


def test_images_directly_in_a_side(folder: MakeFolder) -> None:
    with pytest.raises(DataError, match="photos/test: received 1 image directly in the folder"):
        list_folder(folder("train/cat/a.jpg", "train/dog/b.jpg", "test/c.jpg"), "photos")


def test_one_class(folder: MakeFolder) -> None:
    with pytest.raises(DataError, match="photos: received one class, 'cat'; expected at least two sub-folders"):
        list_folder(folder("cat/a.jpg"), "photos")


def test_an_empty_class_is_named(folder: MakeFolder) -> None:
    with pytest.raises(DataError, match="photos/cow: received no image in this class folder"):
        list_folder(folder("cat/a.jpg", "cow/notes.txt", "dog/b.jpg"), "photos")


@pytest.mark.parametrize("missing", ["train", "val"])
def test_sides_that_disagree_about_the_classes(folder: MakeFolder, missing: str) -> None:
    root = folder(*(f"{side}/{label}/x.jpg" for side in ("train", "val", "test") for label in ("cat", "dog", "owl")))
    (root / missing / "owl" / "x.jpg").unlink()
    (root / missing / "owl").rmdir()
    with pytest.raises(DataError, match=rf"received the class 'owl', which {missing}/ lacks; .* add {missing}/owl or"):
        list_folder(root, "photos")


def test_a_file_name_that_is_no_text(folder: MakeFolder) -> None:
    root = folder("cat/a.jpg", "dog/b.jpg")
    try:
        (root / "dog" / os.fsdecode(b"caf\xe9.jpg")).touch()
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    with pytest.raises(DataError, match=r"dog: received the file name 'caf\\udce9.jpg'; expected file names in UTF-8"):
        list_folder(root, "photos")


def test_every_picture_below_a_folder_is_found_whatever_it_shows(folder: MakeFolder) -> None:
    root = folder("dog/b.PNG", "a.jpg", "cat/2024/c.tiff", "notes.txt", ".hidden/d.jpg")
    assert [path.relative_to(root).as_posix() for path in pictures_in(root)] == [
        "a.jpg",
        "cat/2024/c.tiff",
        "dog/b.PNG",
    ]
    assert pictures_in(folder("empty/") / "empty") == ()

"""Pixels: decoded once, found again by content, broken files listed."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sweep.data.cache import ArrayCache
from sweep.data.folder import index_source
from sweep.data.images import decode_images
from sweep.errors import CacheError, DataError
from sweep.progress import Advance, Silent
from sweep.records import DataIndex
from sweep.studyfile.definition import DataSettings

PhotoFolder = Callable[..., Path]


class Counting(Silent):
    """Remembers how many images were decoded."""

    def __init__(self) -> None:
        self.decoded = 0

    @contextmanager
    def stage(self, name: str, total: int | None, unit: str) -> Iterator[Advance]:
        def advance(units: int = 1, /) -> None:
            self.decoded += units * (name == "decoding")

        yield advance


@pytest.fixture
def cache(tmp_path: Path) -> ArrayCache:
    return ArrayCache(tmp_path / "arrays")


def index(root: Path) -> DataIndex:
    return index_source(DataSettings(source=str(root)), progress=Silent(), base=root)


def test_pixels_come_in_the_order_of_the_index(photo_folder: PhotoFolder, cache: ArrayCache) -> None:
    found = index(photo_folder({"cat": 2, "dog": 3}, size=32))
    readable, pixels = decode_images(found, 32, cache=cache, progress=Silent())
    assert readable == found
    assert isinstance(pixels, np.memmap)
    assert pixels.shape == (5, 32, 32, 3)
    assert pixels.dtype == np.uint8
    assert not pixels.flags.writeable
    for image, picture in zip(found.images, pixels, strict=True):
        np.testing.assert_array_equal(picture, np.asarray(Image.open(Path(found.root) / image.path)))


def test_decoded_pixels_are_found_again_by_content_and_size(photo_folder: PhotoFolder, cache: ArrayCache) -> None:
    root = photo_folder({"cat": 2, "dog": 2})
    progress = Counting()
    decode_images(index(root), 16, cache=cache, progress=progress)
    shutil.move(root, root.with_name("moved"))
    decode_images(index(root.with_name("moved")), 16, cache=cache, progress=progress)
    assert progress.decoded == 4
    decode_images(index(root.with_name("moved")), 24, cache=cache, progress=progress)
    assert progress.decoded == 8


def test_a_damaged_entry_is_decoded_again(photo_folder: PhotoFolder, cache: ArrayCache) -> None:
    found = index(photo_folder({"cat": 2, "dog": 2}))
    _, pixels = decode_images(found, 16, cache=cache, progress=Silent())
    before = pixels.copy()
    path = next(cache.folder.glob("*.npy"))
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    notes: list[str] = []
    _, again = decode_images(found, 16, cache=ArrayCache(cache.folder, notes.append), progress=Silent())
    np.testing.assert_array_equal(again, before)
    assert "was damaged (its digest is wrong)" in notes[0]


def test_unreadable_files_are_listed_and_left_out(photo_folder: PhotoFolder, cache: ArrayCache) -> None:
    root = photo_folder({"cat": 20, "dog": 20}, size=16)
    (root / "cat" / "cat_003.png").write_bytes(b"no image")
    whole = (root / "dog" / "dog_001.png").read_bytes()
    (root / "dog" / "dog_001.png").write_bytes(whole[:300])
    found = index(root)
    for _ in ("decoded", "from the cache"):
        readable, pixels = decode_images(found, 16, cache=cache, progress=Silent())
        assert [file.path for file in readable.unreadable] == ["cat/cat_003.png", "dog/dog_001.png"]
        assert readable.unreadable[0].reason == "no image in a format that can be read"
        assert len(readable.images) == len(pixels) == 38
        for image, picture in zip(readable.images, pixels, strict=True):
            np.testing.assert_array_equal(picture, np.asarray(Image.open(root / image.path)))


def test_too_many_unreadable_files_stop_the_run(photo_folder: PhotoFolder, cache: ArrayCache) -> None:
    root = photo_folder({"cat": 20, "dog": 20}, size=16)
    for number in range(3):
        (root / "cat" / f"cat_00{number}.png").write_bytes(b"no image")
    message = (
        r"photos: received 3 of 40 files that cannot be decoded \(cat/cat_000.png: no image in a format that can be "
        r"read; cat/cat_001.png: .*\); expected at most 5% of them; repair or remove them, or name them in data.exclude"
    )
    for _ in ("decoded", "from the cache"):
        with pytest.raises(DataError, match=message):
            decode_images(index(root), 16, cache=cache, progress=Silent())


def test_all_images_broken(photo_folder: PhotoFolder, cache: ArrayCache) -> None:
    root = photo_folder({"cat": 1, "dog": 1})
    (root / "cat" / "cat_000.png").write_bytes(b"no image")
    (root / "dog" / "dog_000.png").write_bytes(b"no image either")
    with pytest.raises(DataError, match="received 2 of 2 files that cannot be decoded"):
        decode_images(index(root), 16, cache=cache, progress=Silent())


def test_all_files_empty(photo_folder: PhotoFolder, cache: ArrayCache) -> None:
    root = photo_folder({"cat": 1, "dog": 1})
    for path in root.rglob("*.png"):
        path.write_bytes(b"")
    with pytest.raises(DataError, match=r"received 2 of 2 files .*the file is empty"):
        decode_images(index(root), 16, cache=cache, progress=Silent())


def test_a_file_that_went_away_is_not_remembered_as_broken(photo_folder: PhotoFolder, cache: ArrayCache) -> None:
    found = index(photo_folder({"cat": 30, "dog": 1}, size=16))
    (Path(found.root) / found.images[7].path).unlink()
    with pytest.raises(DataError, match=r"cat/cat_007.png: received no such file or directory; expected the file that"):
        decode_images(found, 16, cache=cache, progress=Silent())
    assert cache.entries() == ()


def test_a_disk_full_while_caching_pixels(
    photo_folder: PhotoFolder, cache: ArrayCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(CacheError, match=r"received a full disk .* or set SWEEP_CACHE"):
        decode_images(index(photo_folder({"cat": 1, "dog": 1})), 16, cache=cache, progress=Silent())

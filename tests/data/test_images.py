"""Pixels: decoded once, found again by content, broken files listed; augmented views stay pictures."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from sweep.data.cache import ArrayCache
from sweep.data.folder import index_source
from sweep.data.images import augment_images, decode_images
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


# ---- decoding --------------------------------------------------------------------------------------------------------


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


# ---- augmentation ----------------------------------------------------------------------------------------------------

ALL = ("flip", "shift", "rotate", "zoom", "brightness", "contrast")


@pytest.fixture
def pictures() -> NDArray[np.uint8]:
    """Forty smooth pictures of 32 pixels, each of its own."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(40, 215, (40, 4, 4, 3), dtype=np.uint8)
    return np.stack([np.asarray(Image.fromarray(picture).resize((32, 32))) for picture in coarse])


def test_a_seed_gives_the_same_view_and_another_seed_another(pictures: NDArray[np.uint8]) -> None:
    first = augment_images(pictures, ALL, seed=3)
    assert first.shape == pictures.shape
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(augment_images(pictures, ALL, seed=3), first)
    assert (augment_images(pictures, ALL, seed=4) != first).any(axis=(1, 2, 3)).all()


def test_without_names_a_view_is_the_picture(pictures: NDArray[np.uint8]) -> None:
    np.testing.assert_array_equal(augment_images(pictures, (), seed=3), pictures)


def test_about_half_of_the_pictures_are_flipped_and_the_others_untouched(pictures: NDArray[np.uint8]) -> None:
    views = augment_images(pictures, ("flip",), seed=3)
    flipped = (views == pictures[:, :, ::-1]).all(axis=(1, 2, 3))
    untouched = (views == pictures).all(axis=(1, 2, 3))
    assert (flipped ^ untouched).all()
    assert 10 <= flipped.sum() <= 30


def centre_of(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Centre of mass of what is bright, from the middle, as shares of the side: downwards, to the right."""
    weights = picture[..., 0].astype(float)
    positions = (np.arange(len(picture)) + 0.5) / len(picture) - 0.5
    centre = [(weights.sum(axis=1) * positions).sum(), (weights.sum(axis=0) * positions).sum()]
    return np.array(centre, np.float64) / float(weights.sum())


def spots(row: int, column: int, radius: int = 3, count: int = 40) -> NDArray[np.uint8]:
    pictures = np.zeros((count, 64, 64, 3), np.uint8)
    pictures[:, row - radius : row + radius, column - radius : column + radius] = 255
    return pictures


def test_shifts_stay_within_a_tenth_and_use_it() -> None:
    centres = np.array([centre_of(view) for view in augment_images(spots(32, 32), ("shift",), seed=0)])
    assert 0.08 < np.abs(centres).max() <= 0.101
    assert (centres.min(axis=0) < 0).all()
    assert (centres.max(axis=0) > 0).all()


def test_rotations_stay_within_fifteen_degrees_and_use_them() -> None:
    # A spot 0.3 sides to the right of the middle turns up and down by as much as the angle.
    centres = np.array([centre_of(view) for view in augment_images(spots(32, 51), ("rotate",), seed=0)])
    degrees = np.degrees(np.arctan2(centres[:, 0], centres[:, 1]))
    assert 12 < np.abs(degrees).max() <= 15.5
    assert degrees.min() < 0 < degrees.max()
    np.testing.assert_allclose(np.hypot(*centres.T), 19 / 64, atol=0.01)


def test_zooms_stay_within_fifteen_percent_and_use_them() -> None:
    centres = np.array([centre_of(view) for view in augment_images(spots(32, 51), ("zoom",), seed=0)])
    factors = centres[:, 1] / (19 / 64)
    assert 0.84 < factors.min() < 0.9
    assert 1.1 < factors.max() < 1.16


def test_what_comes_into_view_is_the_picture_and_never_black() -> None:
    white = np.full((200, 32, 32, 3), 255, np.uint8)
    assert (augment_images(white, ("flip", "shift", "rotate", "zoom"), seed=0) == 255).all()


def test_brightness_multiplies_by_up_to_a_fifth() -> None:
    grey = np.full((200, 4, 4, 3), 100, np.uint8)
    levels = augment_images(grey, ("brightness",), seed=0)[:, 0, 0, 0]
    assert 80 <= levels.min() < 84
    assert 116 < levels.max() <= 120


def test_brightness_is_cut_off_and_does_not_wrap() -> None:
    white = np.full((50, 4, 4, 3), 250, np.uint8)
    assert augment_images(white, ("brightness",), seed=0).min() >= 200


def test_contrast_stretches_around_the_mean_by_up_to_a_fifth() -> None:
    halves = np.zeros((200, 4, 4, 3), np.uint8)
    halves[:, :2], halves[:, 2:] = 50, 150
    views = augment_images(halves, ("contrast",), seed=0)
    distances = views[:, 3, 0, 0].astype(int) - views[:, 0, 0, 0]
    np.testing.assert_allclose(views.mean(axis=(1, 2, 3)), 100, atol=0.5)
    assert 80 <= distances.min() < 84
    assert 116 < distances.max() <= 120


def test_a_name_does_the_same_whatever_stands_beside_it() -> None:
    grey = np.full((20, 8, 8, 3), 100, np.uint8)
    alone = augment_images(grey, ("brightness",), seed=5)
    np.testing.assert_array_equal(augment_images(grey, ("flip", "shift", "brightness"), seed=5), alone)

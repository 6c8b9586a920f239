"""Small pictures, of decoded ones and of files."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from sweep.data.thumbnails import encoded_thumbnail, thumbnails


def test_every_pixel_of_a_thumbnail_is_the_mean_of_its_block() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    small = thumbnails(pixels)
    assert small.shape == (3, 32, 32, 3)
    blocks = pixels.reshape(3, 32, 2, 32, 2, 3).mean(axis=(2, 4))
    assert np.abs(small - blocks).max() <= 1


def test_sizes_that_do_not_divide_are_averaged_too() -> None:
    pixels = np.full((1, 50, 50, 3), 90, np.uint8)
    assert np.array_equal(thumbnails(pixels, 16), np.full((1, 16, 16, 3), 90, np.uint8))


# ---- of files ------------------------------------------------------------------------------------------------------


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A photo of 300 × 150 pixels, left half red, that says where it was taken and is stored lying on its side."""
    pixels = np.zeros((300, 150, 3), np.uint8)
    pixels[:150] = (250, 10, 10)
    picture = Image.fromarray(pixels)
    exif = picture.getexif()
    exif[ExifTags.Base.Orientation] = 8  # to be turned by a quarter, against the clock
    exif[ExifTags.Base.ImageDescription] = "at home"
    picture.save(tmp_path / "photo.jpg", exif=exif)
    return tmp_path / "photo.jpg"


def opened(jpeg: bytes | None) -> Image.Image:
    assert jpeg is not None
    return Image.open(io.BytesIO(jpeg))


def test_a_file_becomes_a_small_upright_jpeg_of_its_proportions(photo: Path) -> None:
    jpeg = encoded_thumbnail(photo, 96)
    small = opened(jpeg)
    assert (small.format, small.size, small.mode) == ("JPEG", (96, 48), "RGB")
    left, right = small.getpixel((10, 24)), small.getpixel((80, 24))
    assert isinstance(left, tuple)
    assert isinstance(right, tuple)
    assert left[0] > 230
    assert right[0] < 20
    assert jpeg is not None
    assert len(jpeg) < 6_000


def test_nothing_but_the_picture_comes_along(photo: Path) -> None:
    assert b"at home" in photo.read_bytes()
    jpeg = encoded_thumbnail(photo, 96)
    assert jpeg is not None
    assert b"at home" not in jpeg
    assert not opened(jpeg).getexif()


def test_small_pictures_are_not_enlarged(tmp_path: Path) -> None:
    Image.new("LA", (20, 10), (0, 0)).save(tmp_path / "a.png")
    small = opened(encoded_thumbnail(tmp_path / "a.png", 96))
    assert small.size == (20, 10)
    assert small.getpixel((5, 5)) == (255, 255, 255), "transparent parts become white"


def test_only_the_file_that_was_meant_is_shown(photo: Path) -> None:
    digest = hashlib.sha256(photo.read_bytes()).hexdigest()
    assert encoded_thumbnail(photo, 96, content_hash=digest) is not None
    with photo.open("ab") as file:
        file.write(b"\0")
    assert encoded_thumbnail(photo, 96) is not None
    assert encoded_thumbnail(photo, 96, content_hash=digest) is None


def test_what_is_gone_damaged_or_no_picture_is_none(tmp_path: Path, photo: Path) -> None:
    (tmp_path / "text.jpg").write_text("<script>", "utf-8")
    (tmp_path / "half.jpg").write_bytes(photo.read_bytes()[:400])
    (tmp_path / "empty.png").touch()
    for name in ("absent.jpg", "text.jpg", "half.jpg", "empty.png", "."):
        assert encoded_thumbnail(tmp_path / name, 96) is None

"""Decoding: whatever a picture is stored as, the same picture comes out; whatever is no picture is refused in words."""

from __future__ import annotations

import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from sweep.data.decoding import decode_file, prepare_decoders, refusal

# Top left red, top right green, bottom left blue, bottom right white: large flat parts survive every encoder.
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def four_colours(size: int = 64) -> Image.Image:
    pixels = np.zeros((size, size, 3), np.uint8)
    half = size // 2
    pixels[:half, :half], pixels[:half, half:], pixels[half:, :half], pixels[half:, half:] = RED, GREEN, BLUE, WHITE
    return Image.fromarray(pixels)


def decode(path: Path, size: int = 16) -> NDArray[np.uint8]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return decode_file(path, size, prepare_decoders())


def corners(pixels: NDArray[np.uint8]) -> list[tuple[int, ...]]:
    """The four quarters' colours, read in their middle."""
    low, high = len(pixels) // 4, 3 * len(pixels) // 4
    return [tuple(pixels[row, column].tolist()) for row in (low, high) for column in (low, high)]


def near(found: list[tuple[int, ...]], expected: list[tuple[int, ...]], tolerance: int) -> bool:
    return bool(np.abs(np.array(found) - np.array(expected)).max() <= tolerance)


@pytest.mark.parametrize(
    ("name", "mode", "options"),
    [
        ("a.jpg", "RGB", {"quality": 95}),
        ("a.png", "RGB", {}),
        ("a.webp", "RGB", {"lossless": True}),
        ("a.bmp", "RGB", {}),
        ("a.gif", "P", {}),
        ("a.tif", "RGB", {"compression": "tiff_lzw"}),
        ("a.png", "P", {}),
        ("a.png", "RGBA", {}),
        ("a.tif", "CMYK", {}),
        ("a.jpg", "CMYK", {"quality": 95}),
        ("a.jpg", "YCbCr", {"quality": 95}),
    ],
)
def test_every_format_and_mode_gives_the_same_picture(
    tmp_path: Path, name: str, mode: str, options: dict[str, Any]
) -> None:
    four_colours().convert(mode).save(tmp_path / name, **options)
    pixels = decode(tmp_path / name)
    assert pixels.shape == (16, 16, 3)
    assert pixels.dtype == np.uint8
    assert near(corners(pixels), [RED, GREEN, BLUE, WHITE], tolerance=10)


@pytest.mark.parametrize(("mode", "white"), [("1", 255), ("L", 200), ("LA", 200)])
def test_grey_pictures_become_three_equal_channels(tmp_path: Path, mode: str, white: int) -> None:
    Image.new(mode, (20, 20), (white, 255) if mode == "LA" else white).save(tmp_path / "a.png")
    assert (decode(tmp_path / "a.png") == white).all()


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_sixteen_bits_are_scaled_and_not_clipped(tmp_path: Path, name: str) -> None:
    levels = np.repeat(np.array([0, 257 * 100, 257 * 200, 65535], np.uint16), 4).reshape(4, 4)
    Image.fromarray(levels).save(tmp_path / name)
    assert decode(tmp_path / name, 4)[:, 0, 0].tolist() == [0, 100, 200, 255]


def test_sixteen_bit_colours_are_scaled_and_not_clipped(tmp_path: Path) -> None:
    row = struct.pack(">3H", 257 * 10, 257 * 100, 257 * 200) * 4

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    (tmp_path / "a.png").write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 16, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress((b"\0" + row) * 4))
        + chunk(b"IEND", b"")
    )
    assert decode(tmp_path / "a.png", 4)[0, 0].tolist() == [10, 100, 200]


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        (np.array([0.0, 0.2, 0.6, 1.0], np.float32), [0, 51, 153, 255]),
        (np.array([0.0, 51.0, 153.0, 255.0], np.float32), [0, 51, 153, 255]),
        (np.array([0, 257 * 51, 257 * 153, 65535], np.int32), [0, 51, 153, 255]),
        (np.array([-100.0, -60.0, 20.0, 100.0], np.float32), [0, 51, 153, 255]),
        (np.array([0.0, np.nan, 0.6, 1.0], np.float32), [0, 0, 153, 255]),
        (np.array([-7.0, -7.0, -7.0, -7.0], np.float32), [0, 0, 0, 0]),
    ],
)
def test_the_range_of_floats_and_long_integers_is_guessed(
    tmp_path: Path, levels: NDArray[Any], expected: list[int]
) -> None:
    Image.fromarray(np.repeat(levels[:, None], 4, axis=1)).save(tmp_path / "a.tif")
    assert decode(tmp_path / "a.tif", 4)[:, 0, 0].tolist() == expected


def test_transparent_parts_become_white(tmp_path: Path) -> None:
    picture = four_colours().convert("RGBA")
    picture.paste((9, 9, 9, 0), (0, 0, 32, 32))
    picture.paste((0, 255, 0, 128), (32, 0, 64, 32))
    picture.save(tmp_path / "a.png")
    assert near(corners(decode(tmp_path / "a.png")), [WHITE, (127, 255, 127), BLUE, WHITE], tolerance=1)


def test_a_transparent_palette_colour_becomes_white(tmp_path: Path) -> None:
    picture = Image.new("P", (8, 8), 1)
    picture.putpalette([*RED, *GREEN])
    picture.paste(0, (0, 0, 8, 4))
    picture.save(tmp_path / "a.gif", transparency=0)
    assert corners(decode(tmp_path / "a.gif", 8)) == [WHITE, WHITE, GREEN, GREEN]


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.tif"])
def test_the_first_frame_counts(tmp_path: Path, name: str) -> None:
    first, second = Image.new("RGB", (16, 16), RED), Image.new("RGB", (16, 16), BLUE)
    options: dict[str, Any] = {"lossless": True} if name == "a.webp" else {}
    first.save(tmp_path / name, save_all=True, append_images=[second], **options)
    assert decode(tmp_path / name)[8, 8].tolist() == list(RED)


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        (1, [RED, GREEN, BLUE, WHITE]),
        (2, [GREEN, RED, WHITE, BLUE]),
        (3, [WHITE, BLUE, GREEN, RED]),
        (6, [BLUE, RED, WHITE, GREEN]),
        (8, [GREEN, WHITE, RED, BLUE]),
    ],
)
def test_pictures_stand_upright_as_their_camera_says(
    tmp_path: Path, orientation: int, expected: list[tuple[int, ...]]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    four_colours().save(tmp_path / "a.jpg", exif=exif, quality=95)
    assert near(corners(decode(tmp_path / "a.jpg")), expected, tolerance=10)


def test_a_damaged_exif_block_does_not_cost_the_picture(tmp_path: Path) -> None:
    four_colours().save(tmp_path / "a.jpg", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x05nonsense", quality=95)
    assert near(corners(decode(tmp_path / "a.jpg")), [RED, GREEN, BLUE, WHITE], tolerance=10)


def test_pictures_are_stretched_to_a_square(tmp_path: Path) -> None:
    four_colours(64).resize((128, 32)).save(tmp_path / "a.png")
    assert near(corners(decode(tmp_path / "a.png")), [RED, GREEN, BLUE, WHITE], tolerance=1)


def test_shrinking_averages_instead_of_skipping(tmp_path: Path) -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    Image.fromarray(stripes).save(tmp_path / "a.png")
    inside = decode(tmp_path / "a.png", 8)[:, 1:-1].astype(int)
    assert np.abs(inside - 127).max() <= 2


def test_large_jpegs_are_read_small_and_still_alike(tmp_path: Path) -> None:
    ramp = np.linspace(0, 255, 2048, dtype=np.uint8)
    Image.fromarray(np.repeat(ramp[None, :, None], 3, axis=2).repeat(2048, axis=0)).save(tmp_path / "a.jpg")
    row = decode(tmp_path / "a.jpg", 32)[16, :, 0].astype(int)
    assert np.abs(row - (np.arange(32) + 0.5) * 255 / 32).max() <= 3


def test_photos_of_telephones(tmp_path: Path) -> None:
    heif = pytest.importorskip("pillow_heif", reason="needs the extra 'images'")
    heif.register_heif_opener()
    four_colours().save(tmp_path / "a.heic", quality=95)
    assert near(corners(decode(tmp_path / "a.heic")), [RED, GREEN, BLUE, WHITE], tolerance=20)


# ---- bad input -------------------------------------------------------------------------------------------------------


def refused(path: Path) -> str:
    with pytest.raises(Exception, match=r".*") as caught:
        decode(path)
    return refusal(caught.value)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.bmp", "a.gif", "a.tif"])
def test_truncated_files_are_refused(tmp_path: Path, name: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / name)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    assert any(character.isalpha() for character in refused(tmp_path / name))


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("<html>404 Not Found</html>", encoding="utf-8")
    assert refused(tmp_path / "a.jpg") == "no image in a format that can be read"


def test_programs_that_draw_are_no_images(tmp_path: Path) -> None:
    four_colours().save(tmp_path / "a.eps")
    (tmp_path / "a.eps").rename(tmp_path / "a.jpg")
    assert refused(tmp_path / "a.jpg") == "no image in a format that can be read"


def test_bombs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    four_colours().save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 64 * 64 // 2 - 1)
    assert refused(tmp_path / "a.png") == "more pixels than are safe to decode"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError("image file is\n truncated"), "image file is truncated"),
        (OSError(-2), "damaged (OSError -2)"),
        (EOFError(), "damaged (EOFError )"),
        (ValueError("x" * 500), "x" * 90),
    ],
)
def test_reasons_are_short(error: Exception, reason: str) -> None:
    assert refusal(error) == reason

"""One image file becomes a square of 8-bit RGB, whatever it is stored as."""

from __future__ import annotations

import importlib.util
import logging
from pathlib import Path
from typing import IO

import numpy as np
import PIL
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

__all__ = ["DECODER", "decode_file", "prepare_decoders", "read_picture", "refusal"]

DECODER = f"1, Pillow {PIL.__version__}"
"""What the pixels depend on beside the file: the number grows with every change of this module that changes them."""

# Only formats that Pillow decodes by itself: a PostScript file named photo.jpg would start Ghostscript.
_FORMATS = ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF"]
_LONGEST_REASON = 90

# What Pillow logs of damaged files is in their reason; without a handler it would go to stderr.
logging.getLogger("PIL").addHandler(logging.NullHandler())


def prepare_decoders() -> tuple[str, ...]:
    """Register every format once, before threads open files; returns the formats that `decode_file` may open."""
    Image.init()
    if importlib.util.find_spec("pillow_heif") is None:
        return tuple(_FORMATS)
    from pillow_heif import register_heif_opener  # noqa: PLC0415 - an optional package

    register_heif_opener()
    return (*_FORMATS, "HEIF")


def decode_file(path: Path, image_size: int, formats: tuple[str, ...]) -> NDArray[np.uint8]:
    """Read the first frame of a file, upright as its EXIF block says, and resize it.

    The picture is stretched to a square, as Keras' `image_dataset_from_directory` does by default; unlike there,
    shrinking is antialiased. Transparent parts become white. Large JPEG files are read at half, a quarter or an eighth
    of their size, at least twice the size asked for.

    Returns:
        uint8, shape (image_size, image_size, 3).

    Raises:
        Exception: whatever Pillow finds wrong with the file; `refusal` puts it into words.
    """
    image = read_picture(path, image_size, formats)
    return np.asarray(image.resize((image_size, image_size), Image.Resampling.BILINEAR))


def read_picture(file: Path | IO[bytes], image_size: int, formats: tuple[str, ...]) -> Image.Image:
    """The same before it is resized: upright, opaque, 8-bit RGB, its sides at least twice that size if its file's are.

    Raises:
        Exception: as `decode_file`.
    """
    with Image.open(file, formats=formats) as opened:
        opened.draft("RGB", (2 * image_size, 2 * image_size))
        opened.load()
        return _opaque(_eight_bits(_upright(opened)))


def refusal(error: Exception) -> str:
    """A few words on why a file could not be decoded."""
    if isinstance(error, UnidentifiedImageError):
        return "no image in a format that can be read"
    if isinstance(error, Image.DecompressionBombError):
        return "more pixels than are safe to decode"
    words = " ".join(str(error).split())[:_LONGEST_REASON]
    return words if any(character.isalpha() for character in words) else f"damaged ({type(error).__name__} {words})"


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # the pixels are loaded by now, and a damaged EXIF block raises nearly anything
        return image


def _eight_bits(image: Image.Image) -> Image.Image:
    """Grey levels of 16 bits, 32 bits or floats scaled to 8 bits; Pillow itself would clip them.

    16 bits are scaled from their whole range. The range of the others is guessed from their values: 0 to 1, 8 bits,
    16 bits, else from the least to the greatest.
    """
    if not image.mode.startswith(("I", "F")):
        return image
    levels = np.nan_to_num(np.asarray(image, np.float64))
    low, high = levels.min(), levels.max()
    if image.mode.startswith("I;16"):
        low, high = 0, 65535
    elif low >= 0 and high <= 65535:
        low, high = 0, next(limit for limit in (1, 255, 65535) if high <= limit)
    scaled = (levels - low) * (255 / max(high - low, 1e-12))
    return Image.fromarray(np.rint(scaled).astype(np.uint8))


def _opaque(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("RGB")
    picture = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")

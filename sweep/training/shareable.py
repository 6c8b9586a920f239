"""Arrays in memory that compiled code can read where it lies."""

from __future__ import annotations

import mmap

import numpy as np
from numpy.typing import NDArray

__all__ = ["shareable"]

Float32 = NDArray[np.float32]

_ALIGNMENT = 64  # bytes: what the vector instructions of TensorFlow's kernels ask for


def shareable(array: Float32) -> Float32:
    """The array, writable, contiguous and aligned: itself or a map of the same file if possible, else a copy.

    DLPack, by which arrays become tensors without a copy, takes no read-only memory.
    """
    writable = array if array.flags.writeable else _mapped_again(array)
    if writable is None or writable.ctypes.data % _ALIGNMENT or not writable.flags.c_contiguous:
        return _aligned(array)
    return writable


def _mapped_again(array: Float32) -> Float32 | None:
    """The same file mapped privately to this process, so that it is writable and yet nothing reaches the file."""
    owner: object = array.base
    # A part of a map does not know where it begins; the whole does.
    if not isinstance(array, np.memmap) or not isinstance(owner, mmap.mmap) or array.filename is None:
        return None
    mapped: Float32 = np.memmap(array.filename, np.float32, "c", array.offset, array.shape)
    return mapped


def _aligned(array: Float32) -> Float32:
    memory = np.empty(array.nbytes + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    copy: Float32 = memory[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy

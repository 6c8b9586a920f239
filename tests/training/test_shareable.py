"""Memory is shared where it can be."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sweep.training.shareable import shareable


def address(array: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> int:
    return array.ctypes.data


def test_a_read_only_memory_map_is_mapped_and_not_read(tmp_path: Path) -> None:
    path = tmp_path / "features.npy"
    np.save(path, np.arange(12, dtype=np.float32).reshape(3, 4))
    stored = np.load(path, mmap_mode="r")
    shared = shareable(stored)
    assert isinstance(shared, np.memmap)
    np.testing.assert_array_equal(shared, stored)
    shared[:] = 0.0  # nothing of it reaches the file
    np.testing.assert_array_equal(np.load(path), np.arange(12).reshape(3, 4))


def test_a_part_of_a_memory_map_is_copied_right(tmp_path: Path) -> None:
    path = tmp_path / "features.npy"
    np.save(path, np.arange(12, dtype=np.float32).reshape(3, 4))
    part = np.load(path, mmap_mode="r")[1:]
    np.testing.assert_array_equal(shareable(part), np.arange(4, 12).reshape(2, 4))


def test_aligned_memory_is_taken_as_it_is() -> None:
    aligned = shareable(np.ones(7, np.float32))
    assert address(aligned) % 64 == 0
    assert address(shareable(aligned)) == address(aligned)


def test_memory_that_kernels_cannot_read_is_copied() -> None:
    aligned = shareable(np.arange(20, dtype=np.float32))
    for awkward in (aligned[1:], aligned[::2]):
        copy = shareable(awkward)
        assert address(copy) % 64 == 0
        np.testing.assert_array_equal(copy, awkward)

"""Arrays on disk, found again by what they were computed from and verified when they are read."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from numpy.typing import DTypeLike, NDArray

from sweep.data.places import written_path
from sweep.errors import CacheError

__all__ = ["ArrayCache", "CacheEntry", "cache_folder", "content_key"]

_FULL = (errno.ENOSPC, errno.EDQUOT)
_CANNOT_ALLOCATE = (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS)

# Files whose digest this process has seen to be right: path, inode, size and time of the last change.
_verified: set[tuple[str, int, int, int]] = set()


def cache_folder() -> Path:
    """Where everything that can be computed again lies: `$SWEEP_CACHE`, else the platform's user cache folder."""
    chosen = os.environ.get("SWEEP_CACHE")
    return written_path(chosen) if chosen else platformdirs.user_cache_path("gapsweep")


def content_key(*parts: str) -> str:
    """SHA-256 of the parts, hexadecimal; ("ab", "c") and ("a", "bc") differ."""
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return digest.hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheEntry:
    """What the sidecar of an array says of it.

    Attributes:
        file: name of the array's file in the cache folder.
        digest: SHA-256 of that file, hexadecimal.
        size: its bytes.
        meta: the writer's side data.
    """

    key: str
    file: str
    digest: str
    size: int
    shape: tuple[int, ...]
    dtype: str
    meta: Mapping[str, Any]


class ArrayCache:
    """Arrays in one folder, each with side data.

    `KEY.json`, the sidecar, names the array's file, `KEY.DIGEST.npy`, and is renamed into place last: it alone makes an
    entry, so processes that write the same key at once all succeed and a reader never sees half an array. What power
    failures and people do to the files is found by the digest, so nothing is forced to the disk.

    Args:
        folder: made when the first array is written.
        on_note: is given a sentence when a damaged entry was removed.
    """

    def __init__(self, folder: Path, on_note: Callable[[str], None] = lambda sentence: None) -> None:
        self.folder = folder
        self._on_note = on_note

    def load(self, key: str) -> NDArray[Any] | None:
        """The array of `key`, memory-mapped and read-only; None where there is none or it was damaged.

        The digest is verified at the first reading in each process, and again after the file has changed.
        """
        while (entry := self._entry(key)) is not None:
            path = self.folder / entry.file
            try:
                if self._is_verified(path, entry.digest):
                    array: NDArray[Any] = np.load(path, mmap_mode="r")
                    return array
                fault = "its digest is wrong"
            except FileNotFoundError:
                fault = "its array is missing"
            except OSError as error:
                raise self._refusal(error, needed=0) from error
            # Only a sidecar that still says the same is at fault; else another process has just written the key anew.
            if self._entry(key) == entry:
                self._remove_damaged(key, fault)
        return None

    def meta(self, key: str) -> Mapping[str, Any] | None:
        """The side data of `key`; None where there is no such entry."""
        entry = self._entry(key)
        return None if entry is None else entry.meta

    @contextlib.contextmanager
    def writer(
        self, key: str, shape: tuple[int, ...], dtype: DTypeLike, *, meta: Mapping[str, Any] | None = None
    ) -> Iterator[NDArray[Any]]:
        """Give a writable, memory-mapped array, zero at first, which becomes the entry when the context is left well.

        An exception inside leaves no trace. `meta` is read at the end: a dictionary may be filled while the array is.

        Raises:
            CacheError: the disk is full, or the folder cannot be written.
        """
        needed = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
        with self._partial_file(key, needed) as partial:
            with self._refusals(needed):
                array = self._allocate(partial, shape, np.dtype(dtype), needed)
            yield array
            with self._refusals(needed):
                array.flush()
                self._commit(key, partial, array, dict(meta or {}))

    def entries(self) -> tuple[CacheEntry, ...]:
        """Every undamaged sidecar's content, by key."""
        keys = sorted(path.stem for path in self.folder.glob("*.json"))
        return tuple(entry for entry in map(self._entry, keys) if entry is not None)

    def clear(self) -> int:
        """Remove everything but what another process is writing; returns the bytes freed."""
        freed = self._remove_leftovers()
        for pattern in ("*.json", "*.npy", "*.sidecar"):
            freed += sum(self._unlink(path) for path in self.folder.glob(pattern))
        return freed

    # ---- reading -----------------------------------------------------------------------------------------------------

    def _entry(self, key: str) -> CacheEntry | None:
        try:
            content = json.loads((self.folder / f"{key}.json").read_bytes())
            return CacheEntry(**{**content, "key": key, "shape": tuple(content["shape"])})
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise self._refusal(error, needed=0) from error
        except (ValueError, TypeError, KeyError):
            self._remove_damaged(key, "its sidecar is unreadable")
            return None

    def _is_verified(self, path: Path, digest: str) -> bool:
        identity = _identity(path)
        if identity not in _verified and _digest(path) == digest:
            _verified.add(identity)
        return identity in _verified

    def _remove_damaged(self, key: str, fault: str) -> None:
        for path in (self.folder / f"{key}.json", *self.folder.glob(f"{key}.*.npy")):
            self._unlink(path)
        self._on_note(f"cache: entry {key[:12]} was damaged ({fault}); it is removed and computed again")

    def _unlink(self, path: Path) -> int:
        try:
            size = path.stat().st_size
            path.unlink()
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise self._refusal(error, needed=0) from error
        return size

    # ---- writing -----------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _partial_file(self, key: str, needed: int) -> Iterator[Path]:
        """An empty file of a unique name, locked as long as we write, and gone afterwards."""
        with self._refusals(needed):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._remove_leftovers()
            path, descriptor = self._locked_file(key)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)
            os.close(descriptor)

    def _locked_file(self, key: str) -> tuple[Path, int]:
        while True:
            path = self.folder / f"{key}.{uuid.uuid4().hex}.partial"
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)
            # File systems without locks still cache; they only keep what killed processes leave.
            with contextlib.suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            if path.exists():
                return path, descriptor
            os.close(descriptor)  # another process took it for a leftover before we had the lock

    def _remove_leftovers(self) -> int:
        """Remove what killed processes left: files that nobody holds the lock of; returns the bytes freed."""
        freed = 0
        for path in self.folder.glob("*.partial"):
            with contextlib.suppress(OSError), path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                freed += self._unlink(path)
        return freed

    def _allocate(self, path: Path, shape: tuple[int, ...], dtype: np.dtype[Any], needed: int) -> np.memmap[Any, Any]:
        """Map the file with all its blocks reserved: a write into a hole on a full disk would kill the process."""
        if shutil.disk_usage(self.folder).free < needed:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        array: np.memmap[Any, Any] = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)
        if hasattr(os, "posix_fallocate"):
            with path.open("r+b") as file:
                try:
                    os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
                except OSError as error:
                    if error.errno not in _CANNOT_ALLOCATE:
                        raise
        return array

    def _commit(self, key: str, partial: Path, array: NDArray[Any], meta: Mapping[str, Any]) -> None:
        digest = _digest(partial)
        path = self.folder / f"{key}.{digest[:16]}.npy"
        content = {
            "file": path.name,
            "digest": digest,
            "size": partial.stat().st_size,
            "shape": array.shape,
            "dtype": array.dtype.str,
            "meta": meta,
        }
        before = self._entry(key)
        partial.replace(path)
        _verified.add(_identity(path))
        sidecar = partial.with_suffix(".sidecar")
        try:
            sidecar.write_text(json.dumps(content), encoding="utf-8")
            sidecar.replace(self.folder / f"{key}.json")
        except OSError:
            sidecar.unlink(missing_ok=True)
            path.unlink(missing_ok=True)
            raise
        if before is not None and before.file != path.name:
            self._unlink(self.folder / before.file)

    # ---- refusals ----------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _refusals(self, needed: int) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._refusal(error, needed) from error

    def _refusal(self, error: OSError, needed: int) -> CacheError:
        if error.errno not in _FULL:
            return CacheError(
                str(self.folder),
                received=(error.strerror or str(error)).lower(),
                expected="a folder that can be read and written",
                remedy="make it writable or set SWEEP_CACHE to another folder",
            )
        free = shutil.disk_usage(_existing(self.folder)).free
        missing = max(needed - free, 0) or needed
        return CacheError(
            str(self.folder),
            received=f"a full disk ({free / 1e6:,.0f} MB free)",
            expected=f"{needed / 1e6:,.1f} MB for the next array",
            remedy=f"free {missing / 1e6:,.1f} MB or set SWEEP_CACHE to a folder on another disk",
        )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _existing(folder: Path) -> Path:
    """The folder itself or the nearest one above that exists."""
    return next(path for path in (folder, *folder.absolute().parents) if path.exists())


def _identity(path: Path) -> tuple[str, int, int, int]:
    status = path.stat()
    return str(path), status.st_ino, status.st_size, status.st_mtime_ns

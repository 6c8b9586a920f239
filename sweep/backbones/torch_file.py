"""Reads the tensors of a legacy torch file (the format before zip archives) without torch.

Such a file is five pickles (magic number, protocol, facts on the system, the state dictionary, the storages' keys),
then for each key an int64 count and the raw values. A tensor is a view: storage, offset, sizes and strides.
"""

from __future__ import annotations

import io
import math
import pickle
import struct
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from sweep.errors import BackboneError

__all__ = ["read_tensors"]

Array = NDArray[Any]

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001


def read_tensors(path: Path, *, remedy: str) -> dict[str, Array]:
    """Every tensor of the file's state dictionary, by name, in torch's layout.

    Args:
        path: the file.
        remedy: what the user can do when the file is no good.

    Returns:
        Contiguous float32 or int64 arrays; strided views are resolved.

    Raises:
        BackboneError: the file is missing, of another format, cut short or damaged, or asks for anything but tensors.
    """
    try:
        stream = io.BytesIO(path.read_bytes())
        tensors, keys = _read_pickles(stream)
        storages = _read_storages(stream, keys, {view.storage.key: view.storage for view in tensors.values()})
        return {name: _resolve(name, view, storages[view.storage.key]) for name, view in tensors.items()}
    except OSError as error:
        _refuse(path, (error.strerror or str(error)).lower(), remedy, error)
    except (pickle.UnpicklingError, ValueError) as error:
        _refuse(path, str(error), remedy, error)
    except Exception as error:  # damaged pickles raise whatever they like
        _refuse(path, f"content that cannot be read ({error!r})", remedy, error)


def _refuse(path: Path, received: str, remedy: str, cause: Exception) -> NoReturn:
    raise BackboneError(
        str(path),
        received=received,
        expected="a legacy torch file that holds float32 and int64 tensors and nothing else",
        remedy=remedy,
    ) from cause


# ---- the pickles -----------------------------------------------------------------------------------------------------


class _Storage(NamedTuple):
    kind: str
    key: str
    length: int


class _View(NamedTuple):
    storage: _Storage
    offset: int
    sizes: tuple[int, ...]
    strides: tuple[int, ...]


class _RebuildTensor:
    """Stands in for `torch._utils._rebuild_tensor_v2`; without attributes, so that no pickle can change it."""

    __slots__ = ()

    def __call__(
        self, storage: object, offset: int, sizes: tuple[int, ...], strides: tuple[int, ...], *_gradient: object
    ) -> _View:
        numbers = (offset, *sizes, *strides)
        if not isinstance(storage, _Storage) or any(type(number) is not int or number < 0 for number in numbers):
            raise pickle.UnpicklingError("a tensor that is no view of a storage")
        if len(sizes) != len(strides):
            raise pickle.UnpicklingError(f"a tensor with {len(sizes)} sizes and {len(strides)} strides")
        return _View(storage, offset, tuple(sizes), tuple(strides))


class _RestrictedUnpickler(pickle._Unpickler):
    """Knows four names and refuses every other, so that no code of the file's choice runs.

    It is the unpickler written in Python: the one in C takes gigabytes where a damaged byte asks for a distant memo.
    """

    _ALLOWED: Mapping[tuple[str, str], object] = {
        ("collections", "OrderedDict"): OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): _RebuildTensor(),
        ("torch", "FloatStorage"): "<f4",
        ("torch", "LongStorage"): "<i8",
    }

    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in self._ALLOWED:
            raise pickle.UnpicklingError(f'a pickle that asks for "{module}.{name}"')
        return self._ALLOWED[module, name]

    def persistent_load(self, identity: object) -> _Storage:
        match identity:
            case ("storage", "<f4" | "<i8" as kind, str(key), str(), int(length), None) if length >= 0:
                return _Storage(kind, key, length)
        raise pickle.UnpicklingError(f"a storage described as {identity!r:.80}")


def _read_pickles(stream: io.BytesIO) -> tuple[dict[str, _View], list[str]]:
    magic, protocol, system, state, keys = (_RestrictedUnpickler(stream).load() for _ in range(5))
    if (magic, protocol) != (_MAGIC, _PROTOCOL) or not system["little_endian"]:
        raise ValueError("a file without the mark of a little-endian legacy torch file")
    if not isinstance(state, dict) or not all(isinstance(view, _View) for view in state.values()):
        raise ValueError("a file that holds no state dictionary of tensors")
    return dict(state), list(keys)


# ---- the raw values --------------------------------------------------------------------------------------------------


def _read_storages(stream: io.BytesIO, keys: list[str], described: Mapping[str, _Storage]) -> dict[str, Array]:
    if len(keys) != len(described) or set(keys) != set(described):
        raise ValueError(f"{len(keys)} storages that are not the {len(described)} its tensors ask for")
    storages = {}
    for key in keys:
        storage = described[key]
        (count,) = struct.unpack("<q", stream.read(8))
        if count != storage.length:
            raise ValueError(f"storage {key} of {count} values where its description says {storage.length}")
        values = np.frombuffer(stream.read(count * np.dtype(storage.kind).itemsize), storage.kind)
        if values.size != count:
            raise ValueError(f"a file cut short in storage {key}: {values.size} of {count} values")
        storages[key] = values
    if stream.read(1):
        raise ValueError("bytes after the last storage")
    return storages


def _resolve(name: str, view: _View, values: Array) -> Array:
    """The view as an array of its own, after checking that it stays inside its storage."""
    elements = math.prod(view.sizes)
    last = view.offset + sum((size - 1) * stride for size, stride in zip(view.sizes, view.strides, strict=True))
    if elements > values.size or (elements and last >= values.size):
        raise ValueError(f'"{name}", a view outside its storage of {values.size} values')
    if not elements:
        return np.zeros(view.sizes, values.dtype)
    strides = [stride * values.itemsize for stride in view.strides]
    return np.lib.stride_tricks.as_strided(values[view.offset :], view.sizes, strides).copy()

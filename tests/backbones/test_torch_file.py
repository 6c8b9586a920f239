"""Files of the legacy format are written here opcode by opcode, since no torch is at hand to write them."""

from __future__ import annotations

import os
import pickle
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweep.backbones.torch_file import read_tensors
from sweep.errors import BackboneError

MAGIC = 0x1950A86A20F9469CFC6C
SYSTEM = {"protocol_version": 1001, "little_endian": True, "type_sizes": {}}


def pushed(value: object) -> bytes:
    """The opcodes that put a plain value on the stack: its pickle without head and stop."""
    return pickle.dumps(value, 2)[2:-1]


def named(name: str) -> bytes:
    return b"c" + name.replace(" ", "\n").encode() + b"\n"


def tensor(
    key: str,
    count: object,
    *,
    offset: object = 0,
    sizes: object = (2,),
    strides: object = (1,),
    kind: str = "torch FloatStorage",
    view: object = None,
) -> bytes:
    parts = pushed("storage") + named(kind) + pushed(key) + pushed("cpu") + pushed(count) + pushed(view)
    storage = b"(" + parts + b"tQ"
    hooks = named("collections OrderedDict") + b")R"
    arguments = storage + pushed(offset) + pushed(sizes) + pushed(strides) + pushed(False) + hooks
    return named("torch._utils _rebuild_tensor_v2") + b"(" + arguments + b"tR"


def state(tensors: Mapping[str, bytes]) -> bytes:
    items = b"".join(pushed(name) + opcodes for name, opcodes in tensors.items())
    return b"\x80\x02}(" + items + b"u."


def raw(values: np.ndarray[Any, Any], count: int | None = None) -> bytes:
    return struct.pack("<q", values.size if count is None else count) + values.tobytes()


def content(tensors: Mapping[str, bytes], storages: Mapping[str, bytes], *, magic: int = MAGIC) -> bytes:
    head = b"".join(pickle.dumps(value, 2) for value in (magic, 1001, SYSTEM))
    return head + state(tensors) + pickle.dumps(list(storages), 2) + b"".join(storages.values())


def floats(*values: float) -> np.ndarray[Any, Any]:
    return np.array(values, "<f4")


def sample() -> bytes:
    tensors = {
        "plain": tensor("0", 6, sizes=(2, 3), strides=(3, 1)),
        "transposed": tensor("0", 6, sizes=(3, 2), strides=(1, 3)),
        "tail": tensor("0", 6, offset=4, sizes=(2,), strides=(1,)),
        "steps": tensor("1", 1, sizes=(), strides=(), kind="torch LongStorage"),
        "nothing": tensor("0", 6, sizes=(0, 3), strides=(3, 1)),
    }
    return content(tensors, {"0": raw(floats(0, 1, 2, 3, 4, 5)), "1": raw(np.array(7, "<i8"))})


def read(tmp_path: Path, data: bytes) -> dict[str, Any]:
    path = tmp_path / "weights.pth"
    path.write_bytes(data)
    return read_tensors(path, remedy="fetch it again")


def test_views_are_resolved_by_offset_sizes_and_strides(tmp_path: Path) -> None:
    tensors = read(tmp_path, sample())
    assert tensors["plain"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert tensors["transposed"].tolist() == [[0, 3], [1, 4], [2, 5]]
    assert tensors["tail"].tolist() == [4, 5]
    assert tensors["steps"].tolist() == 7
    assert tensors["steps"].dtype == np.int64
    assert tensors["nothing"].shape == (0, 3)
    assert all(array.flags.c_contiguous and array.flags.owndata for array in tensors.values())


def test_a_pickle_that_would_run_a_command_is_refused_before_it_does(tmp_path: Path) -> None:
    class Malicious:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "run"),)

    with pytest.raises(BackboneError, match=r'received a pickle that asks for "posix.mkdir"; .*; fetch it again'):
        read(tmp_path, pickle.dumps(Malicious(), 2))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("opcodes", "received"),
    [
        pytest.param(named("builtins eval") + pushed(("1",)) + b"R", 'asks for "builtins.eval"', id="eval"),
        pytest.param(named("torch._utils other"), 'asks for "torch._utils.other"', id="another name of torch"),
        pytest.param(named("torch FloatStorage") + pushed(("x",)) + b"R", "not callable", id="call a type"),
        pytest.param(
            named("torch._utils _rebuild_tensor_v2") + pushed((None, {"__call__": 1})) + b"b",
            "_RebuildTensor",
            id="change what rebuilds",
        ),
        pytest.param(pushed(3), "no state dictionary", id="a number for a tensor"),
        pytest.param(tensor("0", 2, kind="torch DoubleStorage"), "torch.DoubleStorage", id="another type"),
        pytest.param(tensor("0", 2, view=(1, 2)), "a storage described as", id="a view of a storage"),
        pytest.param(tensor("0", -2), "a storage described as", id="negative length"),
        pytest.param(tensor("0", 2, sizes=(3,)), '"t", a view outside its storage of 2 values', id="too long"),
        pytest.param(tensor("0", 2, offset=1), "a view outside its storage", id="offset too far"),
        pytest.param(tensor("0", 2, strides=(2,)), "a view outside its storage", id="strides too wide"),
        pytest.param(tensor("0", 2, sizes=(2**40,), strides=(0,)), "a view outside its storage", id="repeated"),
        pytest.param(tensor("0", 2, offset=-1), "no view of a storage", id="negative offset"),
        pytest.param(tensor("0", 2, strides=(-1,)), "no view of a storage", id="negative stride"),
        pytest.param(tensor("0", 2, sizes=(1.0,)), "no view of a storage", id="a float for a size"),
        pytest.param(tensor("0", 2, sizes=(2, 1)), "2 sizes and 1 strides", id="a stride too few"),
        pytest.param(tensor("1", 2), "1 storages that are not the 1", id="a storage that is not there"),
    ],
)
def test_a_tensor_that_is_none_is_refused(tmp_path: Path, opcodes: bytes, received: str) -> None:
    with pytest.raises(BackboneError, match=received):
        read(tmp_path, content({"t": opcodes}, {"0": raw(floats(1, 2))}))


@pytest.mark.parametrize(
    ("data", "received"),
    [
        (content({"t": tensor("0", 2)}, {"0": raw(floats(1, 2), count=3)}), "storage 0 of 3 values .* says 2"),
        (content({"t": tensor("0", 2)}, {"0": raw(floats(1), count=2)}), "cut short in storage 0: 1 of 2 values"),
        (content({"t": tensor("0", 2)}, {"0": raw(floats(1, 2))}) + b"\0", "bytes after the last storage"),
        (content({}, {}, magic=1), "without the mark"),
        (b"PK\3\4 a zip archive", "a storage described as"),
        (b"", r"content that cannot be read \(EOFError"),
    ],
    ids=["count", "cut short", "too long", "magic", "zip", "empty"],
)
def test_a_damaged_file_is_refused(tmp_path: Path, data: bytes, received: str) -> None:
    with pytest.raises(BackboneError, match=received):
        read(tmp_path, data)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BackboneError, match=r"none\.pth: received no such file or directory; .*; fetch it again"):
        read_tensors(tmp_path / "none.pth", remedy="fetch it again")


def test_wherever_it_is_cut_short_it_is_refused(tmp_path: Path) -> None:
    data = sample()
    for length in range(0, len(data), 3):
        with pytest.raises(BackboneError, match="expected a legacy torch file"):
            read(tmp_path, data[:length])


def test_damage_anywhere_is_refused_or_harmless(tmp_path: Path) -> None:
    # A flipped byte in a name or a value is still a file; nothing else than arrays or our error may come of it.
    rng = np.random.default_rng(0)
    data = sample()
    refused = 0
    for _ in range(500):
        damaged = bytearray(data)
        damaged[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
        try:
            tensors = read(tmp_path, bytes(damaged))
        except BackboneError:
            refused += 1
        else:
            assert all(isinstance(array, np.ndarray) for array in tensors.values())
    assert refused > 100

"""The cache: what is written is read, what is damaged is found, what does not fit is refused."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sweep.data.cache import ArrayCache, cache_folder, content_key
from sweep.errors import CacheError

NUMBERS = np.arange(12, dtype=np.float32).reshape(3, 4)


@pytest.fixture
def cache(tmp_path: Path) -> ArrayCache:
    return ArrayCache(tmp_path / "arrays")


def write(cache: ArrayCache, key: str = "key", numbers: NDArray[Any] = NUMBERS, **meta: object) -> None:
    with cache.writer(key, numbers.shape, numbers.dtype, meta=meta) as array:
        array[:] = numbers


def files(cache: ArrayCache) -> list[str]:
    return sorted(path.suffix for path in cache.folder.iterdir())


def test_what_is_written_is_read_in_another_process_too(cache: ArrayCache) -> None:
    write(cache, layer="block3")
    another = ArrayCache(cache.folder)
    array = another.load("key")
    assert isinstance(array, np.memmap)
    assert array.dtype == np.float32
    assert not array.flags.writeable
    np.testing.assert_array_equal(array, NUMBERS)
    assert another.meta("key") == {"layer": "block3"}


def test_what_was_never_written_is_none(cache: ArrayCache) -> None:
    assert cache.load("key") is None
    assert cache.meta("key") is None
    assert cache.entries() == ()


def test_side_data_may_be_filled_while_the_array_is(cache: ArrayCache) -> None:
    broken: list[int] = []
    with cache.writer("key", (2,), np.uint8, meta={"broken": broken}) as array:
        array[0] = 7
        broken.append(1)
    assert cache.meta("key") == {"broken": [1]}


def test_keys_know_where_a_part_ends() -> None:
    assert content_key("ab", "c") != content_key("a", "bc")
    assert content_key("a", "b") != content_key("b", "a")
    assert content_key("ä") == content_key("ä")


def test_a_failure_while_writing_leaves_no_trace(cache: ArrayCache) -> None:
    with pytest.raises(ZeroDivisionError, match="division"), cache.writer("key", (2,), np.uint8) as array:
        array[0] = 1 // 0
    assert files(cache) == []
    assert cache.load("key") is None


def flip_a_byte(cache: ArrayCache) -> None:
    path = next(cache.folder.glob("*.npy"))
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def cut_short(cache: ArrayCache) -> None:
    path = next(cache.folder.glob("*.npy"))
    path.write_bytes(path.read_bytes()[:-4])


def lose_the_array(cache: ArrayCache) -> None:
    next(cache.folder.glob("*.npy")).unlink()


def garble_the_sidecar(cache: ArrayCache) -> None:
    (cache.folder / "key.json").write_text("{", encoding="utf-8")


def empty_the_sidecar(cache: ArrayCache) -> None:
    (cache.folder / "key.json").write_text("{}", encoding="utf-8")


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (flip_a_byte, "its digest is wrong"),
        (cut_short, "its digest is wrong"),
        (lose_the_array, "its array is missing"),
        (garble_the_sidecar, "its sidecar is unreadable"),
        (empty_the_sidecar, "its sidecar is unreadable"),
    ],
)
def test_a_damaged_entry_is_removed_and_said_aloud(
    cache: ArrayCache, damage: Callable[[ArrayCache], None], fault: str
) -> None:
    write(cache)
    damage(cache)
    notes: list[str] = []
    assert ArrayCache(cache.folder, notes.append).load("key") is None
    assert notes == [f"cache: entry key was damaged ({fault}); it is removed and computed again"]
    assert files(cache) == []


def test_damage_is_found_though_the_entry_was_verified_before(cache: ArrayCache) -> None:
    write(cache)
    assert cache.load("key") is not None
    flip_a_byte(cache)
    assert cache.load("key") is None


def test_a_verified_file_is_not_hashed_again(cache: ArrayCache, monkeypatch: pytest.MonkeyPatch) -> None:
    write(cache)
    monkeypatch.setattr("sweep.data.cache._digest", lambda path: pytest.fail("hashed again"))
    assert cache.load("key") is not None


def test_the_later_of_two_writers_stays_and_both_succeed(cache: ArrayCache) -> None:
    with cache.writer("key", (2,), np.uint8) as first:
        write(cache, numbers=np.array([5, 6], np.uint8))
        first[:] = [1, 2]
    array = cache.load("key")
    assert array is not None
    assert array.tolist() == [1, 2]
    assert files(cache) == [".json", ".npy"]


WRITER = """
import sys, numpy as np
from pathlib import Path
from sweep.data.cache import ArrayCache
cache = ArrayCache(Path(sys.argv[1]), lambda note: sys.exit(note))
for turn in range(40):
    with cache.writer("key", (1000,), np.int64) as array:
        array[:] = int(sys.argv[2]) * 1000 + turn
    found = cache.load("key")
    assert found is not None and (found == found[0]).all()
"""


def test_two_processes_write_the_same_key_at_once(cache: ArrayCache) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(cache.folder), str(number)], stderr=subprocess.PIPE)
        for number in (1, 2)
    ]
    assert [process.communicate(timeout=60)[1] for process in processes] == [b"", b""]
    array = cache.load("key")
    assert array is not None
    assert (array == array[0]).all()


KILLED = """
import os, signal, sys, numpy as np
from pathlib import Path
from sweep.data.cache import ArrayCache
with ArrayCache(Path(sys.argv[1])).writer("key", (1000,), np.int64):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_leaves_is_removed_by_the_next_writer(cache: ArrayCache) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, str(cache.folder)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert files(cache) == [".partial"]
    write(cache, "another")
    assert files(cache) == [".json", ".npy"]


def test_clearing_spares_what_is_being_written(cache: ArrayCache) -> None:
    write(cache, "done")
    with cache.writer("key", NUMBERS.shape, NUMBERS.dtype) as array:
        array[:] = NUMBERS
        freed = cache.clear()
    assert freed > NUMBERS.nbytes
    assert cache.load("done") is None
    assert cache.load("key") is not None


def test_entries_say_what_lies_there(cache: ArrayCache) -> None:
    write(cache, "b", NUMBERS)
    write(cache, "a", np.zeros(3, np.uint8), of="pixels")
    first, second = cache.entries()
    assert (first.key, first.shape, first.dtype, first.meta) == ("a", (3,), "|u1", {"of": "pixels"})
    assert (second.key, second.shape, second.dtype) == ("b", (3, 4), "<f4")
    assert second.size == (cache.folder / second.file).stat().st_size


# ---- refusals --------------------------------------------------------------------------------------------------------


def test_an_array_that_does_not_fit_is_refused_before_it_is_written(
    cache: ArrayCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=3_000_000))
    message = (
        rf"{cache.folder}: received a full disk \(3 MB free\); expected 10.0 MB for the next array; "
        r"free 7.0 MB or set SWEEP_CACHE to a folder on another disk"
    )
    with pytest.raises(CacheError, match=message), cache.writer("key", (10_000_000,), np.uint8):
        pytest.fail("there is no room to write into")
    assert files(cache) == []


def full(*arguments: object, **options: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("where", ["os.posix_fallocate", "numpy.memmap.flush", "pathlib.Path.write_text"])
def test_a_disk_that_fills_up_on_the_way_is_told_and_leaves_no_trace(
    cache: ArrayCache, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setattr(where, full)
    with pytest.raises(CacheError, match=r"received a full disk .* or set SWEEP_CACHE"):
        write(cache)
    assert files(cache) == []


def test_file_systems_that_cannot_reserve_blocks_are_written_all_the_same(
    cache: ArrayCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*arguments: object) -> None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr(os, "posix_fallocate", unsupported)
    write(cache)
    assert cache.load("key") is not None


def test_a_cache_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CacheError, match=r"file/arrays: received not a directory; .* set SWEEP_CACHE to"):
        write(ArrayCache(tmp_path / "file" / "arrays"))


def test_a_read_only_cache_folder_is_refused(cache: ArrayCache, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(CacheError, match="received permission denied; expected a folder that can be read and written"):
        write(cache)


@pytest.mark.parametrize("where", ["pathlib.Path.read_bytes", "numpy.load"])
def test_an_entry_that_may_not_be_read_is_refused_and_not_removed(
    cache: ArrayCache, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    write(cache)
    monkeypatch.setattr(where, refuse)
    with pytest.raises(CacheError, match="received permission denied"):
        cache.load("key")
    assert files(cache) == [".json", ".npy"]


def test_clearing_a_read_only_folder_is_refused(cache: ArrayCache, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    write(cache)
    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(CacheError, match="received read-only file system"):
        cache.clear()


def test_the_sidecar_is_plain_json(cache: ArrayCache) -> None:
    write(cache)
    content = json.loads((cache.folder / "key.json").read_text(encoding="utf-8"))
    assert content["shape"] == [3, 4]
    np.testing.assert_array_equal(np.load(cache.folder / content["file"]), NUMBERS)


def test_the_cache_lies_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SWEEP_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("SWEEP_CACHE")
    assert cache_folder().name == "gapsweep"

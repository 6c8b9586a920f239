"""What a .keras file says of itself, read without Keras: nothing that is in it runs."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweep.errors import BackboneError, UsageError

__all__ = ["KerasFile", "read_keras_file", "unreadable"]

_CONFIG = "config.json"
_MOST_BYTES = 2**26  # of a description; that of a network of a thousand layers has a hundredth of it
_COMPILED = "compile_config"  # with losses and metrics, which are not loaded
_OF_KERAS = ("keras", "builtins")
_CODE = ("Lambda", "__lambda__")


@dataclass(frozen=True, slots=True, kw_only=True)
class KerasFile:
    """A file that Keras can be asked to load.

    Attributes:
        name: as the user wrote it.
        path: of the file.
        compiled: optimizer, loss and metrics as Keras writes them; empty where the model was never compiled.
    """

    name: str
    path: Path
    compiled: Mapping[str, Any]


def read_keras_file(name: str) -> KerasFile:
    """Look at a file from outside.

    Args:
        name: path as the user wrote it.

    Raises:
        UsageError: there is no such file, or it has another format.
        BackboneError: it is damaged, or holds code or classes that are not Keras' own.
    """
    path = Path(name)
    if not path.is_file():
        received = "a folder" if path.is_dir() else "no such file"
        raise UsageError(name, received=received, expected="a model file, .keras", remedy="check the path")
    if path.suffix.lower() != ".keras":
        raise UsageError(
            name,
            received=f"a file of the format {path.suffix or 'none'}",
            expected="a .keras file, as model.save writes it",
            remedy='load it where it was made and write model.save("model.keras")',
        )
    config = _config(name, path)
    try:
        foreign = next(_foreign(config), None)
    except RecursionError as error:
        raise unreadable(name, f"its {_CONFIG} is nested without end") from error
    if foreign is not None:
        raise BackboneError(
            name,
            received=foreign,
            expected="layers of Keras alone, since nobody else's code is run",
            remedy="save the model again with layers of Keras in its place",
        )
    compiled = config.get(_COMPILED)
    return KerasFile(name=name, path=path, compiled=compiled if isinstance(compiled, Mapping) else {})


def unreadable(name: str, reason: str) -> BackboneError:
    """What is said of a file that cannot be loaded."""
    return BackboneError(
        name,
        received=f"a file that cannot be loaded ({reason})",
        expected="a .keras file as model.save writes it",
        remedy="copy it again, or save the model again with Keras 3",
    )


def _config(name: str, path: Path) -> dict[str, Any]:
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(_CONFIG).file_size > _MOST_BYTES:
                raise unreadable(name, f"its {_CONFIG} is larger than {_MOST_BYTES // 2**20} MiB")
            damaged = archive.testzip()
            if damaged is not None:
                raise unreadable(name, f"{damaged} is damaged")
            config = json.loads(archive.read(_CONFIG))
    except KeyError as error:
        raise unreadable(name, f"there is no {_CONFIG} in it") from error
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, RuntimeError, EOFError) as error:
        # RuntimeError: it is encrypted, compressed in a way nobody knows, or nested without end.
        raise unreadable(name, str(error)) from error
    if not isinstance(config, dict):
        raise unreadable(name, f"its {_CONFIG} describes no model")
    return config


def _foreign(part: object) -> Iterator[str]:
    """What in a description is not Keras' own."""
    if isinstance(part, list):
        for one in part:
            yield from _foreign(one)
    if not isinstance(part, Mapping):
        return
    if part.get("class_name") in _CODE:
        yield "a Lambda layer, which is code"
    elif "class_name" in part and "module" in part:
        module, registered = part["module"], str(part.get("registered_name") or "")
        if ">" in registered or (module is not None and str(module).split(".")[0] not in _OF_KERAS):
            yield f"the class {registered or part['class_name']}, which is not Keras' own"
    for key, one in part.items():
        if key != _COMPILED:
            yield from _foreign(one)

"""A hypermodel by its name: found beside the study file or among what is installed, and made for the study's images."""

from __future__ import annotations

import importlib
import inspect
import operator
import sys
from collections.abc import Callable
from importlib.machinery import PathFinder
from pathlib import Path

import keras_tuner

from sweep.errors import DefinitionError

__all__ = ["load_object", "make_hypermodel"]

_PLACE = "[model] hypermodel"


def load_object(name: str, base: Path) -> object:
    """Import what "module:object" names: code of somebody's own runs here.

    Args:
        name: as the study file has it.
        base: the study file's folder, where modules are looked for first; it stays on Python's path.

    Raises:
        DefinitionError: there is no such module or object, or importing it fails.
    """
    module_name, _, attribute = name.partition(":")
    _look_in(base.resolve(), module_name.partition(".")[0], name)
    try:
        return operator.attrgetter(attribute)(importlib.import_module(module_name))
    except (Exception, SystemExit) as error:
        raise DefinitionError(
            _PLACE,
            received=f"{name}, which cannot be loaded ({type(error).__name__}: {' '.join(str(error).split())})",
            expected=f"a module in {base} or an installed one, with that object in it",
            remedy="check the spelling, or mend the module",
        ) from error


def make_hypermodel(
    found: object, name: str, *, input_shape: tuple[int, ...], num_classes: int
) -> keras_tuner.HyperModel:
    """A hypermodel from an instance, a class, or a function hp -> compiled model.

    Args:
        found: of `load_object`.
        name: as the study file has it.
        input_shape: of an image; given to a class that takes `input_shape`.
        num_classes: of the data; given to a class that takes `num_classes` or `classes`.

    Raises:
        DefinitionError: it is none of the three, or the class asks for more.
    """
    if isinstance(found, keras_tuner.HyperModel):
        return found
    if isinstance(found, type) and issubclass(found, keras_tuner.HyperModel):
        return _instance(found, name, {"input_shape": input_shape, "num_classes": num_classes, "classes": num_classes})
    if isinstance(found, type) or not callable(found):
        raise DefinitionError(
            _PLACE,
            received=f"{name}, which is {'the class' if isinstance(found, type) else 'a'} {_kind(found)}",
            expected="a keras_tuner.HyperModel, a class of them, or a function hp -> compiled model",
            remedy="name one of these",
        )
    return _BuiltByFunction(found)


class _BuiltByFunction(keras_tuner.HyperModel):  # type: ignore[misc]
    """A function as a hypermodel, as KerasTuner takes it too."""

    def __init__(self, function: Callable[[keras_tuner.HyperParameters], object]) -> None:
        self._function = function
        super().__init__()

    def build(self, hp: keras_tuner.HyperParameters) -> object:
        """Call it."""
        return self._function(hp)


def _instance(kind: type, name: str, known: dict[str, object]) -> keras_tuner.HyperModel:
    taken = inspect.signature(kind).parameters
    try:
        return kind(**{argument: value for argument, value in known.items() if argument in taken})
    except (Exception, SystemExit) as error:
        raise DefinitionError(
            _PLACE,
            received=f"{name}, which cannot be made ({type(error).__name__}: {' '.join(str(error).split())})",
            expected=f"a class that is made without arguments but {', '.join(known)}",
            remedy="give the others defaults, or name an instance",
        ) from error


def _look_in(folder: Path, module: str, name: str) -> None:
    """Put a folder first on Python's path, if the module is in it."""
    spec = PathFinder.find_spec(module, [str(folder)])
    if spec is None:
        return
    loaded = sys.modules.get(module)
    if loaded is not None and getattr(loaded.__spec__, "origin", None) != spec.origin:
        raise DefinitionError(
            _PLACE,
            received=f"{name}, and another module named {module} is loaded already",
            expected=f"the one in {folder}",
            remedy="give the module another name",
        )
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def _kind(found: object) -> str:
    return found.__name__ if isinstance(found, type) else type(found).__name__

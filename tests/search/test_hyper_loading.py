"""A hypermodel is found by its name, beside the study file first."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import keras_tuner
import pytest

from sweep.errors import DefinitionError
from sweep.search.hyper_loading import load_object, make_hypermodel

CODE = """
import keras_tuner
from {other} import WIDTH

class Takes(keras_tuner.HyperModel):
    def __init__(self, input_shape, num_classes, width=WIDTH):
        super().__init__()
        self.given = (input_shape, num_classes, width)

class Wants(keras_tuner.HyperModel):
    def __init__(self, secret):
        super().__init__()

class Space:
    function = staticmethod(lambda hp: "built")

ready = Takes((1, 1, 3), 9)
number = 7
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """With a module, which imports another one beside it."""
    (tmp_path / "hyper_found.py").write_text(CODE.format(other="hyper_beside"))
    (tmp_path / "hyper_beside.py").write_text("WIDTH = 5\n")
    (tmp_path / "hyper_broken.py").write_text("raise RuntimeError('not\\ntoday')\n")
    before = list(sys.path)
    yield tmp_path
    sys.path[:] = before
    for name in ("hyper_found", "hyper_beside", "hyper_broken"):
        sys.modules.pop(name, None)


def make(name: str, folder: Path) -> keras_tuner.HyperModel:
    return make_hypermodel(load_object(name, folder), name, input_shape=(8, 8, 3), num_classes=4)


def test_a_class_is_made_for_the_images(folder: Path) -> None:
    assert make("hyper_found:Takes", folder).given == ((8, 8, 3), 4, 5)


def test_an_instance_is_taken_as_it_is(folder: Path) -> None:
    assert make("hyper_found:ready", folder).given == ((1, 1, 3), 9, 5)


def test_a_function_inside_a_class_is_found(folder: Path) -> None:
    assert make("hyper_found:Space.function", folder).build(keras_tuner.HyperParameters()) == "built"


def test_what_is_installed_is_found(tmp_path: Path) -> None:
    found = make("keras_tuner.applications:HyperResNet", tmp_path)
    assert (found.input_shape, found.classes) == ((8, 8, 3), 4)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hyper_absent:build", "ModuleNotFoundError: No module named 'hyper_absent'"),
        ("hyper_found:absent", "AttributeError: module 'hyper_found' has no attribute 'absent'"),
        ("hyper_broken:build", r"RuntimeError: not today\); expected a module in"),
        ("hyper_found:Wants", r"which cannot be made \(TypeError: .*secret"),
        ("hyper_found:Space", "which is the class Space; expected a keras_tuner.HyperModel"),
        ("hyper_found:number", "which is a int"),
    ],
)
def test_what_cannot_be_loaded_is_said_in_one_line(folder: Path, name: str, message: str) -> None:
    with pytest.raises(DefinitionError, match=message) as caught:
        make(name, folder)
    assert "\n" not in str(caught.value)


def test_a_module_of_the_same_name_from_elsewhere_is_not_taken_for_it(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("build = None\n")
    with pytest.raises(DefinitionError, match="another module named json is loaded already"):
        load_object("json:build", tmp_path)

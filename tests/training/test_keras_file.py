"""A .keras file is looked at from outside: whatever is in it is refused in one line or taken as data."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from sweep.errors import BackboneError
from sweep.training import keras_file
from sweep.training.keras_file import read_keras_file

PLAIN = {"class_name": "Sequential", "module": "keras", "config": {"layers": []}}


def written(folder: Path, config: str) -> str:
    path = folder / "model.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", config)
    return str(path)


def test_what_it_was_compiled_with_is_read(tmp_path: Path) -> None:
    compiled = {"optimizer": "adam"}
    assert read_keras_file(written(tmp_path, json.dumps({**PLAIN, "compile_config": compiled}))).compiled == compiled
    for odd in ([1], "adam", None, 3):
        assert read_keras_file(written(tmp_path, json.dumps({**PLAIN, "compile_config": odd}))).compiled == {}


@pytest.mark.parametrize(
    ("config", "reason"),
    [("[" * 100_000, "cannot be loaded"), ("[1]", "describes no model"), ("{", "cannot be loaded")],
    ids=["nested", "no object", "cut off"],
)
def test_what_describes_no_model_is_refused(tmp_path: Path, config: str, reason: str) -> None:
    with pytest.raises(BackboneError, match=reason):
        read_keras_file(written(tmp_path, config))


def test_a_description_that_would_fill_the_memory_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keras_file, "_MOST_BYTES", 1_000)
    with pytest.raises(BackboneError, match=r"config\.json is larger than"):
        read_keras_file(written(tmp_path, json.dumps({**PLAIN, "name": "x" * 1_000})))


def test_a_layer_of_somebody_elses_is_refused(tmp_path: Path) -> None:
    own = {"class_name": "Own", "module": "their.package", "config": {}}
    with pytest.raises(BackboneError, match="the class Own, which is not Keras' own"):
        read_keras_file(written(tmp_path, json.dumps({**PLAIN, "config": {"layers": [own]}})))

"""A study is a bundled name, a file or a folder; anything else is refused with what there is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sweep.errors import DefinitionError, UsageError
from sweep.progress import Silent
from sweep.workflow.resolve import Overrides, resolve_study


def test_a_bundled_study_is_the_users_configuration() -> None:
    resolved = resolve_study("toys", Overrides(), Silent())
    assert resolved.definition.name == "toys"
    assert not resolved.default_baseline


def test_named_options_win_over_set() -> None:
    overrides = Overrides(sets=("search.trials=9", "training.epochs=3"), trials=4, seed=7, name="mine")
    definition = resolve_study("toys", overrides, Silent()).definition
    assert (definition.search.trials, definition.search.seed, definition.training.epochs) == (4, 7, 3)
    assert definition.name == "mine"


def test_a_study_file_starts_from_its_own_folder(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\n[data]\nsource = "photos"\n')
    assert resolve_study(str(path), Overrides(), Silent()).base == tmp_path


def test_a_folder_takes_our_default(photo_folder: Callable[..., Path]) -> None:
    resolved = resolve_study(str(photo_folder({"cat": 20, "dog": 20})), Overrides(), Silent())
    assert resolved.default_baseline
    assert resolved.definition.name == "photos"
    assert resolved.definition.model.head_width == (128,)


def test_no_such_study_lists_the_bundled_ones() -> None:
    with pytest.raises(UsageError, match=r"tois: received no such study; expected a bundled study \(.*toys"):
        resolve_study("tois", Overrides(), Silent())


def test_a_csv_wants_a_study_file(tmp_path: Path) -> None:
    table = tmp_path / "photos.csv"
    table.write_text("file,label\n")
    with pytest.raises(UsageError, match="source = that CSV"):
        resolve_study(str(table), Overrides(), Silent())


# ---- made in Python ------------------------------------------------------------------------------------------------


def test_a_mapping_is_what_a_study_file_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    study = {"name": "mine", "data": {"source": "photos"}, "space": {"dropout": {"low": 0.0, "high": 0.9}}}
    resolved = resolve_study(study, Overrides(sets=("training.epochs=3",), trials=4), Silent())
    (tmp_path / "mine.toml").write_text(
        'name = "mine"\n[data]\nsource = "photos"\n[space]\ndropout = {low = 0.0, high = 0.9}\n'
    )
    from_file = resolve_study("mine.toml", Overrides(sets=("training.epochs=3",), trials=4), Silent())
    assert resolved.definition == from_file.definition
    assert (resolved.base, resolved.own_file, resolved.default_baseline) == (tmp_path, False, False)


def test_a_definition_stays_what_it_is_but_for_overrides() -> None:
    definition = resolve_study("toys", Overrides(), Silent()).definition
    assert resolve_study(definition, Overrides(), Silent()).definition == definition
    changed = resolve_study(definition, Overrides(sets=("model.dropout=0.1",), name="other"), Silent()).definition
    assert (changed.model.dropout, changed.name) == (0.1, "other")


@pytest.mark.parametrize(
    ("study", "message"),
    [
        ({"name": "mine"}, r"the definition's \[data\]: received nothing"),
        ({"name": "mine", "data": {"source": "photos"}, "modle": {}}, r"\[model\]"),
        ({"name": "mine", "data": {"source": 3}}, r"the definition's \[data\] source: received 3"),
    ],
)
def test_a_mapping_that_is_no_study_is_refused(study: dict[str, object], message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        resolve_study(study, Overrides(), Silent())

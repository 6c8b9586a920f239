"""From a file and overrides to a study: precedence, and where a mistake was written."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from sweep.errors import DefinitionError
from sweep.studyfile.definition import FoldSettings, StudyDefinition
from sweep.studyfile.load import load_study, resolve
from sweep.studyfile.space import Choices

HEAD = 'schema = 1\nname = "photos"\n'
DATA = '[data]\nsource = "../photos"\n'

EXAMPLE = """
schema = 1
name = "toys"
question = "Does dropout close the gap?"

[data]
source = "toys"
image_size = 160
exclude = []

[model]
conv_filters = 32
head_width = []
dropout = 0.5
dropout_position = "after_conv"

[training]
batch_size = 32
learning_rate = 1e-3

[space]
dropout = {low = 0.0, high = 0.9}
head_width = {choices = [32, 64, [512, 256]]}
l2 = {low = 1e-6, high = 1e-1, log = true}
unfrozen_layers = {low = 0, high = 40, step = 10}
batch_size = "16,32,64"

[search]
trials = 50
"""


def read(
    text: str, *, sets: Sequence[str] = (), spaces: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> StudyDefinition:
    return resolve(tomllib.loads(text), "study.toml", sets=sets, spaces=spaces, environment=environment or {})


def test_a_study_file_becomes_a_study(tmp_path: Path) -> None:
    path = tmp_path / "toys.toml"
    path.write_text(EXAMPLE, encoding="utf-8")
    found = load_study(path, environment={})
    assert (found.name, found.data.source, found.model.conv_filters, found.search.trials) == ("toys", "toys", 32, 50)
    assert list(found.space) == ["unfrozen_layers", "head_width", "dropout", "l2", "batch_size"]
    assert found.training.epochs == 10  # a default


def test_paths_stay_as_they_are_written() -> None:
    found = read(f'{HEAD}{DATA}[model]\nweights = "best.h5"\n')
    assert (found.data.source, found.model.weights) == ("../photos", "best.h5")


def test_flags_win_over_the_environment_over_the_file_over_defaults() -> None:
    text = f"{HEAD}{DATA}[training]\nepochs = 3\nbatch_size = 8\npatience = 1\n"
    environment = {"SWEEP_TRAINING_EPOCHS": "4", "SWEEP_TRAINING_BATCH_SIZE": "16"}
    found = read(text, sets=["training.epochs=4", "epochs=5"], environment=environment).training
    assert (found.epochs, found.batch_size, found.patience, found.optimizer) == (5, 16, 1, "adam")


def test_a_range_is_replaced_whole() -> None:
    text = f"{HEAD}{DATA}[space]\nl2 = {{low = 1e-6, high = 0.1, log = true}}\n"
    found = read(text, spaces=["l2=0.1:0.2"], environment={"SWEEP_SPACE_DROPOUT": "0:0.9"})
    assert found.space == read(f'{HEAD}{DATA}[space]\nl2 = "0.1:0.2"\ndropout = "0:0.9"\n').space


def test_only_leaves_the_space_of_the_file_out() -> None:
    found = resolve(
        tomllib.loads(EXAMPLE), "study.toml", sets=(), spaces=(), only=("pooling=avg,max", "shuffle=true,false"),
        environment={},
    )  # fmt: skip
    assert list(found.space) == ["pooling", "shuffle"]
    assert found.space["shuffle"] == Choices(values=(True, False))
    with pytest.raises(DefinitionError, match=r"^--only poling: received the unknown field `poling`"):
        resolve(tomllib.loads(EXAMPLE), "study.toml", sets=(), spaces=(), only=("poling=avg",), environment={})


def test_tables_that_the_file_lacks_can_be_set() -> None:
    assert read(HEAD, sets=["source=photos"], spaces=["dropout=0:0.9"]).data.source == "photos"


def test_the_document_is_left_as_it_was() -> None:
    document = tomllib.loads(HEAD + DATA)
    resolve(document, "study.toml", sets=["test=0"], spaces=[], environment={})
    assert document == tomllib.loads(HEAD + DATA)


def test_a_file_without_a_schema_is_of_the_first() -> None:
    assert read(f'name = "photos"\n{DATA}') == read(HEAD + DATA)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f'schema = 2\nname = "a"\n{DATA}', r"schema: received 2; expected at most 1, .*; update gapsweep"),
        (f'schema = "1"\nname = "a"\n{DATA}', r"schema: received '1'; expected 1; write schema = 1"),
        (DATA, r'name: received nothing; expected a value; write for example name = "my-study"'),
        (HEAD, r'\[data\]: received nothing; expected a value; add the table \[data\] with source = "my-photos"'),
        (f"{HEAD}question = 3\n{DATA}", r"question: received 3; expected a text in quotes; write for example question"),
        (f"{HEAD}[data]\n", r'\[data\] source: received nothing; .*write for example source = "my-photos"'),
        (f"{HEAD}{DATA}imagesize = 160", r"\[data\] imagesize: .*expected `image_size` in \[data\]; write image_size"),
        (f"{HEAD}{DATA}[trainign]\nepochs = 3", r"\[trainign\]: .*expected \[training\]; write \[training\]"),
        (f"{HEAD}{DATA}[zzz]\nepochs = 3", r"\[zzz\]: .*expected one of \[data\], \[model\]"),
        (f"{HEAD}{DATA}[training]\ndropout = 0.3", r"\[training\] dropout: .*`dropout` in \[model\]; move it there"),
        (f"{HEAD}trials = 5\n{DATA}", r"trials: received the unknown field `trials`; expected `trials` in \[search\]"),
        (f"{HEAD}model = 5\n{DATA}", r"model: received 5; expected a table; begin the table with \[model\]"),
        (f"{HEAD}space = 5\n{DATA}", r"space: received 5; expected a table"),
        (f"{HEAD}{DATA}[training]\nepochs = '3'", r"\[training\] epochs: received '3'; expected a whole number; .* 10"),
        (f"{HEAD}{DATA}[search]\ntrials = -5", r"\[search\] trials: received -5; expected a number of at least 1"),
        (f"{HEAD}{DATA}[model]\nhead_width = 0", r"\[model\] head_width: received 0; expected a number of at least 1"),
        (f"{HEAD}{DATA}[model]\ndropout = 1.0", r"\[model\] dropout: received 1.0; expected a number below 1"),
        (f"{HEAD}{DATA}[model]\npooling = 'mean'", r"\[model\] pooling: received 'mean'; .*example pooling = .avg"),
        (f"{HEAD}{DATA}deduplicate = 1", r"\[data\] deduplicate: received 1; expected true or false; .*= false"),
        (f"{HEAD}{DATA}[training]\naugment = 3", r"\[training\] augment: .*for example augment = \[.flip., .shift.\]"),
        (f"{HEAD}{DATA}group = '(.+'", r"\[data\] group: received '\(\.\+', no regular expression"),
        (f"{HEAD}{DATA}validation = 0.9", r"\[data\] validation: received 0.9 for validation and 0.15 for test"),
        (f"{HEAD}{DATA}validation = {{fold = 5}}", r"\[data\] validation: .* `fold`; .*validation = \{folds = 5\}"),
        (f"{HEAD}{DATA}validation = {{folds = 1}}", r"\[data\] validation: received folds = 1; .* at least 2"),
        (f"{HEAD}{DATA}validation = 'five'", r"\[data\] validation: received 'five'; .*validation = \{folds = 5\}"),
        (f"{HEAD}{DATA}[model]\ndropout = [0.5, 0.3]", r"\[model\] dropout: received the 2 dropout rates"),
        (f"{HEAD}{DATA}[space]\ndropout = '0.9:0.1'", r"\[space\] dropout: received low 0.9, high 0.1"),
        (f"{HEAD}{DATA}[space]\ndroput = '0:0.9'", r"\[space\] droput: .*expected `dropout` in \[space\]"),
        (f"{HEAD}{DATA}[space]\nunfrozen_layers = '0:9000'", r"\[space\] unfrozen_layers: received 9,001 combinations"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_file_is_told_on_one_line_with_its_place(text: str, says: str) -> None:
    with pytest.raises(DefinitionError, match=rf"^study\.toml {says}") as caught:
        read(text)
    assert "\n" not in str(caught.value)


def test_a_mistake_in_an_override_names_the_override() -> None:
    with pytest.raises(DefinitionError, match=r"^--set epochs: received 'x'; expected a whole number"):
        read(HEAD + DATA, sets=["epochs=x"])
    with pytest.raises(DefinitionError, match=r"^--space dropout: received low 1.0, high 0.0"):
        read(HEAD + DATA, spaces=["dropout=1:0"])
    with pytest.raises(DefinitionError, match=r"^SWEEP_SEARCH_TRIALS: received 0; expected a number of at least 1"):
        read(HEAD + DATA, environment={"SWEEP_SEARCH_TRIALS": "0"})
    with pytest.raises(DefinitionError, match=r"^--set data.group: received 'a', no group in parentheses"):
        read(HEAD + DATA, sets=["data.group=a"])
    with pytest.raises(DefinitionError, match=r"^--set name: received ''; expected a text that is not empty"):
        read(HEAD + DATA, sets=["name="])


def test_folds_can_be_set_and_bring_their_pruner() -> None:
    found = read(HEAD + DATA, sets=["data.validation={folds = 5, repeats = 2}"])
    assert found.data.validation == FoldSettings(folds=5, repeats=2)
    assert found.search.pruner == "wilcoxon"
    assert read(HEAD + DATA, environment={"SWEEP_DATA_VALIDATION": "{folds=3}"}).data.validation == FoldSettings(
        folds=3
    )
    with pytest.raises(DefinitionError, match=r"^--set data.validation: received the unknown field `fold`"):
        read(HEAD + DATA, sets=["data.validation={fold = 5}"])
    with pytest.raises(DefinitionError, match=r"^--set search.pruner: received 'median', which compares epochs"):
        read(f"{HEAD}{DATA}validation = {{folds = 5}}", sets=["search.pruner=median"])


def test_an_overridden_mistake_is_no_mistake() -> None:
    assert read(f"{HEAD}{DATA}[training]\nepochs = 0", sets=["epochs=1"]).training.epochs == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"name = photos\n", r"received a syntax error: Invalid value \(at line 1, column 8\); expected TOML"),
        (b'name = "a"\nname = "b"\n', r"received a syntax error: .*line 2"),
        (b'name = "\xff"\n', r"received a byte that is no UTF-8 at position 8; expected a text file in UTF-8"),
    ],
)
def test_a_file_that_is_no_toml(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "study.toml"
    path.write_bytes(content)
    with pytest.raises(DefinitionError, match=rf"study\.toml: {says}"):
        load_study(path)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match=r"none\.toml: received no such file or directory"):
        load_study(tmp_path / "none.toml")
    with pytest.raises(DefinitionError, match="received is a directory"):
        load_study(tmp_path)

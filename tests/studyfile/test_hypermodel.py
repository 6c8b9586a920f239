"""A hypermodel stands alone in `[model]`, and what its code decides cannot be set beside it."""

from __future__ import annotations

from typing import Any

import pytest

from sweep.errors import DefinitionError
from sweep.studyfile.definition import StudyDefinition


def define(**tables: object) -> StudyDefinition:
    model = {"hypermodel": "my_model:build", **tables.pop("model", {})}
    return StudyDefinition(name="mine", data={"source": "photos"}, model=model, **tables)


def test_hyperparameters_take_the_place_of_our_fields() -> None:
    definition = define(space={"batch_size": "16,32"}, training={"epochs": 3})
    configuration = definition.configuration({"batch_size": 16, "dropout": 0.3, "wide": True})
    assert configuration.training.batch_size == 16
    assert configuration.hyperparameters == (("dropout", 0.3), ("wide", True))
    assert configuration.stored() == {
        "hypermodel": "my_model:build",
        "batch_size": 16,
        "epochs": 3,
        "shuffle": True,
        "keep": "best",
        "patience": 5,
        "labels": "auto",
        "dropout": 0.3,
        "wide": True,
    }


def test_a_hyperparameter_stands_before_a_field_of_its_name() -> None:
    assert define().configuration({"batch_size": 64}).stored()["batch_size"] == 64


def test_it_is_read_back_from_the_database() -> None:
    definition = define(training={"batch_size": 8})
    assert StudyDefinition.model_validate_json(definition.canonical_json()) == definition


def test_an_ordinary_configuration_says_nothing_of_it() -> None:
    assert "hypermodel" not in StudyDefinition(name="ours", data={"source": "photos"}).baseline.stored()


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"model": {"hypermodel": "my_model"}}, r"\[model\] hypermodel: received 'my_model'; expected module:object"),
        ({"model": {"hypermodel": "my model:build"}}, r"received 'my model:build'"),
        ({"model": {"dropout": 0.5}}, r"\[model\] dropout: received a field that my_model:build decides"),
        ({"training": {"optimizer": "sgd"}}, r"\[training\] optimizer: .* expected nothing but batch_size, epochs"),
        ({"training": {"augment_views": 2}}, r"\[training\] augment_views: .* make it a hyperparameter there"),
        ({"space": {"l2": "1e-6:1e-1:log"}}, r"\[space\] l2: received a field that my_model:build decides"),
        ({"search": {"sampler": "grid"}}, r"\[search\] sampler: received 'grid' with a hypermodel"),
        ({"search": {"sampler": "qmc"}}, r"\[search\] sampler: received 'qmc' with a hypermodel"),
    ],
)
def test_what_contradicts_it_is_refused(tables: dict[str, Any], message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        define(**tables)


def test_it_is_not_swept() -> None:
    with pytest.raises(DefinitionError, match=r"hypermodel.*same for all trials"):
        StudyDefinition(name="mine", data={"source": "photos"}, space={"hypermodel": "a:b,c:d"})

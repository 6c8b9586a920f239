"""A whole study: its configurations, its digest, what it refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from sweep.errors import DefinitionError
from sweep.studyfile.definition import (
    Configuration,
    DataSettings,
    FoldSettings,
    ModelSettings,
    SearchSettings,
    StudyDefinition,
    TrainingSettings,
)
from sweep.studyfile.space import Choices, NumberRange


def study(**tables: object) -> StudyDefinition:
    return StudyDefinition.model_validate({"name": "toys", "data": {"source": "toys"}, **tables})


def test_parameters_in_stored_notation_become_a_configuration() -> None:
    found = study(model={"pooling": "max"}, training={"epochs": 7}).configuration(
        {"dropout": 0.3, "head_width": "512-256", "batch_size": 64, "augment": "flip-zoom", "dropout_position": "both"}
    )
    assert found == Configuration(
        model=ModelSettings(pooling="max", dropout=0.3, head_width=(512, 256), dropout_position="both"),
        training=TrainingSettings(epochs=7, batch_size=64, augment=("flip", "zoom")),
    )


def test_what_a_configuration_stores_gives_it_back() -> None:
    configuration = Configuration(
        model=ModelSettings(head_width=(512, 256), dropout=(0.5, 1e-5), dropout_position="after_dense", l2=1e-4),
        training=TrainingSettings(augment=(), learning_rate=3e-4),
    )
    stored = configuration.stored()
    assert (stored["head_width"], stored["dropout"], stored["augment"]) == ("512-256", "0.5-1e-05", "none")
    assert study().configuration(stored) == configuration


def test_a_number_drawn_for_a_width_is_one_layer() -> None:
    assert study().configuration({"head_width": 96}).model.head_width == (96,)


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"dropout": 1.0}, r"parameter dropout: received 1\.0; expected a number below 1"),
        ({"batch_size": "many"}, "parameter batch_size: received 'many'; expected a whole number"),
        ({"droput": 0.5}, "parameter droput: received the unknown field `droput`; expected `dropout`"),
        ({"dropout": "0.5-0.3"}, r"\[model\] dropout: received the 2 dropout rates"),
    ],
)
def test_wrong_parameters_are_told_in_our_words(parameters: dict[str, Any], says: str) -> None:
    with pytest.raises(DefinitionError, match=says):
        study().configuration(parameters)


def test_ranges_are_read_from_tables_texts_and_records() -> None:
    rates = NumberRange(low=0.0, high=0.9)
    for written in ({"low": 0.0, "high": 0.9}, "0:0.9", rates):
        assert study(space={"dropout": written}).space == {"dropout": rates}


def test_a_space_that_is_no_table_is_refused() -> None:
    with pytest.raises(ValidationError, match="space"):
        study(space=["dropout"])


def test_the_order_of_a_space_is_that_of_the_fields() -> None:
    """Two files that differ in the order of their lines search alike."""
    space = {"batch_size": "16,32", "l2": "1e-6:1e-1:log", "dropout": "0:0.9"}
    assert list(study(space=space).space) == ["dropout", "l2", "batch_size"]


def test_json_gives_the_study_back_and_reads_like_a_study_file() -> None:
    made = study(
        model={"head_width": [64]},
        space={"dropout": "0:0.9:0.3", "head_width": "none,512-256", "unfrozen_layers": "0:40:10"},
    )
    document = json.loads(made.canonical_json())
    assert document["space"] == {
        "dropout": {"low": 0.0, "high": 0.9, "step": 0.3},
        "head_width": {"choices": ["none", "512-256"]},
        "unfrozen_layers": {"low": 0, "high": 40, "step": 10},
    }
    assert StudyDefinition.model_validate(document) == made
    assert StudyDefinition.model_validate_json(made.canonical_json()) == made


FOLDS = {"source": "toys", "validation": {"folds": 5}}


def test_json_gives_folds_back() -> None:
    made = study(data=FOLDS)
    assert made.data.validation == FoldSettings(folds=5, repeats=1)
    assert json.loads(made.canonical_json())["data"]["validation"] == {"folds": 5, "repeats": 1}
    assert StudyDefinition.model_validate(json.loads(made.canonical_json())) == made
    assert StudyDefinition.model_validate_json(made.canonical_json()) == made
    assert made.digest == study(data={**FOLDS, "validation": {"folds": 5, "repeats": 1}}).digest != study().digest


def test_with_folds_the_pruner_is_the_one_for_folds_unless_one_is_named() -> None:
    assert study().search.pruner == "hyperband"
    assert study(data=FOLDS).search.pruner == "wilcoxon"
    assert study(data=FOLDS, search={"trials": 3}).search == SearchSettings(trials=3, pruner="wilcoxon")
    assert study(data=FOLDS, search={"pruner": "none"}).search.pruner == "none"
    given = StudyDefinition(
        name="toys",
        data=DataSettings(source="toys", validation=FoldSettings(folds=3)),
        search=SearchSettings(trials=3),
    )
    assert given.search == SearchSettings(trials=3, pruner="wilcoxon")
    assert json.loads(given.canonical_json())["search"]["pruner"] == "wilcoxon"


def test_repetitions_are_no_part_of_the_digest() -> None:
    assert study(search={"finalists": 1, "repeats": 2, "trials": 9}).digest == study().digest
    assert study(search={"seed": 2}).digest != study().digest


def test_a_swept_use_of_views_replaces_one_that_may_lack_them() -> None:
    found = study(
        training={"augment_views": 2, "augment_validation": True},
        space={"augment_views": "0,2", "augment_validation": {"choices": [False]}},
    ).structural_configurations()
    views = [(one.training.augment_views, one.training.augment_validation) for one in found]
    assert views == [(2, True), (0, False), (2, False)]


def test_equal_studies_have_equal_digests_however_they_are_written() -> None:
    one = study(model={"l2": 0, "head_width": 64}, space={"dropout": {"low": 0, "high": 0.9}})
    other = study(model={"l2": 0.0, "head_width": [64]}, space={"dropout": "0.0:0.9"})
    assert one.digest == other.digest
    assert one.digest != study(model={"l2": 0.1, "head_width": 64}, space={"dropout": "0.0:0.9"}).digest


def test_a_baseline_inside_the_space_has_parameters() -> None:
    found = study(
        model={"dropout": 0.5, "head_width": 64, "l2": 1e-3},
        space={"dropout": "0:0.9", "head_width": "none,64", "l2": "1e-6:1e-1:log", "batch_size": "16,32"},
    )
    assert found.baseline_parameters() == {"dropout": 0.5, "head_width": "64", "l2": 1e-3, "batch_size": 32}


def test_a_baseline_of_one_layer_lies_in_a_range_of_widths_as_a_number() -> None:
    assert study(model={"head_width": 64}, space={"head_width": "16:512:log"}).baseline_parameters() == {
        "head_width": 64
    }
    for widths in ([], [64, 32], [1024]):
        assert study(model={"head_width": widths}, space={"head_width": "16:512:log"}).baseline_parameters() is None


def test_a_baseline_outside_the_space_has_none() -> None:
    assert study(model={"l2": 0.0}, space={"l2": "1e-6:1e-1:log"}).baseline_parameters() is None
    assert study(model={"dropout": [0.5], "head_width": 8, "dropout_position": "after_dense"},
                 space={"dropout": "0:0.9"}).baseline_parameters() is None  # fmt: skip


def test_without_a_space_there_is_one_structure_and_nothing_to_draw() -> None:
    assert study().baseline_parameters() == {}
    assert study().structural_configurations() == (study().baseline,)


def test_structures_are_the_baseline_and_all_combinations_each_once() -> None:
    found = study(
        model={"unfrozen_layers": 5, "l2": 0.5},
        space={"unfrozen_layers": "0:10:10", "conv_filters": "0:64", "l2": "1e-6:1e-1:log"},
    ).structural_configurations()
    shapes = [(one.model.unfrozen_layers, one.model.conv_filters, one.model.l2) for one in found]
    assert shapes == [(5, 0, 0.5), (0, 0, 0.5), (0, 64, 0.5), (10, 0, 0.5), (10, 64, 0.5)]
    assert len(study(space={"unfrozen_layers": "0,10"}).structural_configurations()) == 2


def test_a_baseline_with_a_rate_for_each_layer_may_sweep_to_fewer_layers() -> None:
    found = study(
        model={"head_width": [64, 32], "dropout": [0.5, 0.3], "dropout_position": "after_dense"},
        space={"dropout": "0.1:0.9", "head_width": "16,32"},
    ).structural_configurations()
    assert [one.model.head_width for one in found] == [(64, 32), (16,), (32,)]


def test_too_many_structures_are_refused() -> None:
    with pytest.raises(DefinitionError, match="received 5,001 combinations of unfrozen_layers; expected at most 5,000"):
        study(space={"unfrozen_layers": "0:5000"}).structural_configurations()


@pytest.mark.parametrize(
    ("tables", "says"),
    [
        ({"data": {"source": "toys", "validation": 0.6, "test": 0.4}}, r"\[data\] validation"),
        ({"data": {"source": "toys", "group": "("}}, r"\[data\] group"),
        ({"data": FOLDS, "search": {"pruner": "median"}}, r"\[search\] pruner"),
        ({"search": {"pruner": "wilcoxon"}}, r"\[search\] pruner"),
        ({"training": {"augment_validation": True}}, r"\[training\] augment_validation"),
        ({"space": {"augment_validation": {"choices": [True]}}}, r"\[space\] augment_validation"),
        ({"model": {"dropout": [0.5, 0.5]}}, r"\[model\] dropout"),
        ({"space": {"dropout": "0.9:0.1"}}, r"\[space\] dropout"),
        ({"space": {"trials": "1,2"}}, r"\[space\] trials"),
    ],
)
def test_contradictions_are_refused_at_construction(tables: dict[str, Any], says: str) -> None:
    with pytest.raises(DefinitionError, match=rf"^{says}: received "):
        study(**tables)


def test_records_can_be_given_directly() -> None:
    found = StudyDefinition(
        name="toys", data=DataSettings(source="toys"), space={"batch_size": Choices(values=(16, 32))}
    )
    assert found.baseline_parameters() == {"batch_size": 32}

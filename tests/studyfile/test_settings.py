"""The tables of a study file: strict about types, generous about how a list is written."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from sweep.studyfile.settings import DataSettings, ModelSettings, Table, TrainingSettings


@pytest.mark.parametrize(
    ("written", "widths"), [(128, (128,)), ([512, 256], (512, 256)), ("512-256", (512, 256)), ("none", ()), ([], ())]
)
def test_head_width_may_be_written_in_four_ways(written: object, widths: tuple[int, ...]) -> None:
    assert ModelSettings.model_validate({"head_width": written}).head_width == widths


def test_a_whole_number_is_a_number_but_a_text_or_a_truth_value_is_none() -> None:
    assert ModelSettings.model_validate({"l2": 0}).l2 == 0.0
    for wrong in ("0", True):
        with pytest.raises(ValidationError, match="valid number"):
            ModelSettings.model_validate({"l2": wrong})


@pytest.mark.parametrize(
    ("table", "field", "value"),
    [
        (ModelSettings, "head_width", 0),
        (ModelSettings, "head_width", [64, 0]),
        (ModelSettings, "dropout", 1.0),
        (ModelSettings, "dropout", [0.5, 1.0]),
        (ModelSettings, "l2", -1e-4),
        (ModelSettings, "unfrozen_layers", -1),
        (TrainingSettings, "epochs", 0),
        (TrainingSettings, "epochs", 5.5),
        (TrainingSettings, "learning_rate", 0.0),
        (TrainingSettings, "learning_rate", float("nan")),
        (TrainingSettings, "augment", ["flip", "flop"]),
        (DataSettings, "image_size", 8),
    ],
)
def test_a_value_outside_its_bounds_is_refused(table: type[Table], field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=field):
        table.model_validate({"source": "photos", field: value} if table is DataSettings else {field: value})


def test_a_single_pattern_may_be_excluded_without_a_list() -> None:
    assert DataSettings.model_validate({"source": "photos", "exclude": "*.gif"}).exclude == ("*.gif",)

"""The values of a study file that fit the images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from sweep.records import DataIndex, ImageRecord, Split
from sweep.studyfile.definition import StudyDefinition
from sweep.workflow.draft import StudyDraft, draft_study


def index(counts: Mapping[str, int], form: str = "{name}_{k:04d}.jpg", *, pinned: Split | None = None) -> DataIndex:
    """Different images of each class; `{source}` and `{copy}` count five copies a source."""
    images = [
        ImageRecord(
            path=f"{name}/" + form.format(name=name, k=number, source=number // 5, copy=number % 5),
            label=label,
            group="",
            content_hash=f"{name}{number}",
            pinned=pinned if number % 4 == 0 else None,
        )
        for label, (name, count) in enumerate(counts.items())
        for number in range(count)
    ]
    return DataIndex(root="/pictures/pets", class_names=tuple(counts), images=tuple(images))


def draft(images: DataIndex, *sizes: tuple[int, int], source: str = "./pets") -> StudyDraft:
    return draft_study(images, source, sizes or [(500, 300)])


def values(images: DataIndex, *sizes: tuple[int, int]) -> dict[str, Any]:
    return {
        name: value for table in ("data", "training") for name, value in draft(images, *sizes).document[table].items()
    }


def test_the_baseline_is_the_plain_default() -> None:
    found = StudyDefinition.model_validate(draft(index({"cat": 600, "dog": 600})).document)
    model, training = found.model, found.training
    assert (model.pooling, model.dropout, model.head_width, model.conv_filters) == ("avg", 0.2, (128,), 0)
    assert (training.optimizer, training.learning_rate, training.keep) == ("adam", 1e-3, "best")
    assert set(found.space) == {"dropout", "head_width", "l2", "unfrozen_layers", "batch_size"}
    assert (found.name, found.data.source, found.search.trials) == ("pets", "./pets", 50)


def test_folds_can_be_asked_for_without_another_change() -> None:
    """Which pruner suits follows from `validation`, so the file names none."""
    document = dict(draft(index({"cat": 60, "dog": 60})).document)
    assert StudyDefinition.model_validate(document).search.pruner == "hyperband"
    document["data"] = {**document["data"], "validation": {"folds": 5}}
    assert StudyDefinition.model_validate(document).search.pruner == "wilcoxon"


def test_only_the_penalty_of_the_baseline_lies_outside_the_space() -> None:
    """A log range has no 0; everything else of the baseline can be drawn."""
    found = StudyDefinition.model_validate(draft(index({"cat": 600, "dog": 600})).document)
    with_penalty = found.model_copy(update={"model": found.model.model_copy(update={"l2": 1e-4})})
    assert found.baseline_parameters() is None
    assert with_penalty.baseline_parameters() is not None


@pytest.mark.parametrize(
    ("size", "expected"),
    [((20, 30), 64), ((100, 70), 96), ((150, 999), 160), ((224, 224), 160), ((500, 375), 160), ((640, 480), 192),
     ((4000, 3000), 224)],
)  # fmt: skip
def test_image_size_follows_the_shorter_side(size: tuple[int, int], expected: int) -> None:
    assert values(index({"cat": 30, "dog": 30}), size)["image_size"] == expected


def test_a_typical_size_is_the_median() -> None:
    assert values(index({"cat": 30, "dog": 30}), (60, 60), (224, 224), (4000, 3000))["image_size"] == 160


def test_unreadable_headers_leave_the_usual_size() -> None:
    assert draft_study(index({"cat": 30, "dog": 30}), "./pets", []).document["data"]["image_size"] == 160


@pytest.mark.parametrize(
    ("smallest", "validation", "test"),
    [(25, 0.2, 0.15), (24, 0.25, 0.15), (6, 0.25, 0.15), (5, 0.3, 0.0), (2, 0.3, 0.0)],
)
def test_shares_follow_the_smallest_class(smallest: int, validation: float, test: float) -> None:
    found = values(index({"cat": 400, "dog": smallest}))
    assert (found["validation"], found["test"]) == (validation, test)


def test_a_missing_test_is_explained() -> None:
    remarks = draft(index({"cat": 400, "dog": 5})).remarks
    assert remarks["test"] == "nothing is sealed: the smallest class has 5 images only"


@pytest.mark.parametrize(("images", "batch_size"), [(1000, 32), (200, 16), (50, 8)])
def test_small_data_take_small_batches(images: int, batch_size: int) -> None:
    found = draft(index({"cat": images, "dog": images})).document
    assert found["training"]["batch_size"] == batch_size
    assert found["space"]["batch_size"] == {"choices": [batch_size // 2, batch_size, 2 * batch_size]}


def test_names_that_tell_sources_group_the_images() -> None:
    found = draft(index({"cat": 150, "dog": 150}, "{name}{source}_v{copy}.png"))
    assert found.document["data"]["group"] == r"^(.+)_v\d+"
    assert found.document["data"]["validation"] == 0.2  # 30 sources of each class
    assert found.index.images[7].group == "cat1"
    assert found.remarks["group"].startswith("by their names the 300 files come from 60 sources")


def test_shares_follow_sources_where_images_are_grouped() -> None:
    found = values(index({"cat": 150, "dog": 25}, "{name}{source}_v{copy}.png"))
    assert (found["group"], found["validation"], found["test"]) == (r"^(.+)_v\d+", 0.3, 0.0)


def test_a_class_of_one_source_leaves_the_images_ungrouped() -> None:
    assert values(index({"cat": 150, "dog": 5}, "{name}{source}_v{copy}.png"))["group"] == "none"


def test_a_split_that_the_folder_fixes_is_not_grouped_but_explained() -> None:
    found = draft(index({"cat": 200, "dog": 200}, "{name}{source}_v{copy}.png", pinned=Split.VALIDATION))
    assert found.document["data"]["group"] == "none"
    assert "where the folder has no validation images itself" in found.remarks["validation"]


def test_a_csv_gives_the_study_its_name() -> None:
    assert draft(index({"cat": 30, "dog": 30}), source="../tables/pets-2024.csv").document["name"] == "pets-2024"


def test_the_heading_counts_the_classes() -> None:
    assert draft(index({"cat": 1200, "dog": 30})).heading[0] == "For 1,230 images of 2 classes: cat 1,200, dog 30."
    many = draft(index({f"class{number}": 10 + number for number in range(9)})).heading[0]
    assert many == "For 126 images of 9 classes: class8 18, class7 17, …, class1 11, class0 10."

"""The values of a study file that fit a folder of images: the plain default as baseline, and a space around it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from statistics import median
from typing import Any

from sweep.backbones.catalog import minimum_size
from sweep.data.groups import GroupGuess, detect_group
from sweep.data.units import shared_units
from sweep.records import DataIndex, ImageRecord, Split
from sweep.studyfile.definition import CheckSettings, DataSettings, ModelSettings, SearchSettings, TrainingSettings

__all__ = ["StudyDraft", "draft_study"]

_HELD_OUT = (Split.VALIDATION, Split.TEST)
_FEW_FOR_TEST = 6
_ENOUGH = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyDraft:
    """A study file before it is written.

    Attributes:
        document: its fields and tables, as TOML would give them.
        heading: lines on the images.
        remarks: field -> why it has its value.
        index: the images, with the groups that the draft gives them.
    """

    document: Mapping[str, Any]
    heading: tuple[str, ...]
    remarks: Mapping[str, str]
    index: DataIndex


def draft_study(index: DataIndex, source: str, sizes: Sequence[tuple[int, int]]) -> StudyDraft:
    """Choose the values of a study file.

    Args:
        index: the images.
        source: as the file shall name them.
        sizes: width and height, pixels, of some of them.
    """
    free = [image for image in index.images if image.pinned not in _HELD_OUT]
    fixed = len(free) < len(index.images)
    guess = None if fixed or any(image.group for image in free) else _guess_group(free)
    if guess is not None:
        free = _grouped(free, guess)
        index = replace(index, images=tuple(free))
    units = _fewest_units(free)
    validation, test = _choose_shares(units)
    side = _typical_side(sizes)
    data = DataSettings(
        source=source,
        image_size=max(_choose_size(side), minimum_size(ModelSettings().backbone)),
        validation=validation,
        test=test,
        group="none" if guess is None else guess.pattern,
    )
    return StudyDraft(
        document=_document(data, _name(index, source), _choose_batch_size(len(free) * (1 - validation - test))),
        heading=_heading(index),
        remarks={
            "image_size": f"pixels; the shorter side of the pictures is typically {side}",
            **_share_remarks(fixed=fixed, sealed=test > 0, fewest=f"{units} {_unit(free)}"),
            **({} if guess is None else {"group": _group_remark(guess)}),
        },
        index=index,
    )


def _document(data: DataSettings, name: str, batch_size: int) -> dict[str, Any]:
    model = ModelSettings(head_width=(128,), dropout=0.2, dropout_position="after_dense")
    training = TrainingSettings(batch_size=batch_size, epochs=20)
    return {
        "schema": 1,
        "name": name,
        "question": f"Which configuration closes the gap between training and validation on {name}?",
        "data": _listed(data.model_dump()),
        "model": _listed(model.model_dump(exclude={"hypermodel"})),
        "training": _listed(training.model_dump()),
        "space": {
            "dropout": {"low": 0.0, "high": 0.9},
            "head_width": {"choices": ["none", 64, 128, 256]},
            "l2": {"low": 1e-6, "high": 0.1, "log": True},
            "unfrozen_layers": {"choices": [0, 10]},
            "batch_size": {"choices": [batch_size // 2, batch_size, 2 * batch_size]},
        },
        # Which pruner there is to choose from follows from `validation`, so the file leaves it open.
        "search": _listed(SearchSettings().model_dump(exclude={"pruner"})),
        "check": _listed(CheckSettings().model_dump()),
    }


def _name(index: DataIndex, source: str) -> str:
    """The folder's name, or that of the CSV."""
    path = PurePosixPath(source)
    return path.stem if path.suffix.lower() == ".csv" else PurePosixPath(index.root).name or "images"


def _heading(index: DataIndex) -> tuple[str, ...]:
    counts = Counter(index.class_names[image.label] for image in index.images).most_common()
    shown = [f"{name} {count:,}" for name, count in counts]
    classes = ", ".join(shown if len(shown) <= 6 else [*shown[:2], "…", *shown[-2:]])
    return (
        f"For {len(index.images):,} images of {len(counts)} classes: {classes}.",
        "Put your own configuration into [model] and [training]: it is trial 0, with which all others are compared.",
        "Try `sweep run FILE --dry-run`, then `sweep run FILE`.",
    )


# ---- single values -------------------------------------------------------------------------------------------------


def _choose_size(side: int) -> int:
    """Ours: 160 for ordinary photos, for time grows with the square; more for large ones, less for tiny ones."""
    if side < 160:
        return next(size for size in (64, 96, 128, 160) if size >= side)
    return 160 if side < 400 else 192 if side < 800 else 224


def _choose_shares(units: int) -> tuple[float, float]:
    """Shares for validation and test, ours: a class of a handful of sources has none to seal."""
    if units < _FEW_FOR_TEST:
        return 0.3, 0.0
    return (0.2 if units >= _ENOUGH else 0.25), 0.15


def _choose_batch_size(trained: float) -> int:
    """Ours: some dozens of steps an epoch even where images are few."""
    return 32 if trained >= 1_000 else 16 if trained >= 200 else 8


def _typical_side(sizes: Sequence[tuple[int, int]]) -> int:
    """Median of the shorter sides, pixels."""
    return round(median(min(size) for size in sizes)) if sizes else DataSettings(source=".").image_size


# ---- sources -------------------------------------------------------------------------------------------------------


def _guess_group(images: Sequence[ImageRecord]) -> GroupGuess | None:
    """What the names tell, if every class has several sources then: one cannot be split."""
    guess = detect_group([image.path for image in images])
    return guess if guess is not None and _fewest_units(_grouped(images, guess)) >= 2 else None


def _grouped(images: Sequence[ImageRecord], guess: GroupGuess) -> list[ImageRecord]:
    search = re.compile(guess.pattern).search
    found = [(image, search(PurePosixPath(image.path).name)) for image in images]
    return [replace(image, group=match[1]) if match else image for image, match in found]


def _fewest_units(images: Sequence[ImageRecord]) -> int:
    """Sources, or different images where nothing groups them, of the class that has the fewest."""
    units = set(zip((image.label for image in images), shared_units(images).tolist(), strict=True))
    return min(Counter(label for label, _ in units).values())


# ---- words ---------------------------------------------------------------------------------------------------------


def _unit(images: Sequence[ImageRecord]) -> str:
    return "sources" if any(image.group for image in images) else "images"


def _group_remark(guess: GroupGuess) -> str:
    return f"by their names the {guess.files:,} files come from {guess.sources:,} sources; none: split file by file"


def _share_remarks(*, fixed: bool, sealed: bool, fewest: str) -> dict[str, str]:
    if fixed:
        drawn = "drawn from the train folder where the folder has no {} images itself"
        return {"validation": drawn.format("validation"), "test": f"{drawn.format('test')}; 0: none"}
    return {} if sealed else {"test": f"nothing is sealed: the smallest class has {fewest} only"}


def _listed(table: Mapping[str, Any]) -> dict[str, Any]:
    """Lists instead of tuples."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in table.items()}

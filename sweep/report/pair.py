"""Two trials of one study or of two, put side by side: on the same validation images where there are such."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sweep.diagnosis.comparison import Evidence, evidence_of, group_codes
from sweep.diagnosis.ranking import RankedTrial
from sweep.diagnosis.side_by_side import Recall, SideBySide, class_recalls, set_side_by_side
from sweep.records import ImageRecord, IndexArray, PredictionRecord, Scalar, Split
from sweep.report.gather import Report
from sweep.report.sentences import row_name

__all__ = ["ClassRecall", "Contender", "Pair", "Setting", "gather_pair"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Contender:
    """One of two trials: a row of a report's ranking.

    Attributes:
        name: in words, such as "trial 7" or "trial 7 of toys".
    """

    name: str
    report: Report
    row: RankedTrial


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A field in which two trials or their studies differ; None where one of them has no such field."""

    field: str
    first: Scalar | None
    second: Scalar | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassRecall:
    """The recall of one class; its name is untrusted text."""

    name: str
    recall: Recall


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pair:
    """Two trials side by side.

    Attributes:
        found: what they show against each other.
        unpaired: why not the same images are compared, or "".
        settings: fields of the configuration that differ, sorted.
        study_settings: other fields of the two studies that differ, "data.image_size" and the like; none in one study.
        recalls: of each class that both know, in the order of the first one's classes.
    """

    first: Contender
    second: Contender
    found: SideBySide
    unpaired: str
    settings: tuple[Setting, ...]
    study_settings: tuple[Setting, ...]
    recalls: tuple[ClassRecall, ...]

    @property
    def one_study(self) -> bool:
        """Whether both are of the same study."""
        return self.first.report is self.second.report


def gather_pair(
    first: tuple[Report, RankedTrial], second: tuple[Report, RankedTrial], study_settings: Sequence[Setting] = ()
) -> Pair:
    """Compare two ranked trials.

    Args:
        first: the report that ranks it, and its row.
        second: likewise; of one study it must be the same report.
        study_settings: where the definitions of two studies differ outside the configuration.
    """
    (one, row), (other, against) = first, second
    side, their_side = _labelled(one), _labelled(other)
    order, unpaired = (None, "") if one is other else _order(one, other)
    mine = _evidence(one, row, side)
    if order is not None and side is not None:
        their_side = side
        theirs = _evidence(other, against, side, order)
    else:
        theirs = _evidence(other, against, their_side)
    if unpaired:
        # Their own intervals decide: predictions of other images cannot be set against each other one by one.
        found = set_side_by_side(_alone(mine), _alone(theirs))
    else:
        found = set_side_by_side(mine, theirs, seed=int(one.definition.get("search", {}).get("seed", 0)))
    missing = [number for number, each in ((row.number, mine), (against.number, theirs)) if each.correct is None]
    if missing and not unpaired:
        unpaired = f"the predictions of trial {missing[0]} are not stored"
    return Pair(
        first=_contender(one, row, alone=one is other),
        second=_contender(other, against, alone=one is other),
        found=found,
        unpaired=unpaired,
        settings=_settings(row.trial.configuration, against.trial.configuration),
        study_settings=tuple(study_settings),
        recalls=_recalls(one, other, (mine, theirs), (side, their_side)),
    )


def _contender(report: Report, row: RankedTrial, *, alone: bool) -> Contender:
    name = f"trial {row.number}" + (f" ({row_name(report, row)})" if row.baseline else "")
    return Contender(name=name if alone else f"{report.study.name}: {name}", report=report, row=row)


def _settings(first: Mapping[str, Scalar], second: Mapping[str, Scalar]) -> tuple[Setting, ...]:
    names = sorted(name for name in first.keys() | second.keys() if first.get(name) != second.get(name))
    return tuple(Setting(field=name, first=first.get(name), second=second.get(name)) for name in names)


# ---- evidence ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Labelled:
    """Labels of the predictions, and their sources as numbers."""

    labels: IndexArray
    groups: IndexArray | None


def _labelled(report: Report) -> _Labelled | None:
    side = report.validation
    return None if side is None else _Labelled(labels=side.labels, groups=group_codes(side.groups))


def _evidence(report: Report, row: RankedTrial, side: _Labelled | None, order: IndexArray | None = None) -> Evidence:
    """A row's evidence; with an order its predictions, which are of the report's own side, are put into it first.

    Labels of that side are then those of the other study, so a prediction is one of its classes as well.
    """
    prediction, own = report.predictions.get(row.number), report.validation
    if order is not None and prediction is not None and own is not None and side is not None:
        prediction = _reordered(prediction, own.labels, order, side.labels)
    return evidence_of(
        row.trial,
        row.measurement,
        prediction,
        labels=None if side is None else side.labels,
        groups=None if side is None else side.groups,
        images=report.study.data.images(Split.VALIDATION),
    )


def _reordered(
    prediction: PredictionRecord, own: IndexArray, order: IndexArray, labels: IndexArray
) -> PredictionRecord | None:
    """Predictions in another order, right where they were right: only that and the cross-entropies are compared."""
    if len(prediction.predicted) != len(own):
        return None
    right = prediction.predicted == own
    wrong = np.iinfo(np.uint16).max  # no class has this number
    predicted = np.where(right[order], labels, wrong).astype(np.uint16)
    return replace(prediction, predicted=predicted, cross_entropy=prediction.cross_entropy[order], logits=None)


def _alone(evidence: Evidence) -> Evidence:
    return replace(evidence, correct=None, cross_entropy=None)


# ---- the images of two studies -------------------------------------------------------------------------------------


def _order(one: Report, other: Report) -> tuple[IndexArray | None, str]:
    """Where in the second study's predictions those of the first one's images are; or why there is no such order."""
    images, theirs = _validated(one), _validated(other)
    if not images or not theirs:
        return None, "the images of one study are not stored"
    places = {key: place for place, key in enumerate(_keys(theirs))}
    found = [places.get(key) for key in _keys(images)]
    shared = [place for place in found if place is not None]
    if len(shared) < len(images) or len(images) != len(theirs):
        return None, (
            f"their validation images are not the same ({len(images):,} and {len(theirs):,}, {len(shared):,} of them "
            "in both)"
        )
    names, their_names = one.study.data.class_names, other.study.data.class_names
    pairs = zip(images, shared, strict=True)
    relabelled = sum(names[image.label] != their_names[theirs[place].label] for image, place in pairs)
    if relabelled:
        return None, f"{relabelled:,} of their validation images have another class in the other study"
    repeats, again = (max(1, report.study.data.fold_repeats) for report in (one, other))
    if repeats != again:
        return None, f"one study predicts every image in {repeats} repetitions, the other in {again}"
    block = np.asarray(shared, dtype=np.int64)
    return np.concatenate([block + len(theirs) * repeat for repeat in range(repeats)]), ""


def _validated(report: Report) -> list[ImageRecord]:
    return [image for image, side in report.images if side is Split.VALIDATION]


def _keys(images: Sequence[ImageRecord]) -> list[tuple[str, int]]:
    """Contents of images; copies on one side are told apart by which of them it is."""
    seen: dict[str, int] = {}
    keys = []
    for image in images:
        seen[image.content_hash] = seen.get(image.content_hash, 0) + 1
        keys.append((image.content_hash, seen[image.content_hash]))
    return keys


def _recalls(
    one: Report,
    other: Report,
    evidence: tuple[Evidence, Evidence],
    sides: tuple[_Labelled | None, _Labelled | None],
) -> tuple[ClassRecall, ...]:
    """By class; classes of two studies are the same where their names are."""
    mine, theirs = sides
    if mine is None or theirs is None:
        return ()
    names = one.study.data.class_names
    labels = theirs.labels
    if mine is not theirs and one is not other:
        places = {name: place for place, name in enumerate(names)}
        numbers = [places.get(name, -1) for name in other.study.data.class_names]
        labels = np.asarray(numbers, dtype=np.int64)[labels]
    found = class_recalls(*evidence, labels=(mine.labels, mine.labels if one is other else labels))
    return tuple(ClassRecall(name=names[recall.label], recall=recall) for recall in found)

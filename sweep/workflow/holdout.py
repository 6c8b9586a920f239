"""`sweep holdout`: the sealed test side, opened once for a few configurations, and on record for ever.

Every look at a test side that is followed by a decision makes it a second validation side. So it is opened for at most
five configurations at a time, and a second time only where the user says so; what was seen stays in the database.
"""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sweep.diagnosis.optimism import prediction_interval
from sweep.diagnosis.ranking import RankedTrial, Ranking
from sweep.diagnosis.tiers import Tier
from sweep.errors import StoreError, UsageError
from sweep.progress import Progress
from sweep.records import (
    HoldoutRecord,
    HoldoutResult,
    ImageRecord,
    Interval,
    Split,
    StudyRecord,
    TrialState,
)
from sweep.report.gather import Report
from sweep.report.sides import labelled_side
from sweep.store.results import Database, open_database
from sweep.studyfile.definition import StudyDefinition
from sweep.workflow.again import check_base, made_ready, same_images
from sweep.workflow.reading import read_report
from sweep.workflow.trust import check_trust

if TYPE_CHECKING:
    from sweep.training.trial import Tested

__all__ = ["MOST_OPENED", "check_holdout", "choose_candidates", "expected_accuracy", "open_holdout"]

MOST_OPENED = 5


def check_holdout(
    database: str | Path,
    *,
    study: str | None = None,
    top: int = 3,
    acknowledge: bool = False,
    trust: bool = False,
) -> None:
    """Everything that refuses an opening before TensorFlow is loaded; arguments and errors as `open_holdout`."""
    with open_database(database) as opened:
        _plan(opened, study, top, acknowledge=acknowledge, trust=trust)


def open_holdout(
    database: str | Path,
    *,
    study: str | None = None,
    top: int = 3,
    acknowledge: bool = False,
    trust: bool = False,
    progress: Progress,
) -> Report:
    """Train the first configurations again as their trials were, and measure them on the sealed test side.

    Args:
        database: with a finished study.
        study: which one; the newest unless named.
        top: how many configurations, the baseline among them, 1 to 5.
        acknowledge: open images that were opened before; that stays on record, too.
        trust: whether a hypermodel's code may be run because the database names it.
        progress: where to show the progress.

    Returns:
        The study's report, with the opening in it.

    Raises:
        UsageError: `top` is out of range, the study seals nothing, no configuration is worth a look, or the study's
            code is not trusted.
        StoreError: the images were opened before, or are not those that the study was run on.
    """
    with open_database(database) as opened:
        plan = _plan(opened, study, top, acknowledge=acknowledge, trust=trust)
        opening = HoldoutRecord(
            study=plan.record.name,
            results=_measure(plan, progress),
            opened=datetime.datetime.now(datetime.UTC),
            seen_before=0,
            content_hashes=tuple(image.content_hash for image in plan.sealed),
        )
        opened.save_holdout(opening, acknowledged=acknowledge)
        return read_report(opened, plan.record)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Plan:
    """What is to be opened for whom.

    Attributes:
        sealed: the test images.
        candidates: rows of the report's ranking.
    """

    record: StudyRecord
    definition: StudyDefinition
    report: Report
    sealed: tuple[ImageRecord, ...]
    candidates: tuple[RankedTrial, ...]


def _plan(opened: Database, study: str | None, top: int, *, acknowledge: bool, trust: bool) -> _Plan:
    if not 1 <= top <= MOST_OPENED:
        raise UsageError(
            "--top", received=str(top), expected=f"1 to {MOST_OPENED} configurations", remedy="write --top 3"
        )
    record = opened.study(study)
    check_base(record)
    definition = StudyDefinition.model_validate(json.loads(record.definition))
    check_trust(definition.model.hypermodel, trusted=trust)
    sealed = tuple(image for image, side in opened.images(record.name) if side is Split.TEST)
    _check_seal(opened, record, sealed, acknowledge)
    report = read_report(opened, record)
    return _Plan(
        record=record,
        definition=definition,
        report=report,
        sealed=sealed,
        candidates=choose_candidates(report.ranking.rows, top, record.name),
    )


def choose_candidates(rows: Sequence[RankedTrial], top: int, study: str) -> tuple[RankedTrial, ...]:
    """The first rows that may be the best at all; the baseline takes the last place where it is not among them.

    Raises:
        UsageError: no trial is eligible.
    """
    eligible = [row for row in rows if row.tier in (Tier.LEADING, Tier.BEHIND)]
    if not eligible:
        raise UsageError(
            f"study {study!r}",
            received="no configuration that is shown to beat the class frequencies",
            expected="one that deserves a look at the test side",
            remedy="search on first; the seal stays whole",
        )
    first = eligible[:top]
    baseline = [row for row in rows if row.baseline and row.trial.state is TrialState.COMPLETE]
    if top > 1 and baseline and baseline[0] not in first:
        first = [*first[: top - 1], baseline[0]]
    return tuple(first)


def _check_seal(opened: Database, record: StudyRecord, sealed: Sequence[ImageRecord], acknowledge: bool) -> None:
    """Raise where there is nothing to open, or images were opened before and nobody has acknowledged that."""
    if not sealed:
        raise UsageError(
            f"study {record.name!r}",
            received="no sealed test side",
            expected="a study with [data] test above 0",
            remedy="set data.test = 0.15 and run it under another name",
        )
    before = opened.opened_images()
    seen = sum(image.content_hash in before for image in sealed)
    if seen and not acknowledge:
        raise StoreError(
            opened.place,
            received=f"a test side of which {seen} of {len(sealed)} images were opened before",
            expected="images that no decision has seen",
            remedy="read the earlier result with sweep report, or add --acknowledge: it stays on record",
        )


def _measure(plan: _Plan, progress: Progress) -> tuple[HoldoutResult, ...]:
    definition = plan.definition
    data = same_images(plan.record, definition, progress=progress)
    drawn = [data.index.images[position].path for position in data.split.test]
    if drawn != [image.path for image in plan.sealed]:
        raise StoreError(
            f"study {plan.record.name!r}",
            received="another test side than it was run with",
            expected="the images that its runs have sealed",
            remedy="use the version of sweep that the study was run with; the seal stays whole",
        )
    training = made_ready(plan.record, definition, data, progress=progress)
    results = []
    with progress.stage("holdout", len(plan.candidates), "trainings") as advance:
        for row in plan.candidates:
            configuration = definition.configuration(row.trial.parameters)
            tested = training.trainer.holdout(configuration, seed=(definition.search.seed, row.number))
            results.append(_result(row, tested, expected_accuracy(plan.report.ranking, row, plan.sealed)))
            advance()
    return tuple(results)


def _result(row: RankedTrial, tested: Tested, expected: Interval | None) -> HoldoutResult:
    return HoldoutResult(
        number=row.number,
        rank=row.rank,
        baseline=row.baseline,
        accuracy=tested.accuracy,
        cross_entropy=tested.cross_entropy,
        balanced_accuracy=tested.balanced_accuracy,
        validation_accuracy=tested.measurement.validation_accuracy,
        predicted_low=expected.low if expected else math.nan,
        predicted_high=expected.high if expected else math.nan,
        prediction=tested.prediction,
        share_right=tested.share_right,
    )


def expected_accuracy(ranking: Ranking, row: RankedTrial, sealed: Sequence[ImageRecord]) -> Interval | None:
    """Where the accuracy on the test side should fall.

    That of rank 1 follows from its score corrected for selection, that of the baseline from its own, since nothing has
    selected it; of the others nothing is foretold. Grouped images count by their sources, before any error is known.
    """
    optimism = ranking.optimism
    score = optimism.corrected if optimism is not None and row.rank == 1 else row.validation if row.baseline else None
    if score is None:
        return None
    side = labelled_side([(image, Split.TEST) for image in sealed], Split.TEST)
    return prediction_interval(score, len(set(side.groups)) if side and side.groups else len(sealed))

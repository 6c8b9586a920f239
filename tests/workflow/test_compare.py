"""Two trials of a database, or two of its studies."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sweep.errors import UsageError
from sweep.records import ImageRecord, Split, StudyRecord
from sweep.report.gather import Report
from sweep.workflow import compare as workflow
from sweep.workflow.compare import compare, compare_within
from sweep.workflow.opened import OpenedStudy
from sweep.workflow.report import load_report

Opened = Callable[..., None]


@pytest.fixture
def two_studies(finished: tuple[Path, OpenedStudy], monkeypatch: pytest.MonkeyPatch) -> Path:
    """The database as if it held its study a second time, with another image size and other validation images."""
    report = load_report(finished[0])
    definition = json.loads(report.study.definition)
    definition["name"], definition["data"]["image_size"] = "again", 48
    record = replace(report.study, name="again", definition=json.dumps(definition))
    images = tuple((moved(image), side) if side is Split.VALIDATION else (image, side) for image, side in report.images)
    again = replace(report, study=record, images=images)
    known: dict[str, Report] = {"photos": report, "again": again}

    class Database:
        def __enter__(self) -> Database:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def study(self, name: str | None = None) -> StudyRecord:
            return known[name or "photos"].study

        def studies(self) -> tuple[StudyRecord, ...]:
            return tuple(one.study for one in known.values())

    monkeypatch.setattr(workflow, "open_database", lambda _: Database())
    monkeypatch.setattr(workflow, "read_report", lambda _, record: known[record.name])
    return finished[0]


def moved(image: ImageRecord) -> ImageRecord:
    return replace(image, content_hash=f"other {image.content_hash}")


def test_numbers_best_and_baseline_name_trials(finished: tuple[Path, OpenedStudy]) -> None:
    ranking = finished[1].report.ranking
    assert ranking.best is not None
    best = ranking.best.number
    other = next(number for number in (1, 2) if number != best)
    by_name, by_number = compare(finished[0], "best", str(other)), compare(finished[0], best, other, study="photos")
    assert by_name.sentence == by_number.sentence
    assert by_name.pair.first.row.number == best
    assert compare(finished[0], "baseline", other).pair.first.row.baseline
    assert str(by_name).splitlines() == list(by_name.lines)


def test_two_studies_are_compared_by_their_first_ones(two_studies: Path) -> None:
    found = compare(two_studies, "photos", "again")
    assert [one.row.rank for one in (found.pair.first, found.pair.second)] == [1, 1]
    assert found.pair.unpaired.startswith("their validation images are not the same (")
    (size,) = found.pair.study_settings
    assert (size.field, size.first, size.second) == ("data.image_size", 32, 48)
    assert "Not compared image by image, since their validation" in " ".join(found.lines)
    assert found.plain["comparison"]["paired"] is False


def test_a_trial_may_be_compared_with_another_study(two_studies: Path) -> None:
    found = compare(two_studies, "baseline", "again")
    assert found.pair.first.row.baseline
    assert found.pair.second.report.study.name == "again"


def test_a_trial_that_repeats_another_one_has_its_result(finished: tuple[Path, OpenedStudy]) -> None:
    report = finished[1].report
    first, *others = report.ranking.rows
    doubled = replace(report, ranking=replace(report.ranking, rows=(replace(first, duplicates=(9,)), *others)))
    assert compare_within(doubled, 9, others[0].number).pair.first.row.number == first.number


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ("best", "nonsense", "received neither a trial nor a study"),
        ("best", 99, "received trial 99, which has no result"),
        (1, "1", "received trial 1 twice"),
        ("best", "-1", "received neither a trial nor a study"),
    ],
)
def test_what_cannot_be_compared_is_said(
    finished: tuple[Path, OpenedStudy], first: str | int, second: str | int, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        compare(finished[0], first, second)


def test_a_name_that_is_no_trial_is_refused_within_a_report(finished: tuple[Path, OpenedStudy]) -> None:
    with pytest.raises(UsageError, match="received nonsense, which has no result"):
        compare_within(finished[1].report, "nonsense", 1)
    with pytest.raises(UsageError, match="received -1, which has no result"):
        compare_within(finished[1].report, 1, -1)

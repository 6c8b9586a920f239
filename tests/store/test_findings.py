"""Findings come back as they were given, round by round, and are replaced whole."""

from __future__ import annotations

import datetime
import math
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweep.errors import StoreError
from sweep.records import Cause, Exhibit, Finding, Interval, Remedy, Scalar, Unit
from sweep.store import findings as module
from sweep.store.results import Database, open_database

Samples = Any

FULL = Finding(
    cause=Cause.LABEL_NOISE,
    effect=Interval(estimate=1 / 3, low=-math.inf, high=math.inf, level=0.99),
    unit=Unit.CROSS_ENTROPY,
    p=1 / 2200,
    exact=True,
    images=2**40,
    summary="about 7 % of the labels of “crème” are wrong",
    evidence={
        "share": 0.07,
        "flagged": 3,
        "whole": 1.0,
        "symmetric": True,
        "one": 1,
        "class": "crème",
        "odds": math.inf,
    },
    remedies=(
        Remedy(sentence="Look at the three images.", changes={}),
        Remedy(
            sentence="Smooth.", changes={"training.label_smoothing": 0.1, "model.dropout": 0, "a": False, "b": "x,y"}
        ),
    ),
    source="Northcutt and others, Confident Learning, 2021, https://arxiv.org/abs/1911.00068",
    exhibits=(Exhibit(caption="flagged", images=(4, 0, 2)), Exhibit(caption="none", images=())),
    repaired=(Cause.BATCH_NORM, Cause.LEAK),
    rows=(0, 2, 4),
)
LEAK = Finding(
    cause=Cause.LEAK, effect=Interval(estimate=0.05, low=0.02, high=0.08), p=0.0004, images=40, summary="12 copies"
)


def typed(values: Mapping[str, Scalar]) -> list[tuple[str, type, Scalar]]:
    return [(name, type(value), value) for name, value in values.items()]


def test_a_finding_comes_back_exactly(toys: Database) -> None:
    toys.save_findings("toys", [FULL], trial=3)
    ((found,),) = toys.findings("toys", trial=3)
    assert found == FULL
    # 1 == 1.0 == True, so equality alone would not see a changed type.
    assert typed(found.evidence) == typed(FULL.evidence)
    assert typed(found.remedies[1].changes) == typed(FULL.remedies[1].changes)
    assert (type(found.exact), type(found.unit), type(found.repaired[0])) == (bool, Unit, Cause)


def test_what_was_not_measured_stays_so_whatever_the_cause(toys: Database) -> None:
    unmeasured = [Finding.not_measured(cause, "fewer than 20 images") for cause in Cause]
    toys.save_findings("toys", unmeasured[::-1], trial=None)
    assert toys.findings("toys", trial=None) == (tuple(unmeasured),)


def test_numbers_of_numpy_become_pythons(toys: Database) -> None:
    effect = Interval(estimate=np.float64(0.25), low=np.float64(0.125), high=np.float64(0.5))
    evidence: Any = {"share": np.float32(0.5), "count": np.int64(7), "sure": np.bool_(True), "rate": np.float64(0.1)}
    exhibit: Any = Exhibit(caption="c", images=tuple(np.array([2, 1])))
    images: Any = np.int64(9)
    given = replace(LEAK, effect=effect, p=np.float64(0.5), images=images, evidence=evidence, exhibits=(exhibit,))
    toys.save_findings("toys", [given], trial=0)
    ((found,),) = toys.findings("toys", trial=0)
    assert typed(found.evidence) == [
        ("share", float, 0.5),
        ("count", int, 7),
        ("sure", bool, True),
        ("rate", float, 0.1),
    ]
    assert (found.effect, found.p, found.images) == (Interval(estimate=0.25, low=0.125, high=0.5), 0.5, 9)
    assert found.exhibits[0].images == (2, 1)


def test_evidence_may_be_any_text(toys: Database) -> None:
    evidence = {"file\udcff": "b\udcff\0.jpg", '"': "\\u0041"}
    toys.save_findings("toys", [replace(LEAK, evidence=evidence)], trial=0)
    assert toys.findings("toys", trial=0)[0][0].evidence == evidence


def test_rounds_come_with_the_fewest_repairs_first(toys: Database) -> None:
    def after(cause: Cause, *repaired: Cause) -> Finding:
        return replace(LEAK, cause=cause, repaired=repaired)

    toys.save_findings(
        "toys",
        [
            after(Cause.SHIFT, Cause.LEAK, Cause.BATCH_NORM),
            after(Cause.SHIFT, Cause.LEAK),
            after(Cause.SHIFT),
            after(Cause.LABEL_NOISE, Cause.BATCH_NORM, Cause.LEAK),
            after(Cause.LEAK),
            after(Cause.BATCH_NORM),
        ],
        trial=0,
    )
    rounds = toys.findings("toys", trial=0)
    assert [[finding.cause for finding in one] for one in rounds] == [
        [Cause.BATCH_NORM, Cause.SHIFT, Cause.LEAK],
        [Cause.SHIFT],
        [Cause.LABEL_NOISE, Cause.SHIFT],
    ]
    assert [one[0].repaired for one in rounds] == [(), (Cause.LEAK,), (Cause.BATCH_NORM, Cause.LEAK)]
    # One round, in whatever order its repairs were named.
    assert rounds[2][1].repaired == (Cause.BATCH_NORM, Cause.LEAK)


def test_saving_replaces_all_of_its_subject_and_nothing_else(toys: Database, samples: Samples) -> None:
    toys.add_study(samples.study("more"), samples.index, samples.split)
    for study, trial in (("toys", 0), ("toys", 1), ("toys", None), ("more", 0)):
        toys.save_findings(study, [FULL, LEAK], trial=trial)
    shift = replace(LEAK, cause=Cause.SHIFT)
    toys.save_findings("toys", [shift], trial=0)
    assert toys.findings("toys", trial=0) == ((shift,),)
    both = ((LEAK,), (FULL,))
    assert toys.findings("toys", trial=1) == both
    assert toys.findings("toys", trial=None) == both
    assert toys.findings("more", trial=0) == both
    toys.save_findings("toys", [], trial=None)
    assert toys.findings("toys", trial=None) == ()
    assert toys.findings("toys", trial=1) == both
    assert toys.findings("unknown", trial=0) == ()


def test_moment_and_version_are_on_record(path: Path, samples: Samples) -> None:
    before = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    with open_database(path, create=True) as database:
        database.add_study(samples.study(), samples.index, samples.split)
        database.save_findings("toys", [LEAK], trial=None)
    with closing(sqlite3.connect(path)) as connection:
        ((subject, repaired, cause, measured, by),) = connection.execute(
            "SELECT subject, repaired, cause, measured, version FROM sweep_findings"
        )
    assert (subject, repaired, cause, by) == (-1, "", "leak", version("gapsweep"))
    assert before <= datetime.datetime.fromisoformat(measured) <= before + datetime.timedelta(minutes=1)


def test_a_package_that_is_not_installed_measures_too(toys: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(module, "version", missing)
    toys.save_findings("toys", [LEAK], trial=0)
    assert toys.findings("toys", trial=0) == ((LEAK,),)


# ---- refused -------------------------------------------------------------------------------------------------------

NAN = math.nan
LISTS: Any = {"shares": [0.5]}
NOTHING: Any = {"share": None}


@pytest.mark.parametrize("location", ["memory", "file"], indirect=True)
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"evidence": {"fine": 1.0, "recall": NAN}}, "^'recall' of leak is NaN"),
        ({"evidence": {"recall": np.float32(NAN)}}, "^'recall' of leak is NaN"),
        ({"remedies": (Remedy(sentence="s", changes={"model.l2": NAN}),)}, "^'model.l2' of leak is NaN"),
        ({"evidence": LISTS}, "^'shares' of leak is neither a number nor text but list"),
        ({"evidence": NOTHING}, "^'share' of leak is neither a number nor text but NoneType"),
        ({"p": NAN}, "^p of leak is NaN"),
        ({"effect": Interval(estimate=0.1, low=NAN, high=0.2)}, "^effect_low of leak is NaN"),
    ],
)
def test_what_cannot_come_back_is_refused(toys: Database, changes: dict[str, Any], message: str) -> None:
    toys.save_findings("toys", [FULL], trial=0)
    with pytest.raises(ValueError, match=message):
        toys.save_findings("toys", [replace(LEAK, **changes)], trial=0)
    assert toys.findings("toys", trial=0) == ((FULL,),), "nothing was changed"


def test_one_finding_a_cause_and_round(toys: Database) -> None:
    toys.save_findings("toys", [FULL], trial=0)
    with pytest.raises(ValueError, match=r"^two findings of leak, repaired before: nothing$"):
        toys.save_findings("toys", [LEAK, replace(LEAK, p=0.5)], trial=0)
    turned = replace(FULL, repaired=FULL.repaired[::-1])
    with pytest.raises(ValueError, match=r"^two findings of label-noise, repaired before: batch-norm,leak$"):
        toys.save_findings("toys", [LEAK, FULL, turned], trial=0)
    assert toys.findings("toys", trial=0) == ((FULL,),)


def test_no_trial_is_taken_for_the_data(toys: Database) -> None:
    toys.save_findings("toys", [LEAK], trial=None)
    with pytest.raises(ValueError, match="trials count from 0, received -1"):
        toys.save_findings("toys", [], trial=-1)
    assert toys.findings("toys", trial=None) == ((LEAK,),)


def test_findings_belong_to_a_study(database: Database) -> None:
    with pytest.raises(StoreError, match="a study or trial that the database does not have"):
        database.save_findings("toys", [LEAK], trial=None)


def test_a_locked_database_is_told(path: Path, samples: Samples) -> None:
    with (
        open_database(path, create=True, busy_seconds=0.1) as database,
        closing(sqlite3.connect(path)) as other,
    ):
        database.add_study(samples.study(), samples.index, samples.split)
        database.save_findings("toys", [LEAK], trial=0)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="another program keeps locked"):
            database.save_findings("toys", [FULL], trial=0)
        assert database.findings("toys", trial=0) == ((LEAK,),)


@pytest.mark.parametrize(
    "damage",
    [
        "cause = 'leek'",
        "repaired = 'leak,leek'",
        "unit = 'points'",
        "evidence = '[]'",
        "evidence = '{'",
        "remedies = '[{}]'",
        "exhibits = '3'",
        "measured = 'yesterday'",
    ],
)
def test_damaged_rows_are_told_and_not_a_traceback(path: Path, samples: Samples, damage: str) -> None:
    with open_database(path, create=True) as database:
        database.add_study(samples.study(), samples.index, samples.split)
        database.save_findings("toys", [LEAK], trial=0)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"UPDATE sweep_findings SET {damage}")
        connection.commit()
    with (
        open_database(path) as database,
        pytest.raises(StoreError, match=r"a row that cannot be read.*restore a copy of the database"),
    ):
        database.findings("toys", trial=0)

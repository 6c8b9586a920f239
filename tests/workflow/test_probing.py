"""Rounds of probing: what is found is mended, and what it has hidden is looked at again."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from sweep.diagnosis.verdict import judge, latest
from sweep.progress import Silent
from sweep.records import Cause, Exhibit, Finding, Interval
from sweep.studyfile.definition import DataSettings, StudyDefinition
from sweep.workflow import probing
from sweep.workflow.observed import Observed
from sweep.workflow.probing import probe_features, probed_again
from sweep.workflow.shielded import Probe

DEFINITION = StudyDefinition(name="x", data=DataSettings(source="."))
HARM = Interval(estimate=0.1, low=0.05, high=0.15)


@pytest.fixture
def observed() -> Observed:
    rng = np.random.default_rng(0)
    return Observed(
        positions=np.arange(100) + 1000,
        train=np.arange(60),
        validation=np.arange(60, 100),
        labels=np.arange(100) % 2,
        class_names=("cat", "dog"),
        features=rng.normal(size=(100, 4)).astype(np.float32),
        missing="",
        thumbnails=rng.integers(0, 256, (100, 32, 32, 3)).astype(np.uint8),
        sizes=np.full((100, 2), 64.0),
        content_hashes=tuple(str(one) for one in range(100)),
        groups=None,
        sources=None,
        pattern="",
    )


def found(cause: Cause, *rows: int) -> Finding:
    exhibits = (Exhibit(caption="", images=rows),) if rows else ()
    return Finding(cause=cause, effect=HARM, p=1e-6, summary="", rows=rows, exhibits=exhibits)


def test_what_a_leak_hides_comes_to_light(observed: Observed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Label noise that only shows without the copies; the leak's own and earlier causes are not asked again."""
    asked: list[Cause] = []

    def probes(_: StudyDefinition, sample: Observed) -> Iterator[tuple[Cause, Probe]]:
        clean = len(sample.labels) < 100
        for cause in (Cause.LEAK, Cause.BURSTS, Cause.LABEL_NOISE):

            def probe(cause: Cause = cause) -> Finding:
                asked.append(cause)
                hidden = cause is Cause.LABEL_NOISE and clean
                return found(cause, 3) if hidden else Finding.impossible(cause, "nothing")

            yield cause, probe

    monkeypatch.setattr(probing, "feature_probes", probes)
    first = (
        found(Cause.LEAK, 60, 61),
        Finding.impossible(Cause.BURSTS, "nothing"),
        Finding.impossible(Cause.LABEL_NOISE, "nothing"),
        found(Cause.SHORTCUT),
    )
    rounds = probed_again(observed, first, mend=probing.mended, settings=DEFINITION, progress=Silent())
    assert [{one.repaired for one in each} for each in rounds] == [{()}, {(Cause.LEAK,)}]
    assert [one.cause for one in rounds[1]] == [Cause.BURSTS, Cause.LABEL_NOISE]
    assert asked == [Cause.BURSTS, Cause.LABEL_NOISE]
    verdict = judge(latest(rounds), num_classes=2)
    assert [one.cause for one in verdict.causes] == [Cause.LEAK, Cause.LABEL_NOISE, Cause.SHORTCUT]
    # By their places in the study's index, also after images were left out.
    assert rounds[0][0].rows == rounds[0][0].exhibits[0].images == (1060, 1061)
    assert rounds[1][1].rows == (1003,)


def test_nothing_found_is_one_round(observed: Observed) -> None:
    first = tuple(Finding.impossible(cause, "nothing") for cause in (Cause.LEAK, Cause.SHIFT))
    assert probed_again(observed, first, mend=probing.mended, settings=DEFINITION, progress=Silent()) == (first,)


def test_a_broken_probe_is_not_measured_and_breaks_nothing(observed: Observed, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_: object) -> Finding:
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr(probing, "leak", broken)
    (findings,) = probe_features(DEFINITION, observed)
    by_cause = {one.cause: one for one in findings}
    assert by_cause[Cause.LEAK].missing == "ZeroDivisionError: by nothing"
    assert by_cause[Cause.SHIFT].effect is not None
    assert {Cause.LEAK, Cause.BURSTS, Cause.SHIFT, Cause.LABEL_NOISE, Cause.FEW_IMAGES, Cause.WEAK_FEATURES} <= set(
        by_cause
    )

"""Where proofs stand on their common scale."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from sweep.records import Interval, ProofOutcome, ProofRecord
from sweep.report.gather import Report
from sweep.report.proof_figure import PROOF_MARKS, gather_proofs, proofs_caption


@pytest.fixture
def proofs(diagnosed_report: Report) -> tuple[ProofRecord, ...]:
    assert diagnosed_report.diagnosis is not None
    return diagnosed_report.diagnosis.proofs


def test_every_outcome_has_a_shape_of_its_own() -> None:
    assert set(PROOF_MARKS) == set(ProofOutcome)
    assert len(set(PROOF_MARKS.values())) == len(ProofOutcome)


def test_effects_share_one_scale(proofs: tuple[ProofRecord, ...]) -> None:
    one = replace(
        proofs[0],
        gap_narrowed=Interval(estimate=0.05, low=0.0, high=0.1),
        accuracy_gained=Interval(estimate=-0.1, low=-0.1, high=0.0),
    )
    found = gather_proofs([one])
    assert found is not None
    (drawn,) = found.proofs
    # From −10 to +10 points, and 4 % of the width more at either end: 0 is the middle, 5 points a quarter of 1/1.08.
    assert found.zero == 50.0
    assert drawn.gap.at == pytest.approx(50 + 25 / 1.08, abs=0.01)
    assert drawn.gap.whisker == (50.0, pytest.approx(50 + 50 / 1.08, abs=0.01))
    assert (drawn.gap.value, drawn.gap.interval) == ("+5.0", "[0.0, 10.0]")
    assert (drawn.accuracy.value, drawn.kind, drawn.mark) == ("−10.0", "proven", "✓")
    assert [text for text, _ in found.marks] == ["−10", "−5", "0", "5", "10"]


def test_images_that_are_left_out_are_counted(proofs: tuple[ProofRecord, ...]) -> None:
    found = gather_proofs(proofs)
    assert found is not None
    assert [one.what for one in found.proofs] == [
        "data.deduplicate = true", 'training.class_weight = "balanced"', "without 24 images"
    ]  # fmt: skip
    assert [one.kind for one in found.proofs] == ["proven", "not-shown", "refuted"]


def test_unknown_bounds_have_no_whisker(proofs: tuple[ProofRecord, ...]) -> None:
    unknown = Interval(estimate=0.02, low=-math.inf, high=math.inf)
    found = gather_proofs([replace(proofs[0], gap_narrowed=unknown)])
    assert found is not None
    assert found.proofs[0].gap.whisker is None
    assert found.proofs[0].gap.interval == ""
    assert found.proofs[0].gap.at is not None


def test_nothing_was_run_so_nothing_is_drawn() -> None:
    assert gather_proofs([]) is None
    assert proofs_caption([]) == ""


def test_captions_count_what_is_proven(proofs: tuple[ProofRecord, ...]) -> None:
    assert proofs_caption(proofs) == "3 remedies were run against the configuration as it is; one is proven."
    assert proofs_caption(proofs[1:]).endswith("; none is proven.")
    assert proofs_caption((proofs[0], proofs[0])).endswith("; 2 are proven.")
    assert proofs_caption(proofs[:1]) == "One remedy was run against the configuration as it is: proven."

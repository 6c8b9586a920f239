"""The verdict as the page tells it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sweep.diagnosis.causes import TEXTS
from sweep.diagnosis.verdict import judge
from sweep.records import Cause, Exhibit, Finding, Interval
from sweep.report.cards import MOST_PICTURES, Cards, gather_cards, shown_images
from sweep.report.diagnosis import Diagnosis
from sweep.report.gather import Report

NAMES = ("ball", "bear", "car", "duck", "<b>")


@pytest.fixture(scope="module")
def diagnosis(diagnosed_report: Report) -> Diagnosis:
    assert diagnosed_report.diagnosis is not None
    return diagnosed_report.diagnosis


@pytest.fixture(scope="module")
def cards(diagnosis: Diagnosis) -> Cards:
    return gather_cards(diagnosis, NAMES, {600: "data:a", 3: "data:b", 607: ""})


def test_every_cause_has_one_place(cards: Cards) -> None:
    assert [card.slug for card in cards.found] == ["leak", "class-bias"]
    assert [card.slug for card in cards.refuted] == ["label-noise"]
    assert [line.slug for line in cards.undetermined] == ["last-epoch"]
    assert cards.undetermined[0].needed == "about 144 images would settle it"
    assert cards.undetermined[0].effect == "0.050 nats [-0.010, 0.110]"
    assert [(line.slug, line.sentence, line.effect) for line in cards.not_measured] == [("shift", "no features", "")]
    assert [line.slug for line in cards.excluded] == ["bursts"]


def test_a_card_has_effect_chance_remedies_and_text(cards: Cards) -> None:
    leak = cards.found[0]
    assert (leak.effect, leak.chance) == ("5.0 points [3.4, 7.1]", "p < 0.001")
    assert leak.title == TEXTS[Cause.LEAK].title
    assert leak.parts == TEXTS[Cause.LEAK].parts
    assert leak.sources[0] == str(TEXTS[Cause.LEAK].sources[0])
    drop, collect = leak.remedies
    assert drop.lines == '[data]\ndeduplicate = true\n\n[model]\nhead_width = "512-256"'
    assert collect.lines == ""


def test_each_remedy_that_was_run_has_its_outcome_as_word_and_shape(cards: Cards) -> None:
    (proven,), (open_,) = (card.proofs for card in cards.found)
    (refuted,) = cards.refuted[0].proofs
    assert (proven.outcome, proven.mark, proven.what) == ("proven", "✓", "data.deduplicate = true")
    assert (open_.outcome, open_.mark, open_.kind) == ("not shown", "○", "not-shown")
    assert (refuted.outcome, refuted.mark, refuted.what) == ("refuted", "✗", "without 24 images")


def test_pairs_stay_together_under_one_caption(cards: Cards) -> None:
    (exhibit,) = cards.found[0].exhibits
    first, second, third = exhibit.sets
    assert [(one.path, one.side, one.address, one.gone) for one in first] == [
        ("0.jpg", "validation", "data:a", False),
        ("3.jpg", "train", "data:b", False),
    ]
    assert [(one.address, one.gone) for one in second] == [("", True), ("", False)]
    assert len(third) == 2
    assert first[1].seen == 'An image of class "duck" from train: equal pixels: in validation, in training.'


def test_a_cause_shows_twelve_pictures_at_most(cards: Cards, diagnosis: Diagnosis) -> None:
    (exhibit,) = cards.found[1].exhibits
    assert [len(pictures) for pictures in exhibit.sets] == [MOST_PICTURES]
    assert shown_images(diagnosis.verdict) == (3, 12, 44, 600, 607, 613, *range(620, 632))
    pairs = tuple(Exhibit(caption=f"pair {place // 2}", images=(place, 100 + place)) for place in range(10))
    many = Finding(
        cause=Cause.LEAK, effect=Interval(estimate=0.1, low=0.05, high=0.2), p=0.0, summary="many", exhibits=pairs
    )
    told = replace(
        diagnosis,
        verdict=judge([many], num_classes=5),
        images=dict.fromkeys((*range(10), *range(100, 110)), diagnosis.images[600]),
    )
    shown = gather_cards(told, NAMES, {}).found[0].exhibits
    assert [len(exhibit.sets) for exhibit in shown] == [2, 2, 2]
    assert set(shown_images(told.verdict)) == {*range(6), *range(100, 106)}


def test_evidence_names_classes_and_writes_numbers_for_people(cards: Cards) -> None:
    assert cards.found[0].evidence == (
        ("matched", "30"),
        ("unmatched", "570"),
        ("accuracy matched", "1"),
        ("confirmed", "yes"),
    )
    assert cards.found[1].evidence == (
        ("class", '"duck"'),
        ("taken", "36"),
        ('recall of class "duck"', "0.98"),
        ('recall of class "duck", lower bound', "0.91"),
        ("classes", '"ball", "bear" and "<b>"'),
    )

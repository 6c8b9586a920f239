"""The texts of the causes are complete, right in their arithmetic, and name only what exists."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterator
from itertools import groupby

import numpy as np
import pytest
from scipy.stats import binom

from sweep.cli.app import app
from sweep.diagnosis.cause_text import CauseText, Group, Source
from sweep.diagnosis.causes import RULE, TERMS, TEXTS
from sweep.diagnosis.probes.validation_size import small_validation
from sweep.diagnosis.verdict import HARM, ORDER, SIGNIFICANCE
from sweep.records import Cause
from sweep.studyfile.fields import TABLES

# What stands in backticks and is neither a cause, nor a field, nor a command: names of Keras.
KERAS = {
    "EarlyStopping(restore_best_weights=True)", "ModelCheckpoint(save_best_only=True)", "evaluate()", "fit()",
    "preprocess_input()", "trainable=False", "training=False", "val_loss", "validation_split",
}  # fmt: skip
SLUG = re.compile(r"[a-z]+(-[a-z]+)*")
FIELD = re.compile(r"(?P<table>\w+)\.(?P<field>\w+)( = (?P<value>.+))?")
COMMAND = re.compile(r"sweep (?P<name>\w+).*")

every_text = pytest.mark.parametrize("text", TEXTS.values(), ids=lambda text: text.cause.value)


def codes(*paragraphs: str) -> Iterator[str]:
    """What stands in backticks."""
    for paragraph in paragraphs:
        assert paragraph.count("`") % 2 == 0, f"an odd backtick: {paragraph}"
        yield from re.findall(r"`([^`]+)`", paragraph)


def all_paragraphs(text: CauseText) -> tuple[str, ...]:
    return (text.title, *(paragraph for _, paragraph in text.parts))


def test_every_cause_has_its_text_in_the_order_of_the_verdict() -> None:
    assert tuple(TEXTS) == ORDER
    assert set(TEXTS) == set(Cause)
    assert all(text.cause is cause for cause, text in TEXTS.items())


def test_groups_follow_one_another() -> None:
    assert [group for group, _ in groupby(text.group for text in TEXTS.values())] == list(Group)


@every_text
def test_every_part_is_said_in_whole_sentences(text: CauseText) -> None:
    assert len(text.parts) == 5
    for heading, paragraph in text.parts:
        assert re.fullmatch(r"[A-Z`].{40,}\.", paragraph), heading
        assert not re.search(r"  |\n|TODO", paragraph), heading
    assert re.fullmatch(r"[A-Z].*[^.]", text.title)
    assert len(text.title) <= 58, "a title shares a line of 80 with its slug"


@every_text
def test_what_stands_in_backticks_exists(text: CauseText) -> None:
    commands = {command.name for command in app.registered_commands}
    for code in codes(*all_paragraphs(text)):
        if SLUG.fullmatch(code):
            assert code in list(Cause), f"no such cause: {code}"
            assert code != text.cause.value, "a text need not send its reader to itself"
        elif match := FIELD.fullmatch(code):
            check_field(match["table"], match["field"], match["value"])
        elif match := COMMAND.fullmatch(code):
            assert match["name"] in commands, f"no such command: {code}"
        else:
            assert code in KERAS, f"neither a cause, a field, a command nor a name of Keras: {code}"


def check_field(table: str, field: str, value: str | None) -> None:
    """The field exists and takes the value."""
    assert field in TABLES[table].model_fields, f"no such field: {table}.{field}"
    if value is not None:
        needed = {"source": "photos"} if table == "data" else {}
        given = {**needed, **tomllib.loads(f"{field} = {value}")}
        assert field in TABLES[table].model_validate(given).model_fields_set


@pytest.mark.parametrize(
    ("table", "field", "value"),
    [("model", "head_widths", None), ("training", "keep", '"worst"'), ("data", "validation", "{fold = 5}")],
)
def test_a_wrong_field_would_be_noticed(table: str, field: str, value: str | None) -> None:
    with pytest.raises((AssertionError, ValueError), match=field):
        check_field(table, field, value)


@every_text
def test_other_causes_are_told_apart(text: CauseText) -> None:
    assert {code for code in codes(text.sign) if SLUG.fullmatch(code)}, "what is it confused with?"


@every_text
def test_sources_can_be_looked_up(text: CauseText) -> None:
    assert text.sources
    assert len(set(text.sources)) == len(text.sources)
    for source in text.sources:
        assert source.author
        assert source.title
        assert re.fullmatch(r"https://[\w.]+\.\w+(/\S*)?", source.address)
        assert len(source.address) <= 76, "an address fits on a line of 80"
        assert "arxiv" not in source.address or re.search(r"/abs/\d{4}\.\d{4,5}$", source.address)
        assert source.year is None or 1900 < source.year < 2030


def test_one_address_has_one_title() -> None:
    sources = {source for text in TEXTS.values() for source in text.sources}
    assert len({source.address for source in sources}) == len(sources)


def test_a_preprint_is_not_older_than_its_number() -> None:
    for text in TEXTS.values():
        for source in text.sources:
            match = re.search(r"arxiv\.org/abs/(\d\d)", source.address)
            assert match is None or (source.year is not None and source.year >= 2000 + int(match[1])), source


def test_a_source_reads_as_in_a_list_of_references() -> None:
    dated = Source("Guo, Sun", "On Calibration", 2017, "https://arxiv.org/abs/1706.04599")
    assert str(dated) == "Guo, Sun: On Calibration, 2017, https://arxiv.org/abs/1706.04599"
    assert str(Source("Keras", "Keras FAQ", None, "https://keras.io/")) == "Keras: Keras FAQ, https://keras.io/"


def test_the_rule_is_that_of_the_verdict() -> None:
    assert f"{100 * HARM:.0f} points of accuracy or more" in RULE
    assert f"p < {SIGNIFICANCE}" in RULE
    for code in codes(RULE, TERMS):
        match = FIELD.fullmatch(code)
        assert match is not None
        check_field(match["table"], match["field"], match["value"])


def test_the_rule_names_the_default_of_the_margin() -> None:
    assert TABLES["check"].model_fields["harm"].default == HARM


def half_width(share: float, images: int) -> float:
    """Of the 95 % interval, points."""
    return 100 * 1.96 * math.sqrt(share * (1 - share) / images)


def needed(share: float, half: float) -> int:
    """Images at which the 95 % interval is that narrow."""
    return math.ceil(1.96**2 * share * (1 - share) / half**2)


def test_numbers_of_the_size_of_validation() -> None:
    text = TEXTS[Cause.SMALL_VALIDATION]
    assert f"With 200 images at 75 % it is known to ±{half_width(0.75, 200):.0f} points" in text.what
    assert f"For ±2 points (95 %), {round(needed(0.75, 0.02), -2):,} images are needed at 75 %" in text.measured
    assert f"{needed(0.9, 0.02)} at 90 %" in text.measured
    assert "at 75 %: below about 300 images" in text.measured
    found = [small_validation(correct=np.arange(n) < 0.75 * n, train_accuracy=0.99).p == 0 for n in (290, 306)]
    assert found == [True, False]


def test_numbers_of_not_training() -> None:
    sign = TEXTS[Cause.NOT_TRAINING].sign
    assert f"{math.log(4):.3f} for 4 and {math.log(10):.3f} for 10" in sign


def test_numbers_of_training_mode() -> None:
    logged, clean, validation = 92.2, 94.9, 83.6
    why = TEXTS[Cause.TRAINING_MODE].why
    assert f"{logged} % logged, {clean} % clean, {validation} % validation" in why
    assert f"a gap of {clean - validation:.1f} points looked like {logged - validation:.1f}" in why


def test_numbers_of_stale_statistics() -> None:
    measured = TEXTS[Cause.BATCH_NORM].measured
    assert f"After 282 steps moving averages hold {0.99**282:.0%}".replace("%", " %") in measured
    assert f"{0.999**282:.0%} at 0.999".replace("%", " %") in measured


def test_numbers_of_a_mask_over_a_narrow_layer() -> None:
    units, rate, classes = 4, 0.8, 4
    dark = rate**units
    assert f"{100 * dark:.0f} % and {100 * (1 - dark * (1 - 1 / classes)):.0f} %" in TEXTS[Cause.BOTTLENECK].measured


def test_numbers_of_dropout_before_the_pooling() -> None:
    positions, rate = 25, 0.5
    behind = math.sqrt(rate / (1 - rate))
    what = TEXTS[Cause.IDLE_DROPOUT].what
    assert f"With {positions} positions and p = {rate}: {behind / math.sqrt(positions)} instead of {behind:.0f}" in what


def test_numbers_of_a_flattened_map() -> None:
    side = math.ceil(300 / 32)
    weights = side * side * 2048 * 1024
    assert f"has {weights / 1e6:.0f} million" in TEXTS[Cause.CAPACITY].what


def test_numbers_of_the_best_of_many() -> None:
    best_is_less = binom.cdf(np.arange(750), 750, 0.75) ** 50
    luck = 100 * float((1 - best_is_less).sum() / 750 - 0.75)
    why = TEXTS[Cause.BEST_OF_MANY].why
    assert f"shows {luck:.1f} points too much" in why
    assert f"{luck * math.sqrt(1 - 0.6):.1f} if they correlate at 0.6" in why

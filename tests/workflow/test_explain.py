"""The pages of the causes in a terminal: nothing lost, nothing wider than it may be."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

import pytest

from sweep.diagnosis.causes import RULE, TEXTS
from sweep.errors import UsageError
from sweep.records import Cause
from sweep.workflow.explain import Line, all_as_json, as_json, find_cause, list_causes, page

SPACE = re.compile(r"\s+")


def letters(text: str) -> str:
    """Without spaces: what a line break may not change."""
    return SPACE.sub("", text)


def joined(lines: Iterable[Line]) -> str:
    return "\n".join(line.text for line in lines)


@pytest.mark.parametrize("width", [40, 80, 132])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    for text in TEXTS.values():
        assert max(len(line.text) for line in page(text, width)) <= width
    assert max(len(line.text) for line in list_causes(width)) <= width


@pytest.mark.parametrize("width", [1, 39])
def test_below_forty_columns_the_terminal_breaks_the_lines(width: int) -> None:
    assert list(list_causes(width)) == list(list_causes(40))
    assert list(page(TEXTS[Cause.LEAK], width)) == list(page(TEXTS[Cause.LEAK], 40))


@pytest.mark.parametrize("cause", Cause)
def test_a_cause_fills_a_screen_and_no_more(cause: Cause) -> None:
    assert 24 <= len(list(page(TEXTS[cause], 80))) <= 40


@pytest.mark.parametrize("width", [40, 80, 132])
@pytest.mark.parametrize("cause", Cause)
def test_wrapping_loses_nothing(cause: Cause, width: int) -> None:
    text = TEXTS[cause]
    paragraphs = [f"{cause}: {text.title}", *(part for pair in text.parts for part in pair), "Sources"]
    whole = "".join([*paragraphs, *map(str, text.sources)])
    assert letters(joined(page(text, width))) == letters(whole)


@pytest.mark.parametrize("cause", Cause)
def test_code_can_be_copied_from_one_line(cause: Cause) -> None:
    text = TEXTS[cause]
    shown = joined(page(text, 80))
    for _, paragraph in text.parts:
        for code in re.findall(r"`[^`]+`", paragraph):
            assert code in shown
    for source in text.sources:
        assert source.address in shown


def test_code_wider_than_the_terminal_is_broken_between_words() -> None:
    shown = [line.text for line in page(TEXTS[Cause.SMALL_VALIDATION], 40)]
    assert "  `data.validation = {folds = 5, repeats" in shown
    assert "  = 2}` does so twice. Or a larger" in shown


def test_a_number_keeps_its_per_cent_sign() -> None:
    for text in TEXTS.values():
        assert not re.search(r"\d\n\s*%", joined(page(text, 80)))


def test_headings_are_marked() -> None:
    headings = [line.text for line in page(TEXTS[Cause.LABEL_NOISE], 80) if line.heading]
    assert headings == [
        "label-noise: Wrong labels", "What it is", "Why it matters", "How it looks", "How it is measured", "What to do",
        "Sources",
    ]  # fmt: skip


def test_the_list_has_every_cause_under_its_group() -> None:
    lines = list(list_causes(80))
    assert [line.text for line in lines if line.heading] == [
        "Is the number real?", "How it was measured", "Data", "Model and optimisation", "Choice"
    ]  # fmt: skip
    texts = [line.text for line in lines]
    assert [text.split()[0] for text in texts if text.startswith("  ")] == list(TEXTS)
    assert "  leak                Copies of one image in training and validation" in texts
    assert texts.index("Data") < texts.index("  label-noise         Wrong labels") < texts.index("Choice")
    assert RULE in " ".join(texts)


@pytest.mark.parametrize(
    ("slug", "near"),
    [
        ("leek", "expected leak"),
        ("bias", "expected class-bias"),
        ("Label_Noise", "expected label-noise"),
        ("epoch", "expected last-epoch"),
        ("overfitting", "expected the slug of a cause, such as leak"),
        ("", "expected the slug of a cause, such as leak"),
    ],
)
def test_an_unknown_cause_names_those_of_like_spelling(slug: str, near: str) -> None:
    with pytest.raises(UsageError, match=f"received '{slug}'; {near}"):
        find_cause(slug)


def test_a_known_cause_is_found() -> None:
    assert find_cause("batch-norm") is TEXTS[Cause.BATCH_NORM]


def test_a_cause_as_json() -> None:
    read = json.loads(as_json(TEXTS[Cause.LEAK]))
    assert list(read) == ["cause", "group", "title", "what", "why", "sign", "measured", "remedy", "sources"]
    assert (read["cause"], read["group"]) == ("leak", "Data")
    assert read["remedy"] == TEXTS[Cause.LEAK].remedy
    assert read["sources"][0] == {
        "author": "Barz, Denzler",
        "title": "Do We Train on Test Data? Purging CIFAR of Near-Duplicates",
        "year": 2020,
        "address": "https://arxiv.org/abs/1902.00423",
    }


def test_all_causes_as_json() -> None:
    read = json.loads(all_as_json())
    assert [one["cause"] for one in read["causes"]] == list(TEXTS)
    assert read["rule"] == RULE
    assert json.loads(as_json(TEXTS[Cause.SHIFT])) in read["causes"]

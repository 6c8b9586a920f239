"""One file, no network, and no name in it that a browser would obey."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from typing import Any

import pytest

from sweep.records import FailureRecord, ImageRecord, Split, StudyRecord, TrialRecord, UnreadableFile
from sweep.report.gather import Report, gather_report
from sweep.report.page import render_page

StudyMaker = Callable[..., StudyRecord]
Images = tuple[tuple[ImageRecord, Split], ...]
HOSTILE = (
    "<script>owned()</script>",
    "\"'><img src=x onerror=owned()>",
    "</script><script>owned()</script><!--",
    "\u202egnp.exe שלום",
    "🧸👩‍👩‍👧 {{ 7 * 7 }} " + "x" * 200,
)


@dataclass
class Parsed(HTMLParser):
    """What a browser would find: elements with their attributes, scripts, and all text outside of them."""

    html: str
    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    scripts: list[tuple[dict[str, str | None], str]] = field(default_factory=list)
    text: str = ""

    def __post_init__(self) -> None:
        super().__init__()
        self._open: str | None = None
        self.feed(self.html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._open = tag if tag in ("script", "style") else None
        if tag == "script":
            self.scripts.append((dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        self._open = None

    def handle_data(self, data: str) -> None:
        if self._open == "script":
            attributes, text = self.scripts[-1]
            self.scripts[-1] = (attributes, text + data)
        elif self._open is None:
            self.text += data

    def data(self, name: str) -> Any:  # noqa: ANN401 - whatever the page embeds
        return next(json.loads(text) for attributes, text in self.scripts if attributes.get("id") == name)


@pytest.fixture(scope="module")
def toy_page(toy_report: Report) -> Parsed:
    return Parsed(render_page(toy_report))


@pytest.fixture(scope="module")
def hostile_page(study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...], labelled_images: Images) -> Parsed:
    trials = [replace(one, configuration={**one.configuration, "weights": HOSTILE[2]}) for one in toy_trials]
    trials[11] = replace(trials[11], failure=FailureRecord(kind="nan", reason=HOSTILE[2], epoch=1))
    study = study_record(
        name=HOSTILE[2],
        question=HOSTILE[1],
        class_names=HOSTILE,
        unreadable=[UnreadableFile(path=name, reason=name) for name in HOSTILE],
        notes=HOSTILE,
        space={"weights": {"choices": [HOSTILE[2], "imagenet"]}},
    )
    report = gather_report(study, trials, images=labelled_images, importances={"gap": {HOSTILE[2]: 1.0}})
    return Parsed(render_page(report))


def test_it_is_one_file_that_asks_the_network_for_nothing(toy_page: Parsed) -> None:
    fetched = [
        (tag, name)
        for tag, attributes in toy_page.elements
        for name in attributes
        if name in ("src", "srcset", "action", "data", "poster") or (name == "href" and tag != "a")
    ]
    assert fetched == []
    links = {attributes.get("href") for tag, attributes in toy_page.elements if tag == "a"}
    assert all(link and link.startswith("#") for link in links)
    assert "default-src 'none'" in str(toy_page.elements)


def test_only_the_two_scripts_it_was_written_with_may_run(toy_page: Parsed) -> None:
    policy = next(attributes["content"] for tag, attributes in toy_page.elements if "http-equiv" in attributes)
    running = [text for attributes, text in toy_page.scripts if attributes.get("type") != "application/json"]
    assert len(running) == 2
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in running]
    assert policy is not None
    assert re.findall(r"'sha256-([^']+)'", policy) == digests
    assert "unsafe-inline" not in policy.split("script-src")[1].split(";")[0]


def test_hostile_names_stay_text(hostile_page: Parsed) -> None:
    assert len(hostile_page.scripts) == 4
    assert not [tag for tag, _ in hostile_page.elements if tag == "img"]
    assert not [name for _, attributes in hostile_page.elements for name in attributes if name.startswith("on")]
    assert HOSTILE[0] in hostile_page.text
    assert HOSTILE[1] in hostile_page.text
    assert "{{ 7 * 7 }}" in hostile_page.text
    assert "\u202e" not in hostile_page.html
    assert "owned" not in hostile_page.scripts[-1][1]


def test_hostile_settings_stay_data(hostile_page: Parsed) -> None:
    texts = json.dumps(hostile_page.data("figures"))
    assert "&lt;/script&gt;" in texts
    assert "</script" not in texts.lower()
    embedded = [text for attributes, text in hostile_page.scripts if attributes.get("type") == "application/json"]
    assert all("<" not in text and "&" not in text for text in embedded)


def test_the_ranking_stands_in_the_page_without_any_script(toy_page: Parsed, toy_report: Report) -> None:
    rows = [
        attributes["data-trial"] for tag, attributes in toy_page.elements if tag == "tr" and "data-trial" in attributes
    ]
    assert rows == [str(row.number) for row in toy_report.rows]
    flat = " ".join(toy_page.text.split())
    assert "Trial 18 narrows the gap by 9.6 points [7.3, 11.8] and scores 3.2 points [0.9, 5.4] more" in flat
    assert "Tier 1 not significantly worse on validation than the leader" in flat
    assert "2 failed (trials 11, 23): the loss became NaN" in flat


def test_every_figure_has_its_sentence_and_its_data(toy_page: Parsed) -> None:
    named = {attributes["data-figure"] for tag, attributes in toy_page.elements if tag == "figure"}
    assert named == set(toy_page.data("figures")) == {"curves", "gap", "importances", "parallel"}
    described = [attributes["aria-label"] for tag, attributes in toy_page.elements if tag == "figure"]
    assert all(described)


def test_the_baseline_and_the_best_other_trial_are_shown_first(toy_page: Parsed, toy_report: Report) -> None:
    titles = [note["text"] for note in toy_page.data("figures")["curves"]["layout"]["annotations"]]
    assert titles == ["Your configuration, rank 26", "Trial 18, rank 1"]
    curves = toy_page.data("curve-data")
    assert set(curves) == {str(row.number) for row in toy_report.rows}
    assert curves["18"]["reason"] == "the leader: highest J"


def test_bars_share_one_scale(toy_page: Parsed) -> None:
    # The scale runs from 70 to 100 %: validation 82.33 % stands at 41.1 % of the width.
    best = toy_page.html[toy_page.html.index('data-trial="18"') :]
    assert '<i class="validation" style="left:41.11%">' in best[:2000]


def test_another_order_shows_its_warning_and_no_tiers(
    study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...], labelled_images: Images
) -> None:
    page = Parsed(render_page(gather_report(study_record(), toy_trials, images=labelled_images, sort="gap")))
    assert "which misleads" in page.text
    assert not [attributes for tag, attributes in page.elements if attributes.get("class") == "tier"]


def test_a_single_trial_and_no_trial_are_pages_too(
    study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...]
) -> None:
    single = Parsed(render_page(gather_report(study_record(), toy_trials[:1], importances="Too few trials.")))
    assert set(single.data("figures")) == {"curves", "gap", "parallel"}
    assert "Too few trials." in single.text
    empty = Parsed(render_page(gather_report(study_record(), [])))
    assert empty.data("figures") == {}
    assert "No trial has been measured yet." in empty.text
    assert "Data and split" in empty.text


def test_our_default_is_not_called_the_users(study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...]) -> None:
    page = Parsed(render_page(gather_report(study_record(), toy_trials, default_baseline=True)))
    assert "your configuration" not in page.text.lower()
    assert "our default" in page.text

"""One file, no network, and no name in it that a browser would obey."""

from __future__ import annotations

import base64
import gzip
import hashlib
import itertools
import json
import re
from collections import Counter
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
SCRIPTS = 3 + 5 + 1  # that run, that hold data, and plotly.js packed
SECTIONS = ["verdict", "configuration", "change", "ranking", "influence", "trials", "data", "method"]


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
def full_page(full_report: Report) -> Parsed:
    return Parsed(render_page(full_report))


@pytest.fixture(scope="module")
def hostile_page(study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...], labelled_images: Images) -> Parsed:
    trials = [with_weights(one, HOSTILE[2] if one.number % 2 else "imagenet") for one in toy_trials]
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


def with_weights(trial: TrialRecord, weights: str) -> TrialRecord:
    """A trial of which a setting, and the reason why its modes were not measured, are the user's own words."""
    measured = trial.measurement and replace(trial.measurement, modes_reason=HOSTILE[0])
    settings = {**trial.configuration, "weights": weights}
    return replace(trial, configuration=settings, parameters=settings, measurement=measured)


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


def test_only_the_scripts_it_was_written_with_may_run(toy_page: Parsed) -> None:
    policy = next(attributes["content"] for tag, attributes in toy_page.elements if "http-equiv" in attributes)
    running = [text for attributes, text in toy_page.scripts if "type" not in attributes]
    assert len(running) == 3
    packed = next(text for attributes, text in toy_page.scripts if attributes.get("id") == "plotly")
    running.append(gzip.decompress(base64.b64decode(packed)).decode())
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in running]
    assert policy is not None
    assert re.findall(r"'sha256-([^']+)'", policy) == digests
    assert "unsafe-inline" not in policy.split("script-src")[1].split(";")[0]


def test_hostile_names_stay_text(hostile_page: Parsed) -> None:
    assert len(hostile_page.scripts) == SCRIPTS
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
    assert "&lt;/script&gt;" in json.dumps(hostile_page.data("figures")["marginal-1"]["layout"]["xaxis"])
    embedded = [text for attributes, text in hostile_page.scripts if attributes.get("type") == "application/json"]
    assert all("<" not in text and "&" not in text for text in embedded)


def test_the_story_is_told_in_its_order(toy_page: Parsed, full_page: Parsed) -> None:
    for page in (toy_page, full_page):
        assert [one.get("id") for tag, one in page.elements if tag == "section"] == SECTIONS
        levels = [int(tag[1]) for tag, _ in page.elements if tag in ("h1", "h2", "h3", "h4")]
        assert levels[0] == 1
        assert all(after <= before + 1 for before, after in itertools.pairwise(levels)), "a heading skips a level"


def test_the_leaders_stand_in_the_page_without_any_script(toy_page: Parsed, toy_report: Report) -> None:
    classes = ("trial", "trial baseline")
    rows = [one["data-trial"] for tag, one in toy_page.elements if tag == "tr" and one.get("class") in classes]
    shown = {1: 10, 2: 4, 4: 2}
    tiers = [[row for row in toy_report.rows if row.tier == tier] for tier in shown]
    expected = [row for tier in tiers for place, row in enumerate(tier) if place < shown[row.tier] or row.baseline]
    assert rows == [str(row.number) for row in expected]
    flat = " ".join(toy_page.text.split())
    assert "Trial 18 narrows the gap by 9.6 points [7.3, 11.8] and scores 3.2 points [0.9, 5.4] more" in flat
    assert "Tier 1 not significantly worse on validation than the leader" in flat
    assert "4 more in tier 1" in flat
    assert "2 failed (trials 11, 23): the loss became NaN" in flat


def test_every_figure_has_its_sentence_and_its_numbers(full_page: Parsed) -> None:
    drawn = {one["data-figure"]: one for _, one in full_page.elements if "data-figure" in one}
    curves = {f"marginal-{place}" for place in range(5)}
    assert set(drawn) == set(full_page.data("figures")) == {"curves", "gap", "parallel", "repeats", *curves}
    assert all(one["aria-label"] and one["role"] == "img" for one in drawn.values())
    count = Counter(tag for tag, _ in full_page.elements)
    behind = [one for tag, one in full_page.elements if tag == "details" and one.get("class") == "figure-data"]
    assert count["figure"] == count["figcaption"] == len(behind) == 8
    assert full_page.text.count("The numbers behind this figure") == 8


def test_what_appears_beside_the_pointer_is_in_the_page_once(toy_page: Parsed, toy_report: Report) -> None:
    traces = [trace for name in ("gap", "parallel") for trace in toy_page.data("figures")[name]["data"]]
    assert not [trace["name"] for trace in traces if "customdata" in trace and "text" in trace]
    assert set(toy_page.data("hovers")) == {str(row.number) for row in toy_report.rows}


def test_the_table_of_every_trial_is_data_that_a_script_draws(toy_page: Parsed, toy_report: Report) -> None:
    data = toy_page.data("trial-data")
    assert len(data["rows"]) == len(toy_report.trials) == 40
    table = next(at for at, (_, one) in enumerate(toy_page.elements) if one.get("id") == "all-trials")
    headings = [one for tag, one in toy_page.elements[table:] if tag == "th" and "aria-sort" in one]
    assert len(headings) == len(data["columns"])
    assert [one["aria-sort"] for one in headings].count("ascending") == 1
    filter_field = next(one for _, one in toy_page.elements if one.get("id") == "trial-filter")
    assert "filter-help" in {one.get("id") for _, one in toy_page.elements}
    assert filter_field["aria-describedby"] == "filter-help"
    assert next(one for _, one in toy_page.elements if one.get("id") == "trial-count")["aria-live"] == "polite"


def test_the_baseline_and_the_best_other_trial_are_shown_first(toy_page: Parsed, toy_report: Report) -> None:
    titles = [note["text"] for note in toy_page.data("figures")["curves"]["layout"]["annotations"]]
    assert titles == ["Your configuration<br>rank 26", "Trial 18<br>rank 1"]
    curves = toy_page.data("curve-data")
    assert set(curves) == {str(row.number) for row in toy_report.rows}
    assert curves["18"]["reason"] == "the leader: highest J"
    assert "Beside it stands trial 18, the leader: highest J." in " ".join(toy_page.text.split())


def test_bars_share_one_scale(toy_page: Parsed) -> None:
    # The scale runs from 70 to 100 %: validation 82.33 % stands at 41.1 % of the width.
    best = toy_page.html[toy_page.html.index('data-trial="18"') :]
    assert '<i class="validation" style="left:41.11%">' in best[:2000]


def test_the_score_of_rank_1_is_corrected_beside_it_and_explained(toy_page: Parsed, toy_report: Report) -> None:
    optimism = toy_report.ranking.optimism
    assert optimism is not None
    hero = " ".join(toy_page.text.split("What your configuration does")[0].split())
    assert f"corrected {100 * optimism.corrected.estimate:.1f} %" in hero
    assert "corrected for having been chosen among" in hero
    assert "The best of many trials is partly the luckiest on these images." in hero
    assert "How often a trial would be rank 1 had other validation images been drawn." in toy_page.text


def test_the_waterfall_stands_before_the_ranking_and_needs_no_script(full_page: Parsed) -> None:
    flat = " ".join(full_page.text.split())
    assert flat.index("What your configuration does") < flat.index("Tier 1 not significantly worse")
    assert "epoch lag what the logged training number lags behind" in flat
    assert "Nothing to draw: no augmentation" in flat
    headings = [
        attributes
        for tag, attributes in full_page.elements
        if tag == "td" and "data-name" in attributes and "narrowed" not in str(attributes)
    ]
    assert {attributes["data-name"] for attributes in headings} == {"Your configuration", "Trial 18"}
    shown = [attributes["id"] for tag, attributes in full_page.elements if attributes.get("name") == "quantity"]
    assert shown == ["quantity-accuracy", "quantity-cross_entropy"]


def test_finalists_and_every_opening_have_their_place(full_page: Parsed, full_report: Report) -> None:
    flat = " ".join(full_page.text.split())
    assert "repeats" in full_page.data("figures")
    assert "Over 5 repetitions on new splits" in flat
    assert "Opened 2 times, last on 26 November 2026." in flat
    assert "Opening 1 23 November 2026, 08:15: 300 images, none of them seen before" in flat
    assert "Opening 2 26 November 2026, 08:15: 300 images, 300 of them seen before" in flat
    assert "More than your configuration" in flat
    assert flat.count(" inside ") == 2 * 2 + 2  # in both tables and in both sentences
    assert len(full_report.openings) == 2


def test_a_sealed_side_that_was_not_opened_says_so(toy_page: Parsed) -> None:
    assert "300 images are sealed: this study has looked at none of them." in " ".join(toy_page.text.split())


def test_balanced_accuracy_stands_beside_accuracy_where_classes_are_unequal(
    study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...], labelled_images: Images, toy_page: Parsed
) -> None:
    study = study_record()
    counts = {**study.data.counts, "validation": (200, 100, 100, 100, 100)}
    unequal = replace(study, data=replace(study.data, counts=counts))
    page = Parsed(render_page(gather_report(unequal, toy_trials, images=labelled_images)))
    assert "Mean of the classes' own validation accuracies" in page.text
    keys = [str(attributes.get("class")) for tag, attributes in page.elements if tag == "th"]
    assert keys.index("number of-balanced") == keys.index("number of-validation") + 1
    assert [key for key, *_ in page.data("trial-data")["columns"]].index("balanced") == 6
    assert "Balanced" not in toy_page.text


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
    assert "No influence to show yet." in single.text
    assert "Too few trials." in single.text
    empty = Parsed(render_page(gather_report(study_record(), [])))
    assert empty.data("figures") == {}
    assert "No trial has been measured yet." in empty.text
    assert [one.get("id") for tag, one in empty.elements if tag == "section"] == SECTIONS
    assert "all-trials" not in {one.get("id") for _, one in empty.elements}


def test_our_default_is_not_called_the_users(study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...]) -> None:
    page = Parsed(render_page(gather_report(replace(study_record(), default_baseline=True), toy_trials)))
    assert "your configuration" not in page.text.lower()
    assert "our default" in page.text


# ---- the verdict ---------------------------------------------------------------------------------------------------

DOT = "data:image/jpeg;base64,/9j/AAAA"


@pytest.fixture(scope="module")
def diagnosed_page(diagnosed_report: Report) -> Parsed:
    return Parsed(render_page(diagnosed_report, {600: DOT, 3: DOT, 607: ""}))


def test_the_first_lines_say_what_to_change_and_whether_that_is_proven(diagnosed_page: Parsed) -> None:
    first = " ".join(diagnosed_page.text.split("What your configuration does")[0].split())
    said = [
        "Verdict on your configuration (trial 0) Leak: 30 of 600",
        "train 95.5\xa0% validation 79.2\xa0% [75.7, 82.2] gap 16.3\xa0points [13.3, 19.8]".replace("\xa0", " "),
        "What to change first Drop the copies.",
        "✓ proven the gap narrows by 4.0 points [1.0, 7.0]",
        "Trial 18 narrows the gap",
    ]
    places = [first.index(words) for words in said]
    assert places == sorted(places)


def test_the_verdict_is_the_headline_and_its_causes_say_what_to_change(diagnosed_page: Parsed) -> None:
    flat = " ".join(diagnosed_page.text.split())
    headline = flat.index("Leak: 30 of 600 validation images have a copy in training. Then: class-bias.")
    assert flat.index("Verdict on your configuration (trial 0)") < headline < flat.index("Trial 18 narrows the gap")
    told = flat[flat.index("What to change, and the proof") : flat.index("The ranking, in tiers")]
    order = [
        "2 causes found in your configuration (trial 0)",
        "3 remedies were run against the configuration as it is; one is proven.",
        "✗ refuted Wrong labels without 24 images",
        "leak 30 of 600 validation images have a copy in training. Effect 5.0 points [3.4, 7.1], p < 0.001",
        "[data] deduplicate = true",
        "✓ proven data.deduplicate = true: the gap narrows by 4.0 points [1.0, 7.0]",
        "Method: Barz and Denzler, J. Imaging 6 (2020)",
        'Class "duck" is 26.0 % of the predictions.',
        "○ not shown training.class_weight",
        "Found, but mending it has changed nothing",
        "✗ refuted without 24 images",
        "Undetermined",
        "The last epoch is worse. Effect 0.050 nats [-0.010, 0.110]; about 144 images would settle it.",
        "Not measured (1)",
        "No features.",
        "Excluded (1)",
    ]
    places = [told.index(words) for words in order]
    assert places == sorted(places)
    assert "`" not in told, "code is not shown as it is written"


def test_pictures_are_seen_named_and_described(diagnosed_page: Parsed) -> None:
    images = [attributes for tag, attributes in diagnosed_page.elements if tag == "img"]
    assert [one["src"] for one in images] == [DOT, DOT]
    assert images[0]["alt"] == 'An image of class "ball" from validation: equal pixels: in validation, in training.'
    flat = " ".join(diagnosed_page.text.split())
    assert "0.jpg validation 3.jpg train" in flat
    assert "7.jpg validation not there any more" in flat
    assert flat.count("not there any more") == 1
    assert "img-src data:" in str(diagnosed_page.elements)


def test_long_paths_break_between_folders(
    diagnosed_report: Report, with_summary: Callable[[Report, str], Report]
) -> None:
    page = render_page(with_summary(diagnosed_report, "a<b>/c.jpg"))
    assert "<bdi>a&lt;b&gt;/<wbr>c.jpg</bdi>" in page


def test_without_thumbnails_paths_are_left(diagnosed_report: Report) -> None:
    page = Parsed(render_page(diagnosed_report))
    assert "img" not in {tag for tag, _ in page.elements}
    assert "0.jpg validation 3.jpg train" in " ".join(page.text.split())
    assert "not there any more" not in page.text


def test_hostile_names_in_a_verdict_stay_text(
    diagnosed_report: Report, with_summary: Callable[[Report, str], Report]
) -> None:
    for words in (" ".join(HOSTILE[:-1]), HOSTILE[-1]):
        page = Parsed(render_page(with_summary(diagnosed_report, words), {600: DOT}))
        assert len(page.scripts) == SCRIPTS
        assert [attributes["src"] for tag, attributes in page.elements if tag == "img"] == [DOT]
        assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
        assert " ".join(words.replace("\u202e", "�").split())[:200] in " ".join(page.text.split())
        assert "\u202e" not in page.html


def test_a_study_that_was_not_diagnosed_says_how_to_get_a_verdict(
    toy_page: Parsed, study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...]
) -> None:
    flat = " ".join(toy_page.text.split())
    assert "No verdict: the causes of the gap were not looked for. sweep diagnose names them." in flat
    empty = Parsed(render_page(gather_report(study_record(), toy_trials[1:3])))
    assert "No verdict yet: your configuration has no result. sweep run with the same study goes on." in " ".join(
        empty.text.split()
    )

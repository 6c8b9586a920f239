"""Optuna's dashboard in a real browser: its older plotly.js draws our figures, and names of others stay text."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import optuna
import pytest
from playwright.sync_api import Browser, Page

from sweep.records import DataIndex, Split, SplitIndices, StudyRecord, TrialRecord, TrialState
from sweep.search import marks
from sweep.search.suggest import distributions
from sweep.store.results import open_database
from sweep.studyfile.definition import StudyDefinition
from sweep.workflow.dashboard import open_dashboard

# No longer than what a sentence quotes of a name.
HOSTILE = "[a](javascript:hacked=1) **b** <img src=x onerror=hacked=1>"
ADDRESS = "http://evil.example/"
STATES = {
    TrialState.COMPLETE: optuna.trial.TrialState.COMPLETE,
    TrialState.PRUNED: optuna.trial.TrialState.PRUNED,
    TrialState.FAILED: optuna.trial.TrialState.FAIL,
}
FIGURES = {
    "sweep-waterfall-accuracy": 2,
    "sweep-curves": 12,
    "sweep-gap-against-validation": 6,
    "sweep-parallel-coordinates": 3,
    "sweep-finalists": 4,
    "sweep-influence-1": 2,
    "sweep-influence-2": 2,
    "sweep-influence-3": 2,
}
"""What is drawn, and how many traces of it at least."""


@pytest.fixture(scope="module")
def database(
    tmp_path_factory: pytest.TempPathFactory,
    study_record: Callable[..., StudyRecord],
    toy_trials: tuple[TrialRecord, ...],
    made_up: ModuleType,
) -> Path:
    """The made-up study, stored as a search would have left it; two of its classes have names that are attacks."""
    path: Path = tmp_path_factory.mktemp("dashboard") / "study.db"
    classes = (HOSTILE, ADDRESS, *made_up.TOYS[2:])
    record = study_record(class_names=classes, trials=len(toy_trials))
    images = made_up.make_images()
    sides = {side: np.array([place for place, (_, one) in enumerate(images) if one is side]) for side in Split}
    split = SplitIndices(train=sides[Split.TRAIN], validation=sides[Split.VALIDATION], test=sides[Split.TEST])
    index = DataIndex(root="toys", class_names=classes, images=tuple(image for image, _ in images))
    with open_database(path, create=True) as opened:
        opened.add_study(record, index, split)
        study = optuna.create_study(storage=opened.optuna_storage(), study_name=record.name, direction="maximize")
        for trial in map(made_up.with_modes, toy_trials):
            study.add_trial(_as_optuna_has_it(trial, record))
            if trial.measurement is not None:
                opened.save_measurement(
                    record.name,
                    trial.number,
                    baseline=trial.baseline,
                    configuration=trial.configuration,
                    measurement=trial.measurement,
                )
        for number in (18, 37, 0):
            for repeat in made_up.make_repeats(toy_trials[number], 2):
                opened.save_repeat(record.name, repeat)
        opened.save_findings(record.name, [made_up.LEAK], trial=None)
    return path


def _as_optuna_has_it(trial: TrialRecord, record: StudyRecord) -> optuna.trial.FrozenTrial:
    kinds = distributions(StudyDefinition.model_validate(json.loads(record.definition)).space)
    inside = {} if trial.baseline else {name: kinds[name] for name in trial.parameters}
    shown: dict[str, Any] = {marks.BASELINE: True} if trial.baseline else {}
    if trial.measurement is not None:
        shown |= marks.shown(trial.measurement, trial.objective or 0.0)
    return optuna.trial.create_trial(
        params={
            name: str(trial.parameters[name]) if name == "head_width" else trial.parameters[name] for name in inside
        },
        distributions=inside,
        state=STATES[trial.state],
        value=trial.objective if trial.state is TrialState.COMPLETE else None,
        user_attrs=shown,
        intermediate_values={1: -1.0, 2: -0.8} if trial.measurement is not None else {},
    )


@pytest.fixture(scope="module")
def address(database: Path) -> Iterator[str]:
    """Of a dashboard whose notes, figures and pictures are complete."""
    said: list[str] = []
    with open_dashboard(str(database), port=0, artifacts=database.parent / "pictures", say=said.append) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"{server.url}dashboard"
        finally:
            server.shutdown()
            thread.join()
    assert said == []


@dataclass
class Watched:
    """One page for all tests, since reading the dashboard's program takes seconds, and what it complained of."""

    page: Page
    complaints: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def watched(chromium: Browser, address: str) -> Iterator[Watched]:
    with closing(chromium.new_context(viewport={"width": 1400, "height": 1000})) as context:
        watched = Watched(context.new_page())
        page, complaints = watched.page, watched.complaints
        page.set_default_timeout(60_000)
        page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: _note_foreign(request.url, address, complaints))
        yield watched


Look = Callable[[str], Page]


@pytest.fixture
def look(watched: Watched, address: str) -> Iterator[Look]:
    """Open a page of the dashboard: `look("/studies/1")`; nothing may complain, and nothing else be asked for."""

    def open_page(path: str) -> Page:
        watched.page.goto(address + path)
        return watched.page

    yield open_page
    assert watched.page.evaluate("window.hacked") is None
    assert watched.complaints == []


def _note_foreign(url: str, address: str, complaints: list[str]) -> None:
    if not url.startswith((address.removesuffix("dashboard"), "data:", "blob:")):
        complaints.append(url)


def test_the_older_plotly_draws_every_figure(look: Look) -> None:
    page = look("/studies/1")
    page.wait_for_function(
        "ids => ids.every(id => document.getElementById(`user-defined-plot:${id}`)?.querySelector('.main-svg'))",
        arg=list(FIGURES),
    )
    for name, traces in FIGURES.items():
        plot = page.locator(f"[id='user-defined-plot:{name}']")
        assert plot.locator(".gtitle").count() == 1, name
        assert plot.locator("g.trace, g.bars g.trace").count() >= traces, name
        width, height, card = plot.evaluate(
            "one => { const box = one.querySelector('.main-svg').getBoundingClientRect();"
            "return [box.width, box.height, one.getBoundingClientRect().height] }"
        )
        assert width > 400, name
        assert height == card, name
        # A title that is wider than its card would be cut off.
        assert plot.locator(".gtitle").evaluate("one => one.getBBox().width") < width, name
    page.get_by_text("Study User Attributes").wait_for()
    assert page.get_by_text("Verdict on your configuration").count() == 1


def test_the_note_of_the_study_is_read_as_it_is_meant(look: Look) -> None:
    page = look("/studies/1/note")
    page.get_by_role("heading", name="Which trial to use").wait_for()
    assert page.get_by_role("table").count() >= 3
    assert page.get_by_text("sweep writes anew").count() == 0
    said = page.get_by_text("Data: toys, 5 classes").inner_text().replace("\u2060", "")
    assert f'("{HOSTILE}", "{ADDRESS}", ' in said
    assert page.locator("img[src='x'], a[href^='javascript'], a[href*='evil']").count() == 0


def test_a_finalists_page_has_its_note_and_pictures(look: Look) -> None:
    page = look("/studies/1/trials?numbers=18")
    page.get_by_role("heading", name="Rank 1, tier 1: trial 18").wait_for()
    # Two in the note, and the same two as files below.
    page.wait_for_function(
        """() => {
            const pictures = [...document.querySelectorAll("img[src^='/artifacts/1/19/']")];
            return pictures.length === 4 && pictures.every(one => one.complete && one.naturalWidth > 700);
        }"""
    )
    assert page.get_by_text("gap_accuracy").count() == 1


def test_the_list_of_studies_names_ours(look: Look) -> None:
    page = look("")
    names = page.get_by_text("1. toys")
    names.wait_for()
    assert names.count() == 1

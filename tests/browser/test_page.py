"""The page as people meet it: in a browser, with a mouse, a keyboard, a phone, a printer or a screen reader.

Every test fails too if its page has an error on the console or asks for anything outside of its own file.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import pytest
from playwright.sync_api import Locator, Page

from sweep.records import FailureRecord, TrialRecord, UnreadableFile
from sweep.report.gather import Report, gather_report
from sweep.report.page import render_page
from sweep.report.wording import plain

OpenPage = Callable[..., Page]
SECTIONS = ["verdict", "configuration", "change", "ranking", "influence", "trials", "data", "method"]
PHONE, TABLET, DESKTOP, WIDE = 360, 768, 1280, 1680
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
A4 = 688  # CSS pixels between margins of 14 mm
MARK = "<script>window.hacked=1</script>"
HOSTILE = (
    MARK,
    "\"'><img src=x onerror=window.hacked=1>",
    "</script><script>window.hacked=1</script><!--",
    "\u202egnp.exe שלום {{7*7}}",
    "🧸👩‍👩‍👧" + "x" * 200,
)
PICTURE = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"


# ---- the pages -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory, diagnosed_report: Report) -> Path:
    """The page of a study that has everything."""
    path = tmp_path_factory.mktemp("toys") / "study.html"
    path.write_text(render_page(diagnosed_report, {600: PICTURE, 3: PICTURE}), "utf-8")
    return path


@pytest.fixture(scope="module")
def hostile(
    tmp_path_factory: pytest.TempPathFactory,
    made_up: ModuleType,
    toy_trials: tuple[TrialRecord, ...],
    with_summary: Callable[[Report, str], Report],
) -> Path:
    """The page of a study whose every name wants to be more than text."""
    trials = [_with_weights(trial, HOSTILE[trial.number % 5]) for trial in toy_trials]
    trials[11] = replace(trials[11], failure=FailureRecord(kind="nan", reason=HOSTILE[2], epoch=1))
    study = made_up.make_study(
        name=HOSTILE[2],
        question=HOSTILE[1],
        class_names=HOSTILE,
        unreadable=[UnreadableFile(path=name, reason=name) for name in HOSTILE],
        notes=HOSTILE,
        space={"weights": {"choices": [*HOSTILE]}, "dropout": {"low": 0.0, "high": 0.9}},
    )
    importances = {"gap": {"weights": 0.6, "dropout": 0.4}, "validation": {"weights": 0.5, "dropout": 0.5}}
    report = gather_report(study, trials, images=made_up.make_images(), importances=importances)
    report = replace(report, diagnosis=made_up.make_diagnosis(report), arguments=f"'{HOSTILE[0]}.db'")
    path = tmp_path_factory.mktemp("hostile") / "study.html"
    path.write_text(render_page(with_summary(report, HOSTILE[0]), {600: PICTURE}), "utf-8")
    return path


def _with_weights(trial: TrialRecord, weights: str) -> TrialRecord:
    settings = {**trial.configuration, "weights": weights}
    return replace(trial, configuration=settings, parameters=settings)


@pytest.fixture(scope="module")
def crowd(
    tmp_path_factory: pytest.TempPathFactory, made_up: ModuleType, trial_record: Callable[..., TrialRecord]
) -> Path:
    """The page of a study of 10,000 trials."""
    study, trials = made_up.make_study(trials=10_000), made_up.make_trials(trial_record, 10_000)
    report = gather_report(study, trials, images=made_up.make_images(), importances=made_up.IMPORTANCES)
    path = tmp_path_factory.mktemp("crowd") / "study.html"
    path.write_text(render_page(report), "utf-8")
    return path


@pytest.fixture(scope="module")
def unfolded(toys: Path, open_for_all: OpenPage) -> Page:
    """That first page with everything drawn and open, for tests that only look at it."""
    page = open_for_all(toys)
    unfold(page)
    return page


# ---- what a page is asked ------------------------------------------------------------------------------------------


UNFOLD = """async () => {
  for (const one of document.querySelectorAll("details")) one.open = true;
  for (const figure of document.querySelectorAll("figure")) {
    figure.scrollIntoView({ behavior: "instant", block: "center" });
    const plots = [...figure.querySelectorAll(".plot")];
    const left = () => plots.some((plot) => plot.getClientRects().length && !plot.querySelector(".main-svg"));
    for (let tries = 0; tries < 500 && left(); tries += 1) await new Promise((done) => setTimeout(done, 20));
  }
  scrollTo({ top: 0, behavior: "instant" });
}"""


def unfold(page: Page) -> None:
    """Open all details, and scroll once through the page so that every figure is drawn."""
    page.evaluate(UNFOLD)


def eventually(page: Page, question: str, about: object = None) -> bool:
    """Ask until it is true, for five seconds: where nobody may evaluate text, Playwright's own waiting is refused."""
    for _ in range(200):
        if page.evaluate(question, about):
            return True
        page.wait_for_timeout(25)
    return False


def rows(page: Page, *, shown: bool = True) -> list[int]:
    """The trials of the table of all trials, in its order."""
    found = page.locator(f"#all-trials tbody tr[data-trial]{':visible' if shown else ''}")
    return [int(number) for number in found.evaluate_all("(rows) => rows.map((row) => row.dataset.trial)")]


def heading(page: Page, title: str) -> Locator:
    """The heading of a column of that table."""
    return page.locator("#all-trials th[aria-sort]").filter(has_text=re.compile(rf"^\W*{title}", re.IGNORECASE)).first


def selected(page: Page) -> tuple[str | None, set[str], int]:
    """The trial that the body names, the trials whose rows are selected, and how many rows are."""
    body = page.locator("body").get_attribute("data-selected-trial")
    marked = page.locator("[aria-selected=true]").evaluate_all("(rows) => rows.map((row) => row.dataset.trial)")
    return body, set(marked), len(marked)


# ---- accessibility -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_a_scan_for_accessibility_finds_nothing_serious(toys: Path, open_page: OpenPage, axe: str, width: int) -> None:
    page = open_page(toys, width=width)
    unfold(page)
    page.evaluate(axe)
    for scheme, rules in zip(SCHEMES, ([], ["color-contrast"]), strict=True):  # what is dark differs in nothing else
        page.emulate_media(color_scheme=scheme)
        found: list[dict[str, Any]] = page.evaluate(SCAN, rules)["violations"]
        told = [
            f"{one['impact']}: {one['id']}: {one['help']}: {node['target']} {node['failureSummary']}"
            for one in found
            for node in one["nodes"]
        ]
        assert not [line for line in told if line.startswith(("serious", "critical"))], "\n".join([scheme, *told])


SCAN = """(rules) => axe.run(document, {
  resultTypes: ["violations"], preload: false, ...(rules.length ? { runOnly: rules } : {}),
})"""


def test_the_theme_follows_the_system_and_letters_in_figures_stand_out_in_both(unfolded: Page) -> None:
    """The scan does not look into drawings."""
    surfaces, letters = {}, {}
    for scheme in SCHEMES:
        unfolded.emulate_media(color_scheme=scheme)
        eventually(unfolded, f"() => ({CONTRASTS})().every(([, ratio]) => ratio >= {LEAST_CONTRAST})")
        surfaces[scheme], letters[scheme] = unfolded.evaluate(SURFACE), unfolded.evaluate(CONTRASTS)
        faint = [(text, ratio) for text, ratio in letters[scheme] if ratio < LEAST_CONTRAST]
        assert faint == [], scheme
    assert surfaces["light"] > 600
    assert surfaces["dark"] < 300
    assert len(letters["light"]) == len(letters["dark"]) > 20


# The sum of red, green and blue of what the page is written on.
SURFACE = """() => getComputedStyle(document.body).backgroundColor.match(/[\\d.]+/g).slice(0, 3)
  .reduce((sum, one) => sum + Number(one), 0)"""
LEAST_CONTRAST = 4.5  # of small print: WCAG 2.2, 1.4.3
CONTRASTS = """() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = ([red, green, blue]) => {
    const linear = [red, green, blue].map((one) => one / 255).map((one) =>
      one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = channels(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] > 0.5) return light(colour);
    }
    return 1;
  };
  return [...document.querySelectorAll("figure svg text")]
    .filter((one) => one.textContent.trim() && one.getClientRects().length)
    .map((one) => {
      const own = light(channels(getComputedStyle(one).fill)), other = behind(one.ownerSVGElement);
      return [one.textContent, (Math.max(own, other) + 0.05) / (Math.min(own, other) + 0.05)];
    });
}"""


def test_each_figure_says_what_to_see_and_has_its_numbers_behind_it(unfolded: Page) -> None:
    figures = unfolded.locator("figure").all()
    assert len(figures) > 5
    for figure in figures:
        caption = figure.locator("figcaption").first.text_content() or ""
        assert len(caption.split()) > 5, figure.get_attribute("id")
        behind = figure.locator("details.figure-data")
        assert behind.count(), caption
        assert (behind.locator("summary").first.text_content() or "").strip() == "The numbers behind this figure"
        assert behind.locator("tbody tr").count(), caption
        assert behind.locator("th[scope=col]").count() > 1, caption


def test_lines_and_points_of_a_figure_differ_in_more_than_colour(unfolded: Page) -> None:
    figures: list[list[dict[str, Any]]] = unfolded.evaluate(TRACES)
    assert figures
    for traces in figures:
        for colour in {trace["colour"] for trace in traces}:
            here = {trace["cue"] for trace in traces if trace["colour"] == colour}
            there = {trace["cue"] for trace in traces if trace["colour"] != colour}
            assert not here & there, f"{traces}: only colour tells {colour} apart"


# Of what each figure draws in several colours: the colour, and what tells it apart for who cannot see that.
TRACES = """() => [...document.querySelectorAll(".js-plotly-plot")].map((box) => box.data
  .filter((trace) => trace.visible !== false && (trace.x || []).length && trace.hoverinfo !== "skip")
  .map((trace) => {
    const lines = (trace.mode || "lines").includes("lines"), { line = {}, marker = {} } = trace;
    return lines ? { colour: line.color, cue: `${trace.xaxis} line ${line.dash || "solid"} ${line.width}` }
      : { colour: marker.color, cue: `${trace.xaxis} points ${marker.symbol || "circle"}` };
  }).filter((trace) => typeof trace.colour === "string"))"""


def test_the_story_stands_in_its_order_under_headings_that_skip_no_level(unfolded: Page) -> None:
    sections = unfolded.locator("section[id]").evaluate_all("(them) => them.map((one) => one.id)")
    assert [name for name in sections if name in SECTIONS] == SECTIONS
    levels = unfolded.locator("h1, h2, h3, h4").evaluate_all("(them) => them.map((one) => Number(one.tagName[1]))")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


# ---- what it lets through ------------------------------------------------------------------------------------------


def test_a_script_that_was_put_in_does_not_run(toys: Path, desk: Any) -> None:  # noqa: ANN401 - not importable
    page = desk.open(toys)
    page.evaluate(INJECT, OUTSIDE)
    assert eventually(page, "window.refused.length >= 3")
    assert page.evaluate("window.hacked") is None
    assert set(page.evaluate("window.refused")) == {"script-src-elem", "script-src-attr", "img-src"}
    assert len(desk.complaints) >= 3
    assert all("Content Security Policy" in complaint for complaint in desk.complaints)
    assert desk.requests == [OUTSIDE]
    desk.complaints.clear()
    desk.requests.clear()


OUTSIDE = "https://example.invalid/seen.png"
INJECT = """(outside) => {
  window.refused = [];
  document.addEventListener("securitypolicyviolation", (event) => window.refused.push(event.effectiveDirective));
  const script = document.createElement("script");
  script.textContent = "window.hacked = 1";
  document.head.append(script);
  const button = document.createElement("button");
  button.setAttribute("onclick", "window.hacked = 1");
  document.body.append(button);
  button.click();
  document.body.append(Object.assign(new Image(), { src: outside }));
}"""


def test_hostile_names_stay_text(hostile: Path, open_page: OpenPage) -> None:
    page = open_page(hostile)
    unfold(page)
    assert page.evaluate("window.hacked") is None
    assert page.locator("img").evaluate_all("(them) => them.map((one) => one.src)") == [PICTURE]
    text = " ".join(page.locator("body").inner_text().split())
    for name in HOSTILE:
        assert " ".join(plain(name).split())[:60] in text
    assert "\u202e" not in (page.locator("html").text_content() or "")
    assert_it_fits(page)


def test_hostile_names_are_selected_filtered_and_drawn_as_text(hostile: Path, open_page: OpenPage) -> None:
    page = open_page(hostile)
    page.fill("#trial-filter", MARK)
    shown = rows(page)
    assert shown
    assert all(number % 5 == 0 for number in shown)
    page.locator(f"#all-trials tr[data-trial='{shown[0]}'] td").last.click()
    unfold(page)
    for point in page.locator("figure .point").all()[:3]:
        point.hover(force=True)
    assert page.evaluate("window.hacked") is None
    assert "</script>" in " ".join(page.locator("figure svg text").all_text_contents())


# ---- filter, sort, select ------------------------------------------------------------------------------------------


def test_the_filter_shows_what_it_matches_and_says_how_many(
    toys: Path, open_page: OpenPage, diagnosed_report: Report
) -> None:
    page = open_page(toys)
    count = page.locator("#trial-count")
    assert count.get_attribute("aria-live") == "polite"
    everything = rows(page)
    page.fill("#trial-filter", "pruned")
    pruned = [trial.number for trial in diagnosed_report.trials if trial.state == "pruned"]
    assert sorted(rows(page)) == pruned
    assert re.search(rf"\b{len(pruned)}\b", count.inner_text())
    page.fill("#trial-filter", "no trial is like that")
    assert rows(page) == []
    assert re.search(r"\b(0|no)\b", count.inner_text(), re.IGNORECASE)
    page.fill("#trial-filter", "")
    assert rows(page) == everything


def test_headings_sort_rising_then_falling(toys: Path, open_page: OpenPage, diagnosed_report: Report) -> None:
    page = open_page(toys)
    gaps = {row.number: row.gap.estimate for row in diagnosed_report.rows}
    heading(page, "Gap").get_by_role("button").click()
    assert heading(page, "Gap").get_attribute("aria-sort") == "ascending"
    rising = [number for number in rows(page) if number in gaps]
    assert rising == sorted(rising, key=lambda number: gaps[number])
    assert min(gaps, key=lambda number: gaps[number]) == rising[0]
    heading(page, "Gap").get_by_role("button").click()
    assert heading(page, "Gap").get_attribute("aria-sort") == "descending"
    falling = [number for number in rows(page) if number in gaps]
    assert falling[0] == max(gaps, key=lambda number: gaps[number])
    heading(page, "Trial").get_by_role("button").click()
    assert rows(page) == sorted(rows(page))
    assert page.locator("#all-trials th:is([aria-sort=ascending], [aria-sort=descending])").count() == 1


def test_a_click_on_a_row_selects_its_trial_everywhere_and_escape_clears(toys: Path, open_page: OpenPage) -> None:
    page = open_page(toys)
    first, second = rows(page)[:2]
    for number in (first, second):
        page.locator(f"#all-trials tr[data-trial='{number}'] td").last.click()
        everywhere = page.locator(f"tr[data-trial='{number}']").count()
        assert selected(page) == (str(number), {str(number)}, everywhere)
    page.keyboard.press("Escape")
    assert selected(page) == (None, set(), 0)


def test_a_click_on_a_point_selects_its_trial_everywhere(toys: Path, open_page: OpenPage) -> None:
    page = open_page(toys)
    unfold(page)
    point = page.evaluate(POINT)
    place = [point["x"], point["y"]]
    assert not page.evaluate(RINGED, place)
    page.mouse.move(*place)
    page.mouse.click(*place)
    page.wait_for_selector(f"body[data-selected-trial='{point['trial']}']")
    assert selected(page)[1] == {point["trial"]}
    assert eventually(page, RINGED, place), "nothing is drawn around the point itself"
    page.keyboard.press("Escape")
    assert eventually(page, f"(place) => !({RINGED})(place)", place)
    assert selected(page) == (None, set(), 0)


# Where on the screen a point lies that is the furthest from all others of its figure.
POINT = """() => {
  const figure = [...document.querySelectorAll("figure:has(.point[data-trial])")].at(-1);
  figure.scrollIntoView({ behavior: "instant", block: "center" });
  const points = [...figure.querySelectorAll(".point[data-trial]")].map((one) => {
    const { left, top, width, height } = one.getBoundingClientRect();
    return { trial: one.dataset.trial, x: left + width / 2, y: top + height / 2 };
  });
  const away = (one) => Math.min(...points.filter((other) => other.trial !== one.trial)
    .map((other) => Math.hypot(one.x - other.x, one.y - other.y)));
  return points.reduce((best, one) => away(one) > away(best) ? one : best);
}"""
RINGED = """([x, y]) => [...document.querySelectorAll(".shapelayer path")].map((one) => one.getBoundingClientRect())
  .some((one) => one.left < x && x < one.right && one.top < y && y < one.bottom && one.width < 60)"""


def test_a_keyboard_is_enough_to_sort_select_and_clear(toys: Path, open_page: OpenPage) -> None:
    page = open_page(toys)
    page.keyboard.press("Tab")
    skip = page.locator(":focus")
    assert skip.is_visible()
    assert (skip.get_attribute("href") or "").startswith("#"), "the first stop leads past the navigation"
    page.locator("#trial-filter").focus()
    tab_to(page, "#all-trials th[aria-sort]", "Gap")
    page.keyboard.press("Enter")
    assert heading(page, "Gap").get_attribute("aria-sort") == "ascending"
    tab_to(page, "#all-trials tbody tr[data-trial]")
    assert page.evaluate("document.activeElement.matches(':focus-visible')")
    number = page.evaluate("document.activeElement.closest('[data-trial]').dataset.trial")
    page.keyboard.press("Enter")
    assert selected(page)[:2] == (number, {number})
    page.keyboard.press("Escape")
    assert selected(page) == (None, set(), 0)


def tab_to(page: Page, place: str, text: str = "") -> None:
    """Press Tab until the focus stands in such a place, which has to show that it does."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate(FOCUSED, [place, text]):
            assert page.evaluate(RING) != "", f"nothing shows the focus in {place}"
            return
    pytest.fail(f"60 presses of Tab do not lead to {place} {text}")


FOCUSED = """([place, text]) => {
  const found = document.activeElement.closest(place);
  return Boolean(found && found.textContent.includes(text));
}"""
RING = """() => {
  const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(document.activeElement);
  return outlineStyle !== "none" && parseFloat(outlineWidth) > 0 || boxShadow !== "none" ? "shown" : "";
}"""


# ---- dark, narrow, still, printed, without scripts -----------------------------------------------------------------


def test_no_width_makes_the_page_scroll_sideways(unfolded: Page) -> None:
    assert_it_fits(unfolded)


def assert_it_fits(page: Page) -> None:
    """The page is as wide as its window, whatever that is."""
    for width in (PHONE, TABLET, WIDE, DESKTOP):
        page.set_viewport_size({"width": width, "height": 900})
        fits = eventually(page, "document.scrollingElement.scrollWidth <= document.documentElement.clientWidth")
        assert fits, f"{width} pixels: {page.evaluate(WIDEST)} sticks out"


# What reaches furthest to the right and is in nothing that scrolls by itself.
WIDEST = """() => {
  const around = (one) => getComputedStyle(one).position === "absolute" ? one.offsetParent : one.parentElement;
  const held = (one) => one && one !== document.body
    && (getComputedStyle(one).overflowX !== "visible" || held(around(one)));
  return [...document.body.querySelectorAll("*")].filter((one) => !held(around(one)))
    .map((one) => [Math.round(one.getBoundingClientRect().right), one]).sort((one, two) => two[0] - one[0])
    .slice(0, 3).map(([right, one]) => `${one.tagName}#${one.id}.${one.getAttribute("class")} to ${right}`);
}"""


def test_it_prints_on_paper_without_cutting_a_table(toys: Path, open_page: OpenPage) -> None:
    page = open_page(toys, width=A4, dark=True)
    unfold(page)
    pages = re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4"))
    assert len(pages) > 1
    page.emulate_media(media="print")
    assert page.evaluate(SURFACE) == 3 * 255, "paper is white"
    eventually(page, f"() => ({CUT})().length === 0")
    assert page.evaluate(CUT) == []


# Tables that stick out of the paper, or out of something that scrolls on a screen.
CUT = """() => [...document.querySelectorAll("table")].filter((table) => {
  let right = document.documentElement.clientWidth;
  for (let at = table.parentElement; at; at = at.parentElement)
    if (getComputedStyle(at).overflowX !== "visible") right = Math.min(right, at.getBoundingClientRect().right);
  return table.getBoundingClientRect().right > right + 1;
}).map((table) => table.id || table.className || table.innerText.slice(0, 80))"""


def test_nothing_moves_for_people_who_want_no_motion(toys: Path, open_page: OpenPage) -> None:
    page = open_page(toys, still=True)
    page.locator(f"#all-trials tr[data-trial='{rows(page)[0]}'] td").last.click()
    assert page.evaluate("document.getAnimations().length") == 0
    assert page.evaluate(MOVING) == []


MOVING = """() => [document.documentElement, ...document.body.querySelectorAll("*")].filter((one) => {
  const style = getComputedStyle(one), seconds = (text) => Math.max(...text.split(",").map(parseFloat));
  return style.scrollBehavior === "smooth" || seconds(style.animationDuration) > 0.01
    || seconds(style.transitionDuration) > 0.01 && !one.closest(".js-plotly-plot");
}).map((one) => one.tagName + "." + one.getAttribute("class"))"""


def test_without_scripts_the_story_can_be_read(toys: Path, open_page: OpenPage, diagnosed_report: Report) -> None:
    page = open_page(toys, script=False)
    assert page.locator("html").get_attribute("data-ready") is None
    text = " ".join(page.locator("body").inner_text().split())
    assert "Leak: 30 of 600 validation images have a copy in training" in text
    assert "JavaScript" in text
    for name in SECTIONS:
        assert page.locator(f"#{name}").is_visible(), name
        assert len(page.locator(f"#{name}").inner_text()) > 100, name
    ranked = page.locator("#ranking tr[data-trial]:visible").count()
    assert ranked >= min(20, len(diagnosed_report.rows))
    behind = page.locator("details.figure-data").first
    behind.locator("summary").click()
    assert behind.locator("td").first.is_visible()


# ---- ten thousand trials -------------------------------------------------------------------------------------------


def test_ten_thousand_trials_can_be_used_within_three_seconds(crowd: Path, open_page: OpenPage) -> None:
    """The one wall-clock time that is promised; what it is made of is counted too, for slower machines than yours."""
    assert crowd.stat().st_size < 8e6
    times = []
    for _ in range(3):
        start = time.perf_counter()
        page = open_page(crowd)
        times.append(time.perf_counter() - start)
        if times[-1] < 3:
            break
    assert page.locator("*").count() < 10_000
    assert min(times) < 3
    page.fill("#trial-filter", "pruned")
    heading(page, "Gap").get_by_role("button").click()
    number = rows(page)[0]
    page.locator(f"#all-trials tr[data-trial='{number}'] td").last.click()
    assert selected(page)[1] == {str(number)}
    assert len(rows(page)) <= 200

"""The page: one HTML file that holds everything it needs and asks the network for nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from sweep.diagnosis.causes import RULE
from sweep.diagnosis.marginals import CAVEAT
from sweep.diagnosis.ranking import SORT_NOTES, RankedTrial
from sweep.diagnosis.verdict import verdict_sentence
from sweep.records import Split
from sweep.report import captions
from sweep.report.bars import accuracy_bars, accuracy_scale
from sweep.report.cards import gather_cards
from sweep.report.confusions import confusions_caption, gather_confusions
from sweep.report.every_trial import every_trial, trial_columns
from sweep.report.fields import alike_sentence, varying_fields
from sweep.report.gather import Report
from sweep.report.leading_rows import difference, leading_rows
from sweep.report.marginal_figure import gather_influence
from sweep.report.page_data import SCRIPTS, asset, curves_of, embedded, figures_of, hovers_of, library, policy
from sweep.report.page_sections import STEPS, columns, finalists_sentence, methods, sealed_rows
from sweep.report.proof_figure import gather_proofs, proofs_caption
from sweep.report.proposal import propose
from sweep.report.repeat_figure import gather_finalists
from sweep.report.sentences import (
    EXPLANATIONS,
    TERM_LABELS,
    amount,
    curve_sentence,
    diagnosis_sentences,
    opening_sentence,
    optimism_sentence,
    progress_sentence,
    repeats_sentence,
    rivals_sentence,
    split_sentence,
)
from sweep.report.style import GAP, PARETO, TIER_COLOURS, TRAIN, VALIDATION
from sweep.report.thinning import shown_rows, thinned_sentence
from sweep.report.waterfall_figure import WaterfallPanel, gather_waterfall
from sweep.report.wording import bounds, duration, nats, percent, plain, points, setting, with_bounds

__all__ = ["render_page"]

_NUMBERS_SHOWN = 50  # trials in the tables behind figures; the table of every trial has the others


def render_page(report: Report, thumbnails: Mapping[int, str] | None = None) -> str:
    """The report as HTML.

    Args:
        report: all of it.
        thumbnails: of the pictures behind findings, as `gather_cards` wants them; their paths stand alone without.

    Names of files, classes and studies are untrusted: the template escapes them, data is embedded with every "<"
    written as an escape, and the page's content security policy lets nothing run but the scripts it comes with.
    """
    rows, side_by_side = shown_rows(report), _side_by_side(report)
    influence, scripts = gather_influence(report), {name: asset(name) for name in SCRIPTS}
    figures = figures_of(report, rows, side_by_side, influence)
    return _environment().get_template("page.html.j2").render(
        **_words(report),
        **_parts(report, thumbnails or {}),
        report=report,
        study=report.study,
        **_scales(report),
        shown_trials=report.ranking.rows[:_NUMBERS_SHOWN],
        reference=next(iter(side_by_side), None),
        chosen=side_by_side[1] if len(side_by_side) > 1 else None,
        influence=influence,
        top_share=max(
            (share for one in influence for share in (one.gap_share, one.validation_share) if share), default=1
        ),
        colours={"train": TRAIN, "validation": VALIDATION, "gap": GAP, "pareto": PARETO, "tiers": TIER_COLOURS},
        style=Markup(asset("page.css")),
        scripts=[Markup(script) for script in scripts.values()],
        policy=policy(scripts),
        plotly=library().packed,
        data={
            "figure-heights": embedded({name: figure["layout"]["height"] for name, figure in figures.items()}),
            "figures": embedded(figures),
            "hovers": embedded(hovers_of(report, rows)),
            "curve-data": embedded(curves_of(report, rows)),
            "trial-data": embedded(every_trial(report)),
        },
    )  # fmt: skip


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("sweep.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "plain": plain, "percent": percent, "points": points, "bounds": bounds, "with_bounds": with_bounds,
        "nats": nats, "duration": duration, "setting": setting, "soft_bounds": _soft_bounds, "with_code": _with_code,
        "breakable": lambda path: escape(path).replace("/", Markup("/<wbr>")),
        "amount": lambda value, fall: amount(fall, value), "curve_sentence": curve_sentence,
        "full_stop": lambda text: text if text.endswith(".") else f"{text}.",
        "sentence_case": lambda text: text[:1].upper() + text[1:],
        "thousands": lambda number: f"{number:,}",
    }  # fmt: skip
    return environment


def _words(report: Report) -> dict[str, Any]:
    """The sentences and the meanings that the sections quote."""
    ranking = report.ranking
    return {
        "captions": {
            "ranking": captions.ranking_caption(report),
            "waterfall": captions.waterfall_caption(report, ranking.baseline or ranking.best),
            "curves": captions.curves_caption(report, ranking.baseline or ranking.best),
            "gap": captions.gap_caption(report),
            "importances": captions.importances_caption(report),
            "parallel": captions.parallel_caption(report),
        },
        "headline": report.diagnosis and verdict_sentence(report.diagnosis.verdict),
        "progress": progress_sentence(report),
        "rule": RULE,
        "no_verdict": diagnosis_sentences(report),
        "explanations": EXPLANATIONS,
        "labels": TERM_LABELS,
        "steps": STEPS,
        "methods": methods(report),
        "caveat": CAVEAT,
        "sort_note": SORT_NOTES[report.sort],
        "thinned": thinned_sentence(report),
        "alike": alike_sentence(report),
        "optimism_sentence": optimism_sentence(report),
        "rivals_sentence": rivals_sentence(report),
        "finalists_sentence": repeats_sentence(report) or finalists_sentence(report),
        "opening_sentences": [opening_sentence(report, opening) for opening in report.openings],
        "split_sentence": split_sentence(report),
    }


def _parts(report: Report, thumbnails: Mapping[int, str]) -> dict[str, Any]:
    """What the sections show of the study's records."""
    diagnosis, data = report.diagnosis, report.study.data
    proofs, confusions = () if diagnosis is None else diagnosis.proofs, gather_confusions(report)
    return {
        "cards": diagnosis and gather_cards(diagnosis, data.class_names, thumbnails),
        "proposal": propose(report),
        "proofs": gather_proofs(proofs),
        "proofs_sentence": proofs_caption(proofs),
        "confusions": confusions,
        "confusions_sentence": confusions_caption(confusions),
        "splits": [side for side in Split if data.images(side)],
        "images": sum(data.images(side) for side in Split),
        "sealed_images": data.images(Split.TEST),
        "waterfalls": _waterfalls(report),
        "tiers": leading_rows(report),
        "difference": lambda row: difference(report, row),
        "columns": columns(report),
        "trial_columns": trial_columns(report),
        "fields": varying_fields(report),
        "finalists": gather_finalists(report),
        "openings": [(opening, sealed_rows(report, opening)) for opening in report.openings],
        "nats": nats,
    }


def _scales(report: Report) -> dict[str, Any]:
    """Bars and their scale, for the first lines and for the ranking: one bad trial elsewhere must not squeeze them."""
    first = [row for row in (report.ranking.baseline, report.ranking.best) if row is not None]
    ranked = [row for block in leading_rows(report) for row in block.rows]
    return {
        "first_bars": accuracy_bars(first),
        "first_scale": accuracy_scale(first),
        "bars": accuracy_bars(ranked),
        "scale": accuracy_scale(ranked),
    }


def _side_by_side(report: Report) -> Sequence[RankedTrial]:
    """The trials whose curves stand side by side first: the baseline (else rank 1), and the best other one."""
    ranking = report.ranking
    first = [row for row in (ranking.baseline, *ranking.rows[:2]) if row is not None]
    return tuple(dict.fromkeys(first))[:2]


def _waterfalls(report: Report) -> tuple[WaterfallPanel, ...]:
    """Of the baseline and of rank 1, in accuracy and in cross-entropy."""
    ranking = report.ranking
    rows = [row for row in dict.fromkeys((ranking.baseline, ranking.best)) if row is not None]
    return tuple(gather_waterfall(report, rows, quantity) for quantity in ("accuracy", "cross_entropy")) if rows else ()


def _soft_bounds(sentence: str) -> Markup:
    """A sentence whose intervals in brackets may stand back."""
    return Markup(re.sub(r"(\[[^\]]*\])", r"<span>\1</span>", str(escape(sentence))))


def _with_code(text: str) -> Markup:
    """A paragraph with what stands in backticks as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))

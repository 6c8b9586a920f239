"""The page: one HTML file that holds everything it needs and asks the network for nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import plotly.graph_objects as go
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from plotly.offline import get_plotlyjs

from sweep.diagnosis.causes import RULE
from sweep.diagnosis.marginals import CAVEAT
from sweep.diagnosis.ranking import SORT_NOTES, RankedTrial
from sweep.diagnosis.verdict import verdict_sentence
from sweep.records import Split
from sweep.report import captions
from sweep.report.bars import accuracy_bars, accuracy_scale
from sweep.report.cards import gather_cards
from sweep.report.fields import alike_sentence, varying_fields
from sweep.report.figures import draw_curves, draw_gap_against_validation, gather_curve, gather_points
from sweep.report.gather import Report
from sweep.report.marginal_figure import FieldInfluence, common_ranges, draw_marginal, gather_influence
from sweep.report.page_sections import STEPS, columns, finalists_sentence, methods, sealed_rows
from sweep.report.parallel import draw_parallel_coordinates, gather_parallel_coordinates
from sweep.report.repeat_figure import draw_repeats, gather_finalists
from sweep.report.sentences import (
    EXPLANATIONS,
    TERM_LABELS,
    amount,
    curve_sentence,
    diagnosis_sentences,
    opening_sentence,
    optimism_sentence,
    repeats_sentence,
    rivals_sentence,
    split_sentence,
)
from sweep.report.style import GAP, PARETO, TIER_COLOURS, TRAIN, VALIDATION
from sweep.report.thinning import shown_rows, thinned_sentence
from sweep.report.waterfall_figure import WaterfallPanel, gather_waterfall
from sweep.report.wording import bounds, duration, nats, percent, plain, points, setting, with_bounds

__all__ = ["render_page"]


def render_page(report: Report, thumbnails: Mapping[int, str] | None = None) -> str:
    """The report as HTML.

    Args:
        report: all of it.
        thumbnails: of the pictures behind findings, as `gather_cards` wants them; their paths stand alone without.

    Names of files, classes and studies are untrusted: the template escapes them, data is embedded with every "<"
    written as an escape, and the page's content security policy lets nothing run but the two scripts it comes with.
    """
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
    }  # fmt: skip
    plotly, script = get_plotlyjs(), _asset("page.js")
    reference, chosen = _shown(report)
    influence, rows = gather_influence(report), shown_rows(report)
    return environment.get_template("page.html.j2").render(
        **_words(report, reference, influence),
        report=report,
        cards=report.diagnosis and gather_cards(report.diagnosis, report.study.data.class_names, thumbnails or {}),
        rows=rows,
        study=report.study,
        splits=[side for side in Split if report.study.data.images(side)],
        images=sum(report.study.data.images(side) for side in Split),
        sealed_images=report.study.data.images(Split.TEST),
        bars=accuracy_bars(rows),
        scale=accuracy_scale(rows),
        fields=varying_fields(report),
        columns=columns(report),
        waterfalls=_waterfalls(report),
        chosen=chosen,
        influence=influence,
        top_share=max(
            (share for one in influence for share in (one.gap_share, one.validation_share) if share), default=1
        ),
        finalists=gather_finalists(report),
        openings=[(opening, sealed_rows(report, opening)) for opening in report.openings],
        nats=nats,
        colours={"train": TRAIN, "validation": VALIDATION, "gap": GAP, "pareto": PARETO, "tiers": TIER_COLOURS},
        style=Markup(_asset("page.css")),
        plotly=Markup(plotly),
        script=Markup(script),
        policy=_policy(plotly, script),
        figures=_embedded(_figures(report, rows, (reference, chosen), influence)),
        curves=_embedded(_curves(report, rows)),
    )


def _words(report: Report, reference: RankedTrial | None, influence: Sequence[FieldInfluence]) -> dict[str, Any]:
    """The sentences and the meanings that the sections quote."""
    return {
        "captions": {
            "ranking": captions.ranking_caption(report),
            "waterfall": captions.waterfall_caption(report, report.ranking.baseline or report.ranking.best),
            "curves": captions.curves_caption(report, reference),
            "gap": captions.gap_caption(report),
            "importances": captions.importances_caption(report),
            "parallel": captions.parallel_caption(report),
        },
        "headline": report.diagnosis and verdict_sentence(report.diagnosis.verdict),
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


def _shown(report: Report) -> tuple[RankedTrial | None, RankedTrial | None]:
    """The two trials whose curves stand side by side first: the baseline (else rank 1), and the best other one."""
    ranking = report.ranking
    reference = ranking.baseline or ranking.best
    return reference, next((row for row in ranking.rows if row is not reference), None)


def _waterfalls(report: Report) -> tuple[WaterfallPanel, ...]:
    """Of the baseline and of rank 1, in accuracy and in cross-entropy."""
    ranking = report.ranking
    rows = [row for row in dict.fromkeys((ranking.baseline, ranking.best)) if row is not None]
    return tuple(gather_waterfall(report, rows, quantity) for quantity in ("accuracy", "cross_entropy")) if rows else ()


def _figures(
    report: Report,
    rows: Sequence[RankedTrial],
    side_by_side: tuple[RankedTrial | None, RankedTrial | None],
    influence: Sequence[FieldInfluence],
) -> dict[str, Any]:
    reference, _ = side_by_side
    if reference is None:
        return {}
    named = {reference.number: report.baseline_name if reference.baseline else f"rank {reference.rank}"}
    best = report.ranking.best
    if best is not None and best is not reference:
        named[best.number] = f"rank 1: trial {best.number}"
    drawn: dict[str, go.Figure] = {
        "curves": draw_curves([gather_curve(report, row) for row in side_by_side if row is not None]),
        "gap": draw_gap_against_validation(gather_points(report, rows), named),
        "parallel": draw_parallel_coordinates(*gather_parallel_coordinates(report, rows)),
    }
    ranges = common_ranges(report.marginals)
    for place, field in enumerate(influence):
        if field.curve is not None:
            drawn[f"marginal-{place}"] = draw_marginal(field.curve, ranges)
    if report.repeated:
        drawn["repeats"] = draw_repeats(gather_finalists(report))
    return {name: json.loads(figure.to_json()) for name, figure in drawn.items()}


def _curves(report: Report, rows: Sequence[RankedTrial]) -> dict[str, Any]:
    curves = [(row, gather_curve(report, row)) for row in rows]
    return {
        str(row.number): {
            "title": curve.title,
            "epochs": curve.epochs,
            "pairs": [curve.accuracy, curve.cross_entropy],
            "kept": curve.kept,
            "reason": row.reason,
        }
        for row, curve in curves
    }


def _soft_bounds(sentence: str) -> Markup:
    """A sentence whose intervals in brackets may stand back."""
    return Markup(re.sub(r"(\[[^\]]*\])", r"<span>\1</span>", str(escape(sentence))))


def _with_code(text: str) -> Markup:
    """A paragraph with what stands in backticks as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _embedded(data: Mapping[str, Any]) -> Markup:
    """JSON that may stand inside a script element: no "<", so neither its end nor a comment can begin in it."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def _policy(*scripts: str) -> str:
    digests = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _asset(name: str) -> str:
    return (files("sweep.report") / "templates" / name).read_text(encoding="utf-8")

"""The page: one HTML file that holds everything it needs and asks the network for nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import plotly.graph_objects as go
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from plotly.offline import get_plotlyjs

from sweep.diagnosis.ranking import SORT_NOTES, RankedTrial
from sweep.records import Split
from sweep.report import captions
from sweep.report.figures import (
    draw_curves,
    draw_gap_against_validation,
    draw_importances,
    gather_curve,
    gather_points,
)
from sweep.report.gather import Report
from sweep.report.parallel import draw_parallel_coordinates, gather_parallel_coordinates
from sweep.report.style import GAP, TIER_COLOURS, TRAIN, VALIDATION
from sweep.report.wording import bounds, duration, nats, objective_meaning, percent, plain, points, setting

__all__ = ["render_page"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bar:
    """Where a trial's train and validation accuracy stand on a common scale, in percent of its width."""

    train: float
    validation: float
    low: float
    high: float
    gap_start: float
    gap_width: float


def render_page(report: Report) -> str:
    """The report as HTML.

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
        "plain": plain, "percent": percent, "points": points, "bounds": bounds, "nats": nats, "duration": duration,
        "setting": setting, "soft_bounds": _soft_bounds,
    }  # fmt: skip
    plotly, script = get_plotlyjs(), _asset("page.js")
    reference, chosen = _shown(report)
    return environment.get_template("page.html.j2").render(
        report=report,
        study=report.study,
        splits=[side for side in Split if report.study.data.images(side)],
        images=sum(report.study.data.images(side) for side in Split),
        bars=_bars(report.rows),
        scale=_scale(report.rows),
        captions=_captions(report, reference),
        chosen=chosen,
        objective=objective_meaning(report.definition.get("search", {})),
        sort_note=SORT_NOTES[report.sort],
        colours={"train": TRAIN, "validation": VALIDATION, "gap": GAP, "tiers": TIER_COLOURS},
        style=Markup(_asset("page.css")),
        plotly=Markup(plotly),
        script=Markup(script),
        policy=_policy(plotly, script),
        figures=_embedded(_figures(report, reference, chosen)),
        curves=_embedded(_curves(report)),
    )


def _shown(report: Report) -> tuple[RankedTrial | None, RankedTrial | None]:
    """The two trials whose curves stand side by side first: the baseline (else rank 1), and the best other one."""
    ranking = report.ranking
    reference = ranking.baseline or ranking.best
    return reference, next((row for row in ranking.rows if row is not reference), None)


def _captions(report: Report, reference: RankedTrial | None) -> dict[str, str]:
    return {
        "ranking": captions.ranking_caption(report),
        "curves": captions.curves_caption(report, reference),
        "gap": captions.gap_caption(report),
        "importances": captions.importances_caption(report),
        "parallel": captions.parallel_caption(report),
    }


def _figures(report: Report, reference: RankedTrial | None, chosen: RankedTrial | None) -> dict[str, Any]:
    if reference is None:
        return {}
    named = {reference.number: report.baseline_name if reference.baseline else f"rank {reference.rank}"}
    best = report.ranking.best
    if best is not None and best is not reference:
        named[best.number] = f"rank 1: trial {best.number}"
    drawn: dict[str, go.Figure] = {
        "curves": draw_curves([gather_curve(report, row) for row in (reference, chosen) if row is not None]),
        "gap": draw_gap_against_validation(gather_points(report), named),
        "parallel": draw_parallel_coordinates(*gather_parallel_coordinates(report)),
    }
    if any(report.importances.values()):
        drawn["importances"] = draw_importances(report.importances)
    return {name: json.loads(figure.to_json()) for name, figure in drawn.items()}


def _curves(report: Report) -> dict[str, Any]:
    curves = [(row, gather_curve(report, row)) for row in report.ranking.rows]
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


def _scale(rows: Iterable[RankedTrial]) -> tuple[int, ...]:
    """The labelled positions of the common accuracy scale, in percent, the first and the last its ends."""
    lowest = min((100 * min(row.validation.low, row.measurement.train_accuracy) for row in rows), default=0.0)
    start = 10 * int(lowest // 10)
    step = 10 if 100 - start <= 50 else 20
    return tuple(sorted({*range(100, start, -step), start}))


def _bars(rows: Iterable[RankedTrial]) -> dict[int, _Bar]:
    every = list(rows)
    start = _scale(every)[0]
    return {row.number: _bar(row, start) for row in every}


def _bar(row: RankedTrial, start: int) -> _Bar:
    def place(share: float) -> float:
        return round(100 * (100 * share - start) / (100 - start), 2)

    train, validation = place(row.measurement.train_accuracy), place(row.validation.estimate)
    return _Bar(
        train=train,
        validation=validation,
        low=place(row.validation.low),
        high=place(row.validation.high),
        gap_start=min(train, validation),
        gap_width=round(abs(train - validation), 2),
    )


def _soft_bounds(sentence: str) -> Markup:
    """A sentence whose intervals in brackets may stand back."""
    return Markup(re.sub(r"(\[[^\]]*\])", r"<span>\1</span>", str(escape(sentence))))


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

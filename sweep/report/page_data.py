"""What a page carries besides words: figures, curves and scripts, and the policy that lets nothing else run."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import plotly.graph_objects as go
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from sweep.diagnosis.ranking import RankedTrial
from sweep.report.figures import draw_curves, draw_gap_against_validation, gather_curve, gather_points, hover_text
from sweep.report.gather import Report
from sweep.report.marginal_figure import FieldInfluence, common_ranges, draw_marginal
from sweep.report.parallel import draw_parallel_coordinates, gather_parallel_coordinates
from sweep.report.repeat_figure import draw_repeats, gather_finalists

__all__ = ["SCRIPTS", "Library", "asset", "curves_of", "embedded", "figures_of", "hovers_of", "library", "policy"]

SCRIPTS = ("selection.js", "trials.js", "figures.js")
"""The page's own, in the order in which they run."""
_HOVER_FIGURES = ("gap", "parallel")


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """plotly.js as the page carries it.

    Attributes:
        packed: gzip, base64: less than half of the file, unpacked when the first figure comes into view.
        digest: of the script itself, for the policy.
    """

    packed: str
    digest: str


@cache
def library() -> Library:
    """plotly.js of the installed package."""
    script = get_plotlyjs()
    packed = base64.b64encode(gzip.compress(script.encode(), mtime=0)).decode()
    return Library(packed=packed, digest=_digest(script))


def figures_of(
    report: Report,
    rows: Sequence[RankedTrial],
    side_by_side: Sequence[RankedTrial],
    influence: Sequence[FieldInfluence],
) -> dict[str, Any]:
    """Every figure that plotly draws, by name, as plain values; none where nothing was measured.

    Hover texts of trials are left out: the page has each once, see `hovers_of`.
    """
    if not side_by_side:
        return {}
    drawn: dict[str, go.Figure] = {
        "curves": draw_curves([gather_curve(report, row) for row in side_by_side]),
        "gap": draw_gap_against_validation(gather_points(report, rows), _named(report, side_by_side[0])),
        "parallel": draw_parallel_coordinates(*gather_parallel_coordinates(report, rows)),
    }
    ranges = common_ranges(report.marginals)
    for place, field in enumerate(influence):
        if field.curve is not None:
            drawn[f"marginal-{place}"] = draw_marginal(field.curve, ranges)
    if report.repeated:
        drawn["repeats"] = draw_repeats(gather_finalists(report))
    plain = {name: json.loads(figure.to_json()) for name, figure in drawn.items()}
    for name in _HOVER_FIGURES:
        for trace in plain[name]["data"]:
            if "customdata" in trace:
                del trace["text"]
    return plain


def hovers_of(report: Report, rows: Iterable[RankedTrial]) -> dict[str, str]:
    """What appears beside the pointer, by trial."""
    return {str(row.number): hover_text(report, row) for row in rows}


def curves_of(report: Report, rows: Iterable[RankedTrial]) -> dict[str, Any]:
    """Every trial's curves, by number."""
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


def embedded(data: object) -> Markup:
    """JSON that may stand inside a script element: no "<", so neither its end nor a comment can begin in it."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def policy(scripts: Mapping[str, str]) -> str:
    """The content security policy: the given scripts and plotly.js run, and nothing is fetched."""
    digests = [*map(_digest, scripts.values()), library().digest]
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def asset(name: str) -> str:
    """A file beside the templates."""
    return (files("sweep.report") / "templates" / name).read_text(encoding="utf-8")


def _named(report: Report, reference: RankedTrial) -> dict[int, str]:
    """The trials whose names stand in the plane of gap and validation: the first of the curves, and rank 1."""
    named = {reference.number: report.baseline_name if reference.baseline else f"rank {reference.rank}"}
    best = report.ranking.best
    if best is not None and best is not reference:
        named[best.number] = f"rank 1: trial {best.number}"
    return named


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()

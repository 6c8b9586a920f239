"""Colours, symbols and the plain layout that all figures and the page share.

Train and validation keep one colour each everywhere, and the gap is the grey area between them. Colours are Okabe and
Ito's, train and validation slightly shifted so that each stands out on white and on black paper alike; tiers differ by
symbol as well. Okabe and Ito, Color Universal Design (2008), https://jfly.uni-koeln.de/color/
"""

from __future__ import annotations

from html import escape
from typing import Any

from sweep.diagnosis.tiers import Tier
from sweep.report.wording import plain

__all__ = [
    "GAP",
    "GAP_AREA",
    "INK",
    "PARETO",
    "TIER_COLOURS",
    "TIER_SYMBOLS",
    "TRAIN",
    "VALIDATION",
    "axis",
    "label",
    "layout",
]

TRAIN = "#2f80c2"
VALIDATION = "#d9730d"
GAP = "#7b8494"
GAP_AREA = "rgba(123, 132, 148, 0.22)"
INK = "#23282f"
PARETO = "rgba(230, 200, 40, 0.5)"
_GRID = "rgba(123, 132, 148, 0.25)"

TIER_COLOURS = {Tier.LEADING: "#009e73", Tier.BEHIND: "#7b8494", Tier.NOT_TRAINED: "#cc79a7", Tier.PRUNED: "#7b8494"}
TIER_SYMBOLS = {
    Tier.LEADING: "circle",
    Tier.BEHIND: "diamond",
    Tier.NOT_TRAINED: "x",
    Tier.PRUNED: "triangle-down-open",
}


def layout(*, height: int, **more: object) -> dict[str, Any]:
    """The layout of a figure `height` pixels high; the paper is transparent, so it suits a light and a dark page."""
    return {
        "template": "none",
        "height": height,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": INK},
        "margin": {"l": 64, "r": 24, "t": 36, "b": 48},
        "showlegend": False,
        "hovermode": "closest",
        "hoverlabel": {"align": "left", "font": {"size": 13}},
        **more,
    }


def axis(title: str = "", **more: object) -> dict[str, Any]:
    """A quiet axis: thin grid, no frame."""
    return {
        "title": {"text": title, "standoff": 10, "font": {"size": 13}},
        "gridcolor": _GRID,
        "linecolor": _GRID,
        "zeroline": False,
        "showline": False,
        "ticks": "",
        "automargin": True,
        **more,
    }


def label(text: str) -> str:
    """Untrusted text for a figure: plotly reads a little HTML in labels, so none is left in it."""
    return escape(plain(text, 60), quote=False)

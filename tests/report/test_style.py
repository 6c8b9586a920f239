"""What all figures share."""

from __future__ import annotations

from sweep.diagnosis.tiers import Tier
from sweep.report.style import TIER_COLOURS, TIER_SYMBOLS, TRAIN, VALIDATION, axis, label, layout


def luminance(colour: str) -> float:
    """Relative luminance of "#rrggbb" as WCAG 2 defines it."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_train_and_validation_stand_out_on_light_and_on_dark_paper() -> None:
    for colour in (TRAIN, VALIDATION):
        assert contrast(colour, "#fbfaf7") >= 3
        assert contrast(colour, "#14171b") >= 3


def test_every_tier_has_a_symbol_of_its_own() -> None:
    assert set(TIER_COLOURS) == set(TIER_SYMBOLS) == set(Tier)
    assert len(set(TIER_SYMBOLS.values())) == len(Tier)


def test_labels_hold_no_markup_that_plotly_would_obey() -> None:
    assert label("<b>a</b> & b") == "&lt;b&gt;a&lt;/b&gt; &amp; b"
    assert label("x" * 200) == "x" * 59 + "…"


def test_a_figure_may_add_to_the_shared_layout() -> None:
    assert layout(height=300, hovermode="x")["hovermode"] == "x"
    assert axis("epoch", zeroline=True)["zeroline"] is True

"""What each cause of a gap means: the one text that the terminal and the report's page show."""

from __future__ import annotations

from collections.abc import Mapping

from sweep.diagnosis.cause_text import CauseText
from sweep.diagnosis.causes_of_data import DATA
from sweep.diagnosis.causes_of_fit import FIT
from sweep.diagnosis.causes_of_measurement import CHOICE, MEASUREMENT
from sweep.records import Cause

__all__ = ["RULE", "TERMS", "TEXTS"]

TEXTS: Mapping[Cause, CauseText] = {text.cause: text for text in (*MEASUREMENT, *DATA, *FIT, *CHOICE)}
"""In the order of `verdict.ORDER`: earlier causes make later ones look other than they are."""

RULE = (
    "A cause is found where its effect is 2 points of accuracy or more (`check.harm`), the effect's 95 % interval lies "
    "above 0, and chance alone would rarely do that (p < 0.01, after Holm's correction for all causes tested). It is "
    "excluded where the interval lies below 2 points. All else is undetermined: a verdict is never forced."
)
"""How the numbers of the probes become a verdict."""

TERMS = (
    "Numbers are clean unless they are called logged: measured without dropout, augmentation and penalties, as "
    "validation is. The gap is training minus validation; a point is 1 % of the images."
)
"""The words that every text uses."""

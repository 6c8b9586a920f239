"""The bears: alike, but not the same."""

from __future__ import annotations

from dataclasses import fields
from itertools import combinations

import pytest

from sweep.data.toy_bears import BEARS, Bear, bear_parts


@pytest.mark.parametrize(("one", "other"), list(combinations(BEARS, 2)))
def test_any_two_bears_differ_in_four_of_six_details(one: Bear, other: Bear) -> None:
    different = [field.name for field in fields(Bear) if getattr(one, field.name) != getattr(other, field.name)]
    assert len(different) == 4


def test_no_detail_alone_tells_one_bear_from_the_others() -> None:
    for field in fields(Bear):
        values = sorted(getattr(bear, field.name) for bear in BEARS)
        assert values[0] == values[1] < values[2] == values[3]


def test_a_bear_is_the_same_on_both_sides_but_for_its_seam() -> None:
    parts = bear_parts(BEARS[0])
    left = sorted((-part.centre[0], *part.centre[1:]) for part in parts if part.centre[0] < 0)
    right = sorted(part.centre for part in parts if part.centre[0] > 0)
    assert left == right
    assert len(parts) == 7 + 2 * 7 + 3, "what lies in the middle, two sides, three stitches"

"""Three switches with known corners: every order is tried, and incomplete corners give no range."""

from __future__ import annotations

from itertools import permutations, product

import pytest

from sweep.diagnosis.switching import SWITCHES, contract_modes, ranges_over_orders
from sweep.records import ModeRecord


def number(dropout: bool, augmentation: bool, batch_statistics: bool) -> float:
    """Each switch costs something, and dropout costs more under batch statistics."""
    return 0.9 - 0.1 * dropout - 0.05 * augmentation + 0.02 * batch_statistics - 0.07 * dropout * batch_statistics


def corner(on: tuple[bool, bool, bool], unchanged: str = "") -> ModeRecord:
    dropout, augmentation, batch_statistics = on
    return ModeRecord(
        dropout=dropout,
        augmentation=augmentation,
        batch_statistics=batch_statistics,
        accuracy=number(*on),
        cross_entropy=1.0,
        accuracy_noise=0.0,
        cross_entropy_noise=0.0,
        accuracy_change_error=0.0,
        cross_entropy_change_error=0.0,
        draws=1,
        unchanged=unchanged,
    )


ALL = tuple(corner((a, b, c)) for a, b, c in product([True, False], repeat=3) if a or b or c)


def ranges(modes: tuple[ModeRecord, ...]) -> dict[str, tuple[float, float]]:
    found = ranges_over_orders(modes, number(False, False, False), lambda mode: mode.accuracy, lambda a, b: a - b)
    return dict(found)


def test_the_contract_is_found_in_any_order_or_not_at_all() -> None:
    first = contract_modes(tuple(reversed(ALL)))
    assert [(mode.dropout, mode.augmentation, mode.batch_statistics) for mode in first] == [
        (True, True, True),
        (False, True, True),
        (False, False, True),
    ]
    assert contract_modes(ALL[:3]) == ()
    assert ranges(()) == {}


def test_a_range_spans_all_six_orders() -> None:
    seen: dict[str, list[float]] = {name: [] for name in SWITCHES}
    for order in permutations(range(3)):
        on = [True, True, True]
        for switch in order:
            before = number(*on)
            on[switch] = False
            seen[SWITCHES[switch]].append(before - number(*on))
    found = ranges(ALL)
    for name, values in seen.items():
        assert found[name] == pytest.approx((min(values), max(values)))
    # Dropout costs 0.10, or 0.17 while batch norm works on batches; augmentation the same in every order.
    assert ranges(ALL)["dropout"] == pytest.approx((-0.17, -0.10))
    assert ranges(ALL)["augmentation"] == pytest.approx((-0.05, -0.05))


def test_a_missing_corner_gives_no_range() -> None:
    assert ranges(tuple(mode for mode in ALL if mode != corner((True, False, False)))) == {}


def test_one_switch_alone_has_no_order() -> None:
    alone = (
        corner((True, True, True)),
        corner((False, True, True), unchanged="no augmentation"),
        corner((False, False, True), unchanged="no batch norm"),
    )
    assert ranges(alone) == {}

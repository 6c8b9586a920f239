"""Dropout, augmentation and batch norm's training mode, switched off one after the other: in one order, or in every."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

from sweep.records import ModeRecord

__all__ = ["SWITCHES", "contract_modes", "ranges_over_orders"]

SWITCHES = ("dropout", "augmentation", "batch_norm")
"""In the order in which the waterfall switches them off."""

_CONTRACT = ((True, True, True), (False, True, True), (False, False, True))


def contract_modes(modes: Sequence[ModeRecord]) -> tuple[ModeRecord, ...]:
    """The waterfall's E1, E2 and E3, or nothing where one of them is missing."""
    found = {_on(mode): mode for mode in modes}
    return tuple(found[key] for key in _CONTRACT) if all(key in found for key in _CONTRACT) else ()


def ranges_over_orders(
    modes: Sequence[ModeRecord],
    clean: float,
    value: Callable[[ModeRecord], float],
    change: Callable[[float, float], float],
) -> Mapping[str, tuple[float, float]]:
    """Least and greatest change that each switch brings, over all orders of switching off.

    A switch that does nothing (`ModeRecord.unchanged`) takes part in no order. There is no range where fewer than two
    switches do something, and none where not every combination of them was measured.

    Args:
        modes: the three of the contract and any others.
        clean: the number with everything off.
        value: the number of a mode.
        change: of the number before a switch and the one after it.
    """
    contract = contract_modes(modes)
    active = [name for name, mode in zip(SWITCHES, contract, strict=False) if not mode.unchanged]
    corners = {frozenset(active): clean}  # what is off -> the number
    for mode in (*contract, *modes):
        off = frozenset(name for name, on in zip(SWITCHES, _on(mode), strict=True) if name in active and not on)
        corners.setdefault(off, value(mode))
    if len(active) < 2 or len(corners) < 2 ** len(active):
        return {}
    ranges = {}
    for name in active:
        others = [other for other in active if other != name]
        before = [frozenset(off) for count in range(len(active)) for off in combinations(others, count)]
        changes = [change(corners[off], corners[off | {name}]) for off in before]
        ranges[name] = (min(changes), max(changes))
    return ranges


def _on(mode: ModeRecord) -> tuple[bool, bool, bool]:
    """In the order of `SWITCHES`."""
    return mode.dropout, mode.augmentation, mode.batch_statistics

"""How large a model is and what of it trains, in lines for the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from sweep.training.recent import physical_memory
from sweep.training.sizes import ModelDescription, check_memory

__all__ = ["size_lines"]

_MEGABYTE, _GIGABYTE = 1e6, 1e9
_MOST_NAMED = 6


def size_lines(described: ModelDescription) -> Iterator[str]:
    """Parameters and file sizes of the baseline, what of its backbone is unfrozen, and a note where it may not fit.

    Raises:
        TrialError: its training takes more memory than there is, which is known after the lines about its size.
    """
    backbone = described.total_parameters - described.head_parameters
    full = ""
    if described.full_file_bytes > described.file_bytes:
        full = f", {_size(described.full_file_bytes)} with the state of {described.optimizer}"
    yield (
        f"baseline: {described.trainable_parameters:,} trainable of {described.total_parameters:,} parameters, "
        f"{described.head_parameters:,} in the head and {backbone:,} in the backbone; "
        f"weights file {_size(described.file_bytes)}{full}"
    )
    yield f"unfrozen layers: {_unfrozen(described)}"
    note = check_memory(described, physical_memory())
    if note:
        yield note


def _unfrozen(described: ModelDescription) -> str:
    names = described.unfrozen_layers
    if not names:
        return "none"
    shown = ", ".join(names) if len(names) <= _MOST_NAMED else f"{len(names)}, from {names[0]} to {names[-1]}"
    trained = described.unfrozen_trainable_parameters
    return f"{shown}; {described.unfrozen_parameters:,} parameters, {trained:,} of them trainable"


def _size(number: int) -> str:
    return f"{number / _GIGABYTE:,.2f} GB" if number >= _GIGABYTE else f"{number / _MEGABYTE:,.1f} MB"

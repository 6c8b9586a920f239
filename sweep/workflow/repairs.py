"""Which changes of a study mend what was found, one cause at a time and all of them together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sweep.diagnosis.remedy import Promise, promise_of
from sweep.records import Cause, Finding, Scalar

__all__ = ["Repair", "repairs_of", "together"]

_LEAVE_OUT = (Cause.LEAK, Cause.LABEL_NOISE)
"""Causes that are mended without the images that they are about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """One way of mending causes.

    Attributes:
        causes: whom it mends, the first one to mend first.
        changes: fields of the study file, in the notation of the database.
        left_out: positions in the study's index of images that are left out of both sides.
        compared_without: whether what is configured is judged without them too. Where their labels are doubted,
            validation without them is the easier one.
        own_split: whether only the study's own split is asked: on another one other images stand on two sides.
    """

    causes: tuple[Cause, ...]
    promise: Promise
    changes: dict[str, Scalar]
    left_out: tuple[int, ...] = ()
    compared_without: bool = False
    own_split: bool = False


def repairs_of(finding: Finding, *, hypermodel: bool = False) -> Iterator[Repair]:
    """Every way of mending a cause that can be run, the best first.

    Args:
        finding: of the cause.
        hypermodel: whether somebody's code makes the model, which no field of [model] reaches.
    """
    promise = promise_of(finding)
    if promise is None:
        return
    causes = (finding.cause,)
    if finding.cause in _LEAVE_OUT and finding.rows:
        doubted = finding.cause is Cause.LABEL_NOISE
        yield Repair(
            causes=causes,
            promise=promise,
            changes={},
            left_out=finding.rows,
            compared_without=doubted,
            own_split=not doubted,
        )
        return
    for remedy in finding.remedies:
        heard = not hypermodel or not any(field.startswith("model.") for field in remedy.changes)
        if remedy.changes and heard:
            yield Repair(causes=causes, promise=promise, changes=dict(remedy.changes))


def together(repairs: Sequence[Repair]) -> Repair | None:
    """Several causes mended at once, the earlier one's word counting where two change one field.

    Only those that promise a better network: what promises an honest number would hide it.

    Returns:
        None where there are not two of them.
    """
    better = [one for one in repairs if one.changes and one.promise is not Promise.HONESTY]
    if len({cause for one in better for cause in one.causes}) < 2:
        return None
    changes: dict[str, Scalar] = {}
    for one in reversed(better):
        changes |= one.changes
    gap_alone = all(one.promise is Promise.GAP for one in better)
    return Repair(
        causes=tuple(dict.fromkeys(cause for one in better for cause in one.causes)),
        promise=Promise.GAP if gap_alone else Promise.ACCURACY,
        changes=changes,
    )

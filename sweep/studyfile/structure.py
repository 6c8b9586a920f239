"""Which swept fields decide what of the backbone is computed ahead, and in which combinations."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping

from sweep.errors import DefinitionError
from sweep.records import Scalar
from sweep.studyfile.space import FieldRange, ends, grid, grid_size

__all__ = ["check_structures", "structural_parameters"]

# What decides where the frozen part ends, what of it is kept, and how its images were augmented.
_IN_FULL = frozenset(
    {
        "backbone",
        "weights",
        "preprocessing",
        "channels",
        "unfrozen",
        "unfrozen_layers",
        "batch_norm",
        "backbone_batch_norm",
        "pooling",
        "dropout_position",
        "augment",
        "augment_rotation",
        "augment_views",
    }
)
# Of these only none or some counts, which both ends of a range show.
_BY_ENDS = frozenset({"conv_filters", "head_width"})
# Rates must fit the dense layers, augmented validation needs views, and losses must fit their labels.
_LIMITING = ("dropout", "augment_validation", "loss", "labels", "label_smoothing", "mixup")

_MOST_COMBINATIONS = 5_000


def check_structures(space: Mapping[str, FieldRange]) -> None:
    """Refuse a space of more than 5,000 structures: each is prepared before the search.

    A continuous range of a field that decides one would ask for a pass of the backbone in each trial.
    """
    if endless := [field for field in space if field in _IN_FULL and grid_size(space[field]) is None]:
        raise DefinitionError(
            f"[space] {endless[0]}",
            received="a continuous range",
            expected="a step or choices, since each value is prepared before the search",
            remedy=f"write for example {endless[0]} = {{choices = [{', '.join(map(str, ends(space[endless[0]])))}]}}",
        )
    sizes = _sizes(space)
    count = math.prod(sizes.values())
    if count <= _MOST_COMBINATIONS:
        return
    largest = max(sizes, key=lambda field: sizes[field])
    raise DefinitionError(
        f"[space] {largest}",
        received=f"{count:,} combinations of {', '.join(sizes)}",
        expected=f"at most {_MOST_COMBINATIONS:,}, since each is prepared before the search",
        remedy=f"give {largest} a larger step or fewer choices",
    )


def structural_parameters(space: Mapping[str, FieldRange]) -> Iterator[dict[str, Scalar]]:
    """Every combination of the values of the structural fields of a space, in stored notation.

    Swept fields that are not structural themselves but limit one that is stand in each at one value of their own
    range: the baseline's rates, if they are a list, need not fit the numbers of dense layers that the space asks for.
    """
    columns = {field: _values(field, space[field]) for field in _sizes(space)}
    for field in _LIMITING:
        if field in space:
            columns[field] = ends(space[field])[:1]
    for values in itertools.product(*columns.values()):
        yield dict(zip(columns, values, strict=True))


def _sizes(space: Mapping[str, FieldRange]) -> dict[str, int]:
    return {field: size for field, values in space.items() if (size := _size(field, values))}


def _size(field: str, values: FieldRange) -> int:
    if field in _BY_ENDS:
        return len(ends(values))
    return (grid_size(values) or 0) if field in _IN_FULL else 0


def _values(field: str, values: FieldRange) -> tuple[Scalar, ...]:
    return ends(values) if field in _BY_ENDS else grid(values) or ()

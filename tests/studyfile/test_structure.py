"""Which combinations decide what of the backbone is computed ahead of the search."""

from __future__ import annotations

import pytest

from sweep.errors import DefinitionError
from sweep.records import Scalar
from sweep.studyfile.ranges import read_range
from sweep.studyfile.structure import check_structures, structural_parameters


def parameters(**space: str) -> list[dict[str, Scalar]]:
    return list(structural_parameters({field: read_range(field, text) for field, text in space.items()}))


def test_rates_and_training_decide_nothing() -> None:
    assert parameters(l2="1e-6:1e-1:log", batch_size="16,32", epochs="5:20") == [{}]


def test_structural_fields_combine() -> None:
    assert parameters(unfrozen_layers="0:20:10", pooling="avg,max", l2="1e-6:1e-1:log") == [
        {"unfrozen_layers": layers, "pooling": pooling} for layers in (0, 10, 20) for pooling in ("avg", "max")
    ]


def test_a_range_without_a_step_counts_every_whole_number() -> None:
    assert [one["unfrozen_layers"] for one in parameters(unfrozen_layers="3:6")] == [3, 4, 5, 6]


def test_of_filters_and_widths_only_none_or_some_counts() -> None:
    assert parameters(conv_filters="0:64") == [{"conv_filters": 0}, {"conv_filters": 64}]
    assert parameters(head_width="16:512:log") == [{"head_width": 16}, {"head_width": 512}]
    assert [one["head_width"] for one in parameters(head_width="none,64,512-256")] == ["none", "64", "512-256"]


def test_a_swept_rate_replaces_rates_that_may_not_fit() -> None:
    assert parameters(dropout="0.1:0.9", head_width="64,128") == [
        {"head_width": width, "dropout": 0.1} for width in ("64", "128")
    ]


def test_too_many_structures_are_refused_without_being_built() -> None:
    space = {"unfrozen_layers": read_range("unfrozen_layers", "0:1000000000"), "pooling": read_range("pooling", "avg")}
    with pytest.raises(DefinitionError, match=r"\[space\] unfrozen_layers: received 1,000,000,001 combinations of"):
        check_structures(space)


def test_a_continuous_range_of_what_is_computed_ahead_is_refused() -> None:
    # Each trial would take all images through the backbone once more.
    with pytest.raises(DefinitionError, match=r"augment_rotation: received a continuous range; .* \[0\.0, 90\.0\]"):
        check_structures({"augment_rotation": read_range("augment_rotation", "0:90")})
    check_structures({"augment_rotation": read_range("augment_rotation", "0:90:45")})

"""Units: images that must stay together, and drawing some of them near a wanted share."""

from __future__ import annotations

import numpy as np
import pytest

from sweep.data.units import Pool, draw, shared_units
from sweep.records import ImageRecord, IndexArray


def image(content_hash: str, group: str = "") -> ImageRecord:
    return ImageRecord(path="", label=0, group=group, content_hash=content_hash)


def pool(labels: list[int], units: list[int]) -> Pool:
    return Pool.of_free(np.array(labels), np.array(units), np.ones(len(labels), bool), max(labels) + 1)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def sizes(drawn: IndexArray, found: Pool) -> int:
    return int(found.sizes[drawn].sum())


def test_images_without_a_group_stand_alone() -> None:
    assert shared_units([image("a"), image("b"), image("c")]).tolist() == [0, 1, 2]


def test_equal_bytes_and_equal_groups_join_also_by_way_of_others() -> None:
    images = [image("a", "p"), image("b"), image("c", "q"), image("a", "q"), image("b", "r"), image("d", "s")]
    # a joins the groups p and q; b joins the ungrouped image to r; s stays by itself.
    assert shared_units(images).tolist() == [0, 1, 0, 0, 1, 2]


def test_a_group_may_be_called_like_a_hash() -> None:
    assert shared_units([image("a", "b"), image("b", "a")]).tolist() == [0, 1]


def test_a_pool_knows_which_units_span_classes() -> None:
    found = pool([0, 0, 1, 0, 1, 1], [0, 0, 1, 2, 2, 2])
    assert [units.tolist() for units in found.single] == [[0], [1]]
    assert found.spanning.tolist() == [2]
    assert found.rows.tolist() == [[1, 2]]
    assert found.sizes.tolist() == [2, 1, 3]
    assert found.units.tolist() == [2, 2]
    left = found.without(np.array([0, 2]))
    assert left.units.tolist() == [0, 1]
    assert left.images.tolist() == [3, 3]


def test_single_images_are_drawn_at_the_share_and_the_rounding_is_made_up_for() -> None:
    # 30 % of 5 images are 1.5: rounded down in the first class, what is missing comes from the second, and so on.
    found = pool([label for label in range(4) for _ in range(5)], list(range(20)))
    drawn = draw(found, 0.3, reserve=1, rng=rng())
    assert np.bincount(drawn // 5).tolist() == [1, 2, 1, 2]


def test_another_seed_draws_other_images() -> None:
    found = pool([0] * 50, list(range(50)))
    first, second = (set(draw(found, 0.2, reserve=1, rng=rng(seed)).tolist()) for seed in (0, 1))
    assert len(first) == len(second) == 10
    assert first != second


def test_groups_are_drawn_whole_and_as_near_as_they_allow() -> None:
    # Groups of 8, 5, 4 and 3 images: a quarter of 20 is the group of 5.
    found = pool([0] * 20, [0] * 8 + [1] * 5 + [2] * 4 + [3] * 3)
    assert draw(found, 0.25, reserve=1, rng=rng()).tolist() == [1]
    assert sizes(draw(found, 0.35, reserve=1, rng=rng()), found) == 7


def test_each_class_gives_a_unit_and_keeps_the_reserve() -> None:
    found = pool([0, 0, 0], [0, 1, 2])
    assert len(draw(found, 0.01, reserve=2, rng=rng())) == 1
    assert len(draw(found, 0.99, reserve=1, rng=rng())) == 2


@pytest.mark.parametrize("seed", range(5))
def test_units_that_span_all_classes_are_drawn_near_the_share(seed: int) -> None:
    # Ten people with four pictures of each of two classes.
    found = pool([0, 0, 0, 0, 1, 1, 1, 1] * 10, [person for person in range(10) for _ in range(8)])
    assert len(draw(found, 0.2, reserve=1, rng=rng(seed))) == 2

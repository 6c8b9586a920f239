"""Sources as codes and as blocks."""

from __future__ import annotations

import numpy as np

from sweep.diagnosis.sources import source_blocks, source_codes


def test_codes_follow_the_order_of_names() -> None:
    assert source_codes(["b", "a", "c", "a"]).tolist() == [1, 0, 2, 0]


def test_blocks_are_the_positions_of_each_source() -> None:
    blocks = source_blocks(np.array([2, 0, 2, 1, 0, 2]))
    assert [block.tolist() for block in blocks] == [[1, 4], [3], [0, 2, 5]]


def test_codes_need_not_be_without_gaps() -> None:
    assert [block.tolist() for block in source_blocks(np.array([7, 7, 3]))] == [[2], [0, 1]]

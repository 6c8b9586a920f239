"""Cells of similar measures: how they are cut, what they tell, and how that scatters."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from sweep.diagnosis.probes.cells import Cells
from sweep.diagnosis.statistics import wilson


def test_cells_are_cut_at_medians_down_to_the_square_root_of_the_rows() -> None:
    values = np.random.default_rng(0).permutation(400).astype(float)[:, None]
    cells = Cells.of(values, np.arange(400) % 2).cells
    # 400, 200, 100, 50, 25: less than twice 20 are left whole.
    assert np.bincount(cells).tolist() == [25] * 16
    assert (np.diff(cells[np.argsort(values[:, 0])]) >= 0).all()


def test_rows_of_one_value_share_a_cell() -> None:
    values = np.r_[np.full(90, 640.0), np.arange(10) + 1000]
    cells = Cells.of(values[:, None], np.arange(100) % 2).cells
    assert len(np.unique(cells[:90])) == 1
    assert not set(cells[:90]) & set(cells[90:])


def test_outliers_do_not_move_the_cuts() -> None:
    values = np.arange(100.0)
    far = np.r_[values[:-1], 1e12]
    classes = np.arange(100) % 2
    assert Cells.of(values[:, None], classes).cells.tolist() == Cells.of(far[:, None], classes).cells.tolist()


def test_every_row_is_told_by_the_others() -> None:
    # Ten rows a class. In the one cell 4 of class 0 and 3 of class 1: without itself a row of class 0 has 3 of 9
    # against 3 of 10, right, and one of class 1 has 2 of 9 against 4 of 10, wrong. In the other cell 6 and 7: 5 of 9
    # against 7 of 10, wrong, and 6 of 9 against 6 of 10, right.
    classes = np.repeat([0, 1, 0, 1], [4, 3, 6, 7])
    told = Cells(cells=np.repeat([0, 1], [7, 13]), classes=classes)
    assert told.recalls.tolist() == pytest.approx([0.4, 0.7])
    assert told.balanced == pytest.approx(0.55)


def test_a_tie_is_a_guess() -> None:
    # Every row is alone in its cell: without it nothing is known of three classes.
    told = Cells(cells=np.arange(6), classes=np.array([0, 0, 1, 1, 2, 2]))
    assert told.balanced == pytest.approx(1 / 3)


def test_the_association_is_pearsons_chi_square() -> None:
    rng = np.random.default_rng(1)
    cells, classes = rng.integers(5, size=300), rng.integers(3, size=300)
    told = Cells(cells=cells, classes=classes)
    table = np.zeros((5, 3))
    np.add.at(table, (cells, classes), 1)
    assert told.associations(classes[None])[0] == pytest.approx(chi2_contingency(table, correction=False).statistic)


def test_shuffled_classes_keep_their_counts_and_have_draws_of_their_own() -> None:
    told = Cells(cells=np.zeros(50, np.int64), classes=np.repeat([0, 1, 2], [30, 15, 5]))
    shuffled = told.shuffled(40, np.random.default_rng(0))
    assert (np.sort(shuffled, axis=1) == told.classes).all()
    assert len(np.unique(shuffled, axis=0)) == 40
    one_by_one = [told.associations(row[None])[0] for row in shuffled]
    assert told.associations(shuffled).tolist() == pytest.approx(one_by_one)


def test_the_interval_adds_up_wilsons_or_takes_the_scatter_of_chance_where_that_is_wider() -> None:
    told = Cells(
        cells=np.repeat([0, 1], 100), classes=np.r_[np.zeros(90), np.ones(10), np.zeros(20), np.ones(80)].astype(int)
    )
    assert told.recalls.tolist() == pytest.approx([90 / 110, 80 / 90])
    bounds = wilson(90, 110), wilson(80, 90)
    below = math.hypot(*(bound.estimate - bound.low for bound in bounds)) / 2
    narrow = told.reached(0.0)
    assert narrow.estimate - narrow.low == pytest.approx(below)
    wide = told.reached(0.1)
    assert wide.high - wide.estimate == pytest.approx(0.196, abs=1e-4)

"""Code is run for those who vouch for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweep.errors import UsageError
from sweep.progress import Silent
from sweep.workflow.resolve import Overrides, resolve_study
from sweep.workflow.trust import check_trust


def test_without_a_hypermodel_there_is_nothing_to_trust() -> None:
    check_trust("", trusted=False)


def test_code_that_nobody_vouches_for_is_refused_by_its_name() -> None:
    with pytest.raises(UsageError, match=r"^mine:build: received code that would be run.*add --trust$"):
        check_trust("mine:build", trusted=False, bundled=True)
    check_trust("mine:build", trusted=True)


def test_our_own_needs_no_word_but_where_a_database_names_it() -> None:
    check_trust("sweep.search.example:FrozenBackbone", trusted=False, bundled=True)
    with pytest.raises(UsageError, match="add --trust"):
        check_trust("sweep.search.example:FrozenBackbone", trusted=False)


def test_a_file_of_ones_own_vouches_and_a_bundled_one_does_not(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text('name = "mine"\n[data]\nsource = "photos"\n')
    assert resolve_study(str(mine), Overrides(name="other"), Silent()).own_file
    assert not resolve_study("toys", Overrides(), Silent()).own_file

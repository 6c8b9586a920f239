"""`sweep copy` from the outside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import sweep

Cli = Callable[..., Any]
Finished = tuple[Path, sweep.OpenedStudy]


def test_a_study_is_copied_and_its_name_then_taken(cli: Cli, finished: Finished, tmp_path: Path) -> None:
    target = tmp_path / "my copy.db"
    copied = cli("copy", finished[0], target)
    assert copied.code == 0, copied.err
    assert copied.out == f"study photos: 3 trials copied to '{target}'\nnext: sweep report '{target}'\n"
    again = cli("copy", finished[0], target)
    assert again.code == 6
    assert again.err.splitlines()[-1].startswith(f"sweep: {target}: received a database that knows a study 'photos'")

"""The studies that come with the package."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from sweep.studyfile.bundled import bundled_studies
from sweep.studyfile.load import load_study

ROOT = Path(__file__).parents[2]


def test_a_checkout_has_them_beside_the_package(tmp_path: Path) -> None:
    (tmp_path / "studies").mkdir()
    for name in ("toys.toml", "bursts.toml", "notes.txt"):
        (tmp_path / "studies" / name).touch()
    found = bundled_studies(tmp_path / "sweep")
    assert list(found) == ["bursts", "toys"]
    assert found["toys"] == tmp_path / "studies" / "toys.toml"


def test_a_wheel_has_them_inside_and_ignores_a_stranger_beside(tmp_path: Path) -> None:
    inside = tmp_path / "sweep" / "bundled_studies"
    inside.mkdir(parents=True)
    (inside / "toys.toml").touch()
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "foreign.toml").touch()
    assert bundled_studies(tmp_path / "sweep") == {"toys": inside / "toys.toml"}


def test_none_at_all_is_no_error(tmp_path: Path) -> None:
    assert bundled_studies(tmp_path / "sweep") == {}


@pytest.mark.parametrize("name", bundled_studies())
def test_each_is_valid_and_named_like_its_file(name: str) -> None:
    definition = load_study(bundled_studies()[name], environment={})
    assert definition.name == name
    assert definition.question


def test_a_wheel_takes_every_one_of_them_by_its_name() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        taken = tomllib.load(file)["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    files = {f"studies/{path.name}": f"sweep/bundled_studies/{path.name}" for path in bundled_studies().values()}
    assert taken == files

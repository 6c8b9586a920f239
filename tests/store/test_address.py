"""Paths and URLs: what they mean, and how they are shown."""

from __future__ import annotations

import sys
from pathlib import Path

import optuna
import pytest

from sweep.errors import StoreError
from sweep.store.address import Access, connect, parse_address
from sweep.store.results import open_database


def test_a_path_is_shown_as_it_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    address = parse_address("study.db")
    assert (address.place, address.path, address.option) == ("study.db", Path("study.db"), "--db study.db")
    assert address.url == f"sqlite:///{tmp_path}/study.db"


def test_a_sqlite_url_is_a_path(tmp_path: Path) -> None:
    assert parse_address(f"sqlite:///{tmp_path}/study.db") == parse_address(tmp_path / "study.db")


def test_a_password_is_kept_but_not_shown() -> None:
    address = parse_address("postgresql+psycopg://anna:secret@server:5432/studies")
    assert address.url == "postgresql+psycopg://anna:secret@server:5432/studies"
    assert address.place == "postgresql+psycopg://anna:***@server:5432/studies"
    assert address.option == f"--storage {address.place}"
    assert address.path is None


@pytest.mark.parametrize("option", ["password=secret", "sslmode=require&sslpassword=secret", "PASSWORD=secret"])
def test_a_password_among_the_options_is_not_shown_either(option: str) -> None:
    address = parse_address(f"postgresql+psycopg://anna@server/studies?{option}")
    assert "secret" in address.url
    assert "secret" not in address.place


def test_another_process_in_another_folder_finds_the_same_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert parse_address("study.db").location == tmp_path / "study.db"
    url = "postgresql+psycopg://anna:secret@server/studies"
    assert parse_address(url).location == url


@pytest.mark.parametrize("options", ["", "?options=-c%20statement_timeout%3D7s"])
def test_the_clock_of_a_server_is_the_same_for_every_machine(
    postgres_url: str, options: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGTZ", "Asia/Kathmandu")
    engine = connect(parse_address(postgres_url + options), Access.OPEN, 1.0)
    with engine.connect() as connection:
        said = [connection.exec_driver_sql(f"SHOW {name}").scalar_one() for name in ("timezone", "statement_timeout")]
    engine.dispose()
    assert said == ["UTC", "7s" if options else "0"]


@pytest.mark.parametrize("location", ["mysql://anna:secret@server/studies", "nonsense://secret", "://secret"])
def test_other_databases_are_refused_without_showing_passwords(location: str) -> None:
    with pytest.raises(StoreError, match="a URL of a database that sweep does not know") as caught:
        open_database(location, create=True)
    assert "secret" not in str(caught.value).replace("nonsense://secret", "")


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError, match=r"driver is not installed.*pip install 'gapsweep\[postgres\]'"):
        open_database("postgresql+psycopg://anna:secret@server/studies", create=True)


@pytest.mark.parametrize("name", ["my study.db", "what?.db", "50%.db", "#1 {x}.db", "größe.db", "file:a.db"])
def test_any_file_name_will_do(tmp_path: Path, name: str) -> None:
    with open_database(tmp_path / name, create=True) as database:
        optuna.create_study(storage=database.optuna_storage(), study_name="toys")
    assert [file.name for file in tmp_path.iterdir()] == [name]
    with open_database(tmp_path / name) as database:
        assert [study.study_name for study in database.optuna_storage().get_all_studies()] == ["toys"]


def test_memory_lasts_as_long_as_somebody_holds_it() -> None:
    with open_database("sqlite://", create=True) as first:
        optuna.create_study(storage=first.optuna_storage(), study_name="toys")
        with open_database(first.url) as second:
            assert [study.study_name for study in second.optuna_storage().get_all_studies()] == ["toys"]
    with open_database("sqlite:///:memory:", create=True) as another:
        assert another.optuna_storage().get_all_studies() == []

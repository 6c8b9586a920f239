"""Optuna's own storage over the same database, with the same connection settings as our tables."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from pathlib import Path

import optuna
from optuna.artifacts import FileSystemArtifactStore
from optuna.exceptions import ExperimentalWarning, StorageInternalError
from optuna.storages import RDBStorage
from sqlalchemy.exc import DBAPIError, IntegrityError

from sweep.errors import StoreError
from sweep.store.address import Access, Address, engine_settings

__all__ = ["OnStale", "load_optuna_study", "open_artifact_store", "open_optuna_storage"]

OnStale = Callable[[optuna.Study, optuna.trial.FrozenTrial], None]
"""Called with a trial whose process has not been heard of for twice the heartbeat interval."""

_ATTEMPTS = 50
_PAUSE_SECONDS = 0.1
_VERSIONS = "version_info"  # the table that Optuna asks for first


def open_optuna_storage(
    address: Address,
    *,
    create: bool,
    busy_seconds: float,
    heartbeat_interval: int | None = None,
    on_stale: OnStale | None = None,
) -> RDBStorage:
    """Open Optuna's tables; `create` makes them where they are missing.

    Raises:
        StoreError: the tables are of an Optuna version that this one does not read, or are missing.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    settings = engine_settings(address, Access.CREATE if create else Access.OPEN, busy_seconds)
    # Optuna makes its tables one by one: of processes that start together, all but one meet tables half made.
    for remaining in reversed(range(_ATTEMPTS)):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ExperimentalWarning)  # heartbeats, used on purpose
                return RDBStorage(
                    address.url,
                    settings,
                    heartbeat_interval=heartbeat_interval,
                    heartbeat_stale_trial_callback=on_stale,
                    skip_table_creation=not create,
                )
        except StorageInternalError as error:
            if create or _VERSIONS not in str(error.__cause__):
                raise
            raise StoreError(
                address.place,
                received="a study whose search has not begun its trials",
                expected="a search that has begun",
                remedy="try again in a moment, or start it with sweep run",
            ) from error
        except DBAPIError as error:
            if not (remaining and _made_meanwhile(error)):
                raise
            time.sleep(_PAUSE_SECONDS)
        except RuntimeError as error:  # its check of versions has no class of its own
            raise StoreError(
                address.place,
                received=f"trials of another Optuna ({error})",
                expected=f"tables that Optuna {optuna.__version__} reads",
                remedy="pip install --upgrade optuna",
            ) from error
    raise AssertionError("the last attempt returns or raises")


def _made_meanwhile(error: DBAPIError) -> bool:
    return isinstance(error, IntegrityError) or "already exists" in str(error.orig)


def load_optuna_study(storage: RDBStorage, name: str) -> optuna.Study:
    """A study as Optuna has it, to keep notes and figures with it; a `KeyError` where it has none of that name."""
    return optuna.load_study(study_name=name, storage=storage)


def open_artifact_store(folder: Path) -> FileSystemArtifactStore:
    """Optuna's store of files in a folder that is there."""
    return FileSystemArtifactStore(folder)

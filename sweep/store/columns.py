"""Types of columns that take what Python and numpy give and are the same in every kind of database."""

from __future__ import annotations

import datetime
import math

from sqlalchemy import BigInteger, DateTime, Dialect, Double, TypeDecorator

__all__ = ["Real", "Time", "Whole"]


class Real(TypeDecorator[float]):
    """A float of any maker. NaN is stored as NULL, which is what SQLite makes of it anyway."""

    impl = Double
    cache_ok = True

    def process_bind_param(self, value: float | None, dialect: Dialect) -> float | None:
        """NaN and None as NULL."""
        return None if value is None or math.isnan(value) else float(value)


class Whole(TypeDecorator[int]):
    """An integer of any maker: SQLite would store a `numpy.int64` as a blob."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:
        """As Python's integer."""
        return None if value is None else int(value)


class Time(TypeDecorator[datetime.datetime]):
    """An aware time, stored as UTC without a zone, as Optuna stores its own."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime.datetime | None, dialect: Dialect) -> datetime.datetime | None:
        """In UTC, without the zone."""
        return None if value is None else value.astimezone(datetime.UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime.datetime | None, dialect: Dialect) -> datetime.datetime | None:
        """In UTC, with the zone."""
        return None if value is None else value.replace(tzinfo=datetime.UTC)

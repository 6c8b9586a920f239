"""Messages say place, received, expected, remedy, on one line, also after a journey between processes."""

from __future__ import annotations

import pickle

from sweep.errors import DataError


def test_the_message_is_one_line() -> None:
    error = DataError("photos/cat", received="no\nimage", expected="at least 3", remedy="add images")
    assert str(error) == "photos/cat: received no image; expected at least 3; add images"


def test_an_error_survives_pickling() -> None:
    error = DataError("photos/cat", received="0 images", expected="at least 3", remedy="add images")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is DataError
    assert str(copy) == str(error)
    assert copy.remedy == "add images"

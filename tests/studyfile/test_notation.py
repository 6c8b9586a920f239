"""Stored notation: what goes into the database comes back as the same value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep.studyfile.notation import read_integers, read_numbers, read_patterns, read_texts, stored


@pytest.mark.parametrize(
    ("value", "text"),
    [((512, 256), "512-256"), ((), "none"), ((64,), "64"), ([0.5, 0.3], "0.5-0.3"), (("flip", "shift"), "flip-shift")],
)
def test_a_list_is_joined(value: object, text: str) -> None:
    assert stored(value) == text


@pytest.mark.parametrize("value", [True, 32, 0.5, "avg"])
def test_a_single_value_is_stored_as_it_is(value: object) -> None:
    assert stored(value) is value


def test_what_has_no_notation_is_a_mistake_of_ours() -> None:
    with pytest.raises(TypeError, match="no stored notation for None"):
        stored(None)


@given(st.lists(st.integers(1, 10_000)).map(tuple))
def test_widths_come_back(widths: tuple[int, ...]) -> None:
    assert read_integers(stored(widths)) == widths


@given(st.lists(st.floats(0.0, 1.0, exclude_max=True)).map(tuple))
def test_rates_come_back_even_with_exponents(rates: tuple[float, ...]) -> None:
    assert read_numbers(stored(rates)) == rates


def test_a_bare_width_is_one_layer() -> None:
    assert read_integers(128) == (128,)


@pytest.mark.parametrize("value", [True, 1.5, None, "512-", "a-b"])
def test_what_is_no_list_of_widths_is_left_to_be_refused(value: object) -> None:
    assert read_integers(value) == value


def test_texts_are_split_but_patterns_are_not() -> None:
    assert read_texts("flip-shift") == ("flip", "shift")
    assert read_texts("none") == ()
    assert read_patterns("cat/a-b.jpg") == ("cat/a-b.jpg",)
    assert read_patterns(["a", "b"]) == ("a", "b")

"""A study file as text: TOML that says the same, with every field explained."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep.studyfile.fields import TABLE_OF
from sweep.workflow.study_text import COMMENTS, render_study, toml_value


def test_every_field_is_explained() -> None:
    assert set(COMMENTS) == set(TABLE_OF) - {"question"}


def test_fields_stand_below_each_other_with_their_comments() -> None:
    text = render_study(
        {
            "schema": 1,
            "data": {"source": "./photos", "group": r"^(.+)_v\d+", "exclude": []},
            "space": {"dropout": {"low": 0.0, "high": 0.9}},
        },
        heading=["For 2 images."],
        remarks={"group": "two sources"},
    )
    lines = text.splitlines()
    assert lines[:3] == ["# For 2 images.", "", f"schema = 1  # {COMMENTS['schema']}"]
    assert r"group = '^(.+)_v\d+'  # two sources" in lines
    assert f'source = "./photos"   # {COMMENTS["source"]}' in lines
    assert lines[-1] == "dropout = {low = 0.0, high = 0.9}"
    assert max(map(len, lines)) <= 120
    assert text.endswith("\n")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (1e-6, "1e-06"),
        ((512, 256), "[512, 256]"),
        (r"^(.+)_v\d+", r"'^(.+)_v\d+'"),
        (r"it's \d", r'"it' + r"'s \\d" + '"'),
        ({"choices": ["none", 64]}, '{choices = ["none", 64]}'),
    ],
)
def test_values_look_as_a_person_writes_them(value: object, text: str) -> None:
    assert toml_value(value) == text


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_every_text_is_read_back(text: str) -> None:
    assert tomllib.loads(f"value = {toml_value(text)}") == {"value": text}
    assert tomllib.loads(f"value = {toml_value({text: [text]})}") == {"value": {text: [text]}}


def test_what_toml_has_no_word_for_is_a_mistake_of_ours() -> None:
    with pytest.raises(TypeError, match="no TOML for None"):
        toml_value(None)

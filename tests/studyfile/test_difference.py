"""In which fields two definitions differ."""

from __future__ import annotations

import json

from sweep.studyfile.definition import CheckSettings, DataSettings, ModelSettings, SearchSettings, StudyDefinition
from sweep.studyfile.difference import difference

BASE = StudyDefinition(name="toys", data=DataSettings(source="toys"))


def test_equal_definitions_differ_in_nothing() -> None:
    assert difference(BASE.canonical_json(), BASE.canonical_json()) == ()


def test_fields_are_named_with_their_table() -> None:
    other = StudyDefinition.model_validate(
        {"name": "other", "data": {"source": "toys"}, "model": {"dropout": 0.5}, "space": {"l2": "1e-6:1e-1:log"}}
    )
    assert difference(BASE.canonical_json(), other.canonical_json()) == ("model.dropout", "name", "space.l2")


def test_two_ranges_of_a_field_are_one_difference() -> None:
    first, second = (
        BASE.model_dump(mode="json", by_alias=True) | {"space": {"dropout": {"low": 0.0, "high": high}}}
        for high in (0.5, 0.9)
    )
    assert difference(json.dumps(first), json.dumps(second)) == ("space.dropout",)


def test_the_numbers_of_trials_and_repeats_may_differ() -> None:
    more = BASE.model_copy(update={"search": SearchSettings(trials=100, finalists=5, repeats=0)})
    assert difference(BASE.canonical_json(), more.canonical_json()) == ()
    assert BASE.digest == more.digest


def test_what_a_check_fails_on_may_differ() -> None:
    """No trial depends on it, and studies of versions that did not know it go on."""
    stricter = BASE.model_copy(update={"check": CheckSettings(harm=0.01, fail_on=("shift",), ignore=("leak",))})
    assert difference(BASE.canonical_json(), stricter.canonical_json()) == ()
    assert BASE.digest == stricter.digest
    earlier = json.loads(BASE.canonical_json())
    del earlier["check"]
    assert StudyDefinition.model_validate(earlier).digest == BASE.digest


def test_it_names_fields_exactly_when_digests_differ() -> None:
    other = BASE.model_copy(update={"model": ModelSettings(l2=1e-4)})
    assert BASE.digest != other.digest
    assert difference(BASE.canonical_json(), other.canonical_json()) == ("model.l2",)


def test_a_field_that_only_one_version_knows_is_a_difference() -> None:
    assert difference('{"model": {}}', '{"model": {"new": null}}') == ("model.new",)


def test_a_field_of_a_later_version_stands_at_its_default() -> None:
    earlier = json.loads(BASE.canonical_json())
    del earlier["model"]["preprocessing"], earlier["training"]["shuffle"]
    assert difference(json.dumps(earlier), BASE.canonical_json()) == ()
    raw = BASE.model_copy(update={"model": ModelSettings(preprocessing="none")})
    assert difference(json.dumps(earlier), raw.canonical_json()) == ("model.preprocessing",)

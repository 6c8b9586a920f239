"""Stage times add up: equal names together, nested stages inside their outer one."""

from __future__ import annotations

from sweep.progress import Silent
from sweep.workflow.stages import TimedProgress


def test_equal_stages_are_added_and_nested_ones_belong_to_the_outer() -> None:
    timed = TimedProgress(Silent())
    for count in (2, 3):
        with timed.stage("decoding", 5, "images") as advance:
            advance(count)
    with timed.stage("trials", 1, "trials") as advance:
        with timed.stage("backbone pass", 7, "images") as inner:
            inner(7)
        advance()
    assert [(record.name, record.units, record.unit) for record in timed.records] == [
        ("decoding", 5, "images"),
        ("trials", 1, "trials"),
    ]
    assert all(record.seconds >= 0 for record in timed.records)

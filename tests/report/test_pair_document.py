"""Two trials as plain values."""

from __future__ import annotations

import json
from dataclasses import replace

from sweep.records import Interval
from sweep.report.gather import Report
from sweep.report.pair import gather_pair
from sweep.report.pair_document import COMPARISON_SCHEMA, COMPARISON_VERSION, pair_values
from sweep.report.pair_text import pair_sentence


def test_every_number_of_both_is_there(full_report: Report) -> None:
    baseline, best = full_report.ranking.rows[25], full_report.ranking.rows[0]
    pair = gather_pair((full_report, baseline), (full_report, best))
    values = json.loads(json.dumps(pair_values(pair), allow_nan=False))
    assert (values["schema"], values["version"]) == (COMPARISON_SCHEMA, COMPARISON_VERSION) == ("sweep.comparison", 1)
    assert (values["better"], values["smaller_gap"], values["unpaired_because"]) == ("second", "second", "")
    assert values["sentence"] == pair_sentence(pair)
    assert (values["first"]["trial"], values["second"]["trial"]) == (0, 18)
    assert values["second"]["gap"]["low"] == best.gap.low
    assert values["comparison"]["accuracy_gained"]["estimate"] == pair.found.comparison.accuracy_gained.estimate
    assert values["answers"] == {"both": 461, "only_first": 14, "only_second": 33, "none": 92}
    assert [one["quantity"] for one in values["first"]["waterfalls"]] == ["accuracy", "cross_entropy"]
    assert values["settings"][1] == {"field": "head_width", "first": "none", "second": 64}
    assert [one["class"] for one in values["recalls"]] == list(full_report.study.data.class_names)


def test_infinity_is_null(full_report: Report) -> None:
    pair = gather_pair((full_report, full_report.ranking.rows[25]), (full_report, full_report.ranking.rows[0]))
    endless = Interval(estimate=0.1, low=float("-inf"), high=float("inf"))
    comparison = replace(pair.found.comparison, cross_entropy_saved=endless)
    values = pair_values(replace(pair, found=replace(pair.found, comparison=comparison)))
    assert values["comparison"]["cross_entropy_saved"]["low"] is None

"""What a notebook shows: a little HTML, in which names stay text."""

from __future__ import annotations

from dataclasses import replace

from sweep.report.gather import Report, gather_report
from sweep.report.notebook import preformatted, study_html


def test_the_verdict_and_the_first_rows_are_shown(diagnosed_report: Report) -> None:
    text = study_html(diagnosed_report)
    assert text.startswith("<p><b>40 trials of study toys</b></p><p>Verdict on your configuration (trial 0): leak")
    assert text.count("<tr>") == 1 + 10 + 1, "a header, ten rows and the baseline's"
    assert "<td>your configuration</td>" in text
    assert "26 more rows" in text


def test_names_stay_text(diagnosed_report: Report) -> None:
    study = replace(diagnosed_report.study, name="<script>alert(1)</script>")
    text = study_html(replace(diagnosed_report, study=study, swept=("<i>x</i>",)))
    assert "<script" not in text
    assert "<i>" not in text
    assert "&lt;script&gt;" in text


def test_a_study_without_a_result_has_no_table(toy_report: Report) -> None:
    text = study_html(gather_report(toy_report.study, []))
    assert "<table" not in text
    assert "No trial has been measured yet." in text


def test_lines_keep_their_form() -> None:
    assert preformatted(["a  b", "<c>"]) == '<pre style="white-space: pre-wrap">a  b\n&lt;c&gt;</pre>'

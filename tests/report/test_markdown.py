"""Markdown in which names stay text. The browser's own reading of it is tested in `tests/browser`."""

from __future__ import annotations

import pytest

from sweep.report.markdown import markdown_table, markdown_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain words, 3.5 % and −2.0", "plain words, 3.5 % and −2.0"),
        ("<script>alert(1)</script>", r"\<script\>alert\(1\)\</script\>"),
        ("![x](javascript:alert(1))", r"\!\[x\]\(javascript:alert\(1\)\)"),
        ("`code` and **bold** and _so on_", r"\`code\` and \*\*bold\*\* and \_so on\_"),
        ("a | b\nc", r"a \| b c"),
        ("# heading", r"\# heading"),
        ("- item", r"\- item"),
        ("12. item", r"12\. item"),
        ("12.5 points", "12.5 points"),
        ("---", r"\---"),
        ("\\[", r"\\\["),
        ("&lt;b&gt;", r"\&lt;b\&gt;"),
    ],
)
def test_what_markdown_would_read_as_markup_is_escaped(text: str, expected: str) -> None:
    assert markdown_text(text) == expected


@pytest.mark.parametrize("address", ["http://evil.example/", "www.evil.example", "name@evil.example"])
def test_an_address_is_no_link(address: str) -> None:
    shown = markdown_text(f"see {address} there")
    assert address not in shown
    assert shown.replace("\u2060", "") == f"see {address} there"


def test_long_names_are_cut_before_they_are_escaped() -> None:
    assert markdown_text("*" * 30, 5) == r"\*\*\*\*…"


def test_a_cell_stays_one_cell() -> None:
    table = markdown_table(("name", "n"), [("a|b c", "1 [0, 2]"), ("c\nd", "2")], right=[1])
    assert table.splitlines() == [
        "| name\u00a0 | \u00a0n\u00a0 |",
        "| :-- | --: |",
        "| a\\|b c\u00a0 | \u00a01\u00a0\\[0,\u00a02\\]\u00a0 |",
        "| c d\u00a0 | \u00a02\u00a0 |",
    ]

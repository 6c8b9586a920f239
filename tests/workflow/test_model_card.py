"""A model card says what it must, and names in it make no markup."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from sweep.workflow.export_check import Agreement
from sweep.workflow.export_request import check_export
from sweep.workflow.model_card import escaped, render_card
from sweep.workflow.opened import OpenedStudy

Finished = tuple[Path, OpenedStudy]
AGREEMENT = Agreement(
    images=12,
    accuracy=0.75,
    cross_entropy=0.5,
    trial_accuracy=0.75,
    trial_cross_entropy=0.5,
    low=0.5,
    high=0.9,
    same=True,
    seen=False,
)


def test_it_says_what_was_trained_how_well_it_does_and_what_it_is_for(finished: Finished, tmp_path: Path) -> None:
    request = check_export(finished[0], tmp_path / "mine.keras", trial="0")
    card = render_card(request, AGREEMENT)
    assert card.startswith("# photos, trial 0\n")
    headings = re.findall(r"^## (.*)$", card, re.MULTILINE)
    assert headings == [
        "Use", "What it is for", "How well it does", "Verdict on its gap", "Data", "Configuration"
    ]  # fmt: skip
    assert "uint8 of shape `(n, 32, 32, 3)`" in card
    assert re.search(r"^\| validation \| [\d.]+ \[[\d.]+, [\d.]+\] \| [\d.]+ \|$", card, re.MULTILINE)
    assert AGREEMENT.sentence in card
    assert request.diagnosis.sentence in card
    assert "| dog | 19 | 6 | 5 |" in card
    assert "\nhead_width = [128]\n" in card
    assert request.record.digest in card
    assert request.record.data.fingerprint in card


@pytest.mark.parametrize(
    ("name", "form", "call"),
    [
        ("m.keras", None, "keras.saving.load_model('m.keras')"),
        ("m", "savedmodel", "tensorflow.saved_model.load('m')"),
        ("m.tflite", None, "tensorflow.lite.Interpreter('m.tflite')"),
    ],
)
def test_each_format_is_used_in_five_lines(
    finished: Finished, tmp_path: Path, name: str, form: str | None, call: str
) -> None:
    card = render_card(check_export(finished[0], tmp_path / name, form=form), AGREEMENT)
    (code,) = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    compile(code, name, "exec")
    assert code.count("\n") == 5
    assert call in code
    assert ("sweep predict" in card) == (name == "m.keras")


def test_it_says_which_images_it_was_trained_on(finished: Finished, tmp_path: Path) -> None:
    trained = [
        render_card(check_export(finished[0], tmp_path / "m.keras", all_data=all_data), AGREEMENT).split("Trained on ")[
            1
        ]
        for all_data in (False, True)
    ]
    assert trained[0].startswith("the training images; the sealed test side was not touched.")
    assert trained[1].startswith("the training and the validation images; the sealed test side was not touched.")


def test_names_in_it_make_no_markup(finished: Finished, tmp_path: Path) -> None:
    request = check_export(finished[0], tmp_path / "mine.keras")
    names = ("<script>alert(1)</script>", "a|b\n# c")
    record = replace(
        request.record, name="[x](http://example.org)", data=replace(request.record.data, class_names=names)
    )
    card = render_card(replace(request, record=record), AGREEMENT)
    outside = re.sub(r"```.*?```", "", card, flags=re.DOTALL)
    assert r"\<script\>alert(1)\</script\>" in outside
    assert "<script>" not in outside.replace("\\<", "")
    assert r"a\|b # c" in outside
    assert card.startswith(r"# \[x\](http\://example.org), trial")


@pytest.mark.parametrize(
    ("text", "written"),
    [("cat_1*", r"cat\_1\*"), ("`x`", r"\`x\`"), ("a@b.c", r"a\@b.c"), ("www.x.org", r"www\.x.org"), ("50 %", "50 %")],
)
def test_what_makes_markup_is_escaped(text: str, written: str) -> None:
    assert escaped(text) == written

"""Sizes in words."""

from __future__ import annotations

import dataclasses

import pytest

from sweep.errors import TrialError
from sweep.training.sizes import ModelDescription
from sweep.workflow import model_text
from sweep.workflow.model_text import size_lines

SECOND_QUESTION = ModelDescription(
    trainable_parameters=210_372_866,
    total_parameters=233_960_578,
    head_parameters=210_372_866,
    unfrozen_parameters=0,
    unfrozen_trainable_parameters=0,
    file_bytes=935_842_312,
    full_file_bytes=2_618_825_240,
    training_bytes=4_301_808_168,
    optimizer="adam",
    unfrozen_layers=(),
    cut="conv5_block3_out",
)


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Bytes of the machine."""
    there = {"bytes": 64_000_000_000}
    monkeypatch.setattr(model_text, "physical_memory", lambda: there["bytes"])
    return there


@pytest.mark.usefixtures("memory")
def test_parameters_and_files_are_told_before_training() -> None:
    assert list(size_lines(SECOND_QUESTION)) == [
        "baseline: 210,372,866 trainable of 233,960,578 parameters, 210,372,866 in the head and 23,587,712 in the "
        "backbone; weights file 935.8 MB, 2.62 GB with the state of adam",
        "unfrozen layers: none",
    ]


@pytest.mark.usefixtures("memory")
def test_an_optimizer_that_keeps_nothing_has_no_file_of_its_own() -> None:
    plain = dataclasses.replace(SECOND_QUESTION, optimizer="sgd", full_file_bytes=935_842_312)
    assert next(size_lines(plain)).endswith("weights file 935.8 MB")


@pytest.mark.usefixtures("memory")
@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (("top", "top_norm"), "top, top_norm; 480 parameters, 384 of them trainable"),
        (
            tuple(f"block_{number}" for number in range(40)),
            "40, from block_0 to block_39; 480 parameters, 384 of them trainable",
        ),
    ],
)
def test_few_unfrozen_layers_are_named_and_many_counted(names: tuple[str, ...], shown: str) -> None:
    unfrozen = dataclasses.replace(
        SECOND_QUESTION, unfrozen_layers=names, unfrozen_parameters=480, unfrozen_trainable_parameters=384
    )
    assert list(size_lines(unfrozen))[1] == f"unfrozen layers: {shown}"


def test_memory_that_may_not_suffice_is_noted_and_too_little_refused(memory: dict[str, int]) -> None:
    memory["bytes"] = 8_000_000_000
    assert list(size_lines(SECOND_QUESTION))[2].startswith("training takes at least 4.3 GB")
    memory["bytes"] = 4_000_000_000
    lines = size_lines(SECOND_QUESTION)
    assert next(lines).startswith("baseline: 210,372,866 trainable"), "the size is told first"
    with pytest.raises(TrialError, match=r"4\.3 GB .*at most the 4\.0 GB"):
        list(lines)

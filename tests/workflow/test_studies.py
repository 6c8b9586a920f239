"""The bundled studies are valid and say what they ask."""

from __future__ import annotations

from sweep.workflow.studies import list_studies


def test_every_bundled_study_has_a_question() -> None:
    studies = {study.name: study for study in list_studies()}
    assert {"toys", "toys-bursts", "toys-composites"} <= set(studies)
    assert all(study.question.endswith("?") for study in studies.values())


def test_the_toys_sweep_all_five_and_the_convolution() -> None:
    toys = next(study for study in list_studies() if study.name == "toys")
    assert {"dropout", "head_width", "l2", "unfrozen_layers", "batch_size", "conv_filters"} <= set(toys.space)

"""One stream per purpose."""

from __future__ import annotations

from dataclasses import fields

from sweep.training.seeds import TrialSeeds


def first_word(seeds: TrialSeeds, purpose: str) -> int:
    return int(getattr(seeds, purpose).generate_state(1)[0])


def test_purposes_and_trials_have_streams_of_their_own() -> None:
    purposes = [field.name for field in fields(TrialSeeds)]
    words = {first_word(TrialSeeds.of(seed), purpose) for seed in ((0, 1), (0, 2), (1, 1)) for purpose in purposes}
    assert len(words) == 3 * len(purposes)


def test_the_same_seed_gives_the_same_streams() -> None:
    assert first_word(TrialSeeds.of((7, 3)), "order") == first_word(TrialSeeds.of([7, 3]), "order")

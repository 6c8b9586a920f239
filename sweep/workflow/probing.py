"""The probes that need no trial, each shielded from the others; what a repair uncovers is looked at again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from sweep.diagnosis.probes.amount import few_images
from sweep.diagnosis.probes.bursts import bursts
from sweep.diagnosis.probes.copies import leak
from sweep.diagnosis.probes.features import weak_features
from sweep.diagnosis.probes.imbalance import imbalance
from sweep.diagnosis.probes.labels import label_noise
from sweep.diagnosis.probes.preprocessing import preprocessing
from sweep.diagnosis.probes.shift import shift
from sweep.diagnosis.probes.shortcut import resolution, shortcut
from sweep.diagnosis.probes.validation_size import small_validation
from sweep.diagnosis.ridge import RidgeProbe, one_hot
from sweep.diagnosis.verdict import ORDER, judge, latest
from sweep.features.extract import FeatureLibrary
from sweep.progress import Progress, Silent
from sweep.records import Cause, Finding
from sweep.studyfile.definition import StudyDefinition
from sweep.workflow.candidates import candidate_features, features_at
from sweep.workflow.linear_head import PENALTY, probe_head
from sweep.workflow.mending import mended, with_pixels
from sweep.workflow.observed import Observed
from sweep.workflow.prepare import PreparedData
from sweep.workflow.shielded import Probe, probed

__all__ = [
    "Rounds",
    "feature_probes",
    "probe_data",
    "probe_features",
    "probed_again",
    "sizes_tell",
]

Rounds = tuple[tuple[Finding, ...], ...]

_LARGER = 2
_WORTH_TRYING = 1.25
"""Times the study's image size that most files must have before a larger one is tried."""
_NEED_FEATURES = (
    Cause.PREPROCESSING,
    Cause.LEAK,
    Cause.BURSTS,
    Cause.SHIFT,
    Cause.LABEL_NOISE,
    Cause.IMBALANCE,
    Cause.FEW_IMAGES,
    Cause.WEAK_FEATURES,
    Cause.RESOLUTION,
    Cause.SMALL_VALIDATION,
)


def probe_data(
    definition: StudyDefinition,
    data: PreparedData,
    observed: Observed,
    *,
    library: FeatureLibrary | None,
    base: Path,
    progress: Progress,
) -> Rounds:
    """Run every probe that needs no trial, and those again that what was found may have led astray.

    Args:
        definition: of the study.
        data: its images.
        observed: what the probes are given of them.
        library: of the backbone's features; None beside a hypermodel.
        base: the folder that relative paths in the definition start from.
        progress: stage "probes".
    """
    probes = dict(_probes(definition, data, observed, base=base, progress=progress))
    found = []
    with progress.stage("probes", len(probes), "causes") as advance:
        for cause, probe in probes.items():
            found.append(probed(cause, probe))
            advance()

    def mend(sample: Observed, finding: Finding) -> Observed | None:
        if finding.cause is Cause.PREPROCESSING:
            return with_pixels(definition, library, sample, finding)
        return mended(sample, finding)

    return probed_again(observed, tuple(found), mend=mend, settings=definition, progress=progress)


def probe_features(definition: StudyDefinition, observed: Observed) -> Rounds:
    """Run the probes that need features alone, in rounds; without preprocessing, resolution and the files' sizes."""
    first = tuple(probed(cause, probe) for cause, probe in feature_probes(definition, observed))
    return probed_again(observed, first, mend=mended, settings=definition, progress=Silent())


def probed_again(
    observed: Observed,
    first: tuple[Finding, ...],
    *,
    mend: Callable[[Observed, Finding], Observed | None],
    settings: StudyDefinition,
    progress: Progress,
) -> Rounds:
    """Mend what was found, virtually, one cause after the other, and run the probes of later causes again each time.

    Args:
        observed: as it is.
        first: what every probe says of it.
        mend: gives the images without a cause; None where that cannot be done without new images or trainings.
        settings: the study.
        progress: a stage for each round, named by what was mended.

    Returns:
        Rounds with pictures and images by their positions in the study's index.
    """
    rounds, repaired = [tuple(observed.placed(one) for one in first)], tuple[Cause, ...]()
    current = first
    while True:
        verdict = judge(latest((current,)), num_classes=observed.num_classes, harm=settings.check.harm)
        for finding in verdict.causes:
            repair = None if finding.cause in repaired else _repaired(mend, observed, finding)
            if repair is not None:
                break
        else:
            return tuple(rounds)
        observed, repaired = repair, (*repaired, finding.cause)
        later = ORDER[ORDER.index(finding.cause) + 1 :]
        probes = {cause: probe for cause, probe in feature_probes(settings, observed) if cause in later}
        if not probes:
            return tuple(rounds)
        again = []
        with progress.stage(f"probes without {finding.cause.value}", len(probes), "causes") as advance:
            for cause, probe in probes.items():
                again.append(replace(probed(cause, probe), repaired=repaired))
                advance()
        rounds.append(tuple(observed.placed(one) for one in again))
        # What is carried over counts its images among those that were there before.
        current = latest(([replace(one, rows=()) for one in current], again))


def _repaired(
    mend: Callable[[Observed, Finding], Observed | None], observed: Observed, finding: Finding
) -> Observed | None:
    """A repair that fails is none: the verdict stands on what was found."""
    try:
        return mend(observed, finding)
    except Exception:
        return None


def _probes(
    definition: StudyDefinition, data: PreparedData, observed: Observed, *, base: Path, progress: Progress
) -> Iterator[tuple[Cause, Probe]]:
    if observed.features is None:
        yield Cause.SHORTCUT, lambda: sizes_tell(observed, definition.data.split_seed)
        for cause in _NEED_FEATURES:
            yield cause, lambda cause=cause: Finding.not_measured(cause, observed.missing)  # type: ignore[misc]
        return
    yield from feature_probes(definition, observed)
    yield Cause.PREPROCESSING, lambda: _preprocessing(definition, data, observed, base, progress)
    yield Cause.RESOLUTION, lambda: _resolution(definition, data, observed, base, progress)


def feature_probes(definition: StudyDefinition, observed: Observed) -> Iterator[tuple[Cause, Probe]]:
    """The probes of frozen features, which must be there."""
    seed = definition.data.split_seed
    features, labels, groups, classes = observed.features, observed.labels, observed.groups, observed.num_classes
    assert features is not None
    sides: dict[str, Any] = {"train": observed.train, "validation": observed.validation}
    # When it is first asked for, inside of a probe: features may be infinite.
    head = cache(lambda: probe_head(observed))
    validated = None if groups is None else groups[observed.validation]
    sources = groups if groups is not None else observed.sources

    def copies() -> Finding:
        return leak(
            features=features,
            thumbnails=observed.thumbnails,
            content_hashes=observed.content_hashes,
            labels=labels,
            correct=head().correct,
            groups=sources,
            seed=seed,
            **sides,
        )

    def frames() -> Finding:
        return bursts(
            features=features,
            labels=labels,
            sources=sources,
            thumbnails=observed.thumbnails,
            pattern=observed.pattern,
            seed=seed,
            **sides,
        )

    alike: dict[str, Any] = {
        "features": features,
        "labels": labels,
        "num_classes": classes,
        "groups": groups,
        "seed": seed,
    }
    yield Cause.LEAK, copies
    yield Cause.BURSTS, frames
    yield Cause.SHORTCUT, lambda: sizes_tell(observed, definition.data.split_seed)
    names = observed.class_names
    yield Cause.SHIFT, lambda: shift(**alike, **sides, class_names=names)
    yield Cause.LABEL_NOISE, lambda: label_noise(**alike, class_names=names)
    yield Cause.IMBALANCE, lambda: imbalance(**alike, class_names=names)
    yield Cause.FEW_IMAGES, lambda: few_images(**alike, **sides)
    yield Cause.WEAK_FEATURES, lambda: weak_features(**alike)
    yield (
        Cause.SMALL_VALIDATION,
        lambda: small_validation(
            correct=head().correct,
            groups=validated,
            train_accuracy=head().train_accuracy,
            harm=definition.check.harm,
        ),
    )


def sizes_tell(observed: Observed, seed: int) -> Finding:
    """Whether the sizes of the files tell the class; sources that file names tell count where no others are known."""
    return shortcut(
        sizes=observed.sizes,
        labels=observed.labels,
        num_classes=observed.num_classes,
        seed=seed,
        groups=observed.groups if observed.groups is not None else observed.sources,
    )


def _preprocessing(
    definition: StudyDefinition, data: PreparedData, observed: Observed, base: Path, progress: Progress
) -> Finding:
    found = candidate_features(definition, data, observed.positions, base=base, progress=progress)
    return preprocessing(
        candidates=found.features,
        chosen=found.chosen,
        labels=observed.labels[found.rows],
        groups=None if observed.groups is None else observed.groups[found.rows],
        seed=definition.data.split_seed,
    )


def _resolution(
    definition: StudyDefinition, data: PreparedData, observed: Observed, base: Path, progress: Progress
) -> Finding:
    now, stored = definition.data.image_size, float(np.median(observed.sizes.min(axis=1)))
    if stored < _WORTH_TRYING * now:
        reason = f"most files are not larger than the {now} pixels that they are resized to"
        return Finding.impossible(Cause.RESOLUTION, reason)
    larger = int(min(_LARGER * now, stored))
    correct = {}
    for pixels in (now, larger):
        rows, features = features_at(definition, data, observed.positions, pixels, base=base, progress=progress)
        labels, groups = observed.labels[rows], None if observed.groups is None else observed.groups[rows]
        blocks = None if groups is None else [np.flatnonzero(groups == group) for group in np.unique(groups)]
        held_out = RidgeProbe(features).held_out(one_hot(labels, observed.num_classes), PENALTY, blocks)
        correct[pixels] = held_out.argmax(axis=1) == labels
    return resolution(correct_at=correct, groups=groups)

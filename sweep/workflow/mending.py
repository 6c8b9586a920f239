"""Virtual repairs: the images of a study as they would be without a cause, so that what it hides comes to light."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sweep.diagnosis.guessed_sources import guess_sources
from sweep.diagnosis.ridge import stratified_blocks
from sweep.features.extract import FeatureLibrary
from sweep.records import Cause, Finding, IndexArray
from sweep.studyfile.definition import StudyDefinition
from sweep.workflow.observed import Observed, feature_configuration, pooled

__all__ = ["mended", "with_pixels"]

_PARTS = 5  # of sides that are drawn anew, one validates
_FEWEST_VALIDATED = 20
_STREAM = 0x3E4D  # of this module's random numbers


def mended(observed: Observed, finding: Finding) -> Observed | None:
    """The images without a cause.

    Copies and wrong labels are left out, the images of a source stand on one side, sides of different kinds are drawn
    from all images, and classes have one order.

    Args:
        observed: the images.
        finding: of the cause; its rows are positions among them.

    Returns:
        None where there is no such repair, or hardly any validation images are left by it.
    """
    if finding.cause in (Cause.LEAK, Cause.LABEL_NOISE) and finding.rows:
        repaired = observed.kept(np.setdiff1d(np.arange(len(observed.labels)), finding.rows))
    elif finding.cause is Cause.BURSTS:
        repaired = _drawn_anew(replace(observed, groups=_sources(observed)))
    elif finding.cause is Cause.SHIFT:
        repaired = _in_order(observed, finding) if finding.evidence.get("reordered") is True else _drawn_anew(observed)
    else:
        return None
    return repaired if len(repaired.validation) >= _FEWEST_VALIDATED else None


def with_pixels(
    definition: StudyDefinition, library: FeatureLibrary | None, observed: Observed, finding: Finding
) -> Observed | None:
    """The images with the features that the pixels give when they are prepared as the remedy says.

    Args:
        definition: of the study.
        library: gives the features; None beside a hypermodel.
        observed: the images.
        finding: of the preprocessing.

    Raises:
        BackboneError, CacheError: as `FeatureLibrary.features`.
    """
    changes = {
        name.removeprefix("model."): value
        for remedy in finding.remedies[:1]
        for name, value in remedy.changes.items()
        if name.startswith("model.")
    }
    if library is None or not changes:
        return None
    configuration = feature_configuration(definition.baseline.replaced(changes))
    return replace(observed, features=pooled(library.features(configuration).clean[observed.positions]))


def _in_order(observed: Observed, finding: Finding) -> Observed:
    """The same with the classes of validation named as training names them."""
    order = np.array([int(one) for one in str(finding.evidence["order"]).split("-")], np.int64)
    labels = observed.labels.copy()
    labels[observed.validation] = order[labels[observed.validation]]
    return replace(observed, labels=labels)


def _sources(observed: Observed) -> IndexArray | None:
    """What file names say of sources, or else what features do."""
    if observed.sources is not None or observed.features is None:
        return observed.sources
    return guess_sources(observed.features).codes


def _drawn_anew(observed: Observed) -> Observed:
    """The same images on sides drawn at random, whole sources of them."""
    rng = np.random.default_rng(np.random.SeedSequence((_STREAM, len(observed.labels))))
    parts: list[IndexArray] = stratified_blocks(observed.labels, _PARTS, rng, observed.groups)
    everything = np.arange(len(observed.labels))
    return replace(observed, validation=parts[0], train=np.setdiff1d(everything, parts[0]))

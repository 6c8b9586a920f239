"""`sweep audit`: a classifier that was trained elsewhere, its gap apart and its causes by name; nothing is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sweep.data.folds import trainings
from sweep.diagnosis.verdict import Verdict, judge, latest
from sweep.diagnosis.waterfall import Quantity, waterfall
from sweep.diagnosis.wording import percent
from sweep.errors import SweepError, UsageError
from sweep.progress import Progress, Silent
from sweep.records import Cause, Finding, Split
from sweep.studyfile.definition import StudyDefinition
from sweep.training.foreign import ForeignModel, check_classes, load_foreign
from sweep.training.reading_off import read_off
from sweep.workflow.audit_outcome import AuditOutcome
from sweep.workflow.audit_probing import own_findings
from sweep.workflow.audit_request import AuditRequest, check_request
from sweep.workflow.audit_study import write_study
from sweep.workflow.audited import Audited, best_way, take_numbers
from sweep.workflow.masking import masks_of, unanswered
from sweep.workflow.observed import Observed, observe
from sweep.workflow.prepare import PreparedData, make_library, prepare_data
from sweep.workflow.probing import Rounds, probe_features, sizes_tell
from sweep.workflow.resolve import Overrides, ResolvedStudy, resolve_study
from sweep.workflow.shielded import probed

__all__ = ["AuditOutcome", "audit", "audit_requested"]

_OURS = (
    "the split is ours, since the folder has no validation folder: what is called training here may hold images that "
    "the model was validated on, and the other way round"
)

_PLAINLY = 1.2
"""Times the accuracy of guessing among equally frequent classes that the best way must reach to be taken as told."""


def audit(
    model: str,
    folder: str,
    *,
    preprocessing: str = "auto",
    classes: Sequence[str] = (),
    sets: Sequence[str] = (),
    study_file: str = "",
    progress: Progress | None = None,
) -> AuditOutcome:
    """Take the gap of a classifier that was trained elsewhere apart, and name its causes.

    Args:
        model: a .keras file; code that is in it is not run.
        folder: its images, in train/ and val/ with one sub-folder per class, or one sub-folder per class alone.
        preprocessing: how pixels are prepared for it: "none", "0..1", "-1..1", "caffe" or "torch"; "auto" takes the way
            in which it gets most training images right.
        classes: the folders in the order of the model's outputs; in the order of their names unless given.
        sets: overrides such as `"data.group=folder"`.
        study_file: where to write a study file whose baseline is the model; nowhere unless given.
        progress: where to show the progress; nowhere by default.

    Raises:
        SweepError: the branch tells what is wrong, `errors.py`.
    """
    request = check_request(
        model, folder, preprocessing=preprocessing, classes=classes, sets=sets, study_file=study_file
    )
    return audit_requested(request, progress=progress or Silent())


def audit_requested(request: AuditRequest, *, progress: Progress) -> AuditOutcome:
    """The same for what was checked; errors as `audit`."""
    foreign = load_foreign(request.file)
    resolved = _resolved(request, foreign, progress)
    definition = resolved.definition
    data = prepare_data(definition, base=resolved.base, progress=progress)
    names = data.index.class_names
    check_classes(foreign, request.folder, names)
    if request.classes:
        foreign = foreign.ordered(_order(request, names))
    read = read_off(foreign)
    way, tried = best_way(foreign, read, data, request.preprocessing, progress)
    one = take_numbers(foreign, read, data, way, seed=definition.data.split_seed, progress=progress)
    rounds, features_of = _probed(one, data, resolved, progress)
    masks = masks_of(rounds, num_classes=len(names), harm=definition.check.harm)
    verdict = judge(unanswered(latest(rounds), masks), num_classes=len(names), harm=definition.check.harm)
    size = definition.data.image_size
    notes = [_way_note(one, tried), *_size_notes(foreign, size), *_split_notes(data), features_of]
    notes += [*_sample_notes(one, data), *data.index.notes]
    if request.study_file:
        notes.append(write_study(request, one, data, image_size=size))
    return _outcome(request, one, data, verdict, tuple(notes), definition)


# ---- measuring -------------------------------------------------------------------------------------------------------


def _resolved(request: AuditRequest, foreign: ForeignModel, progress: Progress) -> ResolvedStudy:
    """The folder as a study: nothing is sealed, and pictures have the size that the model takes."""
    size = () if foreign.image_size is None else (f"data.image_size={foreign.image_size}",)
    overrides = Overrides(sets=("data.test=0", *size, *request.sets))
    resolved = resolve_study(request.folder, overrides, progress)
    asked = resolved.definition.data.image_size
    if foreign.image_size not in (None, asked):
        raise UsageError(
            "--set data.image_size",
            received=str(asked),
            expected=f"{foreign.image_size}, the size that {request.file.name} takes",
            remedy="leave it out",
        )
    return resolved


def _order(request: AuditRequest, names: Sequence[str]) -> list[int]:
    """For each class, in the order of the folders' names, the output that stands for it."""
    if sorted(request.classes) != list(names):
        raise UsageError(
            "--classes",
            received=",".join(request.classes),
            expected=f"each of {', '.join(names)} once",
            remedy="write the names of the folders in the order of the model's outputs",
        )
    return [request.classes.index(name) for name in names]


def _probed(one: Audited, data: PreparedData, resolved: ResolvedStudy, progress: Progress) -> tuple[Rounds, str]:
    """The findings of data and model, and a sentence on whose features the former go by."""
    definition = resolved.definition
    observed, missing = _observed(definition, data, resolved.base, progress)
    default, seed = observed.features, definition.data.split_seed
    if one.said.frozen is not None:
        observed = replace(observed, features=one.said.frozen)
        note = "the probes of data go by the features of the model's own frozen part"
    elif default is not None:
        note = (
            f"the probes of data go by the features of {definition.model.backbone}: no part of the model is frozen, "
            "and features that have learnt from the training images show them other than they are"
        )
    else:
        note = f"the probes of data have no features to go by: {missing}"
    with progress.stage("probes", None, "causes"):
        rounds = probe_features(definition, observed) if observed.features is not None else ()
        own = own_findings(one, data.pixels, observed, default, seed=seed, harm=definition.check.harm)
        sizes = probed(Cause.SHORTCUT, lambda: sizes_tell(observed, seed))
    unlooked = (Cause.LEAK, Cause.BURSTS, Cause.SHIFT, Cause.LABEL_NOISE, Cause.IMBALANCE, Cause.FEW_IMAGES)
    first = tuple(Finding.not_measured(cause, missing) for cause in unlooked)
    return (first, *rounds, *own, (observed.placed(sizes),)), note


def _observed(definition: StudyDefinition, data: PreparedData, base: Path, progress: Progress) -> tuple[Observed, str]:
    """What the probes of data are given, with the features of our default backbone, or why these cannot be had."""
    try:
        library = make_library(definition, data, base=base, progress=progress)
        observed = observe(definition, data, library, progress=progress)
    except SweepError as error:
        return observe(definition, data, None, progress=progress), str(error)
    return observed, observed.missing


def _outcome(
    request: AuditRequest,
    one: Audited,
    data: PreparedData,
    verdict: Verdict,
    notes: tuple[str, ...],
    definition: StudyDefinition,
) -> AuditOutcome:
    split = trainings(data.split)[0]
    groups = [data.index.images[row].group or f"\0{row}" for row in split.validation.tolist()]
    quantities: tuple[Quantity, ...] = ("accuracy", "cross_entropy")
    falls = tuple(
        waterfall(
            one.measurement,
            quantity,
            validation=one.measurement.predictions[0],
            labels=data.index.labels[split.validation],
            groups=groups if len(set(groups)) < len(groups) else None,
        )
        for quantity in quantities
    )
    shown = {row for finding in verdict.causes for exhibit in finding.exhibits for row in exhibit.images}
    shown |= {row for finding in verdict.causes for row in finding.rows}
    return AuditOutcome(
        study=definition.name,
        model=request.file.name,
        images=(len(split.train), len(split.validation)),
        accuracies=(one.train.accuracy, one.validation.accuracy),
        falls=falls,
        notes=notes,
        verdict=verdict,
        paths={row: data.index.images[row].path for row in sorted(shown)},
    )


# ---- notes -----------------------------------------------------------------------------------------------------------


def _way_note(one: Audited, tried: dict[str, float]) -> str:
    """How pixels are given to the model, and how it does when they are given in other ways."""
    said = f"pixels are given as {one.way}" + (" (as efficientnet-lite0 was trained)" if one.way == "auto" else "")
    if one.foreign.rescales:
        said += ", and the model scales them itself"
    if not tried:
        return f"{said}, as asked"
    others = sorted((way for way in tried if way != one.way), key=lambda way: -tried[way])
    shown = ", ".join(f"{way} {percent(tried[way])}" for way in others)
    said += f": right on {percent(tried[one.way])} of a sample of the training images ({shown})"
    if tried[one.way] < _PLAINLY / one.foreign.num_classes:
        said += "; that is hardly more than guessing, so it may be another: name it with --preprocessing"
    return said


def _size_notes(foreign: ForeignModel, size: int) -> tuple[str, ...]:
    if foreign.image_size is not None:
        return ()
    return (
        f"the model takes pictures of any size: they are resized to {size} pixels; --set data.image_size=… names it",
    )


def _split_notes(data: PreparedData) -> tuple[str, ...]:
    return () if any(image.pinned is Split.VALIDATION for image in data.index.images) else (_OURS,)


def _sample_notes(one: Audited, data: PreparedData) -> tuple[str, ...]:
    trained_on = len(trainings(data.split)[0].train)
    if one.sampled == trained_on:
        return ()
    return (f"the modes of training were measured on {one.sampled:,} of {trained_on:,} training images",)

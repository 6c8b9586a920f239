"""What a report says in sentences, the same in terminal, page and documents; and what each of its numbers means."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from sweep.diagnosis.marginals import Bin, Marginal
from sweep.diagnosis.ranking import RankedTrial
from sweep.diagnosis.sealed import SealedResult, sealed_sentence
from sweep.diagnosis.survival import survival_sentence
from sweep.diagnosis.waterfall import Term, Waterfall
from sweep.records import Interval, Split
from sweep.report.gather import Opening, Report
from sweep.report.wording import bounds, nats, percent, plain, points

__all__ = [
    "EXPLANATIONS",
    "TERM_LABELS",
    "amount",
    "curve_sentence",
    "explained",
    "is_nothing",
    "opening_sentence",
    "optimism_sentence",
    "order_sentence",
    "progress_sentence",
    "repeats_sentence",
    "reported_gap_sentence",
    "retrained_sentence",
    "rivals_sentence",
    "row_name",
    "seen_sentence",
    "split_sentence",
    "trial_name",
    "unchanged_sentence",
]

EXPLANATIONS: Mapping[str, str] = {
    "train": "Accuracy on the training images at the epoch kept, measured clean: no dropout, no augmentation, batch "
    "norm on its moving statistics.",
    "validation": "Accuracy on the validation images at the epoch kept, measured clean.",
    "balanced": "Mean of the classes' own validation accuracies: each class counts alike, however many images it has.",
    "gap": "Clean train accuracy minus clean validation accuracy, in points.",
    "interval": "Brackets hold 95 % intervals; those of single trials count the sampling error of the validation side.",
    "pareto": "On the Pareto front: no eligible trial has both a lower validation cross-entropy and a smaller gap in "
    "it.",
    "corrected": "The best of many trials is partly the luckiest on these images. The choice is repeated on resampled "
    "images and scored on those left out, which takes that luck away.",
    "chosen": "How often a trial would be rank 1 had other validation images been drawn.",
    "waterfall": "The gap between the two numbers that Keras logs, as a sum: each line changes one thing on the way "
    "from the logged to the clean numbers; what widens the gap is positive.",
    "finalists": "The baseline and those that led the ranking when the finalists were trained, each trained again with "
    "other seeds. On splits drawn anew, intervals count that repetitions share training images; on one and the same "
    "split they speak of other seeds alone.",
    "importances": "How much each field separates the best trials from the others (PED-ANOVA), as shares of 100 %.",
    "sealed": "Images that this study uses for no training and no choice; differences are tested together (Holm).",
    "predicted": "Where the accuracy was expected to fall with 95 %, before the seal was broken.",
}
"""Each number of a report in one sentence, to stand where the number stands."""

TERM_LABELS: Mapping[str, str] = {
    "epoch_lag": "epoch lag",
    "dropout": "dropout",
    "augmentation": "augmentation",
    "batch_norm": "batch norm",
    "training_mode": "training mode",
    "clean_gap": "clean gap",
    "validation_pipeline": "validation pipeline",
    "penalty": "penalty",
    "class_weights": "weights, smoothing, MixUp",
}
"""The terms of the waterfall in words; `meaning` of `sweep.diagnosis.waterfall` says what they are."""

_RIVALS_NAMED = 3
_AGREED = 0.995  # a share that prints as 100 %


def diagnosis_sentences(report: Report) -> tuple[str, str]:
    """The verdict in a sentence, or why there is none; and how to get more than that, or one at all."""
    if report.diagnosis is not None:
        return f"Verdict on {report.diagnosis.sentence}", f"more: sweep diagnose {plain(report.arguments or 'DB')}"
    if report.ranking.baseline is not None:
        return "No verdict: the causes of the gap were not looked for.", "`sweep diagnose` names them"
    return f"No verdict yet: {report.baseline_name} has no result.", "`sweep run` with the same study goes on"


def row_name(report: Report, row: RankedTrial) -> str:
    """A row in words: "your configuration", or "trial 7"."""
    return report.baseline_name if row.baseline else f"trial {row.number}"


def trial_name(report: Report, number: int) -> str:
    """A trial in words, as `row_name`; a trial that is not in the ranking is named by its number."""
    row = next((row for row in report.ranking.rows if row.number == number), None)
    return f"trial {number}" if row is None else row_name(report, row)


def progress_sentence(report: Report) -> str:
    """How far the study is: "12 of 40 trials finished (11 complete, 1 pruned)", or how many trials it has."""
    states = ", ".join(f"{count} {state}" for state, count in sorted(report.states.items()))
    finished = report.states.get("complete", 0) + report.states.get("pruned", 0)
    unfinished = report.wanted is not None and finished < report.wanted
    total = "1 trial" if len(report.trials) == 1 else f"{len(report.trials)} trials"
    trials = f"{finished} of {report.wanted} trials finished" if unfinished else total
    return trials + (f" ({states})" if states else "")


def split_sentence(report: Report) -> str:
    """The sides and their sizes: "2,438 train · 750 validation · 562 test (sealed)", or the folds."""
    data, sealed = report.study.data, report.study.data.images(Split.TEST)
    if report.folds:
        often = "once" if data.fold_repeats < 2 else f"{data.fold_repeats} times, over folds drawn anew"
        pinned = data.images(Split.TRAIN)
        parts = [f"{data.images(Split.VALIDATION):,} in {report.folds} folds (each image validated {often})"]
        parts += [f"{pinned:,} trained on only"] if pinned else []
    else:
        parts = [f"{data.images(side):,} {side}" for side in (Split.TRAIN, Split.VALIDATION) if data.images(side)]
    parts += [f"{sealed:,} test (sealed)"] if sealed else []
    return " · ".join(parts) + (f", {data.groups:,} sources kept whole" if data.groups else "")


# ---- rank 1's score ------------------------------------------------------------------------------------------------


def optimism_sentence(report: Report) -> str:
    """Rank 1's score and what it is once corrected for the choice; "" where it is not corrected."""
    found = report.ranking.optimism
    if found is None or len(found.chosen) < 2:
        return ""
    images = report.study.data.images(Split.VALIDATION)
    return (
        f"Rank 1 scores {percent(found.naive)} on validation; corrected for having been chosen among "
        f"{len(found.chosen)} trials on the same {images:,} images: {percent(found.corrected.estimate)} "
        f"{bounds(found.corrected)}."
    )


def rivals_sentence(report: Report) -> str:
    """How often other images would have chosen another trial; "" where they practically never would."""
    shares = {row: row.chosen for row in report.ranking.rows if row.chosen is not None}
    best = report.ranking.best
    if best is None or shares.get(best, 1.0) >= _AGREED:
        return ""
    likeliest = sorted(shares, key=lambda row: (-shares[row], row.rank))[:_RIVALS_NAMED]
    if best not in likeliest:
        likeliest[-1] = best
    named = [f"{row_name(report, row)} in {100 * shares[row]:.0f} %" for row in likeliest if shares[row] or row is best]
    rest = 1 - sum(shares[row] for row in likeliest)
    named += [f"others in {100 * rest:.0f} %"] if rest >= 1 - _AGREED else []
    return f"On resampled validation images rank 1 would have been {_listed(named)} of the cases."


# ---- the waterfall -------------------------------------------------------------------------------------------------


def amount(fall: Waterfall, value: float) -> str:
    """A difference in the unit of the waterfall: points, or nats."""
    return points(value) if fall.quantity == "accuracy" else nats(value)


def is_nothing(fall: Waterfall, term: Term) -> bool:
    """Whether a term is 0 by construction, as far as printed digits tell."""
    return bool(term.unchanged) and amount(fall, term.interval.estimate) == amount(fall, 0.0)


def reported_gap_sentence(fall: Waterfall, name: str) -> str:
    """What Keras would report of a trial and what is left of it when measured clean.

    Args:
        fall: of the trial.
        name: the trial in words, such as "your configuration".
    """
    clean = next(term.interval.estimate for term in fall.terms if term.name == "clean_gap")
    if fall.quantity == "accuracy":
        train, validation, unit = percent(fall.reported_train), percent(fall.reported_validation), "points"
    else:
        train, validation, unit = nats(fall.reported_train), nats(fall.reported_validation), "nats"
    return (
        f"Of {name} Keras would have reported {train} on train and {validation} on validation, a gap of "
        f"{amount(fall, fall.reported_gap)} {unit}; measured clean it is {amount(fall, clean)}."
    )


def unchanged_sentence(*falls: Waterfall) -> str:
    """The terms that are 0 by construction in every given waterfall, and why: "unchanged: no dropout · …", or ""."""
    shared = set.intersection(
        *({(term.name, term.unchanged) for term in fall.terms if is_nothing(fall, term)} for fall in falls)
    )
    reasons = [term.unchanged for term in falls[0].terms if (term.name, term.unchanged) in shared]
    return f"unchanged: {plain(' · '.join(reasons))}" if reasons else ""


def order_sentence(fall: Waterfall) -> str:
    """What the order of switching off changes, where it changes more than the noise of a term; else ""."""
    moved = [
        f"{TERM_LABELS[term.name]} {amount(fall, term.order[0])} to {amount(fall, term.order[1])}"
        for term in fall.terms
        if term.order is not None and not _holds(term.interval, term.order)
    ]
    return f"Switched off in another order: {' · '.join(moved)}." if moved else ""


def explained(name: str, key: str) -> str:
    """A name and what it means: "predicted: where the accuracy was expected …"."""
    sentence = EXPLANATIONS[key]
    return f"{name}: {sentence[:1].lower()}{sentence[1:]}"


def _holds(interval: Interval, order: tuple[float, float]) -> bool:
    return interval.low <= order[0] and order[1] <= interval.high


# ---- finalists, the test side, influence ---------------------------------------------------------------------------


def repeats_sentence(report: Report) -> str:
    """Which differences between finalists survive their repetitions; "" where there are none to judge."""
    if report.survival is None:
        return ""
    return survival_sentence(report.survival, trial_name(report, report.survival.reference))


def opening_sentence(report: Report, opening: Opening) -> str:
    """When the test side was opened, what it shows, and that it is no test any more where it had been seen before."""
    said = f"Opened on {opening.record.opened:%Y-%m-%d}. {sealed_sentence(opening.result, report.baseline_name)}"
    return " ".join(text for text in (said, seen_sentence(opening.result), retrained_sentence(report, opening)) if text)


def seen_sentence(result: SealedResult) -> str:
    """That test images had been looked at before; "" where they had not."""
    seen, images = result.seen_before, result.test_images
    if not seen:
        return ""
    share = "All of these images" if seen == images else f"{seen:,} of these images"
    return f"{share} had been looked at before: a choice may have followed that, so this is no clean test any more."


def retrained_sentence(report: Report, opening: Opening) -> str:
    """Where the weights that were tested are not those of the trial; "" where validation cannot tell them apart."""
    kept = {row.number: row.measurement.validation_accuracy for row in report.ranking.rows}
    others = [
        f"{trial_name(report, result.number)} scores {percent(result.validation_accuracy)} on validation and not "
        f"{percent(kept[result.number])}"
        for result in opening.record.results
        if result.number in kept and not math.isclose(result.validation_accuracy, kept[result.number], abs_tol=1e-9)
    ]
    if not others:
        return ""
    return f"Trained again for this, {_listed(others)}: another machine or version has given other weights."


def curve_sentence(curve: Marginal) -> str:
    """From which to which bin the gap and validation go: the ends of a range, or the extremes of the gap."""
    ends = (curve.bins[0], curve.bins[-1])
    if curve.kind == "choice":
        ends = (max(curve.bins, key=_gap_of), min(curve.bins, key=_gap_of))
    first, last = ends
    return (
        f"From {curve.name} {plain(first.label, 40)} to {plain(last.label, 40)} the mean gap goes from "
        f"{points(first.gap.estimate)} to {points(last.gap.estimate)} points and mean validation accuracy from "
        f"{percent(first.validation.estimate)} to {percent(last.validation.estimate)}."
    )


def _gap_of(one: Bin) -> float:
    return one.gap.estimate


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else words[0]

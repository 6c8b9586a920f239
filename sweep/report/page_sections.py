"""What stands in the page's sections besides figures: meanings of columns and methods, steps and the test side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sweep.diagnosis.sealed import SealedComparison, SealedScore
from sweep.diagnosis.wording import p_text
from sweep.records import Split
from sweep.report.gather import Opening, Report
from sweep.report.sentences import EXPLANATIONS, trial_name
from sweep.report.wording import objective_meaning

__all__ = ["STEPS", "Column", "Method", "SealedRow", "columns", "finalists_sentence", "methods", "sealed_rows"]

STEPS: Mapping[str, str] = {
    "E0": "train, as logged",
    "E1": "train, the weights kept, everything on that training switches on",
    "E2": "the same without dropout",
    "E3": "the same without augmentation either",
    "E4": "train, clean",
    "E5": "validation, clean",
    "E6": "validation, as logged",
}
"""The steps of a waterfall in words; two neighbours differ by one term."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of the ranking: its key in the table, its heading and what it says."""

    key: str
    title: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """How one thing was measured, and who published the method; "" where it is ours or needs none."""

    name: str
    text: str
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedRow:
    """One configuration on the test side.

    Attributes:
        name: in words.
        comparison: with the reference; None for the reference itself.
        p: adjusted, "0.004", or "".
    """

    name: str
    score: SealedScore
    comparison: SealedComparison | None
    p: str


def columns(report: Report) -> tuple[Column, ...]:
    """The columns of measured numbers in the ranking, in their order: those that this study has."""
    shown = [("train", "Train"), ("validation", "Validation")]
    shown += [("balanced", "Balanced")] if report.unequal else []
    shown += [("gap", "Gap"), ("objective", "J")]
    shown += [("chosen", "Chosen")] if report.ranking.optimism else []
    meanings = {
        **EXPLANATIONS,
        "objective": "What the search maximises: minus the validation cross-entropy, less a share of its gap.",
    }
    return tuple(Column(key=key, title=title, meaning=meanings[key]) for key, title in shown)


def finalists_sentence(report: Report) -> str:
    """That there is only one finalist, so no difference to judge; "" where there are more."""
    if report.survival is not None or not report.repeated:
        return ""
    number, found = next(iter(report.repeated.items()))
    name = trial_name(report, number)
    times = "once more" if found.repeats == 1 else f"{found.repeats} times more"
    return f"{name[:1].upper()}{name[1:]} was trained {times}; there is no other finalist to compare it with."


def sealed_rows(report: Report, opening: Opening) -> tuple[SealedRow, ...]:
    """In the order of the ranking when the seal was broken."""
    compared = {one.second: one for one in opening.result.comparisons}
    return tuple(
        SealedRow(
            name=report.baseline_name if score.baseline else trial_name(report, score.number),
            score=score,
            comparison=compared.get(score.number),
            p=_p(compared.get(score.number)),
        )
        for score in opening.result.scores
    )


def methods(report: Report) -> tuple[Method, ...]:
    """How the numbers of this study were measured, each in a sentence or two with its source."""
    return (*_measured(report), *_ranked(report), *_afterwards(report))


def _p(comparison: SealedComparison | None) -> str:
    return "" if comparison is None else p_text(comparison.p_adjusted).removeprefix("p ").removeprefix("= ")


def _measured(report: Report) -> Iterator[Method]:
    yield Method(
        name="clean",
        text="Measured in inference mode, without augmentation and without penalties, on every image. What Keras logs "
        "while it trains is neither.",
    )
    yield Method(
        name="gap",
        text="Clean train accuracy minus clean validation accuracy. Train is a fact about images the model has seen; "
        "the interval comes from the validation side alone (Wilson).",
        source="Wilson, JASA 22 (1927)",
    )
    yield Method(
        name="waterfall",
        text="The training images are evaluated again with the weights kept, switching off dropout, then augmentation, "
        "then batch norm's training mode; so the terms sum to the reported gap exactly. The interval of a term is that "
        "of the mean change, image by image, wider by what the images of a batch share where batch norm trains.",
    )
    if report.unequal:
        yield Method(
            name="balanced",
            text="Mean of the classes' own accuracies, because the classes are of unequal size; its interval is put "
            "together from Wilson's of each class.",
            source="Zou and Donner, Statist. Med. 27 (2008)",
        )
    if report.folds:
        yield Method(
            name="folds",
            text=f"Every image that is not sealed is validated by a model that has not seen it, over {report.folds} "
            "folds; numbers are means over the folds, and since their trainings share images, intervals are somewhat "
            "too narrow.",
            source="Bates, Hastie and Tibshirani, JASA 119 (2024)",
        )
    yield Method(name="epoch", text="The epoch whose weights were kept, of those trained.")


def _ranked(report: Report) -> Iterator[Method]:
    meaning = objective_meaning(report.definition.get("search", {}))
    yield Method(name="J", text=f"{meaning[:1].upper()}{meaning[1:]}. The highest J leads.")
    tests, source = _tier_tests(report)
    yield Method(
        name="tiers",
        text=f"Tier 1 is not significantly worse than the leader on the same validation images ({tests}, Holm over all "
        "comparisons at 5 %). In it the smallest gap comes first, by its upper bound; then fewer trained parameters, "
        "then less time. Tier 2 is significantly worse. Tier 3 is not shown to beat the class frequencies.",
        source=f"{source}Holm, Scand. J. Statist. 6 (1979)",
    )
    if report.ranking.optimism:
        yield Method(
            name="corrected",
            text="The whole ranking is repeated on 1,000 resampled validation sides, and what comes first is scored on "
            "the images left out; the mean difference to rank 1 is the luck of the choice, and is taken off.",
            source="Tsamardinos, Greasidou and Borboudakis, Mach. Learn. 107 (2018)",
        )
    if report.importances:
        yield Method(
            name="influence",
            text="PED-ANOVA compares where the best tenth of the trials lies in a field with where all trials lie; the "
            "curves beside it are plain means over trials of similar values.",
            source="Watanabe, Bansal and Hutter, IJCAI (2023)",
        )


def _tier_tests(report: Report) -> tuple[str, str]:
    """How accuracy and cross-entropy are compared, and the source of that where it needs one."""
    if report.study.data.groups:
        return "paired t over sources on accuracy and on cross-entropy", ""
    if report.study.data.fold_repeats > 1:
        return "paired t over images on accuracy and on cross-entropy, since each was validated several times", ""
    return "exact McNemar on accuracy, paired t on cross-entropy", "McNemar, Psychometrika 12 (1947); "


def _afterwards(report: Report) -> Iterator[Method]:
    if report.repeated:
        scatter, source = _scatter(report)
        yield Method(
            name="repetitions",
            text=f"{scatter} Differences are taken repetition by repetition and judged together (Holm).",
            source=source,
        )
    if report.study.data.images(Split.TEST):
        yield Method(
            name="sealed",
            text="The test side is opened for a few configurations trained again as they were; accuracies "
            "have Wilson's interval, differences are judged by the exact McNemar test, or over sources where images "
            "are grouped (Holm). The predicted interval joins the doubt of the corrected score and the test images' "
            "own sampling error.",
            source="Newcombe, Statist. Med. 17 (1998)",
        )


def _scatter(report: Report) -> tuple[str, str]:
    """What the intervals over repetitions count, and the source of that where it needs one."""
    if all(one.new_split for one in report.repeated.values()):
        return (
            "The scatter of repetitions is widened by the ratio of tested to trained images, since repetitions share "
            "most of what they train on.",
            "Nadeau and Bengio, Mach. Learn. 52 (2003)",
        )
    return "The split stayed the same, so the scatter of repetitions speaks of other seeds alone.", ""

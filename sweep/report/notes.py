"""What a study says of itself where its trials are looked at: notes in Markdown for Optuna's dashboard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby

from sweep.diagnosis.ranking import RankedTrial
from sweep.diagnosis.tiers import Tier
from sweep.diagnosis.wording import class_text
from sweep.records import Finding
from sweep.report.gather import Report
from sweep.report.markdown import markdown_table, markdown_text
from sweep.report.sentences import (
    diagnosis_sentences,
    opening_sentence,
    optimism_sentence,
    repeats_sentence,
    reported_gap_sentence,
    row_name,
    split_sentence,
    trial_name,
)
from sweep.report.verdict import chance_text, changed_fields, effect_text, proof_line
from sweep.report.wording import bounds, nats, objective_meaning, percent, points, setting, with_bounds

__all__ = ["finalists", "study_note", "trial_note"]

_MOST_ROWS = {Tier.LEADING: 12, Tier.BEHIND: 5, Tier.NOT_TRAINED: 3, Tier.PRUNED: 3}
_MOST_CLASSES = 12
_FIRST = 3


def finalists(report: Report) -> tuple[RankedTrial, ...]:
    """The trials that were trained again; before that the first three of the ranking. The baseline with either."""
    repeated = report.repeated
    return tuple(
        row
        for row in report.ranking.rows
        if row.baseline or (row.number in repeated if repeated else row.rank <= _FIRST)
    )


def study_note(report: Report, highest: int | None) -> str:
    """The verdict, which trial to use, the tiers and the finalists.

    Args:
        report: of the study.
        highest: number of the trial of highest J, which the dashboard calls its best; None where no trial is complete.
    """
    parts = (_verdict(report), _choice(report, highest), _tiers(report), _repeated(report), _sealed(report))
    return "\n\n".join(line for part in (*parts, _measured(report)) for line in part)


def trial_note(report: Report, row: RankedTrial, pictures: Mapping[str, str] | None = None) -> str:
    """Where a trial stands and why, its clean numbers, what it changes of the baseline, and pictures of it.

    Args:
        report: of the study.
        row: of the trial.
        pictures: what each shows -> where the dashboard serves it.
    """
    name = f"{row_name(report, row)} (trial {row.number})" if row.baseline else row_name(report, row)
    return "\n\n".join(
        (
            f"### Rank {row.rank}, tier {int(row.tier)}: {markdown_text(name)}",
            markdown_text(f"Tier {int(row.tier)}: {row.tier.meaning}. Why: {row.reason}."),
            _numbers(row),
            *_settings(report, row),
            *_against_baseline(report, row),
            *_again(report, row),
            markdown_text(reported_gap_sentence(report.waterfall(row), row_name(report, row))),
            *(f"![{markdown_text(shown)}]({path})" for shown, path in (pictures or {}).items()),
        )
    )


# ---- the study -----------------------------------------------------------------------------------------------------


def _verdict(report: Report) -> Iterator[str]:
    sentence, more = diagnosis_sentences(report)
    yield f"**{markdown_text(sentence)}**"
    if report.diagnosis is not None:
        causes = [_cause(report, finding) for finding in report.diagnosis.verdict.causes]
        if causes:
            yield "\n".join(causes)
    yield markdown_text(more)


def _cause(report: Report, finding: Finding) -> str:
    """A cause with its effect; its remedies and what came of them indented below it."""
    assert report.diagnosis is not None
    judged = next(one for one in report.diagnosis.verdict.judged if one.finding is finding)
    chance = chance_text(judged)
    effect = f"Effect {effect_text(finding)}" + (f", {chance}" if chance else "")
    said = finding.summary if finding.summary.endswith(".") else f"{finding.summary}."
    lines = [f"- **{markdown_text(finding.cause.value)}**: {markdown_text(f'{said} {effect}.')}"]
    for remedy in finding.remedies:
        changes = changed_fields(remedy.changes)
        lines.append(f"  - remedy: {markdown_text(remedy.sentence + (f' ({changes})' if changes else ''))}")
    every = report.diagnosis.proofs
    proofs = (proof_line(proof, every) for proof in every if proof.cause is finding.cause)
    return "\n".join([*lines, *(f"  - {markdown_text(proof)}" for proof in proofs)])


def _choice(report: Report, highest: int | None) -> Iterator[str]:
    """Rank 1, and why the dashboard's own best trial is another one where it is."""
    yield "### Which trial to use"
    yield f"**{markdown_text(report.sentence)}**"
    best = report.ranking.best
    if best is not None and highest is not None:
        yield markdown_text(_highest_sentence(report, best, highest))
    if corrected := optimism_sentence(report):
        yield markdown_text(corrected)


def _highest_sentence(report: Report, best: RankedTrial, highest: int) -> str:
    if highest in (best.number, *best.duplicates):
        return f"What this dashboard calls its best trial, trial {highest}, has the highest J and is rank 1 too."
    text = (
        f"What this dashboard calls its best trial, trial {highest}, has the highest J; rank 1 is trial {best.number}. "
    )
    other = next((row for row in report.ranking.rows if highest in (row.number, *row.duplicates)), None)
    if other is None or best.tier is not Tier.LEADING:
        return text.strip()
    if other.tier is not Tier.LEADING:
        return text + f"Trial {highest} stands in tier {int(other.tier)}: {other.reason}."
    return text + (
        f"On these validation images trial {best.number} is not significantly worse, and of such trials the one of "
        f"the smallest gap comes first: {points(best.gap.estimate)} points {bounds(best.gap)} against "
        f"{points(other.gap.estimate)} {bounds(other.gap)}."
    )


def _tiers(report: Report) -> Iterator[str]:
    if report.ranking.rows:
        yield "### Ranking in tiers"
    for tier, members in groupby(report.ranking.rows, key=lambda row: row.tier):
        rows = list(members)
        shown = rows[: _MOST_ROWS[tier]]
        yield f"**Tier {int(tier)}**: {markdown_text(tier.meaning)}"
        header = ("rank", "trial", "train %", "validation %", "gap, points", "J", "differs from the baseline in")
        yield markdown_table(header, (_cells(report, row) for row in shown), right=range(1, 6))
        if len(rows) > len(shown):
            yield f"and {len(rows) - len(shown)} more"


def _cells(report: Report, row: RankedTrial) -> tuple[str, ...]:
    changed = " · ".join(f"{name} {setting(value)}" for name, value in report.changed(row).items())
    return (
        f"{row.rank}{' =' if row.tied else ''}",
        str(row.number),
        points(row.measurement.train_accuracy),
        with_bounds(row.validation),
        with_bounds(row.gap),
        nats(row.trial.objective),
        report.baseline_name if row.baseline else changed or "nothing",
    )


def _repeated(report: Report) -> Iterator[str]:
    if not report.repeated:
        return
    yield "### The finalists, trained again"
    rows = (
        (trial_name(report, one.number), with_bounds(one.validation), with_bounds(one.gap), str(one.repeats))
        for one in report.repeated.values()
    )
    yield markdown_table(("", "validation %", "gap, points", "repetitions"), rows, right=range(1, 4))
    if sentence := repeats_sentence(report):
        yield markdown_text(sentence)


def _sealed(report: Report) -> Iterator[str]:
    for opening in report.openings[-1:]:
        yield "### The sealed test side"
        yield markdown_text(opening_sentence(report, opening))


def _measured(report: Report) -> Iterator[str]:
    data = report.study.data
    named = ", ".join(class_text(label, data.class_names) for label in range(min(len(data.class_names), _MOST_CLASSES)))
    more = ", …" if len(data.class_names) > _MOST_CLASSES else ""
    yield "### How to read this"
    yield markdown_text(
        f"Data: {data.source}, {len(data.class_names)} classes ({named}{more}); {split_sentence(report)}."
    )
    yield markdown_text(
        "Numbers are clean: measured without dropout, augmentation and penalties, at the epoch kept. The gap is train "
        "accuracy minus validation accuracy in points; brackets hold 95 % intervals; = marks gaps that cannot be told "
        f"from rank 1's. The objective, J, is {objective_meaning(report.definition.get('search', {}))}."
    )


# ---- one trial -----------------------------------------------------------------------------------------------------


def _numbers(row: RankedTrial) -> str:
    measured = row.measurement
    return markdown_table(
        ("", "train", "validation", "gap"),
        (
            (
                "accuracy",
                percent(measured.train_accuracy),
                f"{percent(row.validation.estimate)} {bounds(row.validation)}",
                f"{points(row.gap.estimate)} points {bounds(row.gap)}",
            ),
            (
                "cross-entropy, nats",
                nats(measured.train_cross_entropy),
                nats(measured.validation_cross_entropy),
                with_bounds(row.gap_cross_entropy, nats),
            ),
        ),
        right=range(1, 4),
    )


def _settings(report: Report, row: RankedTrial) -> Iterator[str]:
    changed = report.changed(row)
    if changed and not row.baseline:
        listed = " · ".join(f"{name} {setting(value)}" for name, value in changed.items())
        yield f"**Differs from {markdown_text(report.baseline_name)} in** {markdown_text(listed)}"


def _against_baseline(report: Report, row: RankedTrial) -> Iterator[str]:
    change = report.ranking.changes.get(row.number)
    if change is not None:
        yield markdown_text(
            f"Against {report.baseline_name}: gap narrowed by {with_bounds(change.gap_narrowed)} points, validation "
            f"gained {with_bounds(change.accuracy_gained)} points."
        )


def _again(report: Report, row: RankedTrial) -> Iterator[str]:
    found = report.repeated.get(row.number)
    if found is not None:
        where = "on new splits" if found.new_split else "on the same split"
        yield markdown_text(
            f"Trained again {found.repeats} times {where}: validation {with_bounds(found.validation)} %, gap "
            f"{with_bounds(found.gap)} points."
        )

"""What a search does for its verdict: a look at the data before its trials, short trainings after them."""

from __future__ import annotations

from sweep.diagnosis.verdict import judge, latest
from sweep.errors import SweepError
from sweep.progress import Progress
from sweep.records import Finding
from sweep.report.wording import plain
from sweep.store.results import Database
from sweep.workflow.check import failing, look
from sweep.workflow.diagnose import diagnose_opened
from sweep.workflow.fit_probing import probe_fits, probe_repaired
from sweep.workflow.fits import fit_variants
from sweep.workflow.hypermodel import Training
from sweep.workflow.masking import masks_of
from sweep.workflow.prepare import PreparedData
from sweep.workflow.reading import read_report
from sweep.workflow.resolve import ResolvedStudy
from sweep.workflow.trial_probing import probe_records, trained

__all__ = ["look_before", "verdict_after"]


def look_before(
    resolved: ResolvedStudy, data: PreparedData, training: Training, database: Database, *, progress: Progress
) -> None:
    """Look at the data once for a study, store what is found, and say what is serious before trials are spent on it.

    Nothing stops the search: what cannot be looked at is said in a note.
    """
    definition = resolved.definition
    if not definition.check.on_run or database.findings(definition.name, trial=None):
        return
    try:
        rounds = look(definition, data, training.library, base=resolved.base, progress=progress)
    except SweepError as error:
        progress.note(f"the images were not looked at: {error}")
        return
    found = latest(rounds)
    database.save_findings(definition.name, [one for each in rounds for one in each], trial=None)
    verdict = judge(found, num_classes=len(data.index.class_names), harm=definition.check.harm)
    serious = failing(verdict, definition.check)
    for finding in verdict.causes:
        if finding.cause in serious:
            progress.note(plain(f"before the first trial: {finding.cause.value}: {finding.summary}"))


def verdict_after(
    resolved: ResolvedStudy, data: PreparedData, training: Training, database: Database, *, progress: Progress
) -> str:
    """Train what the verdict on the baseline needs, unless that was done, and give the verdict in a sentence.

    Returns:
        "" where the study asks for none, or the baseline has no result.
    """
    definition = resolved.definition
    if not definition.check.on_run:
        return ""
    record = database.study(definition.name)
    report = read_report(database, record)
    baseline = next((one for one in report.trials if one.baseline and one.measurement is not None), None)
    if baseline is None:
        return ""
    done = bool(database.findings(definition.name, trial=baseline.number))
    if training.single is not None and training.library is not None and not done:
        one = trained(report, database.images(definition.name), definition, baseline.number)
        assert one is not None
        try:
            backbone = training.library.backbone(definition.baseline.model)
            fits = fit_variants(
                training.single,
                definition.baseline,
                data,
                feature_map=backbone.model.output_shape[1:3],
                seed=definition.search.seed,
                seconds=(one.measurement.seconds - one.measurement.compile_seconds) / max(1, one.measurement.folds),
                progress=progress,
            )
        except SweepError as error:
            progress.note(f"no short training for the verdict: {error}")
        else:
            of_data = database.findings(definition.name, trial=None)
            masks = masks_of(of_data, num_classes=one.num_classes, harm=one.harm)
            fits = fits.without(masks)
            found: tuple[Finding, ...] = probe_fits(one, definition.baseline, fits)
            mended = probe_repaired(one, fits, latest([probe_records(one, masks), found]))
            database.save_findings(definition.name, (*found, *mended), trial=baseline.number)
    return diagnose_opened(database, record).sentence

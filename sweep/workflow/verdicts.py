"""What a search does for its verdict: a look at the data before its trials, short trainings after them."""

from __future__ import annotations

from dataclasses import dataclass

from sweep.diagnosis.verdict import judge, latest
from sweep.errors import SweepError
from sweep.progress import Progress
from sweep.records import Cause, Finding
from sweep.report.gather import Report
from sweep.report.wording import plain
from sweep.store.results import Database
from sweep.workflow.check import failing, look
from sweep.workflow.deeper import deeper_trials, held_against_deeper
from sweep.workflow.diagnose import diagnose_opened
from sweep.workflow.fit_probing import probe_fits, probe_repaired
from sweep.workflow.fits import fit_variants
from sweep.workflow.hypermodel import Training
from sweep.workflow.masking import Masks, masks_of
from sweep.workflow.observed import observe
from sweep.workflow.prepare import PreparedData
from sweep.workflow.reading import read_report
from sweep.workflow.resolve import ResolvedStudy
from sweep.workflow.shielded import probed
from sweep.workflow.trial_probing import Trained, probe_records, trained

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
    one = trained(report, database.images(definition.name), definition, baseline.number)
    assert one is not None
    if training.single is not None and training.library is not None:
        of_data = database.findings(definition.name, trial=None)
        masks = masks_of(of_data, num_classes=one.num_classes, harm=one.harm)
        case = _Case(one=one, masks=masks, resolved=resolved, data=data, training=training, progress=progress)
        stored = [found for each in database.findings(definition.name, trial=baseline.number) for found in each]
        # The short trainings are done once; each further trial may say more of the frozen features.
        before = tuple(found for found in stored if found.cause is Cause.WEAK_FEATURES)
        kept = tuple(found for found in stored if found not in before) or case.of_fits()
        deeper = case.of_deeper(report, before) if kept else ()
        if (*kept, *deeper) != tuple(stored):
            database.save_findings(definition.name, (*kept, *deeper), trial=baseline.number)
    return diagnose_opened(database, record).sentence


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Case:
    """A baseline whose verdict is prepared, with what trains its network and the images to leave out."""

    one: Trained
    masks: Masks
    resolved: ResolvedStudy
    data: PreparedData
    training: Training
    progress: Progress

    def of_fits(self) -> tuple[Finding, ...]:
        """What short trainings of it say; nothing where they cannot be done."""
        definition, trainer, library = self.resolved.definition, self.training.single, self.training.library
        measurement = self.one.measurement
        assert trainer is not None
        assert library is not None
        try:
            fits = fit_variants(
                trainer,
                definition.baseline,
                self.data,
                feature_map=library.backbone(definition.baseline.model).model.output_shape[1:3],
                seed=definition.search.seed,
                seconds=(measurement.seconds - measurement.compile_seconds) / max(1, measurement.folds),
                progress=self.progress,
            )
        except SweepError as error:
            self.progress.note(f"no short training for the verdict: {error}")
            return ()
        fits = fits.without(self.masks)
        found = probe_fits(self.one, definition.baseline, fits)
        return *found, *probe_repaired(self.one, fits, latest([probe_records(self.one, self.masks), found]))

    def of_deeper(self, report: Report, before: tuple[Finding, ...]) -> tuple[Finding, ...]:
        """What trials with unfrozen layers say of its frozen features; nothing where there is none of either.

        Args:
            report: with the trials.
            before: what was said of the same features the last time; it stands while the trials are the same.
        """
        deeper, validated = deeper_trials(report, self.one), self.one.positions
        if not deeper or validated is None:
            return ()
        trials = (deeper[0].number, len(deeper))
        if before and (before[0].evidence.get("trial"), before[0].evidence.get("trials")) == trials:
            return before
        observed = observe(self.resolved.definition, self.data, self.training.library, progress=self.progress)
        if observed.features is None:
            return ()
        seed = self.resolved.definition.search.seed
        return (
            probed(
                Cause.WEAK_FEATURES,
                lambda: held_against_deeper(observed, deeper, validated, self.masks, seed=seed),
            ),
        )

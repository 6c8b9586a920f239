"""What running the frozen part once has saved, counted from the trials themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from sweep.progress import Advance, Progress
from sweep.records import StageRecord, TrialRecord
from sweep.report.wording import duration

__all__ = ["FrozenPasses"]

_PASS = "backbone pass"


class FrozenPasses:
    """A progress that hands everything on and counts the images that `fit` would have sent through the frozen part.

    Counted are the training and the validation images of every epoch that was trained here, in trials whose backbone is
    frozen as a whole: of a shorter frozen part nobody knows its share of the time.

    Args:
        shown: the progress that hears of everything.
        wholly_frozen: whether all of a trial's backbone ran beforehand.
    """

    def __init__(self, shown: Progress, wholly_frozen: Callable[[TrialRecord], bool]) -> None:
        self._shown = shown
        self._wholly_frozen = wholly_frozen
        self.images = 0
        self.uncounted = 0

    def stage(self, name: str, total: int | None, unit: str) -> AbstractContextManager[Advance]:
        """Hand the stage on."""
        return self._shown.stage(name, total, unit)

    def note(self, text: str) -> None:
        """Hand the line on."""
        self._shown.note(text)

    def trial(self, trial: TrialRecord) -> None:
        """Count the images of the trial, and hand it on."""
        self._shown.trial(trial)
        measured = trial.measurement
        if measured is None:
            return
        # Of folds that stopped early only the longest is known.
        exact = not measured.folds or measured.stopped == "finished"
        if exact and self._wholly_frozen(trial):
            images = measured.train_images + measured.validation_images
            self.images += max(1, measured.folds) * measured.epochs_run * images
        else:
            self.uncounted += 1

    def lines(self, stages: Sequence[StageRecord]) -> tuple[str, ...]:
        """One line for the terminal, from the stages of the same run; none where no trial was wholly frozen.

        Seconds are those of this run's own pass over as many images, so there are none where the cache had everything.
        """
        if not self.images:
            return ()
        ran = next((stage for stage in stages if stage.name == _PASS and stage.units), None)
        here, pace = "came from the cache of an earlier run", ""
        if ran is not None:
            here = f"ran over {ran.units:,} images in {duration(ran.seconds)}"
            pace = f", {duration(self.images * ran.seconds / ran.units)} at that pace"
        left_out = f"; {self.uncounted} trials not counted, whose frozen part is shorter" if self.uncounted else ""
        return (f"saved: the frozen part {here}; a plain loop sends {self.images:,} through it{pace}{left_out}",)

"""A verdict and whom it is about, for whatever shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sweep.diagnosis.verdict import Verdict, verdict_sentence
from sweep.records import ImageRecord, ProofRecord, Split
from sweep.report import wording
from sweep.report.verdict import exhibit_lines, verdict_json, verdict_lines

__all__ = ["Diagnosis"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """A verdict and whom it is about.

    Attributes:
        number: of the trial.
        subject: the trial in words, such as "your configuration (trial 0)".
        images: the pictures that findings show or that a remedy leaves out, and the side each stands on, by position in
            the study's index.
        proofs: remedies that were run, in their order.
        num_classes: of the study.
    """

    study: str
    number: int
    subject: str
    verdict: Verdict
    images: Mapping[int, tuple[ImageRecord, Split | None]]
    proofs: tuple[ProofRecord, ...]
    num_classes: int

    @property
    def paths(self) -> dict[int, str]:
        """Of these pictures, by position in the study's index."""
        return {row: image.path for row, (image, _) in self.images.items()}

    @property
    def sentence(self) -> str:
        """The verdict in one sentence."""
        return wording.plain(f"{self.subject}: {verdict_sentence(self.verdict)}")

    @property
    def lines(self) -> tuple[str, ...]:
        """What the terminal shows."""
        paths = self.paths
        shown = (exhibit for finding in self.verdict.causes for exhibit in finding.exhibits)
        pictures = (line for exhibit in shown for line in exhibit_lines(exhibit, paths))
        return (
            f"study {wording.plain(self.study)}, {self.subject}",
            *verdict_lines(self.verdict, self.proofs),
            *pictures,
        )

    @property
    def plain(self) -> dict[str, Any]:
        """The same as plain values."""
        paths = {str(row): path for row, path in self.paths.items()}
        return {"study": self.study, "trial": self.number, **verdict_json(self.verdict, self.proofs), "paths": paths}

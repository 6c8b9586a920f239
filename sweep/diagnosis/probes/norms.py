"""What in a configuration parts batch norm's two modes, and what to change about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from sweep.records import Remedy, Scalar

__all__ = ["STALE", "TINY_BATCH", "Mismatch", "mismatches", "norm_remedies", "why_never"]

STALE = 0.05
"""Weight of the statistics from before training at which moving ones count as stale: momentum 0.99 leaves it after 300
steps."""
TINY_BATCH = 8
"""Images of a batch at which, and below, its statistics count as noise: of 8 values a variance is off by a half."""

_FAST_MOMENTUM = 0.9
_BATCH = 32


class Mismatch(StrEnum):
    """Ways in which training's statistics and the moving ones part."""

    LEGACY = "legacy"
    STALE = "stale"
    TINY_BATCH = "tiny batch"
    DROPOUT_BEFORE = "dropout before batch norm"

    @property
    def said(self) -> str:
        """What the configuration has, as an object in a sentence."""
        return _SAID[self]


_SAID = {
    Mismatch.LEGACY: "frozen batch norms that run on the batch's statistics in training",
    Mismatch.STALE: "moving statistics that training was too short to renew",
    Mismatch.TINY_BATCH: "batches too small for statistics of their own",
    Mismatch.DROPOUT_BEFORE: "dropout before batch norm, which changes the variance in training alone",
}


def why_never(configuration: Mapping[str, Scalar]) -> str:
    """Why no batch norm of a configuration runs on the statistics of a batch; "" where one may."""
    known = {"batch_norm", "head_batch_norm"} <= configuration.keys()
    if known and configuration["batch_norm"] == "frozen" and not configuration["head_batch_norm"]:
        return "all are frozen on their moving statistics"
    return ""


def mismatches(configuration: Mapping[str, Scalar], staleness: float | None) -> tuple[Mismatch, ...]:
    """The ways that a configuration opens, the plainest first; whether they do harm, it cannot say.

    Args:
        configuration: every field of [model] and [training], flat, in the notation of the database.
        staleness: weight that the statistics from before training have kept, or None where it is not known.
    """
    batch_size = configuration.get("batch_size")
    open_ways = {
        Mismatch.LEGACY: configuration.get("batch_norm") == "legacy",
        Mismatch.STALE: staleness is not None and staleness >= STALE,
        Mismatch.TINY_BATCH: isinstance(batch_size, int) and batch_size <= TINY_BATCH,
        Mismatch.DROPOUT_BEFORE: _drops(configuration) and _norm_behind_dropout(configuration),
    }
    return tuple(way for way, is_open in open_ways.items() if is_open)


def norm_remedies(
    configuration: Mapping[str, Scalar], kinds: Sequence[Mismatch], *, proven: bool
) -> tuple[Remedy, ...]:
    """What to change, the best candidate first.

    Args:
        configuration: see `mismatches`.
        kinds: what it found.
        proven: whether re-estimated statistics were shown to be better.
    """
    freeze = Remedy(
        sentence="Keep batch norm on its moving statistics in training too, layer by layer.",
        changes={"model.batch_norm": "frozen"},
    )
    recalibrate = Remedy(
        sentence="Re-estimate the moving statistics by a pass over the training images.",
        changes={"training.recalibrate": True},
    )
    follow = Remedy(
        sentence=f"Let the moving statistics follow faster, with momentum {_FAST_MOMENTUM}.",
        changes={"model.batch_norm_momentum": _FAST_MOMENTUM},
    )
    enlarge = Remedy(sentence=f"Train on batches of {_BATCH} images.", changes={"training.batch_size": _BATCH})
    move = Remedy(
        sentence="Drop out behind the last batch norm alone.", changes={"model.dropout_position": "after_dense"}
    )
    behind_all = Remedy(sentence="Take batch norm out of the head.", changes={"model.head_batch_norm": False})
    fits = {
        "model.batch_norm": configuration.get("batch_norm") != "frozen",
        "training.recalibrate": configuration.get("recalibrate") is not True,
        "model.batch_norm_momentum": configuration.get("batch_norm") not in {"frozen", "legacy"},
        "training.batch_size": Mismatch.TINY_BATCH in kinds,
        "model.dropout_position": Mismatch.DROPOUT_BEFORE in kinds
        and configuration.get("dropout_position") != "after_dense",
        "model.head_batch_norm": configuration.get("head_batch_norm") is True,
    }
    first = [recalibrate] if proven or (Mismatch.STALE in kinds and Mismatch.LEGACY not in kinds) else []
    order = (*first, freeze, recalibrate, follow, enlarge, move, behind_all)
    unique = {next(iter(remedy.changes)): remedy for remedy in order}
    return tuple(remedy for field, remedy in unique.items() if fits[field])


def _drops(configuration: Mapping[str, Scalar]) -> bool:
    """Whether any rate is above 0; several are joined by "-" ("0.8-0.0"), which an exponent has too."""
    return any(digit in str(configuration.get("dropout", 0.0)) for digit in "123456789")


def _norm_behind_dropout(configuration: Mapping[str, Scalar]) -> bool:
    """Whether a batch norm on the batch's statistics follows a dropout in the network."""
    position = configuration.get("dropout_position")
    in_head = configuration.get("head_batch_norm") is True
    widths = configuration.get("head_width", "none")
    dense = 0 if widths == "none" else 1 + str(widths).count("-")
    if position == "backbone":
        return in_head or configuration.get("batch_norm") in {"train", "legacy"}
    if not in_head:
        return False
    if position in {"before_conv", "both"} and configuration.get("conv_filters", 0):
        return True
    return dense > (1 if position == "after_dense" else 0)

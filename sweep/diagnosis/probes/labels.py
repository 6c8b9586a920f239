"""Wrong labels: how many, and which.

Each image is judged by what others say of it: a linear probe that was fitted without it (without its source, where
images come from sources) and its nearest neighbours. Confident learning (Northcutt et al.) counts the images whose
given class such probabilities put below another one's threshold; on classes that overlap it counts the overlap, too,
and that is the other cause which this one must not be taken for. So the share of wrong labels is a parameter of the
model of `contamination`, fitted beside the overlap, and the flagged images are those that it holds for wrong. How the
estimate responds is measured: a known share of the labels is made wrong, and all is done again.

Sources: C. G. Northcutt, L. Jiang and I. L. Chuang, Confident learning: estimating uncertainty in dataset labels, JAIR
70 (2021), arXiv:1911.00068; neighbours against wrong labels, D. R. Wilson, Asymptotic properties of nearest neighbor
rules using edited data, IEEE Trans. Syst. Man Cybern. 2 (1972), doi:10.1109/TSMC.1972.4309137.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from sweep.diagnosis.contamination import Contamination, fit_contamination, profile_interval, rate_above
from sweep.diagnosis.opinions import HeldOut, held_out
from sweep.diagnosis.statistics import effective_counts
from sweep.diagnosis.verdict import SIGNIFICANCE
from sweep.diagnosis.wording import bounds, class_text, p_text, percent
from sweep.records import Cause, Exhibit, Finding, IndexArray, Interval, Remedy, Scalar

__all__ = ["PLANTS", "label_noise"]


PLANTS = 12
"""How often known labels are made wrong. Of 909 photos with 15.4 % wrong the estimate spread over ten seeds by 1.0
points with 6, 0.4 with 12 and 0.3 with 24 (standard deviations)."""

_STREAM = 8  # of this module's random numbers
_ODD = 0.005  # of all images may lie anywhere without being mislabelled
_PLANTED = 0.05  # share of the labels that is made wrong to see what is found
_RESPONSES, _MOST_RESPONSE = 0.2, 2.0  # how far from 1 responses lie as a rule, and at most
_MOST_IMAGES = 5_000  # more narrow the interval by less than a point, and neighbours cost their square
_FEWEST_SOURCES = 5  # of a class; of fewer hardly anything is known once an image's own source is left out
_SHOWN = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class _Response:
    """What making known labels wrong did.

    Attributes:
        slope: rise of the estimated rate for each wrong label more, 1 where it cannot be told from that.
        recall: share of them that was flagged.
    """

    slope: float
    recall: float


def label_noise(
    *,
    features: ArrayLike,
    labels: ArrayLike,
    num_classes: int,
    seed: int,
    groups: ArrayLike | None = None,
    train: IndexArray | None = None,
    class_names: Sequence[str] = (),
    plants: int = PLANTS,
) -> Finding:
    """Estimate the share of wrong labels, by which the accuracy on labels of the same origin falls short.

    The interval is that of the profile likelihood; where planted wrong labels raise the estimate by more or less than
    their number the estimate is divided by that, and the interval reaches to both. p is of no more wrong labels than
    there may be odd images (half a percent). Of classes with fewer than five sources nothing is said. Where a third
    of a class or more is labelled as one other, the two look like classes that overlap, and the rate may be too low.

    Args:
        features: shape (n_images, n_features), best some hundreds of features: how far an image lies from the mean of
            all is made little of, since images that are unlike all others are uncertain whatever their scores.
        labels: int, shape (n_images,).
        num_classes: of the study.
        seed: of folds, planted labels, and of which images are judged, and flagged, where there are more than 5,000.
        groups: source of every image, shape (n_images,).
        train: positions of the images to judge; None: all. Exhibits and rows are positions among all.
        class_names: in the order of labels; classes are named by their numbers without.
        plants: how often known labels are made wrong, twice at least.
    """
    given = np.asarray(labels, dtype=np.int64)
    sources = np.arange(len(given)) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    rng = np.random.default_rng(np.random.SeedSequence((seed, _STREAM)))
    judged = np.arange(len(given)) if train is None else np.asarray(train, dtype=np.int64)
    judged = _sampled(_frequent(judged, given, sources), sources, rng)
    kept, codes = np.unique(given[judged], return_inverse=True)
    if len(kept) < 2:
        return Finding.not_measured(
            Cause.LABEL_NOISE, f"fewer than two of {num_classes} classes have images of {_FEWEST_SOURCES} sources"
        )
    units = None if groups is None else np.unique(sources[judged], return_inverse=True)[1]
    images = held_out(np.asarray(features, dtype=np.float64)[judged], units, len(kept), rng)
    penalty = images.penalty(codes)
    views = images.views(codes, penalty)
    fit = fit_contamination(views)
    response = _response(images, codes, penalty, fit, rng, plants)
    independent = effective_counts(fit.wrong, units)[1]
    design_effect = len(codes) / independent
    effect = _corrected(profile_interval(views, fit, design_effect=design_effect), response.slope)
    p = rate_above(views, fit, _ODD, design_effect=design_effect)
    suggested = kept[_suggested(fit, codes)]
    flagged = _flagged(fit)
    order = flagged[np.argsort(-fit.wrong[flagged], kind="stable")]
    evidence = _evidence(fit, flagged, given[judged], suggested, response)
    return Finding(
        cause=Cause.LABEL_NOISE,
        effect=effect,
        p=p,
        images=round(independent),
        summary=_summary(effect, p, len(judged), evidence, class_names),
        evidence=evidence,
        remedies=_remedies(len(flagged)),
        source="Northcutt, Jiang and Chuang, JAIR 70 (2021), arXiv:1911.00068; Bootkrajang and Kabán, ECML PKDD 2012",
        exhibits=_exhibits(judged[order], given[judged][order], suggested[order], class_names),
        rows=tuple(sorted(judged[flagged].tolist())),
    )


def _frequent(judged: IndexArray, labels: IndexArray, sources: IndexArray) -> IndexArray:
    """The images whose class comes from enough sources."""
    pairs = np.unique(np.stack([labels[judged], sources[judged]]), axis=1)
    found, counts = np.unique(pairs[0], return_counts=True)
    return judged[np.isin(labels[judged], found[counts >= _FEWEST_SOURCES])]


def _sampled(judged: IndexArray, sources: IndexArray, rng: np.random.Generator) -> IndexArray:
    """As many of the images as can be judged in seconds, whole sources, in their order."""
    if len(judged) <= _MOST_IMAGES:
        return judged
    names, codes = np.unique(sources[judged], return_inverse=True)
    order = rng.permutation(len(names))
    room = np.cumsum(np.bincount(codes)[order]) <= _MOST_IMAGES
    return judged[np.isin(codes, order[room])]


def _response(
    images: HeldOut, labels: IndexArray, penalty: float, fit: Contamination, rng: np.random.Generator, plants: int
) -> _Response:
    """Make known labels wrong, a few times, and do all again."""
    slopes, recalls = [], []
    left = 1 - fit.rate * images.num_classes / (images.num_classes - 1)  # some of the planted ones mend wrong labels
    for _ in range(plants):
        planted = rng.permutation(len(labels))[: max(1, round(_PLANTED * len(labels)))]
        changed = labels.copy()
        changed[planted] += rng.integers(1, images.num_classes, size=len(planted))
        changed %= images.num_classes
        views = images.views(changed, penalty)
        again = fit_contamination(views, start=fit.raised(_PLANTED, views.most))
        slopes.append((again.rate - fit.rate) * len(labels) / (len(planted) * left))
        recalls.append(float(np.isin(planted, _flagged(again)).mean()))
    return _Response(slope=_shrunk(slopes), recall=float(np.mean(recalls)))


def _shrunk(slopes: list[float]) -> float:
    """Their mean, drawn to 1 as far as their spread leaves it open."""
    away, error = float(np.mean(slopes)) - 1, float(np.std(slopes, ddof=1)) / len(slopes) ** 0.5
    slope = 1 + away * _RESPONSES**2 / (_RESPONSES**2 + error**2)
    return float(np.clip(slope, 1 / _MOST_RESPONSE, _MOST_RESPONSE))


def _corrected(interval: Interval, slope: float) -> Interval:
    """The rate, had it responded to planted labels one to one; the interval reaches to what it was, too."""
    return Interval(
        estimate=min(1.0, interval.estimate / slope),
        low=interval.low / max(1.0, slope),
        high=min(1.0, interval.high / min(1.0, slope)),
        level=interval.level,
    )


def _flagged(fit: Contamination) -> IndexArray:
    """Images that are more likely labelled wrongly than rightly, and clearly of one other class."""
    return np.flatnonzero((fit.wrong > 0.5) & (fit.classes.max(axis=1) > 0.5))


def _suggested(fit: Contamination, labels: IndexArray) -> IndexArray:
    """The most probable other class of each image."""
    others = fit.classes.copy()
    others[np.arange(len(labels)), labels] = -1.0
    return np.asarray(others.argmax(axis=1))


def _evidence(
    fit: Contamination, flagged: IndexArray, labels: IndexArray, suggested: IndexArray, response: _Response
) -> dict[str, Scalar]:
    right = 1 - fit.wrong
    evidence: dict[str, Scalar] = {
        "rate_before_calibration": fit.rate,
        "response": response.slope,
        "judged": len(labels),
        "flagged": len(flagged),
        "recall": response.recall,
        "false_flag_share": float(right[flagged].sum() / right.sum()),
    }
    if len(flagged):
        pairs = Counter(zip(labels[flagged].tolist(), suggested[flagged].tolist(), strict=True))
        (own, other), number = pairs.most_common(1)[0]
        evidence |= {"most_flagged_class": own, "suggested_class": other, "flagged_of_these": number}
    return evidence


def _summary(effect: Interval, p: float, judged: int, evidence: dict[str, Scalar], class_names: Sequence[str]) -> str:
    rate = f"{percent(effect.estimate)} {bounds(effect.low, effect.high)} of the labels"
    found = f"{evidence['flagged']} of {judged} images are flagged"
    recall = f"of labels made wrong on purpose {percent(float(evidence['recall']))} are"
    if p >= SIGNIFICANCE:
        return f"wrong labels are not shown: {rate} contradict the features, {p_text(p)}; {recall} flagged"
    if not evidence["flagged"]:
        return f"{rate} contradict the features far from any boundary, {p_text(p)}, but no image by itself; {recall}"
    own, other = (class_text(int(evidence[name]), class_names) for name in ("most_flagged_class", "suggested_class"))
    most = f"most as class {own} that looks like class {other}"
    return f"{rate} contradict the features far from any boundary, {p_text(p)}: {found}, {most}; {recall}"


def _remedies(flagged: int) -> tuple[Remedy, ...]:
    if not flagged:
        return ()
    sentence = (
        f"Look at the {flagged} flagged images; correct the labels that are wrong, or name their files in data.exclude."
    )
    return (Remedy(sentence=sentence),)


def _exhibits(
    images: IndexArray, labels: IndexArray, suggested: IndexArray, class_names: Sequence[str]
) -> tuple[Exhibit, ...]:
    """The surest images, those of one given and one other class together."""
    alike: dict[tuple[int, int], list[int]] = {}
    shown = zip(*(column[:_SHOWN].tolist() for column in (labels, suggested, images)), strict=True)
    for own, other, image in shown:
        alike.setdefault((own, other), []).append(image)
    return tuple(
        Exhibit(
            caption=f"labelled {class_text(own, class_names)}, looks like {class_text(other, class_names)}",
            images=tuple(members),
        )
        for (own, other), members in alike.items()
    )

"""Four bears that a child tells apart and a stranger does not."""

from __future__ import annotations

from dataclasses import dataclass

from sweep.data.toy_shapes import Ellipsoid
from sweep.data.toy_surfaces import Colour

__all__ = ["BEARS", "Bear", "bear_parts"]

_BROWN: Colour = (0.56, 0.37, 0.22)
_CREAM: Colour = (0.82, 0.68, 0.50)
_BLACK: Colour = (0.09, 0.07, 0.07)
_RED: Colour = (0.66, 0.14, 0.16)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bear:
    """What tells one bear from another; lengths in units of about a head's radius.

    Attributes:
        ear: radius of an ear.
        eyes: distance of an eye from the middle of the face.
        belly, muzzle, bow: half the width of the cream patch, of the muzzle and of a loop of the bow.
        stitches: how many run down the belly.
    """

    ear: float
    eyes: float
    belly: float
    muzzle: float
    bow: float
    stitches: int


# Any two bears differ in exactly four of the six details, so no detail alone tells one from the other three.
BEARS = (
    Bear(ear=0.31, eyes=0.27, belly=0.455, muzzle=0.35, bow=0.25, stitches=3),
    Bear(ear=0.31, eyes=0.33, belly=0.545, muzzle=0.35, bow=0.29, stitches=5),
    Bear(ear=0.37, eyes=0.33, belly=0.455, muzzle=0.41, bow=0.25, stitches=5),
    Bear(ear=0.37, eyes=0.27, belly=0.545, muzzle=0.41, bow=0.29, stitches=3),
)


def bear_parts(bear: Bear) -> tuple[Ellipsoid, ...]:
    """The bear, sitting, about four units high; its origin is the middle of its body."""
    parts = [
        Ellipsoid(centre=(0, 0, 0), radii=(0.80, 0.95, 0.68), colour=_BROWN, fur=1),
        Ellipsoid(centre=(0, 1.45, 0.1), radii=(0.86, 0.78, 0.74), colour=_BROWN, fur=1),
        Ellipsoid(centre=(0, -0.05, 0.32), radii=(bear.belly, bear.belly * 1.2, 0.43), colour=_CREAM, fur=0.6),
        Ellipsoid(centre=(0, 1.22, 0.72), radii=(bear.muzzle, 0.29, 0.32), colour=_CREAM, fur=0.6),
        Ellipsoid(centre=(0, 1.37, 0.99), radii=(0.13, 0.09, 0.08), colour=_BLACK, gloss=1),
        Ellipsoid(centre=(0, 1.18, 1.03), radii=(0.02, 0.11, 0.03), colour=_BLACK),
        Ellipsoid(centre=(0, 0.74, 0.66), radii=(0.09, 0.10, 0.10), colour=_RED),
    ]
    for side in (-1, 1):
        parts += [*_face(bear, side), *_limbs(side)]
    return (*parts, *_stitches(bear))


def _face(bear: Bear, side: int) -> list[Ellipsoid]:
    """The ear, the eye and the loop of the bow on one side."""
    inner = bear.ear * 0.62
    forehead = 0.87 - 0.6 * bear.eyes**2  # depth of the head's surface there
    return [
        Ellipsoid(centre=(side * 0.68, 2.05, 0.05), radii=(bear.ear, bear.ear, 0.2), colour=_BROWN, fur=1),
        Ellipsoid(centre=(side * 0.68, 2.03, 0.16), radii=(inner, inner, 0.15), colour=_CREAM),
        Ellipsoid(centre=(side * bear.eyes, 1.62, forehead), radii=(0.09, 0.10, 0.08), colour=_BLACK, gloss=1),
        Ellipsoid(centre=(side * bear.bow, 0.74, 0.64), radii=(bear.bow, 0.15, 0.1), colour=_RED, tilt=side * 14),
    ]


def _limbs(side: int) -> list[Ellipsoid]:
    """The arm, the leg and the sole on one side."""
    return [
        Ellipsoid(centre=(side * 0.86, 0.28, 0.28), radii=(0.27, 0.62, 0.27), colour=_BROWN, tilt=side * 32, fur=1),
        Ellipsoid(centre=(side * 0.60, -0.78, 0.55), radii=(0.36, 0.36, 0.66), colour=_BROWN, fur=1),
        Ellipsoid(centre=(side * 0.60, -0.76, 1.12), radii=(0.24, 0.25, 0.12), colour=_CREAM, fur=0.3),
    ]


def _stitches(bear: Bear) -> list[Ellipsoid]:
    """Short dark threads on the surface of the cream patch, one above the other."""
    heights = [0.30 - 0.72 * number / (bear.stitches - 1) for number in range(bear.stitches)]
    depths = [0.32 + 0.43 * (1 - ((height + 0.05) / (bear.belly * 1.2)) ** 2) ** 0.5 for height in heights]
    return [
        Ellipsoid(centre=(0, height, depth), radii=(0.09, 0.02, 0.03), colour=_BLACK)
        for height, depth in zip(heights, depths, strict=True)
    ]

"""Files with the same bytes: what becomes of them, said in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from sweep.data.wording import counted
from sweep.records import ImageRecord

__all__ = ["settle_copies"]

_NAMED = 5


def settle_copies(
    images: Sequence[ImageRecord], *, deduplicate: bool
) -> tuple[tuple[ImageRecord, ...], tuple[str, ...]]:
    """Drop exact copies if asked to, and tell the user of them in any case.

    With `deduplicate` the first of equal files stays; of a photo with two labels none stays, since nobody can tell
    which label is right. Without it all stay, and the split keeps equal files on one side.

    Returns:
        What stays, in order, and the notes.
    """
    by_content: dict[str, list[ImageRecord]] = {}
    for image in images:
        by_content.setdefault(image.content_hash, []).append(image)
    copied = [same for same in by_content.values() if len(same) > 1]
    contradictory = [same for same in copied if len({image.label for image in same}) > 1]
    notes = (*_copies_note(copied, deduplicate), *_contradictions_note(contradictory, deduplicate))
    if not deduplicate:
        return tuple(images), notes
    dropped = {image.path for same in copied for image in same[1:]}
    dropped |= {image.path for same in contradictory for image in same}
    return tuple(image for image in images if image.path not in dropped), notes


def _copies_note(copied: list[list[ImageRecord]], deduplicate: bool) -> tuple[str, ...]:
    if not copied:
        return ()
    surplus = sum(len(same) - 1 for same in copied)
    fate = (
        "dropped, the first of each stays"
        if deduplicate
        else "equal files are put on one side; data.deduplicate = true drops them"
    )
    return (f"{counted(surplus, 'file')} with the bytes of another ({_named(copied)}): {fate}",)


def _contradictions_note(contradictory: list[list[ImageRecord]], deduplicate: bool) -> tuple[str, ...]:
    if not contradictory:
        return ()
    fate = (
        "dropped with all copies, since nobody can tell which label is right"
        if deduplicate
        else "exclude the wrong ones, or set data.deduplicate = true to drop all of them"
    )
    return (f"{counted(len(contradictory), 'photo')} under contradictory labels ({_named(contradictory)}): {fate}",)


def _named(copied: list[list[ImageRecord]]) -> str:
    shown = [" = ".join(image.path for image in same) for same in copied[:_NAMED]]
    return ", ".join(shown) + (", …" if len(copied) > _NAMED else "")

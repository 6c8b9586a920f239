"""A study file whose baseline is a classifier that was trained elsewhere, as far as its settings can be read off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sweep.data.sizes import sample_sizes
from sweep.errors import UsageError
from sweep.training.reading_off import ReadOff, pixels_of_backbone
from sweep.workflow.audit_request import AuditRequest
from sweep.workflow.audited import Audited
from sweep.workflow.draft import StudyDraft, draft_study
from sweep.workflow.prepare import PreparedData
from sweep.workflow.study_text import render_study

__all__ = ["study_of_model", "write_study"]

_PICTURES = 4
_UNSEEN = "batch_size, epochs and all else that only training knows are our defaults"


def write_study(request: AuditRequest, one: Audited, data: PreparedData, *, image_size: int) -> str:
    """Write the study file that was asked for.

    Args:
        request: where to.
        one: the model.
        data: its images.
        image_size: pixels, that the model was asked at.

    Returns:
        A sentence on it.

    Raises:
        UsageError: it cannot be written.
    """
    target, read = request.study_file, one.read
    assert target is not None
    draft = draft_study(data.index, Path(request.folder).resolve().as_posix(), sample_sizes(data.index))
    way = pixels_of_backbone(one.foreign, read, data.pixels[:_PICTURES], one.way) if read.backbone else ""
    text = study_of_model(one, draft, image_size=image_size, preprocessing=way)
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            str(target),
            received=(error.strerror or str(error)).lower(),
            expected="a file that can be written",
            remedy="name another place with --study-file",
        ) from error
    unread = "; ".join(_unread(read, way))
    return f"{target} is a study file whose baseline is this model" + (f"; not read off: {unread}" if unread else "")


def study_of_model(one: Audited, draft: StudyDraft, *, image_size: int, preprocessing: str) -> str:
    """The text of a study file.

    Args:
        one: the model.
        draft: for its folder.
        image_size: pixels, that the model was asked at.
        preprocessing: how its backbone is given pixels; "" where that is not known.
    """
    name, read = one.foreign.file.path.name, one.read
    known = {**read.model, **({"preprocessing": preprocessing} if preprocessing else {})}
    model = {**draft.document["model"], "dropout": 0.0, "head_width": [], **known}
    space = dict(draft.document["space"])
    if isinstance(model["dropout"], list):
        # A list of rates fits one number of dense layers alone.
        del space["dropout"], space["head_width"]
    document: dict[str, Any] = {
        **draft.document,
        "question": f"Which configuration closes the gap of {name}?",
        "data": {**draft.document["data"], "image_size": image_size},
        "model": model,
        "training": {**draft.document["training"], **read.training},
        "space": space,
    }
    remarks = {
        **draft.remarks,
        **dict.fromkeys((*known, *read.training), f"as in {name}"),
        "image_size": f"pixels, as {name} takes them",
        "weights": f"what {name} started from is not in its file: imagenet is taken to be it",
    }
    heading = (
        draft.heading[0],
        f"[model] is {name} where it could be read off; {_UNSEEN}.",
        *(f"Not read off {name}: {part}." for part in _unread(read, preprocessing)),
        *draft.heading[2:],
    )
    return render_study(document, heading=heading, remarks=remarks)


def _unread(read: ReadOff, preprocessing: str) -> tuple[str, ...]:
    """What the model has that the study file does not say."""
    return (*read.unread, *(("how its backbone is given pixels",) if read.backbone and not preprocessing else ()))

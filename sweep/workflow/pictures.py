"""The pictures behind a report's findings, found again from what the study has stored."""

from __future__ import annotations

import base64
import os
from pathlib import Path

from sweep.data.folder import source_root
from sweep.data.thumbnails import encoded_thumbnail
from sweep.report.cards import shown_images
from sweep.report.gather import Report

__all__ = ["thumbnail_addresses"]

_PIXELS = 96  # of the longer side


def thumbnail_addresses(report: Report) -> dict[int, str]:
    """Small pictures for the page, as `data:` addresses by position in the study's index.

    Only the files that are shown are read. "" stands for one that is not there any more, is damaged, or has changed.
    Relative sources of studies that do not say where they start from are looked for in the current folder.
    """
    diagnosis, study = report.diagnosis, report.study
    rows = () if diagnosis is None else shown_images(diagnosis.verdict)
    if diagnosis is None or not rows:
        return {}
    root = source_root(study.data.source, base=Path(study.base))
    found = {}
    for row in rows:
        image, _ = diagnosis.images[row]
        path = root / image.path
        # A database is somebody's file: what it names outside of the data is not looked at.
        inside = Path(os.path.normpath(path)).is_relative_to(root)
        jpeg = encoded_thumbnail(path, _PIXELS, content_hash=image.content_hash) if inside else None
        found[row] = "" if jpeg is None else f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode('ascii')}"
    return found

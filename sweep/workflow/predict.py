"""`sweep predict`: labels for photos, by a model that `sweep export` has written.

Photos are read exactly as training read them.
"""

from __future__ import annotations

import csv
import glob
import io
import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sweep.data.decoding import decode_file, prepare_decoders, refusal
from sweep.data.listing import pictures_in
from sweep.diagnosis.wording import percent
from sweep.errors import DataError, UsageError
from sweep.progress import Progress
from sweep.report.wording import plain
from sweep.training.keras_file import KerasFile, read_keras_file
from sweep.workflow.export_files import files_of, read_labels

if TYPE_CHECKING:
    from sweep.training.deployable import Classifier  # which loads TensorFlow

__all__ = ["Labelled", "PredictRequest", "Predictions", "check_predict", "label_photos"]

_AT_ONCE = 64
_WILD = "*?["


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictRequest:
    """Photos that can be labelled.

    Attributes:
        file: the model.
        labels: file of the classes' names.
        names: of the classes, in the order of the model's outputs.
        photos: one path each; what is there is not known yet.
        top: how many classes are named for each.
    """

    file: KerasFile
    labels: Path
    names: tuple[str, ...]
    photos: tuple[Path, ...]
    top: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """A photo and its classes.

    Attributes:
        file: as the user named it, or found in the folder that was named.
        labels: names and probabilities, the most probable first; () where it cannot be read.
        problem: why it cannot be read, or "".
    """

    file: str
    labels: tuple[tuple[str, float], ...]
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """All photos, in the order in which they were named."""

    photos: tuple[Labelled, ...]

    @property
    def unread(self) -> int:
        """How many cannot be read."""
        return sum(bool(photo.problem) for photo in self.photos)

    @property
    def lines(self) -> tuple[str, ...]:
        """For the terminal, one a photo."""
        return tuple(f"{plain(photo.file)}: {_told(photo)}" for photo in self.photos)

    @property
    def plain(self) -> list[dict[str, Any]]:
        """The same as plain values; probabilities as fractions."""
        return [
            {
                "file": photo.file,
                "labels": [{"label": name, "probability": share} for name, share in photo.labels],
                "problem": photo.problem or None,
            }
            for photo in self.photos
        ]

    @property
    def csv(self) -> str:
        """A line for each class that is named of a photo, and one for a photo that cannot be read; with a header."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("file", "place", "label", "probability", "problem"))
        for photo in self.photos:
            for place, (name, share) in enumerate(photo.labels, start=1):
                writer.writerow((photo.file, place, name, f"{share:.6f}", ""))
            if photo.problem:
                writer.writerow((photo.file, "", "", "", photo.problem))
        return text.getvalue()


def check_predict(model: str, photos: Sequence[str], *, labels: str = "", top: int = 3) -> PredictRequest:
    """Find what can be found wrong without TensorFlow.

    Args:
        model: a .keras file of `sweep export`.
        photos: files, folders and patterns with `*`.
        labels: file of the classes' names; the one beside the model unless given.
        top: how many classes are named for each photo, from 1.

    Raises:
        UsageError: there is no such model or labels file, no photo, or `top` is out of range.
        DataError: the file of labels holds none.
        BackboneError: the model file is damaged, or holds code or classes that are not Keras' own.
    """
    file = read_keras_file(model)
    if top < 1:
        raise UsageError("--top", received=str(top), expected="1 or more classes", remedy="write --top 3")
    named = Path(labels) if labels else files_of(Path(model), (".labels.txt",))[1]
    return PredictRequest(file=file, labels=named, names=read_labels(named), photos=tuple(_found(photos)), top=top)


def label_photos(request: PredictRequest, *, progress: Progress) -> Predictions:
    """Ask the model about every photo; of those that cannot be read it is said why.

    Raises:
        BackboneError: the model cannot be loaded, or takes anything but raw pixels.
        DataError: there are more or fewer names than the model has outputs.
    """
    # Here, since what is refused before must not wait for TensorFlow.
    from sweep.training.deployable import classifier_of  # noqa: PLC0415

    classifier = classifier_of(request.file)
    if classifier.num_classes != len(request.names):
        raise DataError(
            str(request.labels),
            received=f"{len(request.names)} names",
            expected=f"{classifier.num_classes}, one for each output of {request.file.name}",
            remedy="name the file that was written with the model by --labels",
        )
    labelled: list[Labelled] = []
    with progress.stage("labelling", len(request.photos), "photos") as advance:
        for start in range(0, len(request.photos), _AT_ONCE):
            labelled += _labelled(classifier, request, request.photos[start : start + _AT_ONCE])
            advance(len(labelled) - start)
    return Predictions(photos=tuple(labelled))


def _found(photos: Sequence[str]) -> Iterator[Path]:
    """What is named, each once a name; a pattern that fits nothing stands for a file that is not there."""
    for name in photos:
        path = Path(name).expanduser()
        wild = not path.exists() and set(_WILD).intersection(name)
        fitting = glob.glob(str(path), recursive=True) if wild else []  # noqa: PTH207 - Path's takes no full paths
        for one in map(Path, sorted(fitting)) if fitting else (path,):
            if not one.is_dir():
                yield one
                continue
            inside = pictures_in(one)
            if not inside:
                raise UsageError(
                    str(one),
                    received="a folder without a photo",
                    expected="files such as .jpg or .png in it",
                    remedy="name the folder that holds them",
                )
            yield from inside


def _labelled(classifier: Classifier, request: PredictRequest, photos: Sequence[Path]) -> list[Labelled]:
    read = _decoded(photos, classifier.image_size)
    pixels = [one for one in read if not isinstance(one, str)]
    said = iter(classifier.probabilities(np.stack(pixels)) if pixels else ())
    # A name that is no text would be nothing that a terminal or JSON can show.
    files = (os.fsencode(photo).decode("utf-8", "replace") for photo in photos)
    return [
        Labelled(file=file, labels=(), problem=one)
        if isinstance(one, str)
        else Labelled(file=file, labels=_most_probable(next(said), request), problem="")
        for file, one in zip(files, read, strict=True)
    ]


def _most_probable(shares: NDArray[np.float32], request: PredictRequest) -> tuple[tuple[str, float], ...]:
    order = np.argsort(-shares, kind="stable")[: request.top]
    return tuple((request.names[label], float(shares[label])) for label in order)


def _decoded(photos: Sequence[Path], image_size: int) -> list[NDArray[np.uint8] | str]:
    """The pixels of each photo, or why there are none."""
    formats = prepare_decoders()

    def decode(path: Path) -> NDArray[np.uint8] | str:
        try:
            return decode_file(path, image_size, formats)
        except MemoryError:
            raise
        except Exception as error:  # a damaged file makes Pillow raise nearly anything
            if isinstance(error, OSError) and error.errno is not None:
                return (error.strerror or str(error)).lower()
            return refusal(error)

    with warnings.catch_warnings(), ThreadPoolExecutor(os.cpu_count()) as threads:
        warnings.simplefilter("ignore")
        return list(threads.map(decode, photos))


def _told(photo: Labelled) -> str:
    if photo.problem:
        return f"cannot be read: {plain(photo.problem)}"
    return ", ".join(f"{plain(name, 60)} {percent(share)}" for name, share in photo.labels)

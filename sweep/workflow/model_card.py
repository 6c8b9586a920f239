"""The card of an exported model: what it was made of, how well it does, what it is good for and how it is asked."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping
from importlib.metadata import version

from sweep.diagnosis.verdict import Outcome
from sweep.diagnosis.wording import points
from sweep.records import Split
from sweep.report.sentences import opening_sentence
from sweep.report.verdict import effect_text
from sweep.report.wording import nats, plain, with_bounds
from sweep.workflow.export_check import Agreement
from sweep.workflow.export_request import ExportKind, ExportRequest
from sweep.workflow.study_text import toml_value

__all__ = ["escaped", "render_card"]

_MARKUP = re.compile(r"([\\`*_\[\]<>|~&$@]|:(?=//)|(?<=www)\.)")
"""What makes markup in the middle of a line, bare links included."""
_SIDES = (Split.TRAIN, Split.VALIDATION, Split.TEST)

_LOADING = {
    ExportKind.KERAS: """\
import keras
model, names = keras.saving.load_model({model!r}), open({labels!r}, encoding="utf-8").read().split("\\n")
photo = keras.utils.load_img("photo.jpg", target_size=({size}, {size}), interpolation="bilinear")
shares = model.predict(keras.utils.img_to_array(photo, dtype="uint8")[None], verbose=0)[0]
print(names[shares.argmax()], shares.max())""",
    ExportKind.SAVED_MODEL: """\
import keras, numpy, tensorflow
model, names = tensorflow.saved_model.load({model!r}), open({labels!r}, encoding="utf-8").read().split("\\n")
photo = keras.utils.load_img("photo.jpg", target_size=({size}, {size}), interpolation="bilinear")
shares = model.serve(keras.utils.img_to_array(photo, dtype="uint8")[None])[0].numpy()
print(names[shares.argmax()], shares.max())""",
    ExportKind.TFLITE: """\
import keras, tensorflow
model, names = tensorflow.lite.Interpreter({model!r}), open({labels!r}, encoding="utf-8").read().split("\\n")
photo = keras.utils.load_img("photo.jpg", target_size=({size}, {size}), interpolation="bilinear")
shares = model.get_signature_runner()(images=keras.utils.img_to_array(photo, dtype="uint8")[None])["output_0"][0]
print(names[shares.argmax()], shares.max())""",
}


def render_card(request: ExportRequest, agreement: Agreement) -> str:
    """The card in Markdown; names in it are untrusted text and make no markup.

    Args:
        request: what was exported.
        agreement: how the file compares with the trial.
    """
    row, study = request.row, request.record
    sections = (
        (f"{escaped(study.name)}, trial {row.number}", _opening(request)),
        ("Use", _use(request)),
        ("What it is for", _purpose(request)),
        ("How well it does", _scores(request, agreement)),
        ("Verdict on its gap", _verdict(request)),
        ("Data", _data(request)),
        ("Configuration", _configuration(request)),
    )
    parts = ["\n".join((f"{'#' if place == 0 else '##'} {title}", "", *lines))
             for place, (title, lines) in enumerate(sections)]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    """Untrusted text behind other words on a line of Markdown, without any meaning there."""
    return _MARKUP.sub(r"\\\1", plain(text))


def _opening(request: ExportRequest) -> Iterator[str]:
    classes, size = request.record.data.class_names, request.definition.data.image_size
    trained = "the training and the validation images" if request.all_data else "the training images"
    yield (
        f"Tells {len(classes)} classes of pictures apart. Takes RGB pixels as they are, uint8 of shape "
        f"`(n, {size}, {size}, 3)`; gives probabilities, float32 of shape `(n, {len(classes)})`, in the order of "
        f"`{request.files[1].name}`. Trained on {trained}; the sealed test side was not touched."
    )


def _use(request: ExportRequest) -> Iterator[str]:
    size = request.definition.data.image_size
    names = {"model": request.target.name, "labels": request.files[1].name}
    yield "```python"
    yield _LOADING[request.kind].format(**names, size=size)
    yield "```"
    yield ""
    if request.kind is ExportKind.KERAS:
        yield f"Or `sweep predict {plain(request.target.name)} photos/`, which reads photos exactly as training did."
        yield ""
    yield (
        f"Photos are stretched to {size} by {size} pixels, not cropped, bilinearly and antialiased, which is what "
        "`load_img` above does (`tf.image.resize` without `antialias=True` does not). Turn a photo upright first where "
        "its EXIF block says so, and put transparent parts on white: training saw them like that."
    )


def _purpose(request: ExportRequest) -> Iterator[str]:
    listed = ", ".join(escaped(name) for name in request.record.data.class_names)
    yield f"- For pictures of {listed} that are made like those it was trained on."
    yield "- It names one of these classes for every picture, also for one of something else."
    yield "- Its probabilities were not calibrated: 90 % does not mean right nine times in ten."
    yield "- Numbers below hold for pictures from the same source. Measure it on yours before you rely on it."


def _scores(request: ExportRequest, agreement: Agreement) -> Iterator[str]:
    row, measured, ranking = request.row, request.row.measurement, request.report.ranking
    gap_nats = with_bounds(row.gap_cross_entropy, nats)
    yield "Clean numbers of the trial, in inference mode, 95 % intervals in brackets:"
    yield ""
    yield "| | accuracy, % | cross-entropy, nats |"
    yield "|---|---|---|"
    yield f"| train | {points(measured.train_accuracy)} | {nats(measured.train_cross_entropy)} |"
    yield f"| validation | {with_bounds(row.validation)} | {nats(measured.validation_cross_entropy)} |"
    if row.balanced is not None:
        yield f"| validation, mean of the classes | {with_bounds(row.balanced)} | |"
    yield f"| gap | {with_bounds(row.gap)} | {gap_nats} |"
    if ranking.optimism is not None and ranking.optimism_of == row.number:
        yield ""
        corrected = with_bounds(ranking.optimism.corrected)
        yield f"Validation, corrected for having been chosen on these images: {corrected} %."
    for opening in request.report.openings:
        if any(result.number == row.number for result in opening.record.results):
            yield ""
            yield escaped(opening_sentence(request.report, opening))
    yield ""
    yield agreement.sentence


def _verdict(request: ExportRequest) -> Iterator[str]:
    yield escaped(request.diagnosis.sentence)
    for one in request.diagnosis.verdict.having(Outcome.FOUND):
        finding = one.finding
        yield ""
        yield f"- {finding.cause.value}: {escaped(finding.summary)} Effect {effect_text(finding)}."


def _data(request: ExportRequest) -> Iterator[str]:
    data, settings = request.record.data, request.definition.data
    yield f"Source {escaped(data.source)}, split with seed {settings.split_seed}, grouped by {escaped(settings.group)}."
    yield f"Fingerprint of the files `{data.fingerprint}`."
    yield ""
    yield "| class | train | validation | test, sealed |"
    yield "|---|---|---|---|"
    for label, name in enumerate(data.class_names):
        counts = " | ".join(f"{data.counts[side][label]:,}" for side in _SIDES)
        yield f"| {escaped(name)} | {counts} |"


def _configuration(request: ExportRequest) -> Iterator[str]:
    measured, configuration = request.row.measurement, request.configuration
    yield "```toml"
    if configuration.model.hypermodel:
        yield from _assigned(request.row.trial.configuration)
    else:
        yield "[model]"
        yield from _assigned(configuration.model.model_dump(exclude={"hypermodel"}))
        yield ""
        yield "[training]"
        yield from _assigned(configuration.training.model_dump())
    yield "```"
    yield ""
    made = ", ".join(f"{name} {version(name)}" for name in ("gapsweep", "keras", "tensorflow"))
    yield (
        f"{measured.trainable_parameters:,} of {measured.total_parameters:,} parameters trained, "
        f"{measured.selected_epoch} of {measured.epochs_run} epochs kept. Written by {made} on "
        f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d} from the study with the digest `{request.record.digest}`."
    )


def _assigned(fields: Mapping[str, object]) -> Iterator[str]:
    yield from (f"{name} = {toml_value(value)}" for name, value in fields.items())

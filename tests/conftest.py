"""A clean environment for each test, and small real inputs."""

from __future__ import annotations

import gc
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

# Several threads a small matrix cost more than they bring, above all where other programs crowd the cores.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import sweep
from sweep.backbones.catalog import Backbone
from sweep.cli.app import main
from sweep.records import (
    EpochRecord,
    Measurement,
    Moment,
    PredictionRecord,
    Scalar,
    Side,
    TrialRecord,
    TrialState,
)
from sweep.studyfile.definition import ModelSettings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# TensorFlow's objects are many and live long: looking through them again and again took 7 % of the tests' time.
gc.set_threshold(20_000, 20, 50)
SHARED = Path(__file__).parents[2] / "shared"
# Read here, since each test starts without the caller's settings.
POSTGRES_REQUIRED = os.environ.get("SWEEP_REQUIRE_POSTGRES", "") not in ("", "0", "false")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No setting of the caller's leaks in, and nothing is written to the caller's cache."""
    for name in [name for name in os.environ if name.startswith("SWEEP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SWEEP_CHECK_ON_RUN", "false")  # tests of it turn it on
    monkeypatch.setenv("SWEEP_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data beside the checkout."""
    if not (SHARED / "data").is_dir():
        pytest.skip("needs ../shared/data")
    return SHARED


_NETWORKS: dict[tuple[object, ...], Backbone] = {}
_SOURCES: dict[tuple[object, ...], object] = {}


@pytest.fixture
def frozen_parts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load each network once, and convert each of its frozen parts once: half of the time of a small run.

    Whatever a run did to a network would show in the next one: it is to be treated as read-only.
    """
    from sweep.features import extract  # noqa: PLC0415 - TensorFlow, for the tests that need it only

    load, make = extract.load_backbone, extract._Source

    def load_once(model: ModelSettings, image_size: int, base: Path = Path()) -> Backbone:
        if model.weights not in ("imagenet", "none"):
            return load(model, image_size, base)
        key = model.backbone, model.weights, model.backbone_batch_norm, image_size
        _NETWORKS[key] = _NETWORKS.get(key) or load(model, image_size, base)
        return _NETWORKS[key].given(model)

    def make_once(backbone: Backbone, cuts: tuple[object, ...]) -> object:
        key = backbone.model, backbone.preprocessing, backbone.channels, cuts
        _SOURCES[key] = _SOURCES.get(key) or make(backbone, cuts)
        return _SOURCES[key]

    monkeypatch.setattr(extract, "load_backbone", load_once)
    monkeypatch.setattr(extract, "_Source", make_once)


PhotoFolder = Callable[..., Path]


@pytest.fixture
def photo_folder(tmp_path: Path) -> PhotoFolder:
    """Make a folder of photos: `photo_folder({"cat": 12, "dog": 12}, size=40)`; each class has a colour of its own."""

    def make(classes: dict[str, int], *, size: int = 40, name: str = "photos", seed: int = 0) -> Path:
        rng = np.random.default_rng(seed)
        root = tmp_path / name
        for position, (label, count) in enumerate(classes.items()):
            folder = root / label
            folder.mkdir(parents=True)
            colour = np.array([40 + 60 * position % 200, 200 - 50 * position % 180, 90])
            for number in range(count):
                pixels = np.clip(colour + rng.normal(0, 25, (size, size, 3)), 0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / f"{label}_{number:03d}.png")
        return root

    return make


NoisyPhotos = Callable[..., Path]


@pytest.fixture(scope="session")
def noisy_photos() -> NoisyPhotos:
    """Write classes of noisy grey photos: `noisy_photos(folder, {"cat": 60, "dog": 190}, count=30)`."""
    return write_noisy_photos


def write_noisy_photos(folder: Path, greys: Mapping[str, int], *, count: int, size: int = 40) -> Path:
    rng = np.random.default_rng(0)
    for label, grey in greys.items():
        (folder / label).mkdir(parents=True)
        for number in range(count):
            pixels = np.clip(grey + rng.normal(0, 40, (size, size, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / label / f"{number}.png")
    return folder


QUICK = (
    "data.image_size=32",
    "training.epochs=2",
    "training.learning_rate=0.01",  # enough for two epochs to tell the classes apart
    "search.pruner=none",
    "search.finalists=1",
    "search.repeats=2",
)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, sweep.OpenedStudy]:
    """A folder of 2 × 30 noisy photos searched for three trials: its database and the opened study."""
    from sweep.workflow.run import run_study  # noqa: PLC0415 - TensorFlow, for the tests that need it only

    root = tmp_path_factory.mktemp("finished")
    photos = write_noisy_photos(root / "photos", {"<b>cat": 60, "dog": 190}, count=30)
    # The autouse fixture that sets it is of function scope.
    os.environ["SWEEP_CACHE"] = str(root / "cache")
    os.environ["SWEEP_CHECK_ON_RUN"] = "false"
    study = run_study(str(photos), trials=3, database=root / "study.db", sets=QUICK)
    return root / "study.db", study


@dataclass(frozen=True)
class CommandResult:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., CommandResult]:
    """Run the command line in this process, through the same handler as the console script: `cli("run", "toys")`."""

    def call(*arguments: object) -> CommandResult:
        monkeypatch.setattr(sys, "argv", ["sweep", *map(str, arguments)])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else int(bool(stop.code))
        out, err = capsys.readouterr()
        return CommandResult(code, out, err)

    return call


@pytest.fixture(scope="session")
def trial_record() -> TrialMaker:
    """Make a measured trial from what it got right: `trial_record(3, train=0.99, correct=bools, parameters={…})`."""
    return make_trial


TrialMaker = Callable[..., TrialRecord]


def make_trial(
    number: int,
    *,
    correct: NDArray[np.bool_],
    train: float = 0.99,
    cross_entropy: NDArray[np.float64] | float = 0.7,
    train_cross_entropy: float = 0.05,
    objective: float | None = None,
    parameters: Mapping[str, Scalar] | None = None,
    state: TrialState = TrialState.COMPLETE,
    epochs: int = 10,
    trainable_parameters: int = 10_000,
    seconds: float = 12.0,
    stored: bool = True,
    classes: int = 5,
    **fields: object,
) -> TrialRecord:
    """A trial on validation images of labels 0, 1, … `classes` - 1, 0, 1, …; a wrong answer is the next label."""
    n = len(correct)
    labels = np.arange(n) % classes
    nats = np.broadcast_to(np.asarray(cross_entropy, dtype=np.float64), (n,))
    prediction = PredictionRecord(
        side=Side.VALIDATION,
        moment=Moment.SELECTED,
        predicted=np.where(correct, labels, (labels + 1) % classes).astype(np.uint16),
        cross_entropy=nats.astype(np.float16),
    )
    accuracy, mean = float(np.mean(correct)), float(nats.mean())
    curve = tuple(
        EpochRecord(
            epoch=epoch,
            logged_train_accuracy=train * (1 - 0.7 / epoch**1.5),
            logged_train_loss=train_cross_entropy + 1.5 / epoch,
            logged_penalty=0.0,
            logged_weighting=0.0,
            logged_validation_accuracy=accuracy * (1 - 0.4 / epoch**2),
            logged_validation_loss=mean + 0.8 / epoch - 0.8 / epochs,
            train_accuracy=train * (1 - 0.6 / epoch**1.5),
            train_cross_entropy=train_cross_entropy + 1.2 / epoch - 1.2 / epochs,
            validation_accuracy=accuracy * (1 - 0.4 / epoch**2),
            validation_cross_entropy=mean + 0.8 / epoch - 0.8 / epochs,
            learning_rate=1e-3,
            seconds=seconds / epochs,
        )
        for epoch in range(1, epochs + 1)
    )
    measurement = Measurement(
        selected_epoch=epochs,
        epochs_run=epochs,
        stopped="pruned" if state is TrialState.PRUNED else "finished",
        train_accuracy=train,
        train_cross_entropy=train_cross_entropy,
        validation_accuracy=accuracy,
        validation_cross_entropy=mean,
        validation_cross_entropy_error=float(nats.std(ddof=1) / np.sqrt(n)),
        train_balanced_accuracy=train,
        validation_balanced_accuracy=accuracy,
        logged_train_accuracy=train - 0.02,
        logged_train_loss=train_cross_entropy + 0.1,
        logged_penalty=0.0,
        logged_weighting=0.0,
        logged_validation_accuracy=accuracy,
        logged_validation_loss=mean,
        penalty=0.0,
        train_images=4 * n,
        validation_images=n,
        trainable_parameters=trainable_parameters,
        total_parameters=3_400_000 + trainable_parameters,
        engine="fused",
        cut="top_activation",
        seconds=seconds,
        compile_seconds=3.0,
        epochs=curve,
        predictions=(prediction,) if stored else (),
    )
    swept = dict(parameters or {})
    return TrialRecord(
        number=number,
        state=state,
        parameters=swept,
        configuration=fields.pop("configuration", swept),  # type: ignore[arg-type]
        objective=-mean if objective is None else objective,
        measurement=measurement,
        baseline=bool(fields.pop("baseline", False)),
        **fields,  # type: ignore[arg-type]
    )


# ---- a database server ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PostgresServer:
    """A PostgreSQL server of the tests' own, which takes everybody on 127.0.0.1 whatever the password is.

    Attributes:
        port: where it listens.
        binaries: the folder of its programs.
        folder: of its data.
    """

    port: int
    binaries: Path
    folder: Path

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://sweep:pass-word@127.0.0.1:{self.port}/{name}"

    def say(self, statement: str, name: str = "postgres") -> None:
        """Have it execute a statement in one of its databases."""
        import psycopg  # noqa: PLC0415 - an extra, for the tests that need it only

        with psycopg.connect(self.url(name).replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(statement)

    def call(self, program: str, *arguments: str) -> None:
        """Run one of its programs, which refuse to be run by root."""
        user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
        command = [str(self.binaries / program), "-D", str(self.folder / "data"), *arguments]
        with (self.folder / "said").open("ab") as said:
            subprocess.run(command, check=True, stdout=said, stderr=said, cwd=self.folder, **user)  # type: ignore[call-overload]


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A server that is started for the first test that asks for it, on a free port."""
    binaries = _postgres_binaries()
    folder = Path(tempfile.mkdtemp(prefix="sweep-postgres-"))  # not in pytest's own, which others must not enter
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = PostgresServer(port, binaries, folder)
    settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "full_page_writes=off"]
    try:
        server.call("initdb", "-A", "trust", "-U", "sweep", "-E", "UTF8", "--locale=C", "--no-sync")
        options = " ".join(["-p", str(port), *(f"-c {setting}" for setting in settings)])
        server.call("pg_ctl", "start", "-w", "-l", str(folder / "log"), "-o", options)
        yield server
        server.call("pg_ctl", "stop", "-m", "immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of a new, empty database on the server, with a password in it."""
    postgres_server.say("CREATE DATABASE fresh")
    yield postgres_server.url("fresh")
    postgres_server.say("DROP DATABASE fresh WITH (FORCE)")


def _postgres_binaries() -> Path:
    """The folder of the newest server's programs."""
    try:
        import psycopg  # noqa: F401, PLC0415
    except ImportError:
        _without_postgres("needs psycopg")
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not folders or not (folders[-1] / "initdb").is_file():
        _without_postgres("needs the programs of a PostgreSQL server")
    if os.geteuid() == 0:
        try:
            pwd.getpwnam("postgres")
        except KeyError:
            _without_postgres("needs the user postgres, since root may not run a PostgreSQL server")
    return folders[-1]


def _without_postgres(what: str) -> NoReturn:
    """Skip, or fail where a server is required."""
    if POSTGRES_REQUIRED:
        pytest.fail(f"SWEEP_REQUIRE_POSTGRES is set, but it {what}")
    pytest.skip(what)

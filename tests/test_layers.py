"""The house stands as drawn: imports run downhill, a foreign library has one home, tests mirror the package."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "sweep"
GROUND = ("errors", "records", "progress")

# A folder may import only what is named beside it, and itself.
ALLOWED: dict[str, tuple[str, ...]] = {
    "errors": (),
    "records": (),
    "progress": ("records",),
    "studyfile": GROUND,
    "data": (*GROUND, "studyfile"),
    "backbones": (*GROUND, "studyfile"),
    "features": (*GROUND, "studyfile", "data", "backbones"),
    "training": (*GROUND, "studyfile", "data", "backbones", "features"),
    "store": GROUND,
    "search": (*GROUND, "studyfile", "data", "backbones", "features", "training", "store"),
    "diagnosis": GROUND,
    "report": (*GROUND, "diagnosis"),
    "workflow": (
        *GROUND, "studyfile", "data", "backbones", "features", "training", "store", "search", "diagnosis", "report"
    ),
    "cli": (*GROUND, "workflow"),
    "__init__": ("errors", "records", "workflow"),
    "__main__": ("cli",),
}  # fmt: skip

# A foreign library has one home; the rest of the house gets records and arrays.
HOMES: dict[str, tuple[str, ...]] = {
    "pydantic": ("studyfile",),
    "tomllib": ("studyfile",),
    "PIL": ("data",),
    "openvino": ("features/engine.py",),
    "tensorflow": ("training/fused.py", "training/modes.py", "features/engine.py", "workflow/export.py"),
    "keras": ("backbones", "features", "training", "search/example.py"),
    "keras_tuner": ("search",),
    "sqlalchemy": ("store",),
    "optuna": ("search", "store"),
    "optuna_dashboard": ("report/dashboard.py",),
    "scipy": ("diagnosis",),
    "sklearn": ("diagnosis",),
    "plotly": ("report",),
    "kaleido": ("report/images.py",),
    "tensorboard": ("report/tensorboard.py",),
    "jinja2": ("report",),
    "pandas": ("report", "workflow/opened.py"),
    "typer": ("cli",),
    "rich": ("cli", "report/text.py"),
}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Every imported module's dotted name, inside functions and TYPE_CHECKING too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""


def room(path: Path) -> str:
    """The folder, or the module itself on the ground floor."""
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else path.stem


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_downhill(path: Path) -> None:
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "sweep" and len(parts) > 1 and parts[1] != room(path):
            assert parts[1] in ALLOWED[room(path)], f"{room(path)} must not import {name}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_foreign_library_has_one_home(path: Path) -> None:
    place = path.relative_to(PACKAGE).as_posix()
    for name in imports(path):
        homes = HOMES.get(name.split(".")[0])
        if homes is not None:
            assert any(place == home or place.startswith(f"{home}/") for home in homes), f"{name} lives in {homes}"


def test_no_two_modules_import_each_other() -> None:
    graph: dict[str, set[str]] = {}
    for path in modules():
        dotted = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        graph[dotted] = {name for name in imports(path) if name.startswith("sweep.")}
    seen: set[str] = set()

    def walk(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, f"import cycle: {' -> '.join((*trail, module))}"
        if module not in seen:
            for other in graph.get(module, ()):
                walk(other, (*trail, module))
            seen.add(module)

    for module in graph:
        walk(module, ())


# Folders of tests that mirror no folder of the package, and why.
APART = {
    "benchmarks": "programs that measure the whole house",
    "browser": "a page passes through all rooms, and only a browser shows what comes of it",
}


def test_every_test_module_has_its_room() -> None:
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        parts = path.relative_to(ROOT / "tests").parts
        if len(parts) > 1 and parts[0] not in APART:
            room_path = PACKAGE.joinpath(*parts[:-1], path.name.removeprefix("test_"))
            assert room_path.is_file(), f"{path.name} tests no module of its folder"


def test_every_module_is_short_enough_to_read() -> None:
    long = {str(path): count for path in modules() if (count := len(path.read_text("utf-8").splitlines())) > 300}
    assert not long


TENSORFLOW = {"tensorflow", "keras", "keras_tuner"}
TABLES = {"numpy", "pandas", "optuna", "sqlalchemy", "plotly", "rich.live"}


@pytest.mark.parametrize(
    ("arguments", "absent"),
    [
        (["--help"], TENSORFLOW | TABLES),
        (["run", "--help"], TENSORFLOW | TABLES),
        (["submit", "--help"], TENSORFLOW | TABLES),
        (["worker", "--help"], TENSORFLOW | TABLES),
        (["report", "--help"], TENSORFLOW | TABLES),
        (["diagnose", "--help"], TENSORFLOW | TABLES),
        (["compare", "--help"], TENSORFLOW | TABLES),
        (["copy", "--help"], TENSORFLOW | TABLES),
        (["check", "--help"], TENSORFLOW | TABLES),
        (["dashboard", "--help"], TENSORFLOW | TABLES),
        (["audit", "--help"], TENSORFLOW | TABLES),
        (["prove", "--help"], TENSORFLOW | TABLES),
        (["export", "--help"], TENSORFLOW | TABLES),
        (["predict", "--help"], TENSORFLOW | TABLES),
        (["explain", "leak"], TENSORFLOW | TABLES - {"numpy"}),
        (["studies"], TENSORFLOW),
    ],
)
def test_light_commands_load_nothing_heavy(arguments: list[str], absent: set[str]) -> None:
    program = (
        "import sys; from sweep.cli.app import app\n"
        f"try: app({arguments!r})\n"
        "except SystemExit: pass\n"
        f"assert not {absent!r} & set(sys.modules), 'heavy import'"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr

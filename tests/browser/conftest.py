"""A real browser, pages of made-up studies in it, and a watch over whatever they complain of or ask for."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

AXE = "4.14.1"
# SHA-256 of its axe.min.js: what runs inside of the pages is what was looked at.
AXE_DIGEST = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
# Read here, since each test starts without the caller's settings.
REQUIRED = os.environ.get("SWEEP_REQUIRE_BROWSER", "") not in ("", "0", "false")
GIVEN_AXE = os.environ.get("SWEEP_AXE", "")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def _load_made_up() -> ModuleType:
    """Load the study that the report's tests are made of: tests cannot import one another's modules."""
    path = Path(__file__).parents[1] / "report" / "conftest.py"
    spec = importlib.util.spec_from_file_location("made_up_study", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["made_up_study"] = module
    spec.loader.exec_module(module)
    return module


_MADE_UP = _load_made_up()
study_record, toy_trials = _MADE_UP.study_record, _MADE_UP.toy_trials
labelled_images = _MADE_UP.labelled_images
full_report, diagnosed_report, with_summary = _MADE_UP.full_report, _MADE_UP.diagnosed_report, _MADE_UP.with_summary


@pytest.fixture(scope="session")
def made_up() -> ModuleType:
    """The functions behind the report's made-up study, for studies of other sizes and names."""
    return _MADE_UP


def _lacking(what: str) -> NoReturn:
    """Skip, or fail where a browser is required."""
    if REQUIRED:
        pytest.fail(f"SWEEP_REQUIRE_BROWSER is set, but {what}")
    pytest.skip(what)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, without a window.

    One a module, not one a session: as long as it is open, Playwright's event loop counts as running, and whatever
    else starts one in this process (notebooks, exported images) would be refused.
    """
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        _lacking(f"there is no {BROWSERS[0]}: apt-get install {BROWSERS[0]}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def axe(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The source of axe-core: a file named by SWEEP_AXE, or what npm fetches into pytest's cache, where it has one."""
    if GIVEN_AXE:
        return Path(GIVEN_AXE).read_text("utf-8")
    cache = getattr(pytestconfig, "cache", None)
    kept = (cache.mkdir("axe") if cache else tmp_path_factory.mktemp("axe")) / f"axe-{AXE}.min.js"
    if not kept.is_file():
        _fetch_axe(kept)
    source = kept.read_bytes()
    assert hashlib.sha256(source).hexdigest() == AXE_DIGEST, f"{kept} is not axe-core {AXE}"
    return source.decode()


def _fetch_axe(target: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        _lacking("there is no npm to fetch axe-core with; SWEEP_AXE may name its axe.min.js")
    command = [npm, "pack", "--silent", f"axe-core@{AXE}"]
    done = subprocess.run(command, cwd=target.parent, capture_output=True, text=True, timeout=120, check=False)
    archive = target.parent / f"axe-core-{AXE}.tgz"
    if done.returncode or not archive.is_file():
        _lacking(f"npm could not fetch axe-core {AXE}: {done.stderr.strip()[-300:]}")
    with tarfile.open(archive) as packed:
        member = packed.extractfile("package/axe.min.js")
        assert member is not None
        target.write_bytes(member.read())
    archive.unlink()


@dataclass
class Desk:
    """Opens files in a browser and watches over their pages.

    Attributes:
        browser: where.
        complaints: errors on the consoles and uncaught ones.
        requests: addresses of everything that is not in the page's own file, refused or not.
    """

    browser: Browser
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    _contexts: list[BrowserContext] = field(default_factory=list)

    def open(
        self,
        path: Path,
        *,
        width: int = 1280,
        height: int = 900,
        dark: bool = False,
        still: bool = True,
        script: bool = True,
    ) -> Page:
        """Open a file in a context of its own, and wait until the page says that it can be used.

        Args:
            path: of the file.
            width: in CSS pixels.
            height: in CSS pixels.
            dark: for people who prefer it.
            still: for people who want no motion; pages that stand still are quicker to test, too.
            script: False for people who run no JavaScript.
        """
        context = self.browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce" if still else "no-preference",
            java_script_enabled=script,
        )
        self._contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self._note(request.url))
        page.goto(path.as_uri())
        if script:
            page.wait_for_selector("html[data-ready=true]", state="attached")
        return page

    def close(self) -> None:
        """Close all pages, none of which may have complained or asked for something."""
        for context in self._contexts:
            context.close()
        assert self.complaints == []
        assert self.requests == []

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    def _note(self, address: str) -> None:
        if not address.startswith(("file:", "data:", "blob:")):
            self.requests.append(address)


@pytest.fixture
def desk(chromium: Browser) -> Iterator[Desk]:
    """For one test, which fails if a page complained or asked for something."""
    desk = Desk(chromium)
    yield desk
    desk.close()


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(desk: Desk) -> OpenPage:
    """Open a file for one test: `open_page(path, width=360, dark=True)`."""
    return desk.open


@pytest.fixture(scope="module")
def open_for_all(chromium: Browser) -> Iterator[OpenPage]:
    """Open a file for tests that only look at its page."""
    desk = Desk(chromium)
    yield desk.open
    desk.close()

"""The images and services of `docker/` fit the project: what they copy and run is there, and nothing is open."""

from __future__ import annotations

import ipaddress
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml  # which Optuna needs

from sweep.cli.app import app

ROOT = Path(__file__).parents[1]
DOCKER = ROOT / "docker"
DOCKERFILE = re.sub(r"\\\n(\s*#.*\n)*", " ", (DOCKER / "Dockerfile").read_text("utf-8"))
README = (DOCKER / "README.md").read_text("utf-8")
PASSWORDS = {"POSTGRES_PASSWORD": "a $1 'b", "DASHBOARD_PASSWORD": "c"}
DIGEST = re.compile(r"[a-z]+:[\w.-]*\d[\w.-]*@sha256:[0-9a-f]{64}")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The services as YAML says, with merge keys merged and nothing put in for variables."""
    loaded = yaml.safe_load((DOCKER / "compose.yaml").read_text("utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def instructions(word: str) -> list[str]:
    return [line.removeprefix(word).strip() for line in DOCKERFILE.splitlines() if line.startswith(f"{word} ")]


def parsed(words: Sequence[str]) -> None:
    """Have the command line's own parser read a command, without running it; fails where it refuses."""
    group = typer.main.get_command(app)
    group.commands[words[0]].make_context(words[0], list(words[1:]))  # type: ignore[attr-defined]


def commands_of(services: dict[str, Any]) -> Iterator[list[str]]:
    """What the services of our images run, without `sweep`; a tool gets its study or report from whoever calls it."""
    for name, service in services.items():
        if not service["image"].startswith("gapsweep"):
            continue
        entry = service.get("entrypoint")
        if entry is None:
            yield service["command"]
        else:
            assert entry[:3] == ["/usr/bin/tini", "--", "sweep"]
            yield [*entry[3:], *(["toys"] if name == "submit" else [])]


def test_the_bases_are_pinned_and_users_are_not_root() -> None:
    stages = [line.split(" AS ") for line in instructions("FROM")]
    names = {name for _, name in stages}
    assert {"cpu", "gpu"} <= names
    bases = [base for base, _ in stages if base not in names]
    assert bases
    assert all(DIGEST.fullmatch(base) for base in bases)
    last = dict(re.findall(r"^FROM \S+ AS (\w+)\n(.*?)(?=^FROM|\Z)", DOCKERFILE, re.M | re.S))
    assert all(last[target].rstrip().endswith("\nUSER 1000") for target in ("cpu", "gpu"))
    assert instructions("HEALTHCHECK")


def test_what_is_copied_is_there_and_let_through() -> None:
    let_through = (DOCKER / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    sources = [source for line in instructions("COPY") for source in line.split()[:-1]]
    assert len(sources) > 5
    for source in sources:
        assert (ROOT / source).exists(), source
        assert f"!{source}" in let_through
    assert "*" in let_through


def test_the_packages_are_those_of_the_extras() -> None:
    """As the Dockerfile asks for them; the file that it asks lies beside pyproject.toml there."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    script = (DOCKER / "requirements.py").read_text("utf-8").replace("Path(__file__)", f"Path({str(ROOT / 'x')!r})")
    (extras,) = {tuple(words) for words in re.findall(r"requirements\.py (postgres) (gpu)", DOCKERFILE)}
    done = subprocess.run([sys.executable, "-c", script, *extras], capture_output=True, text=True, check=True)
    wanted = [*project["dependencies"], *(line for name in extras for line in project["optional-dependencies"][name])]
    assert done.stdout.splitlines() == wanted


def test_the_constraints_name_every_direct_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    pinned = {
        re.sub(r"[-_.]+", "-", line.partition("==")[0]).lower()
        for line in (DOCKER / "constraints.txt").read_text("utf-8").splitlines()
        if not line.startswith("#")
    }
    for extra in ([], project["optional-dependencies"]["postgres"], project["optional-dependencies"]["gpu"]):
        for line in extra or project["dependencies"]:
            name = re.match(r"[\w.-]+", line)
            assert name is not None
            assert re.sub(r"[-_.]+", "-", name[0]).lower() in pinned, line


def test_every_command_of_the_services_is_one(compose: dict[str, Any]) -> None:
    found = list(commands_of(compose["services"]))
    assert {words[0] for words in found} == {"worker", "dashboard", "submit", "report"}
    for words in found:
        parsed(words)


def test_every_command_of_the_readme_is_one() -> None:
    blocks = re.findall(r"^ *```\n(.*?)^ *```$", README, re.MULTILINE | re.DOTALL)
    lines = [shlex.split(line) for block in blocks for line in block.splitlines()]
    alone = [words for words in lines if words[:2] == ["docker", "run"]]
    assert len(alone) == 2
    assert lines[0][:4] == ["docker", "run", "--gpus", "all"]
    assert lines[0][-5:] == ["gapsweep", "run", "toys", "--trials", "50"]
    for words in alone:
        parsed(words[words.index("gapsweep") + 1 :])
    composed = [words[words.index("docker/compose.yaml") + 1 :] for words in lines if words[1] == "compose"]
    assert composed == [["run", "--rm", "submit", "toys", "--trials", "50"], ["up", "--detach", "--build"]]
    parsed(["submit", "--storage", "sqlite:///study.db", *composed[0][3:]])


def test_only_the_loopback_address_is_listened_on(compose: dict[str, Any]) -> None:
    ports = {name: service.get("ports", []) for name, service in compose["services"].items()}
    assert {name for name, published in ports.items() if published} == {"database", "proxy"}
    for port in (port for published in ports.values() for port in published):
        assert ipaddress.ip_address(port.split(":")[0]).is_loopback
    assert compose["services"]["dashboard"]["networks"] == ["inside"]
    assert compose["networks"]["inside"] == {"internal": True}
    assert "network_mode" not in str(compose)


def test_no_password_is_written_down(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for name, value in (service.get("environment") or {}).items():
            if "PASSWORD" in name:
                assert re.fullmatch(r"\$\{\w+_PASSWORD:\?[^}]+\}", value), name
    example = dict(
        line.split("=", 1) for line in (DOCKER / ".env.example").read_text("utf-8").splitlines() if line[:1].isupper()
    )
    assert all(example[name] == "" for name in PASSWORDS)
    texts = [path.read_text("utf-8") for path in DOCKER.iterdir()]
    assert not [found for text in texts for found in re.findall(r"postgresql\+?\w*://\w+:[^@\s]+@", text)]
    used = {name for text in texts for name in re.findall(r"\$\{(\w+)", text)}
    assert used <= example.keys(), "every variable is explained"
    assert ".env" in (DOCKER / ".gitignore").read_text("utf-8").splitlines()


def test_services_are_hardened_and_checked(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert service["security_opt"] == ["no-new-privileges:true"], name
        if name != "database":  # whose image changes to its own user and owns its folder
            assert service["cap_drop"] == ["ALL"]
            assert service["read_only"] is True
        image = service["image"]
        assert image.startswith("gapsweep") or DIGEST.fullmatch(image), name
    assert all("healthcheck" in compose["services"][name] for name in ("database", "worker", "dashboard", "proxy"))
    devices = compose["services"]["worker"]["deploy"]["resources"]["reservations"]["devices"]
    assert devices == [{"driver": "nvidia", "count": "all", "capabilities": ["gpu"]}]
    volumes = {
        volume.split(":")[0] for service in compose["services"].values() for volume in service.get("volumes", [])
    }
    assert {"database", "cache", "${DATA"} <= volumes
    assert compose["volumes"].keys() == {"database", "cache", "data"}


@pytest.mark.parametrize(("passwords", "status"), [(PASSWORDS, 0), ({}, 1)])
def test_compose_itself_accepts_it_with_passwords_alone(passwords: dict[str, str], status: int) -> None:
    program = shutil.which("docker-compose")
    if program is None:
        pytest.skip("needs docker-compose")
    environment = {"PATH": os.environ["PATH"], "COMPOSE_PROFILES": "gpu", **passwords}
    command = [program, "--file", str(DOCKER / "compose.yaml"), "config"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, cwd=ROOT)
    assert done.returncode == status, done.stderr
    assert ("Caddyfile" in done.stdout) is not bool(status)
    if status:
        assert "fill it in" in done.stderr

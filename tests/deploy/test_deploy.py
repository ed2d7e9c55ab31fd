"""What can be said of deploy/ without a container engine: names, paths, settings and scripts fit together."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from api.settings import ENV_PREFIX, Settings
from deploy.lock import lock_lines

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
SCRIPTS = [DEPLOY / "run.sh", DEPLOY / "smoke.sh", DEPLOY / "gpu" / "run.sh", ROOT / ".ci" / "run"]
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))


def env_example() -> dict[str, str]:
    """The assignments of env.example."""
    lines = (DEPLOY / "env.example").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def setting_names() -> set[str]:
    return {f"{ENV_PREFIX}{name.upper()}" for name in Settings.model_fields}


def test_env_example_names_every_setting_and_no_other() -> None:
    assert set(env_example()) == setting_names()


def test_env_example_holds_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith(ENV_PREFIX)]:
        monkeypatch.delenv(name)
    defaults = Settings()
    for name, value in env_example().items():
        monkeypatch.setenv(name, value)
    assert Settings() == defaults


def test_what_the_dockerfile_copies_exists_and_is_let_through() -> None:
    copied = [
        source
        for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE)
        for source in line.split()[:-1]
    ]
    assert [source for source in copied if not (ROOT / source).exists()] == []
    ignore = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert {f"!{source}" for source in copied} == {line for line in ignore if line.startswith("!")}


def test_the_dockerfile_copies_every_package_of_the_distribution() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = [name.rstrip("*") for name in project["tool"]["setuptools"]["packages"]["find"]["include"]]
    assert [name for name in packages if f"COPY {name} {name}" not in DOCKERFILE] == []


def test_the_image_runs_without_root_and_reports_readiness() -> None:
    last_stage = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.findall(r"^USER (.*)$", last_stage, re.MULTILINE) == ["studygpt"]
    assert "/readyz" in re.findall(r"^HEALTHCHECK (.*)$", last_stage, re.MULTILINE)[0]
    assert re.search(r"^VOLUME /data$", last_stage, re.MULTILINE)


def test_the_container_files_use_only_settings_that_exist() -> None:
    named = set(re.findall(rf"{ENV_PREFIX}[A-Z_]+", DOCKERFILE + json.dumps(COMPOSE)))
    assert named <= setting_names()


def test_compose_builds_this_repository_and_publishes_on_this_machine_only() -> None:
    service = COMPOSE["services"]["studygpt"]
    assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).resolve() == DEPLOY / "Dockerfile"
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert service["read_only"] is True
    assert service["environment"]["STUDYGPT_DATA_DIR"] in [volume.split(":")[1] for volume in service["volumes"]]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_can_be_run_and_parses(script: Path) -> None:
    assert os.access(script, os.X_OK)
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_finds_nothing(script: Path) -> None:
    outcome = subprocess.run(["shellcheck", script], capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stdout


def test_the_lock_leaves_out_the_project_the_platform_and_local_versions() -> None:
    packages = {"torch": "2.13.0+cpu", "studygpt": "0.1.0", "nvidia-cublas": "13.4", "triton": "3.9", "Foo_Bar": "1.0"}
    report = {"install": [{"metadata": {"name": name, "version": version}} for name, version in packages.items()]}
    assert lock_lines(report) == ["foo-bar==1.0", "torch==2.13.0"]


def test_the_lock_holds_exact_versions_only_and_every_direct_dependency() -> None:
    import tomllib

    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", line)] == []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [re.match(r"[\w-]+", line) for line in project["dependencies"] + extras["train"] + extras["dev"]]
    locked = {line.split("==")[0] for line in lines}
    assert {match.group().lower() for match in wanted if match} <= locked

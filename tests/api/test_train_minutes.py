"""`studygpt train all RECIPE --minutes N`: the stages run within that time, not for the recipe's steps."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from api import cli_train
from gpt.config import recipe
from gpt.timed import TimedRun
from gpt.train import OnStep, Progress


def arguments(*options: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    cli_train.register(parser.add_subparsers())
    return parser.parse_args(["train", "all", "tiny", "--corpus", "nowhere", *options])


def test_without_minutes_a_recipe_has_its_steps(tmp_path: Path) -> None:
    assert cli_train._timed(recipe("tiny"), arguments(), tmp_path) is None


def test_minutes_are_what_the_stages_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[tuple[str, str]] = []

    def train(run: TimedRun, stage: str, on_step: OnStep, device: str) -> dict[str, Any]:
        trained.append((stage, device))
        (run.out / stage).mkdir()
        (run.out / stage / "loss.jsonl").write_text(json.dumps({"step": 1, "loss": 2.0, "tokens": 5}) + "\n")
        on_step(Progress(1, 9, 2.0, 1.0, 5, 0.1))
        return {"steps": 9}

    monkeypatch.setattr(TimedRun, "train", train)
    args = arguments("--minutes", "0.5")
    timed = cli_train._timed(recipe("tiny"), args, tmp_path)
    assert timed is not None
    assert timed.seconds == 30
    result = cli_train._run_stage("reading", recipe("tiny"), args, tmp_path, timed)
    assert trained == [("reading", "cpu")]
    assert result["steps"] == 9


def test_a_second_cycle_is_for_those_who_have_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    monkeypatch.setattr(cli_train, "_run_stage", lambda stage, *_: ran.append(stage) or {})
    for minutes, anew in (("239", set()), ("240", {"detect2", "reading2"})):
        ran.clear()
        cli_train.run(arguments("--minutes", minutes, "--out", str(tmp_path)))
        assert set(ran) & {"detect2", "reading2"} == anew
        assert {"pretrain", "detect", "reading", "refine2", "reinforce", "release"} < set(ran)

"""The training loop: it learns, and a run that was killed and resumed equals one that was not, to the bit."""

from __future__ import annotations

import dataclasses
import json
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch

from gpt.checkpoint import load_latest
from gpt.config import GPTConfig, TrainConfig
from gpt.data import TokenStream
from gpt.errors import CheckpointError
from gpt.model import GPT
from gpt.pretrain import Pretraining
from gpt.tokenizer import Tokenizer
from gpt.train import Progress, _Loop, train
from tests.gpt.conftest import sentences

CONFIG = TrainConfig(steps=12, batch_tokens=128, row_tokens=32, checkpoint_every=4, warmup_steps=2)
SHAPE = GPTConfig(depth=2, aspect=16, head_dim=16, vocab_size=320, context_len=64)


class Killed(Exception):
    """Stands in for a process that dies after a step."""


def run_training(folder: Path, tokenizer: Tokenizer, config: TrainConfig = CONFIG, die_after: int = -1) -> dict:
    torch.manual_seed(1)
    model = GPT(SHAPE)
    task = Pretraining(TokenStream.build(tokenizer, iter(sentences(100))), tokenizer, config)

    def on_step(progress: Progress) -> None:
        if progress.step == die_after:
            raise Killed

    return train(model, task, config, folder, on_step)


def curve(folder: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (folder / "loss.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(("cycles", "dropout"), [(1, 0.0), (3, 0.0), (1, 0.2)])
@pytest.mark.parametrize("die_after", [1, 4, 6, 11])
def test_a_killed_run_resumes_to_the_same_losses_and_weights(
    tmp_path: Path, tokenizer: Tokenizer, die_after: int, cycles: int, dropout: float
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    config = dataclasses.replace(CONFIG, cycles=cycles, dropout=dropout)
    run_training(whole, tokenizer, config)
    with pytest.raises(Killed):
        run_training(broken, tokenizer, config, die_after=die_after)
    run_training(broken, tokenizer, config)
    assert curve(broken) == curve(whole)
    expected, found = load_latest(whole), load_latest(broken)
    assert expected is not None
    assert found is not None
    for group, tensors in expected[0].items():
        for name, tensor in tensors.items():
            assert torch.equal(tensor, found[0][group][name]), (group, name)


def test_sigkill_at_any_moment_loses_nothing(tmp_path: Path, tokenizer: Tokenizer) -> None:
    tokenizer.save(tmp_path / "tokenizer.json")
    program = textwrap.dedent(
        f"""
        from pathlib import Path
        from gpt.tokenizer import Tokenizer
        from tests.gpt.test_train import run_training
        run_training(Path({str(tmp_path / "killed")!r}), Tokenizer.load(Path({str(tmp_path / "tokenizer.json")!r})))
        """
    )
    log = tmp_path / "killed" / "loss.jsonl"
    with subprocess.Popen([sys.executable, "-c", program]) as process:
        while process.poll() is None and not list((tmp_path / "killed").glob("step-*")):
            pass
        process.send_signal(signal.SIGKILL)
    run_training(tmp_path / "killed", tokenizer)
    run_training(tmp_path / "whole", tokenizer)
    assert curve(tmp_path / "killed") == curve(tmp_path / "whole")
    assert log.read_text().endswith("\n")


def test_the_loss_falls_and_the_averaged_weights_are_left_in_the_model(tmp_path: Path, tokenizer: Tokenizer) -> None:
    config = dataclasses.replace(CONFIG, steps=60, checkpoint_every=60)
    result = run_training(tmp_path / "run", tokenizer, config)
    losses = curve(tmp_path / "run")
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])
    assert result["steps"] == 60
    assert result["tokens"] == 60 * 128


def test_several_cycles_end_in_the_mean_of_their_ends(tmp_path: Path, tokenizer: Tokenizer) -> None:
    config = dataclasses.replace(CONFIG, steps=11, cycles=3)  # cycles end after steps 4, 8 and 11
    torch.manual_seed(1)
    model = GPT(SHAPE)
    task = Pretraining(TokenStream.build(tokenizer, iter(sentences(100))), tokenizer, config)
    loop = _Loop(model, task, config, tmp_path)
    ends = []
    for step in range(1, 12):
        loop.advance()
        if step in (4, 8, 11):
            ends.append({name: tensor.clone() for name, tensor in loop.average.items()})
        loop.end_cycle()
    run_training(tmp_path / "run", tokenizer, config)
    found = load_latest(tmp_path / "run")
    assert found is not None
    for name, tensor in found[0]["average"].items():
        torch.testing.assert_close(tensor, torch.stack([end[name] for end in ends]).mean(dim=0))


def test_a_stage_may_end_part_of_the_way_from_where_it_began(tmp_path: Path, tokenizer: Tokenizer) -> None:
    torch.manual_seed(1)
    began = dict(GPT(SHAPE).named_parameters())  # as run_training begins
    partly = dataclasses.replace(CONFIG, way=0.25)
    run_training(tmp_path / "whole", tokenizer)
    with pytest.raises(Killed):
        run_training(tmp_path / "part", tokenizer, partly, die_after=9)
    run_training(tmp_path / "part", tokenizer, partly)
    assert curve(tmp_path / "part") == curve(tmp_path / "whole")
    end, part = (load_latest(tmp_path / name) for name in ("whole", "part"))
    assert end is not None
    assert part is not None
    for name, weight in part[0]["average"].items():
        torch.testing.assert_close(weight, began[name].detach().lerp(end[0]["average"][name], 0.25))


def test_more_steps_go_on_from_the_last_checkpoint(tmp_path: Path, tokenizer: Tokenizer) -> None:
    run_training(tmp_path / "run", tokenizer)
    result = run_training(tmp_path / "run", tokenizer, dataclasses.replace(CONFIG, steps=16))
    assert result["steps"] == 16
    assert len(curve(tmp_path / "run")) == 16


def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(tmp_path: Path, tokenizer: Tokenizer) -> None:
    run_training(tmp_path / "run", tokenizer)
    newest = sorted((tmp_path / "run").glob("step-*"))[-1]
    with (newest / "weights.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\xff")
    found = load_latest(tmp_path / "run")
    assert found is not None
    assert found[1]["step"] == 8
    for folder in (tmp_path / "run").glob("step-*"):
        (folder / "state.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"every checkpoint in .* is damaged"):
        load_latest(tmp_path / "run")


def test_a_run_from_before_a_number_was_added_to_the_config_goes_on(tmp_path: Path, tokenizer: Tokenizer) -> None:
    run_training(tmp_path, tokenizer)
    for file in tmp_path.glob("step-*/state.json"):
        state = json.loads(file.read_text())
        del state["identity"]["training"]["dropout"]
        file.write_text(json.dumps(state))
    assert run_training(tmp_path, tokenizer, dataclasses.replace(CONFIG, steps=16))["steps"] == 16
    with pytest.raises(CheckpointError, match="another training"):
        run_training(tmp_path, tokenizer, dataclasses.replace(CONFIG, steps=16, dropout=0.1))


def test_a_run_that_goes_on_over_other_examples_says_so(
    tmp_path: Path, tokenizer: Tokenizer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_training(tmp_path, tokenizer)  # from before a run knew its examples
    monkeypatch.setattr(Pretraining, "made_of", "these", raising=False)
    run_training(tmp_path, tokenizer, dataclasses.replace(CONFIG, steps=16))
    assert "other examples" not in caplog.text
    monkeypatch.setattr(Pretraining, "made_of", "those")
    assert run_training(tmp_path, tokenizer, dataclasses.replace(CONFIG, steps=20))["steps"] == 20
    assert f"{tmp_path} goes on over other examples than it began with" in caplog.text


def test_a_run_folder_of_another_config_is_refused(tmp_path: Path, tokenizer: Tokenizer) -> None:
    run_training(tmp_path / "run", tokenizer)
    with pytest.raises(CheckpointError, match=r"another training; choose another --out"):
        run_training(tmp_path / "run", tokenizer, dataclasses.replace(CONFIG, muon_lr=0.5))

"""The report of a run: whole, self-contained, true to the run's files, and of use before the run is done."""

from __future__ import annotations

import dataclasses
import html.parser
import json
from pathlib import Path

import pytest

from gpt.checkpoint import Released, release, save_step
from gpt.config import GPTConfig, Recipe, TrainConfig
from gpt.errors import DataError
from gpt.model import GPT
from gpt.report import write_report
from gpt.report_run import gather
from gpt.tokenizer import Tokenizer

SHAPE = GPTConfig(depth=2, aspect=16, head_dim=16, vocab_size=320, context_len=128)
RECIPE = Recipe(
    name="toy",
    model=SHAPE,
    pretrain=TrainConfig(steps=8),
    reading=TrainConfig(steps=8),
    text_files=("text.jsonl",),
    qa_files=("train.json",),
    definition_files=(),
    held_out_articles=2,
)
VOID = {"meta"}


class WellFormed(html.parser.HTMLParser):
    """Fails on a tag that is not closed in its turn; keeps the text and what could load something."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open += [] if tag in VOID else [tag]
        self.loads += [tag] if tag in ("script", "link", "img", "iframe") else []
        self.loads += [name for name, _ in attrs if name in ("src", "href", "onclick")]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def read(path: Path) -> tuple[WellFormed, str]:
    """The parsed page and its words on one line."""
    parser = WellFormed()
    parser.feed(path.read_text(encoding="utf-8"))
    assert parser.open == []
    return parser, " ".join(" ".join(parser.words).split())


def leave_stage(folder: Path, model: GPT, plans: list[int]) -> None:
    """What gpt/train.py leaves behind: a line of loss a step, scores, a checkpoint."""
    folder.mkdir(parents=True)
    lines = [
        {"step": i, "steps": steps, "loss": 5 - i / 4, "lr_scale": 1.0, "tokens": 500 * i, "seconds": 0.5 * i}
        for i, steps in enumerate(plans, 1)
    ]
    (folder / "loss.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    scores = [{"step": 4, "seconds": 2, "exact": 12.5, "f1": 25.0, "auroc": 0.75, "definitions_f1": 50.0, "luck": 7.0}]
    (folder / "scores.jsonl").write_text("".join(json.dumps(line) + "\n" for line in scores))
    identity = {
        "task": folder.name,
        "model": dataclasses.asdict(SHAPE),
        "training": {"muon_lr": 0.0123, "row_tokens": 64},
    }
    weights = {name: p.detach() for name, p in model.named_parameters()}
    save_step(folder, len(plans), {"average": weights, "weights": weights}, {"identity": identity})


@pytest.fixture
def out(tmp_path: Path, model: GPT, tokenizer: Tokenizer) -> Path:
    """A finished run of an untrained model."""
    folder = tmp_path / "run"
    leave_stage(folder / "pretrain", model, [8] * 8)
    leave_stage(folder / "reading", model, [12] * 4 + [8] * 4)
    tokenizer.save(folder / "tokenizer.json")
    calibration = {"slope": 0.5, "log_passages": 0.0, "intercept": 0.0, "threshold": 0.5}
    training = {"held_out": {"exact": 12.5, "f1": 31.25}, "data": ["a/file.jsonl"], "recipe_fingerprint": "abc123"}
    release(folder / "released" / "toy", Released("toy", model, tokenizer, calibration, training), "card")
    return folder


def test_the_report_is_one_page_that_loads_nothing_and_tells_all(out: Path, squad_file: Path) -> None:
    path = write_report(RECIPE, squad_file.parent, out)
    assert path == out / "report.html"
    parser, words = read(path)
    assert parser.loads == []
    text = path.read_text(encoding="utf-8")
    assert "url(" not in text
    assert "@import" not in text
    assert "http" not in text
    for heading in ("Learning the language", "Learning to read", "What it writes", "What it answers", "What it cost"):
        assert heading in words
    assert "8 steps, 4,000 tokens, 4 s." in words
    assert "peak: 0.0123 for matrices (Muon)" in words
    assert "definitions, F1 50" in words
    assert "luck 7" in words
    assert "held-out F1 31.2" in words
    assert "fingerprint abc123" in words
    assert "Who is the" in words
    assert "Not told here" not in words


def test_a_run_whose_plan_was_changed_says_so(out: Path) -> None:
    _, words = read(write_report(RECIPE, None, out))
    assert "It was not run in one piece: 12 steps were planned at first; from step 5 on, 8." in words


def test_questions_and_answers_are_counted_and_the_same_each_time(out: Path, squad_file: Path) -> None:
    answers, again = (gather(RECIPE, squad_file.parent, out).answers for _ in range(2))
    assert answers == again
    assert answers is not None
    assert sum(bool(o.golds) for o in answers.outcomes) == len(answers.outcomes) / 2 == 6
    assert sum(b.count for b in answers.bins) == len(answers.outcomes)
    assert sum(answers.count(kind) for kind in answers.shown) == len(answers.outcomes)


def test_a_question_cannot_bring_markup_into_the_page(out: Path, squad_file: Path, tmp_path: Path) -> None:
    raw = squad_file.read_text().replace("Who is the", "<img>Who is the")
    (tmp_path / "train.json").write_text(raw)
    parser, _ = read(write_report(RECIPE, tmp_path, out))
    assert parser.loads == []
    assert "&lt;img&gt;Who is the" in (out / "report.html").read_text(encoding="utf-8")


def test_a_run_that_goes_on_is_told_as_far_as_it_is(out: Path, model: GPT) -> None:
    started = out / "started"
    leave_stage(started / "pretrain", model, [100] * 5)
    with (started / "pretrain" / "loss.jsonl").open("a") as lines:
        lines.write('{"step": 6, "steps": 1')  # the process is writing it
    _, words = read(write_report(RECIPE, None, started))
    assert "5 steps, 2,500 tokens, 2 s; 100 steps were planned when the last one ended" in words
    assert "Not told here: What the pretrained model writes: no tokenizer at" in words
    assert "Not told here: What the reader answers: no model at" in words
    assert "What it answers" not in words


def test_without_its_questions_the_rest_is_told(out: Path, tmp_path: Path) -> None:
    _, words = read(write_report(RECIPE, None, out))
    assert "name the folder of the recipe's questions with --corpus" in words
    assert "What it writes" in words
    _, words = read(write_report(RECIPE, tmp_path / "nowhere", out))
    assert "What the reader answers: no question file at" in words


def test_a_model_of_another_version_costs_its_samples_only(out: Path) -> None:
    state = next((out / "pretrain").glob("step-*/state.json"))
    raw = json.loads(state.read_text())
    raw["identity"]["model"]["n_experts"] = 8
    state.write_text(json.dumps(raw))
    _, words = read(write_report(RECIPE, None, out))
    assert "Not told here: What the pretrained model writes" in words
    assert "n_experts" in words
    assert "unknown" in words  # the operations of that stage


def test_a_folder_without_a_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no stage in .* has left a loss yet; run `studygpt train pretrain toy` first"):
        write_report(RECIPE, None, tmp_path)
    assert not (tmp_path / "report.html").exists()

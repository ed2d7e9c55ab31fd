"""`studygpt train all --docs`: a model of one's own from a folder, with the numbers before and after."""

from __future__ import annotations

import dataclasses
import itertools
import json
import threading
from pathlib import Path

import pytest
import torch

from api import train_docs
from api.cli import main
from api.study_folder import read_folder
from gpt.checkpoint import Released, load_released, release
from gpt.config import GPTConfig
from gpt.judge import Verdict
from gpt.model import GPT
from gpt.personal import Outcome
from gpt.tokenizer import Tokenizer, train_tokenizer
from indexer.errors import EmptyDocument, LoadError
from indexer.types import Extracted
from tests.gpt.conftest import WORDS, sentences
from tests.indexer.crash.model import Direct

CALIBRATION = {"slope": 1.0, "log_passages": 0.0, "intercept": 0.0, "threshold": 0.5}


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    return train_tokenizer(sentences(300), vocab_size=320)


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """Sixteen notes, and a file that cannot be read."""
    folder = tmp_path / "docs"
    folder.mkdir()
    for i in range(16):
        said = sentences(16, seed=i)
        terms = [f"{WORDS[i]} {WORDS[(i + j + 1) % len(WORDS)]}" for j in range(8)]
        notes = [
            f"## Part {t}\n\nA *{t}* is a kind of {t[::-1]} thing. {said[2 * j]} {said[2 * j + 1]}"
            for j, t in enumerate(terms)
        ]
        (folder / f"{i}.md").write_text("\n\n".join(notes))
    (folder / "broken.ipynb").write_text("{")
    return folder


@pytest.fixture
def base(tmp_path: Path, tokenizer: Tokenizer) -> Path:
    torch.manual_seed(0)
    model = GPT(GPTConfig(depth=1, aspect=16, head_dim=16, vocab_size=320, context_len=256), torch.float32)
    release(tmp_path / "tiny", Released("tiny", model, tokenizer, CALIBRATION, {"recipe": "toy"}), "card")
    return tmp_path / "tiny"


@pytest.fixture(autouse=True)
def ticking_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_docs, "clock", map(float, itertools.count(0.0, 0.25)).__next__)


def test_one_command_makes_a_model_of_ones_own_or_says_why_not(
    docs: Path, base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mine"
    before = (base / "model.safetensors").read_bytes()
    arguments = ["train", "all", "--docs", str(docs), "--minutes", "0.1", "--model", str(base), "--out", str(out)]
    assert main([*arguments, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["kept"] == out.exists()
    assert report["model"] == (str(out) if report["kept"] else "tiny")
    assert report["steps"] > 1
    assert {"n", "before", "after", "error", "f1_before", "f1_after"} == set(report["own"]) == set(report["general"])
    assert [Path(f["path"]).name for f in report["failed"]] == ["broken.ipynb"]
    assert (base / "model.safetensors").read_bytes() == before
    if report["kept"]:
        assert load_released(out).name == "mine"


def test_an_interrupted_training_says_that_nothing_is_lost(
    docs: Path, base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gpt.personal.train", interrupt)
    arguments = ["train", "all", "--docs", str(docs), "--model", str(base), "--out", str(tmp_path / "mine")]
    assert main(arguments) == 130
    assert (
        capsys.readouterr().err
        == "interrupted: tiny stays as it is; the same command goes on from the last checkpoint\n"
    )
    assert not (tmp_path / "mine").exists()


def outcome(folder: Path | None, own: float, general: float) -> Outcome:
    verdicts = [Verdict(100, 60.0, after, 1.0, 60.0, after) for after in (own, general)]
    return Outcome(folder, verdicts[0], verdicts[1], "our own", 1200, 0, 77, 1.0, 59.0)


def test_a_kept_model_comes_with_the_next_command(tmp_path: Path) -> None:
    said = train_docs.decision(outcome(tmp_path / "my notes", 61.0, 60.0), "mini")
    assert (
        said == "Kept: your documents' score did not fall, nor the general one by more than chance (1.0). Ask it with\n"
        f"  STUDYGPT_MODEL='{tmp_path}/my notes' studygpt ask QUESTION"
    )


@pytest.mark.parametrize(
    ("own", "general", "why"),
    [(59.0, 70.0, "your documents' 60.0 -> 59.0"), (70.0, 58.0, r"the general 60.0 -> 58.0 (chance: 1.0)")],
)
def test_a_model_that_is_not_kept_comes_with_the_reason(own: float, general: float, why: str) -> None:
    said = train_docs.decision(outcome(None, own, general), "mini")
    assert said.startswith(f"mini stays, nothing was written: a held-out score fell, {why}.")


def test_documents_are_read_as_they_are_served(docs: Path) -> None:
    documents, failed = read_folder(docs, lambda text: len(text.split()), lambda what, done, total: None)
    assert len(documents) == 16
    assert [Path(f.path).name for f in failed] == ["broken.ipynb"]
    passages = documents[0].passages
    assert len(passages) == 8
    assert all(passage.startswith("A ") and "*" not in passage and "\n" not in passage for passage in passages)


class Breaking(Direct):
    """Parsers of which the one for `0.md` crashes."""

    def load(self, name: str, data: bytes, given_up: threading.Event | None = None) -> Extracted:
        if name.endswith("/0.md"):
            raise LoadError("its parser crashed with signal 11 (SIGSEGV)")
        return super().load(name, data, given_up)


def test_a_document_that_breaks_its_parser_costs_itself_alone(docs: Path) -> None:
    documents, failed = read_folder(docs, len, lambda what, done, total: None, Breaking())
    assert len(documents) == 15
    assert {Path(f.path).name: f.reason[:18] for f in failed} == {
        "0.md": "its parser crashed", "broken.ipynb": "the notebook is no",
    }  # fmt: skip


def test_no_document_is_parsed_in_this_process(docs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("indexer.loaders.load", "indexer.loaders.markdown.load"):
        monkeypatch.delattr(module)
    documents, _ = read_folder(docs, len, lambda what, done, total: None)
    assert len(documents) == 16


def test_a_folder_without_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("")
    with pytest.raises(EmptyDocument, match=r"holds no document with text; name a folder with .*\.pdf"):
        read_folder(tmp_path, len, lambda what, done, total: None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["reading", "--docs", "."], "--docs goes with `train all`, not with `train reading`"),
        (["all", "--docs", ".", "--dataset", "x"], "--docs and --dataset do not go together"),
        (["all", "--docs", ".", "--steps", "3"], "--steps=3 needs one stage that has steps"),
        (["pretrain", "tiny", "--minutes", "3"], "--minutes 3.0 goes with `train all`; `train pretrain` has --steps"),
        (["all", "tiny", "--model", "mini"], "--model mini goes with --docs FOLDER"),
        (["all", "--docs", "nowhere"], "'nowhere' does not exist; name a file or a folder to index"),
        (["all"], "name a recipe (tiny, mini, base), or your documents with --docs FOLDER"),
    ],
)
def test_options_that_do_not_go_together_are_said_in_one_line(
    arguments: list[str], message: str, base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if arguments[-1] == "nowhere":
        arguments = [*arguments, "--model", str(base)]
    assert main(["train", *arguments, "--out", str(tmp_path / "mine")]) == 1
    assert message in capsys.readouterr().err


def test_the_shipped_model_is_never_the_place_to_write(docs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from gpt.reader import RELEASED

    assert main(["train", "all", "--docs", str(docs), "--out", str(RELEASED / "mini")]) == 1
    assert "lies among the released models" in capsys.readouterr().err


def test_every_number_of_an_outcome_is_reported(tmp_path: Path) -> None:
    told = train_docs.report_json(outcome(tmp_path, 61.0, 60.0), "mini", [])
    assert {f.name for f in dataclasses.fields(Outcome)} - {"folder"} <= set(told)
    assert (told["kept"], told["model"]) == (True, str(tmp_path))
    json.dumps(told)

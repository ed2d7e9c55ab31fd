"""`studygpt train` on a corpus of our own: one command from raw text to a released reader."""

from __future__ import annotations

import json
import lzma
from pathlib import Path

import pytest

from api.cli import main
from gpt.budget import stage_configs
from gpt.config import RECIPES
from gpt.reader import Reader
from tests.gpt.conftest import sentences


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """What the recipe `tiny` asks for, in our own words."""
    folder = tmp_path / "corpus"
    (folder / "pretrain").mkdir(parents=True)
    (folder / "qa").mkdir()
    with lzma.open(folder / RECIPES["tiny"].text_files[0], "wt") as lines:
        lines.write("\n".join(json.dumps({"title": "T", "text": " ".join(sentences(40, seed=i))}) for i in range(30)))
    articles = []
    for a in range(6):
        context = f"The keeper of room {a} is Person{a} since 19{a}0. " + " ".join(sentences(3, seed=a))
        answer = {"text": f"Person{a}", "answer_start": context.index(f"Person{a}")}
        qas = [{"id": f"q{a}", "question": f"Who is the keeper of room {a}?", "answers": [answer]}]
        other = {"context": " ".join(sentences(3, seed=a + 50)), "qas": []}
        articles.append({"title": f"A{a}", "paragraphs": [{"context": context, "qas": qas}, other]})
    with lzma.open(folder / RECIPES["tiny"].qa_files[0], "wt") as stream:
        json.dump({"data": articles}, stream)
    return folder


def test_one_command_goes_from_raw_text_to_a_reader(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert main(["train", "all", "tiny", "--corpus", str(corpus), "--out", str(out), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert list(result) == ["tokenizer", *stage_configs(RECIPES["tiny"]), "release", "report"]
    assert {"detect", "refine", "refine2", "detect2", "reading2", "refit", "grow", "reinforce"} < set(result)
    assert result["pretrain"]["steps"] == RECIPES["tiny"].pretrain.steps
    assert Path(result["reading"]["picture"]).read_bytes().startswith(b"\x89PNG")
    assert "What it answers" in Path(result["report"]["path"]).read_text(encoding="utf-8")
    reader = Reader.load(Path(result["release"]["path"]))
    assert reader.read("Who is the keeper of room 1?", ["The keeper of room 1 is Person1."]).spans


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "pretrain", "maxi"], "no recipe 'maxi'; known recipes: tiny, mini, base"),
        (["train", "detect", "tiny"], "run `studygpt train pretrain tiny` first"),
        (["train", "reading", "tiny"], "run `studygpt train detect tiny` first"),
        (["train", "refine", "tiny"], "run `studygpt train reading tiny` first"),
        (["train", "refine2", "tiny"], "run `studygpt train refine tiny` first"),
        (["train", "refine2", "base"], "recipe 'base' has no refine2 stage; give it one in gpt/config.py"),
        (["train", "detect2", "tiny"], "run `studygpt train refine2 tiny` first"),
        (["train", "detect2", "base"], "recipe 'base' has no detect2 stage; give it one in gpt/config.py"),
        (["train", "reading2", "tiny"], "run `studygpt train detect2 tiny` first"),
        (["train", "refit", "tiny"], "run `studygpt train reading2 tiny` first"),
        (["train", "grow", "tiny"], "run `studygpt train refit tiny` first"),
        (["train", "reinforce", "tiny"], "run `studygpt train grow tiny` first"),
        (["train", "reinforce", "base", "--steps", "5"], "recipe 'base' has no reinforce stage"),
        (["train", "release", "tiny"], "run `studygpt train reinforce tiny` first"),
        (["train", "report", "tiny"], "has left a loss yet; run `studygpt train pretrain tiny` first"),
        (["train", "all", "tiny", "--steps", "5"], "--steps=5 needs one stage that has steps"),
        (["train", "all", "tiny", "--device", "cuda:99"], "--device=cuda:99 cannot be used here"),
    ],
)
def test_what_cannot_be_trained_is_said_in_one_line(
    arguments: list[str], message: str, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    if arguments[1] == "release":
        assert main(["train", "tokenizer", "tiny", "--corpus", str(corpus), "--out", str(out)]) == 0
    assert main([*arguments, "--corpus", str(corpus), "--out", str(out)]) == 1
    error = capsys.readouterr().err.strip().splitlines()
    assert message in error[-1]
    assert error[-1].startswith("studygpt: ")


def test_a_corpus_without_the_recipes_files_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "tokenizer", "tiny", "--corpus", str(tmp_path), "--out", str(tmp_path / "run")]) == 1
    assert "no text file at" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def own_data(folder: Path) -> list[str]:
    """A folder of notes and a file of questions, as `--dataset` options."""
    (folder / "notes").mkdir(parents=True)
    for i in range(30):
        (folder / "notes" / f"{i}.md").write_text(" ".join(sentences(40, seed=i)))
    asked = [
        {"context": f"Room {i} is kept by Person{i}.", "question": f"Who keeps room {i}?", "answers": [f"Person{i}"]}
        for i in range(24)
    ]
    (folder / "asked.jsonl").write_text("\n".join(map(json.dumps, asked)))
    return ["--dataset", str(folder / "notes"), "--dataset", str(folder / "asked.jsonl")]


def test_data_sets_of_ones_own_need_no_corpus(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    assert main(["train", "all", "tiny", *own_data(tmp_path / "own"), "--out", str(out), "--json"]) == 0
    captured = capsys.readouterr()
    result = json.loads(captured.out)
    assert f"{tmp_path / 'own' / 'asked.jsonl'}: 0 texts, 24 questions" in captured.err
    assert result["reading"]["steps"] == RECIPES["tiny"].reading.steps
    card = (Path(result["release"]["path"]) / "card.md").read_text()
    assert "asked-jsonl" in card
    assert str(out) not in card


def test_text_alone_is_enough_to_pretrain_and_not_to_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    notes = own_data(tmp_path / "own")[:2]
    arguments = [*notes, "--out", str(tmp_path / "run")]
    assert main(["train", "tokenizer", "tiny", *arguments]) == 0
    assert main(["train", "reading", "tiny", *arguments]) == 1
    assert "no questions to learn reading from: give --corpus DIR" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to train on: name a folder with --corpus, or your data with --dataset"),
        (["--fields", "a,b"], "--fields=a,b names columns of a --dataset"),
        (["--docs", ".", "--teacher", "mini"], "--teacher mini goes with `train reading` or `train all` of a recipe"),
        (["--dataset", "nowhere"], "no file or folder 'nowhere'; a data set of the hub is written hub:nowhere"),
    ],
)
def test_data_that_are_missing_are_said(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "all", "tiny", *arguments, "--out", str(tmp_path / "run")]) == 1
    assert message in capsys.readouterr().err

"""`studygpt eval` end to end on a few questions of our own, with fakes for both models."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from gpt.reader import Reading, Span
from tests.api.cli_case import Run, run
from tests.rag.test_evaluate import beir_folder, squad_file

__all__ = ["run"]


class FirstWordReader:
    """Answers every question with the first word of its paragraph."""

    name, threshold = "first-word", 0.5
    released = SimpleNamespace(calibration={"slope": 1.0, "log_passages": -0.5, "intercept": 0.0, "threshold": 0.5})

    def read_batch(self, asked: list[tuple[str, list[str]]]) -> list[Reading]:
        ends = [passages[0].index(" ") for _, passages in asked]
        return [Reading((Span(0, 0, end, 0.0, ()),), 0.9) for end in ends]


def test_retrieval_is_one_row_of_numbers_a_retriever(run: Run, tmp_path: Path) -> None:
    beir_folder(tmp_path)
    scores = run("eval", "retrieval", str(tmp_path), "--json").json
    assert list(scores) == ["bm25", "dense", "hybrid"]
    assert all(list(row) == ["ndcg@10", "recall@100", "mrr@10"] for row in scores.values())
    out = run("eval", "retrieval", str(tmp_path), "--limit", "1").out
    assert all(word in out for word in ("retriever", "bm25", "dense", "hybrid", "ndcg@10"))


def test_answers_are_the_numbers_of_the_contract(run: Run, tmp_path: Path) -> None:
    scores = run("eval", "answers", str(squad_file(tmp_path)), "--limit", "3", "--json").json
    keys = ["n", "exact", "f1", "recall@5", "citation_precision", "auroc", "p50_ms", "p95_ms"]
    assert list(scores)[: len(keys)] == keys
    assert scores["n"] == 3
    assert "citation_precision" in run("eval", "answers", str(squad_file(tmp_path))).out


def test_the_reader_is_measured_alone(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpt.reader.Reader.load", lambda path: FirstWordReader())
    scores = run("eval", "reader", str(squad_file(tmp_path)), "--limit", "3", "--json").json
    contract = ["n", "exact", "f1", "answerable_f1", "no_answer_accuracy", "auroc", "ece", "seconds_per_question"]
    assert list(scores)[: len(contract)] == contract
    assert (scores["n"], scores["exact"]) == (3, 0.0)
    out = run("eval", "reader", str(squad_file(tmp_path))).out
    assert all(words in out for words in ("first-word", "exact match, %", "95% interval", "Brier score", "a bound"))


def test_the_readers_trust_is_drawn(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpt.reader.Reader.load", lambda path: FirstWordReader())
    assert run("eval", "reader", str(squad_file(tmp_path)), "--plot", "trust.png").status == 0
    assert Path("trust.png").read_bytes().startswith(b"\x89PNG")
    assert "cannot draw 'trust.doc'" in run("eval", "reader", str(squad_file(tmp_path)), "--plot", "trust.doc").err


def test_the_models_calibration_stands_beside_one_fitted_on_other_articles(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gpt.reader.Reader.load", lambda path: FirstWordReader())
    questions = str(two_articles(tmp_path))
    found = run("eval", "calibration", questions, "--json").json
    assert list(found) == ["n", "articles", "own", "cross_fitted", "cross_fitted_at_half", "fits", "all_articles"]
    assert (found["n"], found["articles"]) == (8, 2)
    out = run("eval", "calibration", questions).out
    assert all(words in out for words in ("first-word", "cross-fitted", "auroc", "fitted on the second half"))
    assert "none of 1 questions is" in run("eval", "calibration", questions, "--limit", "2").complaint


def two_articles(folder: Path) -> Path:
    """Two articles of two answerable and two unanswerable questions each."""
    kinds = [{"id": f"q{i}", "question": "why?", "is_impossible": i % 2 == 1} for i in range(4)]
    qas = [{**kind, "answers": [] if kind["is_impossible"] else [{"text": "Tea", "answer_start": 0}]} for kind in kinds]
    data = [{"title": title, "paragraphs": [{"context": "Tea is hot.", "qas": qas}]} for title in ("tea", "more tea")]
    path = folder / "two.json"
    path.write_text(json.dumps({"data": data}), encoding="utf-8")
    return path


def test_a_score_that_does_not_exist_is_null_or_a_dash(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AUROC of a file in which no question has an answer."""
    question = '{"id": "q", "question": "why?", "is_impossible": true, "answers": []}'
    (tmp_path / "none.json").write_text(
        f'{{"data": [{{"paragraphs": [{{"context": "Tea is hot.", "qas": [{question}]}}]}}]}}', encoding="utf-8"
    )
    monkeypatch.setattr("gpt.reader.Reader.load", lambda path: FirstWordReader())
    assert run("eval", "reader", str(tmp_path / "none.json"), "--json").json["auroc"] is None
    assert "-" in run("eval", "reader", str(tmp_path / "none.json")).out


@pytest.mark.parametrize("kind", ["reader", "retrieval", "answers"])
def test_progress_goes_to_stderr_alone(run: Run, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpt.reader.Reader.load", lambda path: FirstWordReader())
    path = beir_folder(tmp_path) if kind == "retrieval" else squad_file(tmp_path)
    outcome = run("eval", kind, str(path), "--json")
    assert outcome.json
    assert outcome.status == 0


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["reader", "nowhere.json"], "no question file at nowhere.json"),
        (["answers", "nowhere.json"], "no question file at nowhere.json"),
        (["answers", "odd.json"], "odd.json is not a SQuAD-format file"),
        (["retrieval", "nowhere"], "nowhere is not a folder"),
        (["retrieval", "odd"], "odd/corpus.jsonl, line 2: not JSON"),
    ],
)
def test_a_file_that_cannot_be_measured_is_one_line(
    run: Run, argv: list[str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gpt.reader.Reader.load", lambda path: FirstWordReader())
    Path("odd.json").write_text("[]", encoding="utf-8")
    Path("odd").mkdir()
    Path("odd", "corpus.jsonl").write_text('{"_id": "1", "text": "x"}\nnot json\n', encoding="utf-8")
    assert says in run("eval", *argv).complaint

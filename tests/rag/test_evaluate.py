"""Evaluation: scores computed by hand, and both measurements end to end on a few texts with fakes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from gpt.errors import DataError
from gpt.squad import SquadQuestion
from rag.errors import MalformedFile
from rag.evaluate import Asked, evaluate_answers, evaluate_retrieval, evenly, holds, score_answers
from rag.types import Answer, Citation
from tests.indexer.fakes import HashEmbedder
from tests.rag.fakes import FakeReader, evidence_of

PARAGRAPHS = {"p1": "Green tea is brewed at eighty degrees.", "p2": "Black tea is brewed with boiling water."}
DOCUMENTS = {
    "d1": ("Autograd", "It records operations."),
    "d2": ("Tea", "Green tea cools."),
    "d3": ("", "Black tea boils."),
}


@pytest.fixture(autouse=True)
def fake_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """No trained model is loaded."""
    monkeypatch.setattr("indexer.index.SentenceTransformerEmbedder", HashEmbedder)
    monkeypatch.setattr("rag.evaluate.load_reader", lambda model: FakeReader(threshold=0.4))


def asked(
    answer: str | None, *golds: str, evidence: tuple[str, ...] = ("p1",), confidence: float = 0.9, total_ms: float = 1.0
) -> Asked:
    """A question with these gold answers, answered from the first of these paragraphs."""
    passages = tuple(replace(evidence_of(PARAGRAPHS[key], name=key), document_id=key) for key in evidence)
    cited = () if answer is None else (Citation(evidence[0], "", "", "", answer, 0, len(answer)),)
    timings = {"retrieve": 0.0, "read": 0.0, "total": total_ms}
    outcome = Answer("", "", "", answer, answer is None, confidence, bool(cited), cited, passages, "", 1, timings)
    return Asked(SquadQuestion("", "", "", golds, (0,) * len(golds), not golds, ""), outcome)


def test_every_number_of_the_answers_by_hand() -> None:
    scores = score_answers(
        [
            asked("eighty degrees", "eighty degrees", "80", confidence=0.9, total_ms=10),  # right, rightly cited
            asked(
                "green tea", "boiling water", evidence=("p1", "p2"), confidence=0.8, total_ms=20
            ),  # wrong, cited wrong
            asked(None, "a kettle", confidence=0.1, total_ms=30),  # held back, though it had an answer, not retrieved
            asked(None, confidence=0.2, total_ms=40),  # rightly held back
        ],
        PARAGRAPHS,
    )
    assert scores == {
        "n": 4,
        "exact": 50.0,
        "f1": 50.0,
        "recall@5": round(2 / 3, 4),
        "citation_precision": 0.5,
        "auroc": 1.0,
        "p50_ms": 20,
        "p95_ms": 40,
        "abstained": 0.5,
    }


def test_a_partly_right_answer_counts_in_f1_alone() -> None:
    """Two of the three words that are not articles: precision 1, recall 2/3."""
    scores = score_answers([asked("eighty degrees", "the eighty degrees celsius")], PARAGRAPHS)
    assert (scores["exact"], scores["f1"]) == (0.0, 80.0)


def test_what_cannot_be_measured_is_null() -> None:
    scores = score_answers([asked(None)], PARAGRAPHS)
    assert (scores["recall@5"], scores["citation_precision"], scores["auroc"]) == (None, None, None)
    json.dumps(scores, allow_nan=False)


def test_recall_looks_at_the_first_five_passages() -> None:
    late = asked("boiling water", "boiling water", evidence=("p1",) * 5 + ("p2",))
    assert score_answers([late], PARAGRAPHS)["recall@5"] == 0.0


@pytest.mark.parametrize(
    ("answers", "held"),
    [
        (("Eighty degrees",), True),
        (("the eighty",), True),
        (("eight",), False),
        (("x", "tea"), True),
        (("the",), False),
        ((), False),
    ],
)
def test_a_paragraph_holds_an_answer_as_whole_normalised_words(answers: tuple[str, ...], held: bool) -> None:
    assert holds(PARAGRAPHS["p1"], answers) is held


def test_a_selection_is_spread_evenly_and_in_order() -> None:
    assert evenly(list(range(10)), 3) == [0, 3, 6]
    assert evenly([1, 2], 5) == evenly([1, 2], None) == [1, 2]


def squad_file(folder: Path) -> Path:
    """Two paragraphs, each with a question; a third question has no answer anywhere."""

    def question(text: str, answer: str | None, context: str) -> dict[str, object]:
        found = [] if answer is None else [{"text": answer, "answer_start": context.index(answer)}]
        return {"id": text, "question": text, "is_impossible": answer is None, "answers": found}

    p1, p2 = PARAGRAPHS.values()
    paragraphs = [
        {"context": p1, "qas": [question("Green tea is brewed at what?", "eighty degrees", p1)]},
        {
            "context": p2,
            "qas": [
                question("Black tea brewed with what?", "boiling water", p2),
                question("Who sells purple coffee?", None, p2),
            ],
        },
    ]
    path = folder / "squad.json"
    path.write_text(json.dumps({"data": [{"title": "Tea", "paragraphs": paragraphs}]}), encoding="utf-8")
    return path


def test_answers_are_measured_without_telling_the_paragraph(tmp_path: Path) -> None:
    stages: list[tuple[str, int, int]] = []
    scores = evaluate_answers(squad_file(tmp_path), progress=lambda *at: stages.append(at))
    assert (scores["n"], scores["recall@5"], scores["citation_precision"], scores["auroc"]) == (3, 1.0, 1.0, 1.0)
    assert scores["exact"] == pytest.approx(33.33)  # the fake answers with whole sentences, but abstains where it must
    assert [at for at in stages if at[0] == "ask"] == [("ask", 1, 3), ("ask", 2, 3), ("ask", 3, 3)]


def test_paragraphs_that_nothing_is_asked_about_are_among_those_that_are_searched(tmp_path: Path) -> None:
    file = squad_file(tmp_path)
    raw = json.loads(file.read_text())
    raw["data"].append({"title": "Coffee", "paragraphs": [{"context": "Coffee is roasted.", "qas": []}]})
    file.write_text(json.dumps(raw))
    stages: list[tuple[str, int, int]] = []
    assert evaluate_answers(file, progress=lambda *at: stages.append(at))["n"] == 3
    assert max(total for stage, _, total in stages if stage != "ask") == 3


def test_a_question_too_long_for_the_reader_is_not_answered_and_the_others_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.evaluate.load_reader", lambda model: FakeReader(threshold=0.4, window_words=5))
    scores = evaluate_answers(squad_file(tmp_path))
    assert (scores["n"], scores["too_long"], scores["recall@5"]) == (3, 1, 0.5)  # "Green tea is brewed at what?"
    assert scores["abstained"] == pytest.approx(0.6667)
    monkeypatch.setattr("rag.evaluate.load_reader", lambda model: FakeReader(threshold=0.4, window_words=1))
    scores = evaluate_answers(squad_file(tmp_path))
    assert (scores["too_long"], scores["abstained"], scores["p50_ms"], scores["auroc"]) == (3, 1.0, None, None)


def test_a_limit_asks_fewer_questions_of_all_paragraphs(tmp_path: Path) -> None:
    assert evaluate_answers(squad_file(tmp_path), 2)["n"] == 2


@pytest.mark.parametrize("text", ["", "{}", '{"data": [{"paragraphs": [{"qas": []}]}]}'])
def test_a_file_of_another_format_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "odd.json").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"odd\.json is not a SQuAD-format file"):
        evaluate_answers(tmp_path / "odd.json")


def test_a_file_without_questions_is_named(tmp_path: Path) -> None:
    (tmp_path / "none.json").write_text('{"data": []}', encoding="utf-8")
    with pytest.raises(MalformedFile, match=r"none\.json holds no questions"):
        evaluate_answers(tmp_path / "none.json")


def beir_folder(folder: Path) -> Path:
    rows = [json.dumps({"_id": key, "title": title, "text": text}) for key, (title, text) in DOCUMENTS.items()]
    rows.append(json.dumps({"_id": "blank", "title": "", "text": "  "}))
    (folder / "corpus.jsonl").write_text("\n".join(rows), encoding="utf-8")
    queries = {"q1": "green tea", "q2": "what records operations", "unjudged": "?"}
    (folder / "queries.jsonl").write_text(
        "\n".join(json.dumps({"_id": key, "text": text}) for key, text in queries.items()), encoding="utf-8"
    )
    (folder / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td2\t1\nq2\td1\t1\n", encoding="utf-8")
    return folder


def test_every_retriever_is_measured_on_the_judged_queries(tmp_path: Path) -> None:
    """Each query shares most words with its one relevant document, so every retriever ranks it first."""
    scores = evaluate_retrieval(beir_folder(tmp_path))
    assert scores == {mode: {"ndcg@10": 1.0, "recall@100": 1.0, "mrr@10": 1.0} for mode in ("bm25", "dense", "hybrid")}


def test_a_document_that_is_not_found_lowers_the_scores(tmp_path: Path) -> None:
    beir_folder(tmp_path)
    with (tmp_path / "qrels.tsv").open("a", encoding="utf-8") as stream:
        stream.write("q1\tblank\t1\n")
    scores = evaluate_retrieval(tmp_path)["bm25"]
    assert (scores["recall@100"], scores["mrr@10"]) == (0.75, 1.0)
    assert scores["ndcg@10"] < 1


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "set").mkdir()
    evaluate_retrieval(beir_folder(tmp_path / "set"))
    assert [path.name for path in tmp_path.iterdir()] == ["set"]

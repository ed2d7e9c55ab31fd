"""Grades are made once and every score is a function of them; each score of a small file by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from gpt.errors import ContextTooLong, DataError
from gpt.evaluate import evaluate_reader, grade, grade_file, sample_questions, score_readings, summarize
from gpt.metrics import token_f1
from gpt.reader import Reading, Span
from gpt.squad import SquadQuestion


def asked(context: str, *answers: str) -> SquadQuestion:
    return SquadQuestion("id", "why?", context, answers, tuple(context.index(a) for a in answers), not answers, "t")


def read(start: int, end: int, probability: float) -> Reading:
    return Reading((Span(0, start, end, probability * 10, ()),), probability)


QUESTIONS = [
    asked("tea is hot", "hot"),  # answered right
    asked("tea is not cold", "cold"),  # half right: "not cold"
    asked("tea is green", "green"),  # right, but withheld at one half
    asked("tea is old"),  # rightly withheld
    asked("tea is dear"),  # answered though nothing answers
]
READINGS = [read(7, 10, 0.9), read(7, 15, 0.8), read(7, 12, 0.4), read(7, 10, 0.2), read(7, 11, 0.6)]


class FakeReader:
    """Answers with the first word of a paragraph, the surer the longer the word."""

    name, threshold = "fake", 0.5

    def read_batch(self, batch: list[tuple[str, list[str]]]) -> list[Reading]:
        ends = [passages[0].index(" ") for _, passages in batch]
        return [read(0, end, min(1.0, end / 10)) for end in ends]


def test_scores_with_unanswerable_questions_by_hand() -> None:
    f1 = 2 / 3  # one of two words right, the one gold word found
    assert score_readings(QUESTIONS, READINGS, 0.5) == {
        "exact": 40.0,  # the first, and silence on the fourth
        "f1": round(100 * (1 + f1 + 0 + 1 + 0) / 5, 2),
        "answerable_f1": round(100 * (1 + f1 + 0) / 3, 2),
        "no_answer_accuracy": 50.0,
        "auroc": round(5 / 6, 4),  # only (0.4, 0.6) is the wrong way round
        "ece": round((0.1 + 0.2 + 0.6 + 0.2 + 0.6) / 5, 4),  # each in a bin of its own
    }


def test_without_unanswerable_questions_the_best_span_is_always_given() -> None:
    scores = score_readings(QUESTIONS[:3], READINGS[:3], 0.99)
    assert scores == {"exact": round(200 / 3, 2), "f1": round(100 * (2 + 2 / 3) / 3, 2)}


def test_an_answer_that_normalises_to_nothing_is_silence() -> None:
    """As in the official script: the span "the" equals no answer."""
    graded = grade([asked("the tea")], [read(0, 3, 1.0)])
    assert (graded.exact.tolist(), graded.f1.tolist()) == ([1.0], [1.0])


def test_a_reading_without_spans_is_a_wrong_answer_or_a_right_silence() -> None:
    graded = grade([asked("tea", "tea"), asked("x")], [Reading((), 0.0)] * 2)
    assert graded.exact.tolist() == [0.0, 1.0]
    assert graded.evidence.tolist() == [[-math.inf, 0.0, 0.0]] * 2


def test_the_summary_holds_the_contracts_numbers_first_and_then_what_they_rest_on() -> None:
    graded = grade(QUESTIONS, READINGS)
    summary = summarize(graded, 0.5)
    contract = score_readings(QUESTIONS, READINGS, 0.5)
    assert list(summary)[: len(contract) + 2] == ["n", *contract, "seconds_per_question"]
    assert {name: summary[name] for name in contract} == contract
    for name in ("exact", "f1"):
        assert summary[f"{name}_low"] <= summary[name] <= summary[f"{name}_high"]
    assert summary["groups"] == 5
    assert summary["brier"] == pytest.approx((0.01 + 0.04 + 0.36 + 0.04 + 0.36) / 5, abs=1e-4)
    assert summary["ece_equal_mass"] == summary["ece"]  # five questions in ten bins, so one a bin
    json.dumps(summary, allow_nan=False)


def test_the_best_f1_is_that_of_the_best_threshold_beside_the_models_own() -> None:
    graded = grade(QUESTIONS, READINGS)
    summary = summarize(graded, 0.5)
    by_threshold = {t: score_readings(QUESTIONS, READINGS, t)["f1"] for t in (0, 0.3, 0.5, 0.7, 0.85, 0.95)}
    assert summary["best_f1"] == max(by_threshold.values())
    assert summary["f1"] == by_threshold[0.5]
    assert score_readings(QUESTIONS, READINGS, summary["best_f1_threshold"])["f1"] == summary["best_f1"]
    assert summary["threshold"] == 0.5
    assert summary["decline_all"] == score_readings(QUESTIONS, READINGS, 2)["f1"] == 40


def test_coverage_and_risk_rank_by_confidence_with_f1_as_the_score() -> None:
    summary = summarize(grade(QUESTIONS, READINGS), 0.5)
    assert summary["coverage_at_95"] == summary["coverage_at_90"] == 0.2
    assert summary["coverage_at_80"] == 0.4  # (1 + 2/3) / 2
    kept = [1, 5 / 3 / 2, 5 / 3 / 3, 8 / 3 / 4, 8 / 3 / 5]  # mean F1 of the k surest
    assert summary["risk_area"] == pytest.approx(1 - np.mean(kept), abs=1e-4)


def test_a_file_without_unanswerable_questions_has_no_scores_of_abstention() -> None:
    summary = summarize(grade(QUESTIONS[:3], READINGS[:3]), 0.5)
    assert not {"auroc", "ece", "brier", "best_f1", "threshold"} & set(summary)
    assert summary["coverage_at_80"] == 1


def test_a_file_is_read_in_order_and_a_limit_takes_a_fixed_sample(squad_file: Path) -> None:
    whole = sample_questions(squad_file)
    some = sample_questions(squad_file, 5)
    assert len(some) == 5
    assert some == sample_questions(squad_file, 5)
    assert [whole.index(q) for q in some] == sorted(whole.index(q) for q in some)
    assert sample_questions(squad_file, 10_000) == whole


def test_a_file_is_graded_question_by_question(squad_file: Path) -> None:
    seen: list[tuple[int, int]] = []
    graded = grade_file(FakeReader(), squad_file, None, lambda *p: seen.append(p))  # type: ignore[arg-type]
    expected = [token_f1(q.context.split()[0], q.answers) for q in sample_questions(squad_file)]
    assert graded.f1.tolist() == expected
    assert graded.seconds_per_question > 0
    assert seen[-1] == (18, 18)
    scores = evaluate_reader(FakeReader(), squad_file)  # type: ignore[arg-type]
    assert {k: v for k, v in scores.items() if k != "seconds_per_question"} == {
        k: v for k, v in summarize(graded, 0.5).items() if k != "seconds_per_question"
    }


def test_a_file_without_questions_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty.json").write_text('{"data": []}')
    with pytest.raises(DataError, match=r"empty\.json holds no questions"):
        sample_questions(tmp_path / "empty.json")


def test_a_question_too_long_for_the_model_is_declined_and_the_others_are_read(squad_file: Path) -> None:
    questions = sample_questions(squad_file)
    long = questions[3].question

    class ShortReader(FakeReader):
        def read_batch(self, batch: list[tuple[str, list[str]]]) -> list[Reading]:
            if any(question == long for question, _ in batch):
                raise ContextTooLong("the question has 229 tokens, this model reads at most 222; shorten it")
            return super().read_batch(batch)

    whole = grade_file(FakeReader(), squad_file)  # type: ignore[arg-type]
    graded = grade_file(ShortReader(), squad_file)  # type: ignore[arg-type]
    missed = np.array([q.question == long for q in questions])
    assert graded.too_long == missed.sum() > 0
    assert (graded.f1[missed] == 0).all()
    assert (graded.confidence[missed] == 0).all()
    assert graded.f1[~missed].tolist() == whole.f1[~missed].tolist()
    assert summarize(graded, 0.5)["too_long"] == graded.too_long
    assert "too_long" not in summarize(whole, 0.5)

"""A sentence with a hole becomes a question: the shapes it takes, and the sentences that make none."""

from __future__ import annotations

import random

import pytest

from gpt.cloze import MAX_WORDS, NUMBER, TERM, YEAR_KIND, ask, base_form


def questions(sentence: str, span: str, kind: str) -> set[str]:
    start = sentence.index(span)
    drawn = (ask(sentence, start, start + len(span), kind, random.Random(seed)) for seed in range(20))
    return {question for question in drawn if question is not None}


@pytest.mark.parametrize(
    ("sentence", "span", "kind", "expected"),
    [
        ("Mary Holt founded the first school of the town.", "Mary Holt", "person",
         "Who founded the first school of the town?"),
        ("The school was founded by Mary Holt in the old harbour.", "Mary Holt", "person",
         "Who was the school founded by in the old harbour?"),
        ("The famous school was founded by the harbour in 1820, which nobody liked.", "1820", YEAR_KIND,
         "In what year was the famous school founded by the harbour?"),
        ("Mary Holt's letters describe the harbour before the great fire.", "Mary Holt", "person",
         "Whose letters describe the harbour before the great fire?"),
        ("The council (of elders) moved the archive to Port Lorne after the fire.", "Port Lorne", "place",
         "What place did the council move the archive to after the fire?"),
        ("The harbour has held 45 boats since the great fire.", "45", NUMBER,
         "How many boats has the harbour held since the great fire?"),
        ("The network is trained with gradient descent on many images.", "gradient descent", TERM,
         "What is the network trained with on many images?"),
        ("However, sailors and merchants of the coast fear the Grey War greatly.", "Grey War", "event",
         "Sailors and merchants of the coast fear which war greatly?"),
    ],
)  # fmt: skip
def test_a_question_is_made_of_the_clause(sentence: str, span: str, kind: str, expected: str) -> None:
    assert expected in questions(sentence, span, kind)


@pytest.mark.parametrize(
    ("sentence", "span", "kind"),
    [
        ("It was Mary Holt.", "Mary Holt", "person"),
        ("Anna Mary Holt founded the first school of the town.", "Mary Holt", "person"),
        ("The school cost about $45 million in the year of the fire.", "45", NUMBER),
        ("The school was founded by someone (Mary Holt) in the old harbour town.", "Mary Holt", "person"),
        ("The network uses stochastic gradient descent on many images.", "gradient descent", TERM),
        ("The word " + "and so on and on " * MAX_WORDS + "was Lorne.", "Lorne", "place"),
    ],
)
def test_too_little_too_much_or_a_part_of_something_longer_asks_nothing(sentence: str, span: str, kind: str) -> None:
    assert questions(sentence, span, kind) == set()


@pytest.mark.parametrize("sentence", ["The harbour of Port Lorne was built by Mary Holt after the great fire."])
@pytest.mark.parametrize(("span", "kind"), [("Mary Holt", "person"), ("Port Lorne", "place")])
def test_a_question_never_holds_its_answer(sentence: str, span: str, kind: str) -> None:
    made = questions(sentence, span, kind)
    assert made
    assert all(q.endswith("?") and q[0].isupper() and span not in q for q in made)


@pytest.mark.parametrize(
    ("past", "base"),
    [("created", "create"), ("carried", "carry"), ("stopped", "stop"), ("moved", "move"), ("wrote", "write"),
     ("defeated", "defeate"), ("joined", "join"), ("produced", "produce"), ("voted", "vote"), ("resumed", "resume")],
)  # fmt: skip
def test_pasts_lose_their_ending_by_spelling_alone(past: str, base: str) -> None:
    """ "defeate" shows the price: no word list is consulted."""
    assert base_form(past) == base

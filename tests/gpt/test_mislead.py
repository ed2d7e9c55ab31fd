"""Questions that a paragraph seems to answer and does not: how each is made, and what is never done."""

from __future__ import annotations

import random
import re

import pytest

from gpt.mislead import mislead
from gpt.opposites import inflect, opposites
from gpt.twists import WAYS, key_of, view_of, within
from gpt.wordpool import Pool, company
from tests.gpt.conftest import ASKED, FIRE, LIGHT


@pytest.fixture
def pool() -> Pool:
    return Pool.of([LIGHT, FIRE])


def made(question: str, pool: Pool, n: int = 60) -> set[str]:
    """Everything that `n` draws make of the question."""
    drawn = (mislead(question, LIGHT, ASKED[question], pool, random.Random(seed)) for seed in range(n))
    return {text for text in drawn if text is not None}


def test_names_numbers_opposites_and_negations_all_come_up(pool: Pool) -> None:
    twisted = made("Who built the first lighthouse of Arenby?", pool)
    assert "Who demolished the first lighthouse of Arenby?" in twisted
    assert "Who built the last lighthouse of Arenby?" in twisted
    assert "What was the tallest tower in Grenholm?" in made("What was the tallest tower in Sundia?", pool)
    assert "In what year did Mary Holt not build the lighthouse?" in made(
        "In what year did Mary Holt build the lighthouse?", pool
    )
    assert any(
        re.search(r"for (?!45)\d+ crowns", text) for text in made("To whom was the oil sold for 45 crowns?", pool, 200)
    )


@pytest.mark.parametrize("question", ASKED)
def test_a_twist_differs_keeps_what_is_asked_for_and_never_names_the_answer(question: str, pool: Pool) -> None:
    twisted = made(question, pool)
    assert twisted
    asked_for = re.search(r"\b(who|whom|what|how)\b", question.lower())
    assert asked_for is not None
    for text in twisted:
        assert text != question
        assert asked_for[0] in text.lower()
        if not within(ASKED[question].lower(), question.lower()):
            assert not within(ASKED[question].lower(), text.lower())


def test_the_degree_asked_for_is_not_turned_round(pool: Pool) -> None:
    assert not any("How short" in text for text in made("How tall is the tower of Arenby?", pool))


def test_a_name_told_of_the_same_things_is_no_misleading_one() -> None:
    text = "Ada Lint was born in Arenby in 1802. Bea Morn was born in Sundia in 1805."
    pool = Pool.of([text])
    twisted = {mislead("When was Ada Lint born?", text, "1802", pool, random.Random(seed)) for seed in range(60)}
    assert not any(t and "Bea Morn" in t for t in twisted)


def test_two_names_side_by_side_are_not_exchanged_for_each_other() -> None:
    text = "In 1802 Ada Lint and Bea Morn founded the school of Arenby."
    pool = Pool.of([text])
    question = "When did Ada Lint found the school?"
    twisted = {mislead(question, text, "1802", pool, random.Random(seed)) for seed in range(60)}
    assert not any(t and "Bea Morn" in t for t in twisted)


def test_the_same_draws_make_the_same_question(pool: Pool) -> None:
    question = "Who built the first lighthouse of Arenby?"
    again = [mislead(question, LIGHT, "Mary Holt", pool, random.Random(7)) for _ in range(2)]
    assert again[0] == again[1]


def test_a_question_without_anything_to_change_is_left_alone() -> None:
    assert mislead("Why?", "Because.", "Because", Pool.of(["Because."]), random.Random(0)) is None


def test_every_way_makes_something_of_some_question(pool: Pool) -> None:
    view = view_of(LIGHT)
    questions = [*ASKED, "Who founded Arenby?", "How many towers did Sundia have?", "What relaxed Port Lorne?"]
    for _, way in WAYS:
        drafts = [d for q in questions for seed in range(8) for d in way(q, view, pool, random.Random(seed))]
        assert drafts, way.__name__


def test_opposites_are_of_the_same_form_and_never_themselves() -> None:
    table = opposites()
    assert "decreased" in table["increased"]
    assert "decreasing" in table["increasing"]
    assert "banned" in table["allowed"] or "prohibited" in table["allowed"]
    assert all(word not in others and others for word, others in table.items())
    assert len(table) > 400


@pytest.mark.parametrize(
    ("verb", "forms"),
    [
        ("carry", ("carries", "carried", "carried", "carrying")),
        ("destroy", ("destroys", "destroyed", "destroyed", "destroying")),
        ("teach", ("teaches", "taught", "taught", "teaching")),
        ("include", ("includes", "included", "included", "including")),
        ("ban", ("bans", "banned", "banned", "banning")),
    ],
)
def test_verbs_are_inflected(verb: str, forms: tuple[str, ...]) -> None:
    assert inflect(verb) == forms


def test_the_pool_tells_kinds_apart(pool: Pool) -> None:
    assert pool.names["Mary Holt"] == "person"
    assert pool.names["Grenholm"] == "place"
    assert set(pool.years) == {"1820", "1877", "1881"}
    assert {"keeper", "sailors", "bridge"} <= pool.nouns
    assert "repair" in pool.bases
    assert "restored" in pool.pasts
    assert "near Grenholm" in pool.phrases


def test_words_are_alike_that_keep_the_same_company() -> None:
    texts = [
        f"the {a} {n} of the town . he saw a {a} {n} there ." for a in ("old", "tall") for n in ("church", "tower")
    ]
    texts += ["he drank some clear water with salt . some clear water came ."] * 3
    known = company(texts)
    pool = Pool.of(["The church is here. The tower is there. The water is clear. The tower of water."], known)
    assert set(pool.alike("nouns", "church", random.Random(0))[:2]) <= {"tower", "water"}
    shared = {n for n in known["church"] if n in known["tower"]}
    assert shared
    assert not shared & set(known["water"])


def test_words_count_as_held_by_their_stem_and_phrases_whole() -> None:
    view = view_of(LIGHT)
    assert view.holds("keepers")
    assert view.holds("Port Lorne")
    assert not view.holds("ort Lorne")
    assert not view.holds("bridge")
    assert key_of("restored") == key_of("restores")

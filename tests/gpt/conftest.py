"""A tokenizer and a corpus small enough that every test of the GPT takes well under a second."""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path

import pytest
import torch

from gpt.checkpoint import Released
from gpt.config import GPTConfig
from gpt.model import GPT
from gpt.reading_data import ReadingData
from gpt.squad import Article, load_articles
from gpt.tokenizer import Tokenizer, train_tokenizer

WORDS = (
    "attention model token gradient layer vector matrix learning query key value softmax residual norm context "
    "window batch loss optimizer embedding position network bigram tensor reward passage answer question index"
).split()
QUESTION = "What is the query of the tensor?"
PASSAGE = "The query of the tensor is a matrix. The key of it is a vector, naïve as it looks."

LIGHT = (
    "The first lighthouse of Arenby was built in 1820 by Mary Holt. It was the tallest tower in Sundia. "
    "The keeper of the lamp sold the oil to the sailors of Port Lorne for 45 crowns."
)
FIRE = (
    "A fire destroyed the harbour in 1877 near Grenholm. The mayor, John Peck, refused the offer of a loan. "
    "In Grenholm the council wanted to repair the bridge, and the church was restored by Anna Reed in 1881."
)
ASKED = {
    "Who built the first lighthouse of Arenby?": "Mary Holt",
    "In what year did Mary Holt build the lighthouse?": "1820",
    "What was the tallest tower in Sundia?": "first lighthouse",
    "To whom was the oil sold for 45 crowns?": "the sailors of Port Lorne",
    "What did the keeper sell to the sailors of Port Lorne?": "the oil",
    "How tall is the tower of Arenby?": "45",
}


def sentences(n: int, seed: int = 0) -> list[str]:
    """Sentences of random known words, with numbers, dashes and accents in them."""
    rng = random.Random(seed)
    made = []
    for i in range(n):
        words = rng.choices(WORDS, k=rng.randint(6, 14))
        made.append(f"The {' '.join(words)} — naïve step {rng.randint(0, 2000)} of {i}.")
    return made


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    return train_tokenizer(sentences(300), vocab_size=320)


@pytest.fixture
def model() -> GPT:
    """An untrained float32 model whose residual branches are not zero, so that every part matters."""
    torch.manual_seed(0)
    made = GPT(GPTConfig(depth=2, aspect=16, head_dim=16, vocab_size=320, context_len=256), torch.float32)
    with torch.no_grad():
        for p in made.parameters():
            p.add_(torch.randn_like(p) * 0.1)
    return made


@pytest.fixture
def released(model: GPT, tokenizer: Tokenizer) -> Released:
    """`model` with a span head steep enough that it has something to choose."""
    with torch.no_grad():
        model.span_head.weight.mul_(4)
    return Released(
        "toy", model, tokenizer, dict.fromkeys(("slope", "log_passages", "intercept", "threshold"), 0.5), {}
    )


@pytest.fixture(scope="session")
def squad_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six articles of three paragraphs; each paragraph tells who holds an office, and is asked who does."""
    names, offices = itertools.count(1), ("warden", "keeper", "pilot", "baker", "judge", "clerk")
    data = []
    for a in range(6):
        paragraphs = []
        for p in range(3):
            name = f"Person{next(names)}"
            context = (
                f"In town {a} the {offices[p]} of the {WORDS[a]} is {name} since 19{p}{a}. {sentences(1, a * 9 + p)[0]}"
            )
            answer = {"text": name, "answer_start": context.index(name)}
            question = f"Who is the {offices[p]} of the {WORDS[a]}?"
            paragraphs.append(
                {"context": context, "qas": [{"id": f"{a}-{p}", "question": question, "answers": [answer]}]}
            )
        data.append({"title": f"Article {a}", "paragraphs": paragraphs})
    path = tmp_path_factory.mktemp("squad") / "train.json"
    path.write_text(json.dumps({"data": data}))
    return path


@pytest.fixture(scope="session")
def articles(squad_file: Path) -> list[Article]:
    return load_articles(squad_file)


@pytest.fixture(scope="session")
def lighthouses(tmp_path_factory: pytest.TempPathFactory) -> list[Article]:
    """An article whose questions can be made misleading, and whose first paragraph can be altered."""
    qas = [{"id": q, "question": q, "answers": [{"text": a, "answer_start": LIGHT.index(a)}]} for q, a in ASKED.items()]
    paragraphs = [{"context": LIGHT, "qas": qas}, {"context": FIRE, "qas": []}]
    file = tmp_path_factory.mktemp("altering") / "train.json"
    file.write_text(json.dumps({"data": [{"title": "Lighthouses", "paragraphs": paragraphs}]}))
    return load_articles(file)


@pytest.fixture(scope="session")
def altering(tokenizer: Tokenizer, lighthouses: list[Article]) -> ReadingData:
    """Examples with misleading questions and altered paragraphs."""
    return ReadingData.build(tokenizer, lighthouses, n_misleading=2, n_altered=2)

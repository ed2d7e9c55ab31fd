"""How many questions of what something is are answered in other wordings, with the rules of rag/wording.py and without them.

pytest -m bench tests/bench/test_wordings.py -s                                   (the sample notes)
STUDYGPT_DATA_DIR=/index pytest -m bench tests/bench/test_wordings.py -s       (a data folder that `studygpt index` filled)
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import rag.pipeline
from rag.assemble import Assistant, assemble
from rag.types import Question

NOTES = Path(__file__).parents[2] / "api" / "sample_notes"
TERMS = (
    "dropout, the kernel trick, transfer learning, momentum, LoRA, batch normalization, backpropagation, weight "
    "decay, beam search, a decision tree, a random forest, reinforcement learning, cross-entropy, an autoencoder, a "
    "transformer, ReLU, cross-validation, pooling, an LSTM, the attention mechanism, a multilayer perceptron, "
    "tensor parallelism, bfloat16, supervised learning, a kernel, entropy, KL divergence, bagging, a token, a "
    "gradient, softmax, self-attention, perplexity, a residual connection, a bigram model"
).split(", ")
WORDINGS = (
    "{bare}",
    "definition of {bare}",
    "{bare} meaning",
    "Tell me about {term}",
    "Can you explain {term}?",
    "explain {term} to me",
    "Could you tell me what {term} is?",
    "what exactly is {term}?",
)


def answers(assistant: Assistant, terms: list[str], wording: str) -> list[str | None]:
    """What is answered to each term in the wording."""
    bare = [term.removeprefix("a ").removeprefix("an ").removeprefix("the ") for term in terms]
    asked = (wording.format(term=term, bare=name) for term, name in zip(terms, bare, strict=True))
    return [assistant.pipeline.answer(Question(each)).answer for each in asked]


def told(given: list[str | None], direct: list[str | None]) -> tuple[int, int]:
    """How many are answered, and how many as the direct question is."""
    return sum(one is not None for one in given), sum(a == b for a, b in zip(given, direct, strict=True))


@pytest.mark.bench
def test_other_wordings_are_answered_as_the_direct_question(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = os.environ.get("STUDYGPT_DATA_DIR")
    with assemble(Path(index) if index else tmp_path) as assistant:
        if index is None:
            assistant.index.sync([NOTES])
        terms = [t for t, answer in zip(TERMS, answers(assistant, TERMS, "What is {term}?"), strict=True) if answer]
        direct = answers(assistant, terms, "What is {term}?")
        rules: tuple[Callable[[str], str], ...] = (str.strip, rag.pipeline.plainly)
        total = [[0, 0], [0, 0]]
        for wording in WORDINGS:
            line = f"  {wording:<36}"
            for each, rule in zip(total, rules, strict=True):
                monkeypatch.setattr(rag.pipeline, "plainly", rule)
                answered, same = told(answers(assistant, terms, wording), direct)
                each[0], each[1] = each[0] + answered, each[1] + same
                line += f"{answered:>5} answered, {same:>3} alike"
            print(line)  # noqa: T201
    n = len(terms) * len(WORDINGS)
    (before, before_same), (after, after_same) = total
    print(f"  {len(terms)} terms, {n} questions: {before} answered, {before_same} alike")  # noqa: T201
    print(f"  by the rules {after} and {after_same}")  # noqa: T201
    assert terms
    assert after_same > max(0.9 * n, before_same)

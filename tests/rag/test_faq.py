"""Notes that ask and answer, with the released reader: what stands under a question answers it, and a question nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rag.assemble import Assistant, assemble
from rag.types import Question

ASKED = {
    "How do I restart the server?": "Press Ctrl-C twice and run `make serve` again.",
    "Why is the first answer slow?": "The model is loaded when it is first needed, which takes some four seconds.",
    "Where are the notes kept?": "In the folder `.data`, beside the index.",
    "Who may see my notes?": "Nobody but you: nothing leaves the machine.",
}
EXERCISES = "1. What would happen without the index?\n2. Can you explain why passages overlap?"
MARKDOWN = (
    "# Questions\n\n" + "\n\n".join(f"## {q}\n\n{a}" for q, a in ASKED.items()) + f"\n\n### Exercises\n\n{EXERCISES}\n"
)
HTML = "<h1>Questions</h1>" + "".join(f"<h2>{q}</h2><p>{a}</p>" for q, a in ASKED.items())


@pytest.fixture(scope="module", params=[("faq.md", MARKDOWN), ("faq.html", HTML)], ids=["markdown", "html"])
def assistant(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assistant]:
    name, text = request.param
    with assemble(tmp_path_factory.mktemp("faq")) as assistant:
        assistant.index.add(name, text.encode())
        yield assistant


@pytest.mark.parametrize("question", ASKED)
def test_what_stands_under_a_question_answers_it(assistant: Assistant, question: str) -> None:
    answer = assistant.pipeline.answer(Question(question))
    assert answer.answer is not None
    assert answer.answer in ASKED[question]
    assert answer.verified


@pytest.mark.parametrize("question", ["What would happen without the index?", "Why do passages overlap?"])
def test_a_question_is_not_answered_by_itself(assistant: Assistant, question: str) -> None:
    answer = assistant.pipeline.answer(Question(question)).answer
    assert answer is None or answer not in EXERCISES

"""How general models are asked to read: several wordings each, of which a peer's best one on training questions counts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from gpt.reading import STOP_WORDS, stem
from gpt.squad import SquadQuestion

Prompt = str | list[dict[str, str]]
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[\"'(]?[A-Z0-9])")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Wording:
    """Examples and a question as one text to be continued, or as turns of a chat in the model's own template."""

    name: str
    form: Literal["text", "chat"]
    instruction: str
    turn: str  # with {passage} and {question}

    def prompt(self, examples: Sequence[SquadQuestion], asked: SquadQuestion) -> Prompt:
        """The examples with their first answers, then the question."""
        turns = [self.turn.format(passage=q.context, question=q.question) for q in (*examples, asked)]
        answers = [q.answers[0] for q in examples]
        if self.form == "text":
            shown = [f"{turn} {answer}" for turn, answer in zip(turns, answers, strict=False)]
            return "\n\n".join([*([self.instruction] if self.instruction else []), *shown, turns[-1]])
        messages = [{"role": "system", "content": self.instruction}]
        for turn, answer in zip(turns, answers, strict=False):
            messages += [{"role": "user", "content": turn}, {"role": "assistant", "content": answer}]
        return [*messages, {"role": "user", "content": turns[-1]}]


PLAIN = Wording("plain", "text", "", "Passage: {passage}\nQuestion: {question}\nAnswer:")
INSTRUCTED = Wording(
    "instructed",
    "text",
    "Each question is answered with the shortest words that answer it, copied from its passage.",
    "Passage: {passage}\nQuestion: {question}\nShort answer:",
)
BACKGROUND = Wording(
    "background", "text", "", "Background: {passage}\n\nQ: {question}\n\nA:"
)  # Brown et al. 2020, G.28
TURNS = Wording(
    "turns",
    "chat",
    "You answer questions about passages. Reply with the answer alone: the shortest words of the passage that answer.",
    "Passage: {passage}\n\nQuestion: {question}",
)
REMINDER = Wording(
    "reminder",
    "chat",
    "You extract short answers from texts.",
    "{passage}\n\n{question}\nReply with a few words copied from the text above, not with a sentence.",
)


def clean(reply: str) -> str:
    """The reply's first line with words in it, without a leading "Answer:" and without quotes around it."""
    line = next((line.strip() for line in reply.splitlines() if line.strip()), "")
    return re.sub(r"^(?:the )?(?:short )?answer(?: is)?\s*:\s*", "", line, flags=re.IGNORECASE).strip(" \"'`*")


def overlapping_sentence(question: str, passage: str) -> str:
    """The passage's sentence that shares most stems with the question, stop words left out: what needs no learning."""
    wanted = _stems(question)
    sentences = _SENTENCE_END.split(passage)
    return max(sentences, key=lambda sentence: len(wanted & _stems(sentence)))


def _stems(text: str) -> set[str]:
    return {stem(word) for word in _WORD.findall(text.lower()) if word not in STOP_WORDS}

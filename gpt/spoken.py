"""Passages as captions of a lecture hold them. Labelled questions come with an edited prose; what is said is often written
down in small letters, without stops and commas, with times before it, with "um" and "you know" between the words, and
some of these twice. Questions about them are typed, half of them in haste.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace

from gpt.squad import Article, Paragraph, SquadQuestion

SMALL = 0.7  # of such passages have no capital letters
BARE = 0.75  # have no stops, commas and brackets; where they have both, small letters make the difference
TIMED = 0.3  # begin with a time, as the indexer writes the captions' (indexer/loaders/subtitles.py)
HESITANT = 0.5  # have words that mean nothing between the others
HASTY = 0.5  # of the questions about them are in small letters, without a question mark
_WORDS_A_TIME = 45
_WORDS_A_FILLER = (10, 40)
_WORDS_A_REPEAT = 60
_FILLERS = (
    *("um", "uh", "um", "uh", "so", "okay", "okay so", "right", "well", "like", "you know", "I mean", "and"),
    *("kind of", "sort of", "basically", "actually", "you see", "all right", "now", "so yeah"),
)
_WORD = re.compile(r"\S+")
_MARK = re.compile(
    r"[^\w\s%$€£°+=#@&/\\^~<>|'’.,:-]"  # what is never said; signs of formulas stay, a caption cannot do without them
    r"|(?<!\w)['’]|['’](?!\w)"  # quotation marks, not "don't"
    r"|[.,:](?!\d)|(?<!\d)[.,:]"  # not "2.5", "1,000" and "10:30"
    r"|(?<!\w)-(?!\d)|-(?!\w)"  # not "well-known" and "-5"
)


@dataclass
class _Said:
    """A text in the making, and where each character of the written one went."""

    text: str
    places: list[int]

    def say(self, more: str) -> None:
        """A word or a blank; never two blanks, and none at the beginning."""
        if more != " " or (self.text and not self.text.endswith(" ")):
            self.text += more


def some_as_spoken(article: Article, share: float) -> Article:
    """The article with about `share` of its paragraphs `as_spoken`, the others the same objects; the same at every call."""
    return article.with_some(share, as_spoken, f"spoken:{article.title}")


def as_spoken(paragraph: Paragraph, rng: random.Random) -> Paragraph:
    """The paragraph as somebody says it: its words in their order, and no word between those of an answer. One with an
    answer that consists of marks alone stays as it is."""
    bare = rng.random() < BARE
    small = rng.random() < SMALL or not bare
    text = (
        _MARK.sub(lambda m: m[0] if unicodedata.combining(m[0]) else " ", paragraph.context)
        if bare
        else paragraph.context
    )
    text = "".join(c.lower() if small and len(c.lower()) == 1 else c for c in text)  # as long as it was
    said = _said(text, _between(paragraph, text, rng))
    questions = [_moved(question, said, rng.random() < HASTY) for question in paragraph.questions]
    if not all(answer for question in questions for answer in question.answers):
        return paragraph
    return Paragraph(said.text, tuple(questions))


def in_haste(question: str) -> str:
    """The question as it is typed in haste: small letters, no question mark."""
    return question.lower().rstrip(" ?")


def _said(text: str, between: dict[int, str]) -> _Said:
    """The text with single blanks, and words put in before some of its places."""
    said = _Said("", [])
    for at, char in enumerate(text):
        if at in between:
            said.say(between[at] + " ")
        said.places.append(len(said.text))
        said.say(" " if char.isspace() else char)
    said.places.append(len(said.text))
    said.text = said.text.rstrip()
    return said


def _between(paragraph: Paragraph, text: str, rng: random.Random) -> dict[int, str]:
    """What is put in, and before which places: times, words that mean nothing, and words said twice."""
    answers = [(at, at + len(a)) for q in paragraph.questions for a, at in zip(q.answers, q.answer_starts, strict=True)]
    free = [m for m in _WORD.finditer(text) if not any(start < m.start() < end for start, end in answers)]
    made = dict(_stammered(free, rng)) if rng.random() < HESITANT else {}
    if rng.random() < TIMED:
        made |= _times(free, rng)
    return made


def _stammered(words: list[re.Match[str]], rng: random.Random) -> Iterator[tuple[int, str]]:
    every = rng.randrange(*_WORDS_A_FILLER)
    for word in words:
        if rng.random() < 1 / every:
            yield word.start(), rng.choice(_FILLERS)
        elif rng.random() < 1 / _WORDS_A_REPEAT and word[0].isalpha():
            yield word.start(), word[0]


def _times(words: list[re.Match[str]], rng: random.Random) -> dict[int, str]:
    seconds, made = rng.randrange(5400), {}
    for word in words[::_WORDS_A_TIME]:
        made[word.start()] = f"[{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}]"
        seconds += rng.randrange(12, 30)
    return made


def _moved(question: SquadQuestion, said: _Said, is_hasty: bool) -> SquadQuestion:
    spans = []
    for answer, at in zip(question.answers, question.answer_starts, strict=True):
        start, end = said.places[at], said.places[at + len(answer)]
        while start < end and said.text[start : start + 1].isspace():
            start += 1
        spans.append((start, len(said.text[start:end].rstrip()) + start))
    return replace(
        question,
        question=in_haste(question.question) if is_hasty else question.question,
        context=said.text,
        answers=tuple(said.text[start:end] for start, end in spans),
        answer_starts=tuple(start for start, _ in spans),
    )

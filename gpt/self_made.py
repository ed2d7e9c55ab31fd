"""Questions made from a user's own documents, without a label: what a term is, answered by the clause that says so.

The passages are the ones that a retriever brings when the document is asked about, so the exercise looks like the work.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gpt.definitions import define
from gpt.sentences import sentence_spans
from gpt.squad import Article, Paragraph, SquadQuestion

ARTICLE_PASSAGES = 48  # neighbours among which paragraphs that mislead are sought; more cost quadratically
MIN_WORDS = 12  # a shorter passage is a heading or a label
MIN_PROSE = 0.75  # of a passage's characters are letters and blanks; below, it is code, a table or a formula
_DEFINES = re.compile(
    r"(?:An?\s|The\s)?(?P<term>[^\W\d][\w'’-]*(?:[ -][\w'’-]+){0,3}?)(?:\s\([^)]{1,40}\))?"
    r"\s(?P<verb>is|are|means|refers to|denotes|describes|consists of)\s(?P<next>\w+)"
)
_SAYS_WHAT = frozenset("a an the one any how when defined".split())  # what begins a clause that tells what something is
_NO_TERM = frozenset(
    """it this that these those there here he she they we you i what which who how why when where if as one all both each
    some many most such other another result reason goal idea point example problem question answer first second next last
    following rest case difference main only""".split()
)


@dataclass(frozen=True)
class Document:
    """A text in passages of the length that is served, in their order."""

    title: str
    passages: tuple[str, ...]


def self_made_articles(documents: Sequence[Document]) -> list[Article]:
    """The documents as articles with every question that could be made of them; the same at every call."""
    return [article for document in documents for article in _articles(document)]


def count_questions(articles: Sequence[Article]) -> int:
    return sum(len(paragraph.questions) for article in articles for paragraph in article.paragraphs)


def is_prose(passage: str) -> bool:
    """Whether a passage is running text, which the reader can learn from."""
    plain = sum(c.isalpha() or c.isspace() for c in passage)
    return len(passage.split()) >= MIN_WORDS and plain >= MIN_PROSE * len(passage)


def _articles(document: Document) -> Iterator[Article]:
    prose = [passage for passage in document.passages if is_prose(passage)]
    for at in range(0, len(prose), ARTICLE_PASSAGES):
        group = prose[at : at + ARTICLE_PASSAGES]
        if len(group) > 1:  # a passage alone has no neighbour that could mislead
            yield Article(document.title, tuple(_paragraph(document.title, passage) for passage in group))


def _paragraph(title: str, passage: str) -> Paragraph:
    return Paragraph(passage, tuple(_definitions(title, passage)))


def _definitions(title: str, passage: str) -> Iterator[SquadQuestion]:
    """What is asked about each sentence that says what its subject is."""
    for begin, end in sentence_spans(passage):
        found = _DEFINES.match(passage, begin, end)
        if found is None or not _names_something(found):
            continue
        definition = define(found["term"], passage[begin:])
        if definition is None or not passage.startswith(definition.passage, begin):
            continue
        answer, start = definition.passage[definition.start : definition.end], begin + definition.start
        question = _question(found["term"], passage[begin : found.start("term")], definition.plural)
        yield SquadQuestion(f"{title}:{begin}:{question}", question, passage, (answer,), (start,), False, title)


def _names_something(found: re.Match[str]) -> bool:
    words = found["term"].lower().split()
    if words[0] in _NO_TERM or words[-1] in _NO_TERM:
        return False
    return found["verb"] not in ("is", "are") or found["next"].lower() in _SAYS_WHAT


def _question(term: str, article: str, plural: bool) -> str:
    term = term if any(c.isupper() for c in term[1:]) else term[:1].lower() + term[1:]
    return f"What {'are' if plural else 'is'} {article.lower()}{term}?"

"""Questions made from a user's own documents, without a label. Three kinds, over the passages that a retriever would bring:
what a term is, answered by the clause that says so; a sentence's own words with a hole, in the place of which a name or a
term of the document is asked for (gpt/cloze.py); and spans that recur, asked for in the words of a sentence that stands
elsewhere (gpt/recurring.py).
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from gpt.cloze import TERM, ask
from gpt.definitions import define
from gpt.names import OTHER, PERSON, kind_of_name, names_in
from gpt.reading import STOP_WORDS
from gpt.recurring import recurring_articles
from gpt.sentences import sentence_spans
from gpt.squad import Article, Paragraph, SquadQuestion

ARTICLE_PASSAGES = 48  # neighbours among which paragraphs that mislead are sought; more cost quadratically
MIN_WORDS = 12  # a shorter passage is a heading or a label
MIN_PROSE = 0.75  # of a passage's characters are letters and blanks; below, it is code, a table or a formula
MAX_CLOZES = 3  # of a passage; more would only ask again for the same sentences' words
MIN_RECURS = 2  # a term stands so often in its document; runs of words that stand there once are seldom terms
MIN_SENTENCE_WORDS, MAX_SENTENCE_WORDS = 6, 24
_ITEM = re.compile(r"(?:^|(?<=\s))(?:[-*+•]|\d+[.)])\s+")
_NO_SENTENCE = re.compile(r"[|$_=<>{}\\`#*]|://|\w\(|:$")  # of a table, a formula, code, or before a list
_WORD = re.compile(r"[A-Za-z][A-Za-z-]*")
_DEFINES = re.compile(
    r"(?:An?\s|The\s)?(?P<term>[^\W\d][\w'’-]*(?:[ -][\w'’-]+){0,3}?)(?:\s\([^)]{1,40}\))?"
    r"\s(?P<verb>is|are|means|refers to|denotes|describes|consists of)\s(?P<next>\w+)"
)
_SAYS_WHAT = frozenset("a an the one any how when defined".split())  # what begins a clause that tells what something is
_NO_TERM = frozenset(
    """it this that these those there here he she they we you i what which who how why when where if as one all both each
    some many most such other another result reason goal idea point example problem question answer first second next last
    following rest case difference main only every single""".split()
)


@dataclass(frozen=True)
class Document:
    """A text in passages of the length that is served, in their order."""

    title: str
    passages: tuple[str, ...]


def self_made_articles(documents: Sequence[Document], max_questions: int) -> list[Article]:
    """At most `max_questions` questions of the documents, as articles; the same at every call."""
    texts = ("\n".join(p for p in document.passages if is_prose(p)) for document in documents)
    articles = recurring_articles(texts, max_questions, seed=0)
    left = max_questions - count_questions(articles)
    for article in (article for document in documents for article in passage_articles(document)):
        if left <= 0:
            break
        if count_questions([article]) > left:
            article = _shortened(article, left)
        if n := count_questions([article]):
            articles.append(article)
            left -= n
    return articles


def count_questions(articles: Sequence[Article]) -> int:
    return sum(len(paragraph.questions) for article in articles for paragraph in article.paragraphs)


def is_prose(passage: str) -> bool:
    """Whether a passage is running text, which the reader can learn from."""
    plain = sum(c.isalpha() or c.isspace() for c in passage)
    return len(passage.split()) >= MIN_WORDS and plain >= MIN_PROSE * len(passage)


def passage_articles(document: Document) -> Iterator[Article]:
    """The document's passages, each asked for the terms it defines and for words of its sentences; a long document as
    several articles."""
    prose = [passage for passage in document.passages if is_prose(passage)]
    counts = Counter(passage[start:end] for passage in prose for start, end in _runs(passage))
    terms = {term for term, n in counts.items() if n >= MIN_RECURS}
    for at in range(0, len(prose), ARTICLE_PASSAGES):
        group = prose[at : at + ARTICLE_PASSAGES]
        if len(group) > 1:  # a passage alone has no neighbour that could mislead
            yield Article(document.title, tuple(_paragraph(document.title, passage, terms) for passage in group))


def _paragraph(title: str, passage: str, terms: Collection[str]) -> Paragraph:
    return Paragraph(passage, (*_definitions(title, passage), *_clozes(title, passage, terms)))


def _shortened(article: Article, n_questions: int) -> Article:
    """The article with its first questions only; all of its paragraphs stay."""
    paragraphs = []
    for paragraph in article.paragraphs:
        paragraphs.append(replace(paragraph, questions=paragraph.questions[:n_questions]))
        n_questions -= len(paragraphs[-1].questions)
    return replace(article, paragraphs=tuple(paragraphs))


def _clozes(title: str, passage: str, terms: Collection[str]) -> Iterator[SquadQuestion]:
    """Up to MAX_CLOZES questions, each of another sentence, for a name or one of the terms."""
    rng = random.Random(passage)
    sentences = list(_sentences(passage))
    left = MAX_CLOZES
    for begin, end in rng.sample(sentences, len(sentences)):
        sentence = passage[begin:end]
        if _NO_SENTENCE.search(sentence):
            continue
        spans = [(s, e, _kind(sentence[s:e])) for s, e in names_in(sentence) if s > 0 or " " in sentence[s:e]]
        spans += [(s, e, TERM) for s, e in _runs(sentence) if sentence[s:e] in terms]
        for start, stop, kind in rng.sample(spans, len(spans)):
            question = ask(sentence, start, stop, kind, rng) or _in_place(sentence, start, stop)
            if question is not None and left > 0:
                answer, at = sentence[start:stop], begin + start
                yield SquadQuestion(f"{title}:{at}:{question}", question, passage, (answer,), (at,), False, title)
                left -= 1
                break


def _in_place(sentence: str, start: int, stop: int) -> str | None:
    """The sentence itself with a question word in the span's place, when it is neither long nor a fragment."""
    if not MIN_SENTENCE_WORDS <= len(sentence.split()) <= MAX_SENTENCE_WORDS or sentence[:1].islower():
        return None
    return f"{sentence[:start]}what{sentence[stop:].rstrip(' .!;:,')}?"


def _sentences(passage: str) -> Iterator[tuple[int, int]]:
    """(start, end) of the sentences, and of the items of a list that was run together into one line."""
    for begin, end in sentence_spans(passage):
        at = begin
        for mark in (*_ITEM.finditer(passage, begin, end), None):
            stop = mark.start() if mark else end
            if stop > at:
                yield at, stop
            at = mark.end() if mark else end


def _kind(name: str) -> str:
    """What a name names; in notes, one that could be anything is seldom a person."""
    kind = kind_of_name(name)
    return OTHER if kind == PERSON else kind


def _runs(text: str) -> Iterator[tuple[int, int]]:
    """(start, end) of every two or three lower-case words in a row, none of them a word of grammar."""
    run: list[re.Match[str]] = []
    for word in _WORD.finditer(text):
        if run and text[run[-1].end() : word.start()] != " ":
            run = []
        run.append(word)
        if (
            not word.group().islower()
            or len(word.group()) < 3
            or word.group() in STOP_WORDS
            or word.group() in _NO_TERM
        ):
            run = []
        for n in (2, 3):
            if len(run) >= n:
                yield run[-n].start(), word.end()


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

"""Reading made from any text: a span that recurs is asked for in the words of one of its sentences, and is found in a
passage that holds another (recurring-span selection, Ram et al. 2021, with questions in place of blanks).

The span is a name, a number, a date or a term of several words. The sentence that asks is taken out of the passage when it
stands there; the sentence that answers shares other words with it, so that what is asked about can be found.
"""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from gpt.cloze import DATE, NUMBER, TERM, YEAR_KIND, ask
from gpt.names import NOT_NAMES, ORIGIN, OTHER, PERSON, kind_of_name, names_in
from gpt.reading import STOP_WORDS
from gpt.sentences import sentence_spans
from gpt.squad import Article, Paragraph, SquadQuestion
from gpt.twists import key_of

MIN_PASSAGE_CHARS, MAX_PASSAGE_CHARS = 250, 1100
ARTICLE_SIZE = 12  # paragraphs, at least; a long document has more
CHARS_PER_QUESTION = 300  # of a document, at most one question
OFTEN = 4  # mentions: a span that has them is asked for twice
MIN_SHARED = 2  # words that a sentence that asks and one that answers have in common
MAX_TRIES, MAX_MENTIONS = 6, 12  # of a span: sentences tried as its question, mentions looked at
_MONTH = "January|February|March|April|May|June|July|August|September|October|November|December"
_DATE = re.compile(rf"\b(?:\d{{1,2}} (?:{_MONTH})(?: \d{{4}})?|(?:{_MONTH}) \d{{1,2}}(?:, \d{{4}})?)\b")
_NUMBER = re.compile(r"(?<![\w.,$£€-])(?:\d{1,3}(?:,\d{3})+|\d{2,7}(?:\.\d+)?)(?![\w%]|[.,-]\d)")
_MARKS = ".,;:!?)\"”’'"
_OPENERS = frozenset(
    "the a an of in for with by on from its their his her this these between as at into using via".split()
)
_NO_TERM = STOP_WORDS | frozenset(
    """also however one two three first second used based known such would could may can will must should their his her our they
    he she we you i there these those other more most some many both same than then if so only very well new will up out no
    about into over under after before between through during each any all shown using paper show shows results result
    include includes including became become becomes remain remains ago consider considered present propose proposed study
    whether rather while since because although though without within among against towards further several various
    different certain own every either neither next last early later often still even just like make makes made take takes
    took give gives gave get gets according able due year years time times day days way ways number""".split()
)


@dataclass(frozen=True)
class _Sentence:
    """text = window's text [start:end]; keys: its content words without their endings."""

    window: int
    start: int
    text: str
    keys: frozenset[str]


class _Mention(NamedTuple):
    """The span stands at [start, end) of sentence number `sentence`."""

    sentence: int
    start: int
    end: int


def recurring_articles(texts: Iterable[str], max_questions: int, seed: int) -> list[Article]:
    """At most `max_questions` questions as `articles_of` documents. An answer's first place is the one in the sentence most
    like the question; others in the passage follow."""
    rng = random.Random(seed)
    return articles_of(
        texts, max_questions, "Document", lambda text, number, limit: _paragraphs(text, number, limit, rng)
    )


def articles_of(
    texts: Iterable[str], max_questions: int, title: str, asked: Callable[[str, int, int], list[Paragraph]]
) -> list[Article]:
    """At most `max_questions` questions as articles, a long document each or several short ones together.

    `texts` are documents, paragraphs on lines of their own; they are read only as far as needed. `asked(text, number,
    limit)` gives the passages of document `number` with at most `limit` questions; those without any are left out.
    """
    articles: list[Article] = []
    pending: list[Paragraph] = []
    left = max_questions
    for number, text in enumerate(texts):
        if left <= 0:
            break
        made = asked(text, number, left)
        left -= sum(len(p.questions) for p in made)
        pending += made
        if len(pending) >= ARTICLE_SIZE:
            articles.append(Article(f"{title} {number}", tuple(pending)))
            pending = []
    return [*articles, Article(f"{title}s", tuple(pending))] if pending else articles


def windows_of(text: str) -> list[str]:
    """Passages of whole paragraphs, or of whole sentences of a long one, at most MAX_PASSAGE_CHARS; headings and what is too
    short for a passage are left out."""
    made, held = [], ""
    for line in text.split("\n"):
        line = " ".join(line.split())
        if len(line) < 60 or line[-1] not in '.!?"”)':
            continue
        spans = sentence_spans(line) if len(held) + len(line) > MAX_PASSAGE_CHARS else [(0, len(line))]
        for start, end in spans:
            if held and len(held) + end - start >= MAX_PASSAGE_CHARS:
                made.append(held)
                held = ""
            held = f"{held} {line[start:end]}" if held else line[start:end]
    return [w for w in [*made, held] if MIN_PASSAGE_CHARS <= len(w) <= MAX_PASSAGE_CHARS]


@dataclass(frozen=True)
class _Document:
    windows: list[str]
    sentences: list[_Sentence]
    spans: list[tuple[str, str, list[_Mention]]]  # text, kind, where
    common: frozenset[str]  # keys that tell nothing: in more than an eighth of the sentences

    @classmethod
    def of(cls, text: str) -> _Document:
        windows = windows_of(text)
        sentences = [
            _sentence(w, s, window[s:e]) for w, window in enumerate(windows) for s, e in sentence_spans(window)
        ]
        frequency = Counter(key for sentence in sentences for key in sentence.keys)
        common = frozenset(key for key, n in frequency.items() if n > max(3, len(sentences) // 8))
        return cls(windows, sentences, _recurring_spans(sentences), common)

    def match(self, span: str, source: int, mentions: list[_Mention]) -> tuple[int, _Mention | None]:
        """The mention whose sentence shares most words with the source's, the span's own and common ones not counted."""
        known = self.common.union(map(key_of, span.lower().split()))
        wanted = self.sentences[source].keys - known
        best, target = MIN_SHARED - 1, None
        for mention in mentions:
            shared = len(wanted & self.sentences[mention.sentence].keys)
            if mention.sentence != source and best < shared < 0.8 * len(wanted):
                best, target = shared, mention
        return best, target


def _paragraphs(text: str, number: int, limit: int, rng: random.Random) -> list[Paragraph]:
    """The passages of a document that are asked something, questions of one passage together."""
    document = _Document.of(text)
    spans = document.spans + [found for found in document.spans if len(found[2]) >= OFTEN]
    rng.shuffle(spans)
    sources: set[int] = set()
    made: defaultdict[str, list[SquadQuestion]] = defaultdict(list)
    for span, kind, mentions in spans:
        if len(sources) >= min(limit, 1 + len(text) // CHARS_PER_QUESTION):
            break
        found = _asked(document, span, kind, mentions, sources, rng)
        if found is None:
            continue
        question, source, target = found
        sources.add(source.sentence)
        context, starts = _passage(document, mentions, source, target)
        identity, answers = f"recurring-{number}-{source.sentence}", (span,) * len(starts)
        made[context].append(SquadQuestion(identity, question, context, answers, starts, False, f"Document {number}"))
    return [Paragraph(context, tuple(questions)) for context, questions in made.items()]


def _asked(
    document: _Document, span: str, kind: str, mentions: list[_Mention], taken: set[int], rng: random.Random
) -> tuple[str, _Mention, _Mention] | None:
    """A question for the span, the mention it was made from and the one that answers it: of some tries the pair whose
    sentences share most and whose first makes a question."""
    near = rng.sample(mentions, min(len(mentions), MAX_MENTIONS))
    pairs = []
    for source in near[:MAX_TRIES]:
        if source.sentence not in taken and document.sentences[source.sentence].text[:1].isupper():
            shared, target = document.match(span, source.sentence, near)
            if target is not None:
                pairs.append((shared, source, target))
    for _, source, target in sorted(pairs, key=lambda pair: -pair[0]):
        question = ask(document.sentences[source.sentence].text, source.start, source.end, kind, rng)
        if question is not None:
            return question, source, target
    return None


def _passage(
    document: _Document, mentions: list[_Mention], source: _Mention, target: _Mention
) -> tuple[str, tuple[int, ...]]:
    """The target's window, without the source's sentence, and where the span stands in it, the target first."""
    asking, answering = document.sentences[source.sentence], document.sentences[target.sentence]
    context = document.windows[answering.window]
    cut = (len(context), 0)
    if asking.window == answering.window:
        before, after = context[: asking.start].rstrip(), context[asking.start + len(asking.text) :].lstrip()
        joint = " " if before and after else ""
        cut = (asking.start, len(context) - len(before) - len(after) - len(joint))
        context = before + joint + after
    starts = []
    for mention in (target, *mentions):
        sentence = document.sentences[mention.sentence]
        if sentence.window == answering.window and mention.sentence != source.sentence:
            start = sentence.start + mention.start
            starts.append(start - cut[1] if start > cut[0] else start)
    return context, tuple(dict.fromkeys(starts))


def _sentence(window: int, start: int, text: str) -> _Sentence:
    words = (word for word in re.findall(r"[^\W_]+", text.lower()) if word not in STOP_WORDS)
    return _Sentence(window, start, text, frozenset(map(key_of, words)))


def _recurring_spans(sentences: list[_Sentence]) -> list[tuple[str, str, list[_Mention]]]:
    """Every name, date, number and term that two sentences or more hold; but no term that only occurs inside a longer one."""
    places: defaultdict[str, list[_Mention]] = defaultdict(list)
    kinds: dict[str, str] = {}
    for i, sentence in enumerate(sentences):
        for start, end, kind in _spans(sentence.text):
            span = sentence.text[start:end]
            places[span].append(_Mention(i, start, end))
            kinds[span] = kind
    recurring = {span: at for span, at in places.items() if at[0].sentence != at[-1].sentence}
    inner = {
        part
        for span, at in recurring.items()
        if kinds[span] == TERM and (part := span.split(" ", 1)[1]) in places and len(places[part]) == len(at)
    }
    named = {span: _kind_of(span, at, sentences) for span, at in recurring.items() if not kinds[span]}
    surnames = {span.rsplit(" ", 1)[1] for span, kind in named.items() if kind == PERSON and " " in span}
    kinds |= {s: OTHER if k == PERSON and " " not in s and s not in surnames else k for s, k in named.items()}
    return [(span, kinds[span], at) for span, at in recurring.items() if span not in inner and kinds[span] != ORIGIN]


def _kind_of(name: str, mentions: list[_Mention], sentences: list[_Sentence]) -> str:
    """What a name names, by the words beside it."""
    beside = set()
    for mention in mentions:
        text = sentences[mention.sentence].text
        before, after = (
            text[max(0, mention.start - 16) : mention.start].split(),
            text[mention.end : mention.end + 12].split(),
        )
        beside |= {before[-1].lower() + "_" if before else "", "_" + after[0] if after else ""}
    return kind_of_name(name, beside)


def _spans(text: str) -> Iterator[tuple[int, int, str]]:
    """(start, end, kind) of what may be asked for in a sentence; kind is empty for names."""
    taken = []
    for match in _DATE.finditer(text):
        taken.append(match.span())
        yield (*match.span(), DATE)
    for match in _NUMBER.finditer(text):
        if not any(start <= match.start() < end for start, end in taken):
            yield (*match.span(), YEAR_KIND if re.fullmatch(r"1[0-9]\d\d|20[0-2]\d", match.group()) else NUMBER)
    for start, end in names_in(text):
        if text[start:end] not in NOT_NAMES and (start > 0 or " " in text[start:end]):
            yield start, end, ""
    yield from ((start, end, TERM) for start, end in _terms(text))


def _terms(text: str) -> Iterator[tuple[int, int]]:
    """The ends, two to four words long, of runs of lower-case words none of which is a word of grammar; a whole run only
    where an article or a preposition opens it, for else it may open with a verb."""
    run: list[int] = []
    at, opener = 0, ""
    for word in text.split(" "):
        bare = word.rstrip(_MARKS)
        if bare.islower() and len(bare) > 2 and bare not in _NO_TERM and bare.replace("-", "").isalpha():
            run.append(at)
        closes = not run or run[-1] != at or bare != word
        if closes and run:
            end = at + len(bare) if run[-1] == at else at - 1
            if text[end - 2 : end] not in ("ed", "ly"):
                first = max(0 if opener in _OPENERS else 1, len(run) - 4)
                yield from ((run[i], end) for i in range(first, len(run) - 1))
            run = []
        if closes:
            opener = word.lower()
        at += len(word) + 1
    if len(run) > 2:
        yield run[-2], len(text)

"""Questions that came with answers and without passages -> paragraphs of texts that answer them.

People ask quiz masters and search engines more questions than anyone has marked passages for. A paragraph that holds an
answer and most of what the question speaks of often answers it (distant supervision: Mintz et al. 2009; for reading, Joshi et
al. 2017). A reader that stands already tells which: where it points at the answer by itself, the paragraph is taken; where it
does not, only one that shares most with the question is, and the reader has something to learn there.
Paragraphs that share most with a question and hold none of its answers, wherever they stand, are what a search would have
brought instead (as in dense passage retrieval: Karpukhin et al. 2020), and go with it as wrong ones.
"""

from __future__ import annotations

import math
import os
import re
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gpt.errors import DataError
from gpt.reader import Reader
from gpt.reading import STOP_WORDS, stem
from gpt.rows import corpus_rows
from gpt.sentences import sentence_spans
from gpt.squad import Article, Paragraph, SquadQuestion

if TYPE_CHECKING:
    import apsw

MAX_ANSWERS = 24  # wordings of one answer, the shortest
MAX_ANSWER_CHARS, MAX_ANSWER_WORDS = 60, 8
SHORT = 4  # characters of a wording that may be another word without its capitals
MAX_QUESTION_CHARS = 300
FOUND, JUDGED = 12, 3  # paragraphs a question: compared with it, and read
AGREED = 2  # paragraphs taken of a question where the reader agrees
SHARED_WHERE_AGREED = 0.8  # least that is shared there, of 2
SURE = -3.0  # margin from which the reader's agreement is enough
SHARED_ALONE = 1.3  # least that is shared where it does not agree
OTHERS = 12  # paragraphs of an article that answer nothing, at least, among which wrong ones are sought
FOUND_WRONG, WRONG = 14, 3  # paragraphs of any article that share most with a question: looked through, and taken
MAX_TITLE_CHARS = 200
MIN_WORDS, PARAGRAPH_WORDS, MAX_WORDS = 20, 60, 220  # of a paragraph; shorter lines are joined, longer ones cut
_WORD = re.compile(r"\w+")
_ASKING = STOP_WORDS | {"name", "named", "called"}
_SENTENCE_END = re.compile(r"[.!?] ")
_MATCH = "SELECT rowid FROM found WHERE found MATCH ? ORDER BY rank LIMIT ?"
_NAME = 4  # letters from which the last word of an answer alone may name it


@dataclass(frozen=True)
class OpenQuestion:
    """A question and the wordings of its answer."""

    question: str
    answers: tuple[str, ...]


@dataclass(frozen=True)
class _Candidate:
    """A paragraph that holds an answer at `places`; `shared` is the weight of the question's words that it shares, plus that
    of those in the sentence of the best place, the first of `places`, each as a fraction of all."""

    question: int
    paragraph: int
    text: str
    shared: float
    places: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class _Pair:
    """A question and the characters [start, end) of a paragraph that answer it."""

    question: int
    paragraph: int
    start: int
    end: int


def load_open_questions(path: Path) -> list[OpenQuestion]:
    """From JSON lines of {question, answers}. Raises DataError naming file and line."""
    found = []
    for row in corpus_rows(path, "question"):
        question, answers = row.values.get("question"), row.values.get("answers")
        if (
            not isinstance(question, str)
            or not isinstance(answers, list)
            or not all(isinstance(a, str) for a in answers)
        ):
            raise DataError(f"{row.place} is not an open question; give it a question and a list of answers, all texts")
        found.append(OpenQuestion(" ".join(question.split()), tuple(answers)))
    return found


def found_file(questions: Path) -> Path:
    """Where the passages for a file of open questions stand, if they were chosen elsewhere: a SQuAD-format file beside it."""
    return questions.with_suffix(".found.json.xz")


def distant_articles(questions: Sequence[OpenQuestion], texts: Iterable[str], reader: Reader) -> list[Article]:
    """The articles of `texts` (a title, a blank line, paragraphs as lines) in which paragraphs were found for some of the
    questions, with these and some of their other paragraphs; the same for the same arguments."""
    with tempfile.TemporaryDirectory(prefix="studygpt-distant-") as folder:
        library = _Library(Path(folder) / "paragraphs.db")
        try:
            library.fill(texts)
            pairs = _choose(questions, _candidates(questions, library), reader)
            return _articles(questions, pairs, _wrong(questions, pairs, library), library)
        finally:
            library.close()


class _Library:
    """Paragraphs of texts by number, found by their words: SQLite's FTS5."""

    def __init__(self, path: Path):
        self.path, self._local = path, threading.local()
        self._opened: list[apsw.Connection] = []

    @property
    def connection(self) -> apsw.Connection:
        """This thread's own."""
        if not hasattr(self._local, "connection"):
            import apsw  # here alone: a machine that is rented for training has none

            self._local.connection = apsw.Connection(str(self.path))
            self._opened.append(self._local.connection)
        connection: apsw.Connection = self._local.connection
        return connection

    def fill(self, texts: Iterable[str]) -> None:
        db = self.connection
        db.execute("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")
        db.execute("CREATE TABLE paragraph (id INTEGER PRIMARY KEY, article INTEGER, title TEXT, text TEXT)")
        db.execute(
            "CREATE VIRTUAL TABLE found USING fts5"
            "(title, text, content = 'paragraph', content_rowid = 'id', tokenize = 'porter unicode61')"
        )
        with db:
            db.executemany("INSERT INTO paragraph (article, title, text) VALUES (?, ?, ?)", _rows(texts))
            db.execute("INSERT INTO found (found) VALUES ('rebuild')")
            db.execute("CREATE INDEX of_article ON paragraph (article)")

    def close(self) -> None:
        """Closes the connections of all threads."""
        for connection in self._opened:
            connection.close()

    def find(self, question: OpenQuestion) -> list[int]:
        """Paragraphs that hold an answer, those first that share most with the question."""
        asked = _any_of(_content(question.question))
        answers = _any_of(" ".join(_WORD.findall(a)) for a in _wordings(question))
        return self._matching(f"text : ({answers}) AND ({asked})", FOUND) if asked and answers else []

    def find_wrong(self, question: OpenQuestion) -> list[int]:
        """Up to WRONG paragraphs that share most with the question and hold no answer, nor the last word of one."""
        asked = _any_of(_content(question.question))
        found = self._matching(f"text : ({asked})", FOUND_WRONG) if asked else []
        return [number for number in found if not _may_answer(self.paragraph(number)[2], question)][:WRONG]

    def _matching(self, query: str, limit: int) -> list[int]:
        return [int(row[0]) for row in self.connection.execute(_MATCH, (query, limit))]

    def paragraph(self, number: int) -> tuple[int, str, str]:
        """(article, title, text)."""
        sql = "SELECT article, title, text FROM paragraph WHERE id = ?"
        article, title, text = self.connection.execute(sql, (number,)).get
        return int(article), str(title), str(text)

    def of_article(self, article: int) -> list[tuple[int, str]]:
        """Its paragraphs in their order, as (number, text)."""
        sql = "SELECT id, text FROM paragraph WHERE article = ? ORDER BY id"
        return [(int(number), str(text)) for number, text in self.connection.execute(sql, (article,))]


def _rows(texts: Iterable[str]) -> Iterator[tuple[int, str, str]]:
    for article, text in enumerate(texts):
        title, _, body = text.partition("\n\n")
        if not body or len(title) > MAX_TITLE_CHARS:
            title, body = "", text
        yield from ((article, title, paragraph) for paragraph in _paragraphs(body))


def _paragraphs(body: str) -> Iterator[str]:
    """Lines, short ones joined and long ones cut at sentences; what stays too short is left out."""
    held = ""
    for line in (*body.split("\n"), ""):
        joined = f"{held} {line.strip()}".strip()
        if line and len(joined.split()) < PARAGRAPH_WORDS:
            held = joined
            continue
        held = ""
        while len(joined.split()) > MAX_WORDS:
            ends = [m.end() for m in _SENTENCE_END.finditer(joined)]
            cut = next((at for at in reversed(ends) if PARAGRAPH_WORDS <= len(joined[:at].split()) <= MAX_WORDS), None)
            if cut is None:
                break
            yield joined[:cut].strip()
            joined = joined[cut:].strip()
        if len(joined.split()) >= MIN_WORDS:
            yield joined


def _any_of(phrases: Iterable[str]) -> str:
    """What matches any of them, as FTS5 asks for it; empty for none."""
    return " OR ".join(f'"{phrase}"' for phrase in dict.fromkeys(phrases))


def _may_answer(text: str, question: OpenQuestion) -> bool:
    """Whether the text holds a wording of the answer, or the last word of one, which may be a surname."""
    wordings = [words for words in (_words(answer) for answer in question.answers) if words]
    named = [words[-1:] for words in wordings if len(words) > 1 and len(words[-1]) >= _NAME]
    held = f" {' '.join(_words(text))} "
    return any(f" {' '.join(words)} " in held for words in (*wordings, *named))


def _words(text: str) -> list[str]:
    return [found.group().lower() for found in _WORD.finditer(text)]


def _content(text: str) -> list[str]:
    """The lower-case words that say what is asked about."""
    return [word for word in _words(text) if word not in _ASKING and len(word) > 1]


def _wordings(question: OpenQuestion) -> list[str]:
    """The answer's wordings that can be looked for: short ones, without the bracket that tells an article's title from
    others, and none that the question itself names."""
    asked = question.question.lower()
    plain = dict.fromkeys(re.sub(r" \([^()]*\)$", "", answer).strip() for answer in question.answers)
    kept = [
        a
        for a in plain
        if 2 <= len(a) <= MAX_ANSWER_CHARS and 1 <= len(_WORD.findall(a)) <= MAX_ANSWER_WORDS and a.lower() not in asked
    ]
    return sorted(kept, key=len)[:MAX_ANSWERS]


def _candidates(questions: Sequence[OpenQuestion], library: _Library) -> list[_Candidate]:
    """Up to JUDGED paragraphs of each question, in order of the questions, those first that share most with it."""
    found = _on_all_cores(library.find, questions)
    numbers = sorted({number for each in found for number in each})
    texts = {number: library.paragraph(number) for number in numbers}
    held = {number: _stems(f"{title} {text}") for number, (_, title, text) in texts.items()}
    rarity = _rarity(held.values())
    candidates: list[_Candidate] = []
    for q, each in enumerate(found):
        weights = {s: rarity(s) for s in _stems(questions[q].question)}
        answer = _one_of(_wordings(questions[q]))
        own = []
        for number in each:
            text = texts[number][2]
            in_all = sum(w for s, w in weights.items() if s in held[number])
            placed = _places(text, answer, weights)
            if placed and sum(weights.values()) > 0:
                shared = (in_all + placed[0][0]) / sum(weights.values())
                own.append(_Candidate(q, number, text, shared, tuple(place for _, place in placed)))
        candidates += sorted(own, key=lambda c: -c.shared)[:JUDGED]
    return candidates


def _on_all_cores(find: Callable[[OpenQuestion], list[int]], questions: Sequence[OpenQuestion]) -> list[list[int]]:
    with ThreadPoolExecutor(min(16, os.cpu_count() or 1)) as workers:
        return list(workers.map(find, questions))


def _one_of(wordings: Sequence[str]) -> re.Pattern[str]:
    """Any of them as whole words, the longest first; capitals count in short ones ("IT", "Who")."""
    parts = [re.escape(w) if len(w) <= SHORT and w != w.lower() else f"(?i:{re.escape(w)})" for w in reversed(wordings)]
    return re.compile(rf"(?<!\w)(?:{'|'.join(parts)})(?!\w)")


def _places(text: str, answer: re.Pattern[str], weights: dict[str, float]) -> list[tuple[float, tuple[int, int]]]:
    """Where the answer stands, each place with the weight of what its sentence shares with the question, most first."""
    places = []
    for start, end in sentence_spans(text):
        stems = _stems(text[start:end])
        weight = sum(w for s, w in weights.items() if s in stems)
        places += [(weight, found.span()) for found in answer.finditer(text, start, end)]
    return sorted(places, key=lambda one: -one[0])


def _stems(text: str) -> frozenset[str]:
    return frozenset(stem(word) for word in _content(text))


def _rarity(documents: Collection[frozenset[str]]) -> Callable[[str], float]:
    """The inverse document frequency of a stem."""
    counts = Counter(stem for stems in documents for stem in stems)
    return lambda stem: math.log1p(len(documents) / (1 + counts[stem]))


def _choose(questions: Sequence[OpenQuestion], candidates: Sequence[_Candidate], reader: Reader) -> list[_Pair]:
    """Of each question up to AGREED paragraphs in which the reader points at the answer, else one that shares much with it."""
    read = reader.read_batch([(questions[c.question].question[:MAX_QUESTION_CHARS], [c.text]) for c in candidates])
    agreed: dict[int, list[_Pair]] = {}
    alone: dict[int, _Pair] = {}
    for candidate, reading in zip(candidates, read, strict=True):
        q, best = candidate.question, reading.spans[0] if reading.spans else None
        if best is not None and any(_mostly(place, (best.start, best.end)) for place in candidate.places):
            if candidate.shared >= SHARED_WHERE_AGREED or best.score > SURE:
                blanks = len(candidate.text[best.start :]) - len(candidate.text[best.start :].lstrip())
                pair = _Pair(q, candidate.paragraph, best.start + blanks, best.end)
                agreed.setdefault(q, []).append(pair)
        elif candidate.shared >= SHARED_ALONE:
            alone.setdefault(q, _Pair(q, candidate.paragraph, *candidate.places[0]))
    return [pair for q in sorted({*agreed, *alone}) for pair in (agreed[q][:AGREED] if q in agreed else [alone[q]])]


def _mostly(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether the ranges have at least half of the longer one in common."""
    common = min(one[1], other[1]) - max(one[0], other[0])
    return 2 * common >= max(one[1] - one[0], other[1] - other[0])


def _wrong(questions: Sequence[OpenQuestion], pairs: Sequence[_Pair], library: _Library) -> dict[int, list[int]]:
    """Of each question that has a pair, paragraphs that only seem to answer it."""
    chosen = sorted({pair.question for pair in pairs})
    return dict(zip(chosen, _on_all_cores(library.find_wrong, [questions[q] for q in chosen]), strict=True))


def _articles(
    questions: Sequence[OpenQuestion], pairs: Sequence[_Pair], wrong: dict[int, list[int]], library: _Library
) -> list[Article]:
    asked: dict[int, dict[int, list[_Pair]]] = {}  # article -> paragraph -> pairs
    for pair in pairs:
        article = library.paragraph(pair.paragraph)[0]
        asked.setdefault(article, {}).setdefault(pair.paragraph, []).append(pair)
    made = []
    for number, of_paragraph in sorted(asked.items()):
        own = _article(questions, of_paragraph, library, number)
        shown = {p.context for p in own.paragraphs}
        seeming = sorted({n for pairs in of_paragraph.values() for pair in pairs for n in wrong[pair.question]})
        strange = dict.fromkeys(library.paragraph(n)[2] for n in seeming)
        more = tuple(Paragraph(text, ()) for text in strange if text not in shown)
        made.append(Article(own.title, (*own.paragraphs, *more)))
    return made


def _article(
    questions: Sequence[OpenQuestion], asked: dict[int, list[_Pair]], library: _Library, number: int
) -> Article:
    """The paragraphs that answer, and those nearest to them in the article."""
    everything = library.of_article(number)
    far = {n: min(abs(n - paragraph) for paragraph in asked) for n, _ in everything}
    others = sorted((n for n in far if n not in asked), key=lambda n: far[n])[: max(OTHERS, 3 * len(asked))]
    title = library.paragraph(next(iter(asked)))[1]
    return Article(
        title,
        tuple(
            Paragraph(text, tuple(_labelled(questions[p.question], p, text, title) for p in asked.get(n, [])))
            for n, text in everything
            if n in asked or n in others
        ),
    )


def _labelled(asked: OpenQuestion, pair: _Pair, text: str, title: str) -> SquadQuestion:
    identity = f"distant-{pair.question}-{pair.paragraph}"
    return SquadQuestion(identity, asked.question, text, (text[pair.start : pair.end],), (pair.start,), False, title)

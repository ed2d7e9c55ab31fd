"""Passages as notes hold them. Labelled questions come with encyclopedia's prose; a study folder is Markdown, notebooks and
LaTeX. The same passages with headings, emphasis, links, lists, wrapped lines, formulas and code beside the prose teach that
none of these changes what answers a question.
"""

from __future__ import annotations

import random
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from gpt.sentences import sentence_spans
from gpt.squad import Article, Paragraph, SquadQuestion

_WORD = re.compile(r"\b[^\W\d_]{4,}\b")
_TERM = re.compile(r"\b[^\W\d_][\w-]{2,}(?: [^\W\d_][\w-]{3,}){0,2}\b")
_EMPHASIS = ("**", "**", "*", "_", "`")
_ITEMS = ("- ", "* ", "+ ", "1. ")
_CITATIONS = (
    "[{n}]",
    "[@{w}{n}]",
    ":cite:`{w}.{n}`",
    "\\cite{{{w}{n}}}",
    ":numref:`sec_{w}`",
    "[^{n}]",
    "<sup>{n}</sup>",
)
_LINKS = ("https://{w}.org/{v}", "../{w}/{v}.md", "#{w}-{v}", "https://en.wikipedia.org/wiki/{w}")
_FORMULAS = ("${x}$", "$\\mathbf{{{x}}}$", "${x}_{n}$", "\\({x} \\in \\mathbb{{R}}^{n}\\)", "$\\{w}$")
_DISPLAYED = ("$${x} = \\{w}({y}) + {n}$$", "\\[{x}_{n} = \\frac{{{y}}}{{{n}}}\\]", "$$\\sum_i {x}_i {y}_i$$")
_CODE = (
    "{w}_{v} = {u}({w}, {n})",
    "for {x} in {w}:\n    {v}.{u}({x})",
    "def {w}_{v}({u}, {x}={n}):\n    return {u}",
    "print({w}.{v}())",
    "import {w} as {x}",
    "# {w} {v} {u}",
    "{w} = {v}[{n}:]\n{u}({w})",
)
_FENCES = (
    ("```python\n", "\n```"),
    ("```\n", "\n```"),
    ("```{{.python .input}}\n", "\n```"),
    ("In [7]:\n", ""),
    ("", ""),
)


@dataclass(frozen=True, slots=True)
class _Edit:
    """Pieces (start, end, what takes their place) that are made together or not at all."""

    pieces: tuple[tuple[int, int, str], ...]

    @property
    def range(self) -> tuple[int, int]:
        return self.pieces[0][0], self.pieces[-1][1]


def some_as_notes(article: Article, share: float) -> Article:
    """The article with about `share` of its paragraphs `as_notes`; the same at every call."""
    rng = random.Random(article.title)
    chosen = (as_notes(p, rng) if rng.random() < share else p for p in article.paragraphs)
    return replace(article, paragraphs=tuple(chosen))


def as_notes(paragraph: Paragraph, rng: random.Random) -> Paragraph:
    """The paragraph with marks of a markup language put in, its words as they were and in their order. The answers are the
    same words, with the marks that now stand between them; no mark begins or ends one."""
    text = paragraph.context
    answers = [(at, at + len(a)) for q in paragraph.questions for a, at in zip(q.answers, q.answer_starts, strict=True)]
    kept: list[tuple[int, int, str]] = []
    for edit in _edits(text, rng):
        if not any(_crosses(edit.range, answer) for answer in answers) and not _overlaps(edit.pieces, kept):
            kept += edit.pieces
    kept.sort()
    marked = _Marked.of(text, kept)
    return Paragraph(marked.text, tuple(_moved(question, marked) for question in paragraph.questions))


@dataclass(frozen=True)
class _Marked:
    """A text after its edits, and where its places are now."""

    text: str
    begins: list[int]
    ends: list[int]
    grown: list[int]  # by the first k edits together

    @classmethod
    def of(cls, text: str, edits: Sequence[tuple[int, int, str]]) -> _Marked:
        parts, done = [], 0
        for start, end, new in edits:
            parts += [text[done:start], new]
            done = end
        grown = [0, *accumulate(len(new) - (end - start) for start, end, new in edits)]
        return cls("".join([*parts, text[done:]]), [e[0] for e in edits], [e[1] for e in edits], grown)

    def first(self, at: int) -> int:
        """The new place of the character at `at`, behind what was put in before it."""
        return at + self.grown[bisect_right(self.ends, at)]

    def behind(self, at: int) -> int:
        """The new place of the end of the character before `at`, in front of what was put in behind it."""
        return at + self.grown[bisect_left(self.begins, at)]


def _moved(question: SquadQuestion, marked: _Marked) -> SquadQuestion:
    places = [
        (marked.first(at), marked.behind(at + len(answer)))
        for answer, at in zip(question.answers, question.answer_starts, strict=True)
    ]
    return replace(
        question,
        context=marked.text,
        answers=tuple(marked.text[start:end] for start, end in places),
        answer_starts=tuple(start for start, _ in places),
    )


def _crosses(edit: tuple[int, int], answer: tuple[int, int]) -> bool:
    """Whether one of the answer's ends would stand between the edit's pieces, or at a gap inside the answer."""
    (start, end), (first, last) = edit, answer
    apart, around = end <= first or start >= last, start <= first and last <= end
    inside = first < start and end < last and end - start > 1  # a pair of marks, or one blank's place
    blank = first < start and end < last and end - start == 1
    return not (apart or around or inside or blank)


def _overlaps(pieces: Sequence[tuple[int, int, str]], kept: Sequence[tuple[int, int, str]]) -> bool:
    """Whether they touch what is already edited: marks side by side could change each other's meaning."""
    return any(start <= until and at <= end for start, end, _ in pieces for at, until, _ in kept)


# The ways, each with how often a passage gets it.


def _edits(text: str, rng: random.Random) -> Iterator[_Edit]:
    for chance, way in ((0.25, _heading), (0.15, _list), (0.25, _code), (0.2, _paragraphs), (0.15, _displayed)):
        if rng.random() < chance:
            yield from way(text, rng)
    for chance, way in ((0.5, _emphasis), (0.25, _links), (0.25, _citations), (0.2, _formulas), (0.4, _wrapped)):
        if rng.random() < chance:
            yield from way(text, rng)


def _filled(form: str, text: str, rng: random.Random) -> str:
    words = [w.lower() for w in _WORD.findall(text)] or ["x"]
    w, v, u = (rng.choice(words) for _ in range(3))
    x, y = rng.choice("xywhzq"), rng.choice("abkvts")
    return form.format(w=w, v=v, u=u, x=x, y=y, n=rng.randrange(1, 200))


def _gaps(text: str) -> list[tuple[int, int]]:
    """The blanks between sentences."""
    spans = sentence_spans(text)
    return [(end, start) for (_, end), (start, _) in pairwise(spans)]


def _at_a_gap(text: str, block: str, rng: random.Random) -> _Edit:
    """The block on lines of its own: before the text, behind it, or between two sentences."""
    places = [(0, 0, f"{block}\n\n"), (len(text), len(text), f"\n\n{block}")]
    places += [(start, end, f"\n\n{block}\n\n") for start, end in _gaps(text)]
    return _Edit((rng.choice(places),))


def _heading(text: str, rng: random.Random) -> Iterator[_Edit]:
    term = _TERM.search(text, rng.randrange(len(text) // 2 + 1)) or _TERM.search(text)
    words = term.group() if term else "Notes"
    label = _filled(rng.choice(("", "", "\n:label:`sec_{w}`", " {{#{w}}}")), text, rng)
    yield _Edit(((0, 0, f"{'#' * rng.choice((1, 2, 2, 3))} {words.title()}{label}\n\n"),))


def _list(text: str, rng: random.Random) -> Iterator[_Edit]:
    item = rng.choice(_ITEMS)
    yield _Edit(((0, 0, item),))
    yield from (_Edit(((start, end, f"\n{item}"),)) for start, end in _gaps(text))


def _paragraphs(text: str, rng: random.Random) -> Iterator[_Edit]:
    yield from (_Edit(((start, end, "\n\n"),)) for start, end in _gaps(text) if rng.random() < 0.4)


def _code(text: str, rng: random.Random) -> Iterator[_Edit]:
    lines = [_filled(rng.choice(_CODE), text, rng) for _ in range(rng.randrange(1, 5))]
    before, behind = rng.choice(_FENCES)
    yield _at_a_gap(text, f"{before.format()}{chr(10).join(lines)}{behind}", rng)


def _displayed(text: str, rng: random.Random) -> Iterator[_Edit]:
    yield _at_a_gap(text, _filled(rng.choice(_DISPLAYED), text, rng), rng)


def _some(pattern: re.Pattern[str], text: str, rng: random.Random, most: int) -> list[re.Match[str]]:
    found = list(pattern.finditer(text))
    return rng.sample(found, min(len(found), rng.randint(1, most)))


def _emphasis(text: str, rng: random.Random) -> Iterator[_Edit]:
    mark = rng.choice(_EMPHASIS)
    for term in _some(_TERM, text, rng, 4):
        yield _Edit(((term.start(), term.start(), mark), (term.end(), term.end(), mark)))


def _links(text: str, rng: random.Random) -> Iterator[_Edit]:
    for term in _some(_TERM, text, rng, 3):
        to = _filled(rng.choice(_LINKS), text, rng)
        yield _Edit(((term.start(), term.start(), "["), (term.end(), term.end(), f"]({to})")))


def _citations(text: str, rng: random.Random) -> Iterator[_Edit]:
    form = rng.choice(_CITATIONS)
    for word in _some(_WORD, text, rng, 3):
        yield _Edit(((word.end(), word.end(), " " * (form[0] in ":\\") + _filled(form, text, rng)),))


def _formulas(text: str, rng: random.Random) -> Iterator[_Edit]:
    form = rng.choice(_FORMULAS)
    for word in _some(_WORD, text, rng, 3):
        yield _Edit(((word.end(), word.end(), " " + _filled(form, text, rng)),))


def _wrapped(text: str, rng: random.Random) -> Iterator[_Edit]:
    width, begin = rng.randrange(55, 110), 0
    while len(text) - begin > width:
        at = text.rfind(" ", begin + 1, begin + width)
        if at < 0:
            return
        yield _Edit(((at, at + 1, "\n"),))
        begin = at + 1

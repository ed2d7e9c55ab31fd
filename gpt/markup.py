"""Passages as notes hold them. Labelled questions come with an encyclopedia's prose; a study folder is Markdown, notebooks and
LaTeX. Passages with code, formulas, tables, citations, labels and list marks between their words teach that none of these
answers a question. Headings, emphasis, links and line ends are not among them: readers are not shown these (rag/augment.py).
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
_ITEMS = ("- ", "* ", "+ ", "1. ", "> ")
_CITATIONS = (
    "[{n}]",
    " [@{w}{n}]",
    " :cite:`{w}.{n}`",
    " \\cite{{{w}{n}}}",
    " (:numref:`sec_{w}`)",
    "[^{n}]",
    "<sup>{n}</sup>",
    " ({w} et al., 20{m})",
)
_FORMULAS = (
    " ${x}$",
    " $\\mathbf{{{x}}}$",
    " ${x}_{n}$",
    " \\({x} \\in \\mathbb{{R}}^{n}\\)",
    " $\\{w}({x})$",
    " {{\\displaystyle {x}_{{{y}}}}}",
)
_BETWEEN = (
    "$${x} = \\{w}({y}) + {n}$$",
    "\\[{x}_{n} = \\frac{{{y}}}{{{n}}}\\]",
    "$$\\sum_i {x}_i {y}_i$$ :eqlabel:`eq_{w}`",
    ":label:`sec_{w}`",
    '<img src="assets/{w}-{v}.png" width="{n}">',
    "<a name='{w}'></a>",
    "&nbsp; <br>",
    "| {w} | {v} | |---|---| | {u} | {n} | | {x} | {m} |",
    "- {w} - {v} - {u}",
    "```{{.python .input}} %%tab {w} ```",
    "Out[{n}]: {m}",
    "{n}.{m} {w} {v}",
)
_CODE = (
    "{w}_{v} = {u}({w}, {n})",
    "for {x} in {w}: {v}.{u}({x})",
    "def {w}_{v}({u}, {x}={n}): return {u}",
    "print({w}.{v}())",
    "import {w} as {x}",
    "# {w} {v} {u}",
    "{w} = {v}[{n}:] {u}({w})",
    "class {w}({v}.{u}): {x} = {n}",
)
_FENCES = (("```python ", " ```"), ("``` ", " ```"), ("In [7]: ", ""), ("", ""))


@dataclass(frozen=True)
class _Marked:
    """A text after insertions, and where its places are now."""

    text: str
    places: list[int]
    grown: list[int]  # by the first k insertions together

    @classmethod
    def of(cls, text: str, insertions: Sequence[tuple[int, str]]) -> _Marked:
        parts, done = [], 0
        for at, new in insertions:
            parts += [text[done:at], new]
            done = at
        grown = [0, *accumulate(len(new) for _, new in insertions)]
        return cls("".join([*parts, text[done:]]), [at for at, _ in insertions], grown)

    def first(self, at: int) -> int:
        """The new place of the character at `at`, behind what was put in before it."""
        return at + self.grown[bisect_right(self.places, at)]

    def behind(self, at: int) -> int:
        """The new place of the end of the character before `at`, in front of what was put in behind it."""
        return at + self.grown[bisect_left(self.places, at)]


def some_as_notes(article: Article, share: float) -> Article:
    """The article with about `share` of its paragraphs `as_notes`; the same at every call."""
    return article.with_some(share, as_notes, article.title)


def as_notes(paragraph: Paragraph, rng: random.Random) -> Paragraph:
    """The paragraph with what notes hold put in between its words, which stay as they were and in their order. An answer is
    the same words; formulas and citations may come between them, but never before its first or behind its last one."""
    text = paragraph.context
    answers = [(at, at + len(a)) for q in paragraph.questions for a, at in zip(q.answers, q.answer_starts, strict=True)]
    gaps = [at for at in _gaps(text) if not any(start < at < end for start, end in answers)]
    made: dict[int, str] = {}
    for at, new in _insertions(text, gaps, rng):
        made.setdefault(at, new)
    marked = _Marked.of(text, sorted(made.items()))
    return Paragraph(marked.text, tuple(_moved(question, marked) for question in paragraph.questions))


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


def _gaps(text: str) -> list[int]:
    """Where the sentences begin, and the text's end."""
    spans = sentence_spans(text)
    return [0, *(start for _, (start, _) in pairwise(spans)), len(text)]


def _insertions(text: str, gaps: list[int], rng: random.Random) -> Iterator[tuple[int, str]]:
    """(where, what), of some kinds; of two at one place the first counts."""
    if rng.random() < 0.2:
        item = rng.choice(_ITEMS)
        yield from ((at, item) for at in gaps if at < len(text))
    if rng.random() < 0.4:
        lines = [_filled(rng.choice(_CODE), text, rng) for _ in range(rng.randrange(1, 5))]
        before, behind = rng.choice(_FENCES)
        yield _alone(rng.choice(gaps), f"{before}{' '.join(lines)}{behind}", text)
    if rng.random() < 0.6:
        for at in rng.sample(gaps, min(len(gaps), rng.randrange(1, 3))):
            yield _alone(at, _filled(rng.choice(_BETWEEN), text, rng), text)
    for forms in (_CITATIONS, _FORMULAS):
        if rng.random() < 0.4:
            form, words = rng.choice(forms), list(_WORD.finditer(text))
            for word in rng.sample(words, min(len(words), rng.randrange(1, 4))):
                yield word.end(), _filled(form, text, rng)


def _alone(at: int, block: str, text: str) -> tuple[int, str]:
    return (at, f" {block}") if at == len(text) else (at, f"{block} ")


def _filled(form: str, text: str, rng: random.Random) -> str:
    words = [w.lower() for w in _WORD.findall(text)] or ["x"]
    w, v, u = (rng.choice(words) for _ in range(3))
    x, y = rng.choice("xywhzq"), rng.choice("abkvts")
    return form.format(w=w, v=v, u=u, x=x, y=y, n=rng.randrange(1, 200), m=rng.randrange(10, 26))

"""Where the sentences of a text begin and end, by rule."""

from __future__ import annotations

import re

_BREAK = re.compile(r"[.!?…]+[\"”'’)\]]*\s+(?=[\"“'‘(\[]?[A-Z0-9])")
_LAST_WORD = re.compile(r"(\S+)$")
_ABBREVIATIONS = frozenset(
    """mr mrs ms dr st mt ft sr jr prof gen col lt sgt capt rev hon gov sen rep pres no vol vs fig eq etc cf al ca c inc
    ltd co corp dept est approx jan feb mar apr jun jul aug sep sept oct nov dec e.g i.e u.s u.k u.n d.c a.m p.m""".split()
)


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """(start, end) of each sentence, its closing mark included and the blanks between sentences not.

    A line that ends is no sentence's end by itself; a stop after an abbreviation, an initial or a list's number is none.
    """
    spans, begin = [], 0
    for found in _BREAK.finditer(text):
        if found.group().startswith(".") and _abbreviated(text[begin : found.start()]):
            continue
        end = found.start() + len(found.group().rstrip())
        spans.append((begin, end))
        begin = found.end()
    end = len(text.rstrip())
    begin += len(text[begin:]) - len(text[begin:].lstrip())
    return [*spans, (begin, end)] if end > begin else spans


def _abbreviated(before: str) -> bool:
    last = _LAST_WORD.search(before)
    if last is None:
        return True
    word = last[1].lstrip("(\"“'‘[")
    return (
        word.lower() in _ABBREVIATIONS
        or bool(re.fullmatch(r"[A-Z](\.[A-Z])*|\d{1,2}", word) and last.start() < 3)
        or (len(word) == 1 and word.isupper() and word != "I")
    )

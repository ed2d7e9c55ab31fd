"""What a user typed, as what to look for: plain words, or words, "phrases", prefixes* and AND, OR, NOT or -word.

The pieces are put together here as FTS5 expressions. Every piece stands in double quotes
(https://sqlite.org/fts5.html#fts5_strings), so no text is ever taken for FTS5's syntax.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

MAX_TERMS = 64  # distinct terms of a query that are looked up; the rest of a very long query is ignored

STOPWORDS = frozenset(
    """a about am an and are as at be been being but by can could did do does doing for from had has have having he her
    hers him his how i if in into is it its itself me my no nor not of on or our ours she should so such than that the
    their theirs them then there these they this those to too us was we were what when where which while who whom why
    will with would you your yours""".split()
)

# a phrase, or a run of signs that are no space; either after a minus. A quote that is not closed is a sign like others
_TOKEN = re.compile(r'(?P<minus>(?<!\S)-)?(?:"(?P<phrase>[^"]*)"|(?P<word>[^\s"]+|"))')
_OPERATORS = ("AND", "OR", "NOT")


@dataclass(frozen=True, slots=True)
class Query:
    """`text` is what the embedding model reads. `ranked` is the FTS5 expression that words are ranked by, None without
    words; `required` the one that every hit has to fulfil, None for a plain question."""

    text: str
    ranked: str | None
    required: str | None = None


@dataclass(frozen=True, slots=True)
class _Piece:
    """One word, prefix or phrase as the user meant it; `text` without its signs, `fts` as FTS5 wants it."""

    text: str
    fts: str
    needed: bool
    excluded: bool


def plain(text: str) -> Query:
    """All words of `text` and no syntax: how a question is looked for."""
    terms = query_terms(text)
    return Query(text, _any_of([f'"{term}"' for term in terms]))


def parse(text: str) -> Query:
    """The query that `text` writes; any text is one.

    A phrase or prefix has to be there, and so have both sides of AND; what follows NOT or a minus must not; OR stands
    between alternatives and binds least. Other words beside these only rank. Without any of it, `plain(text)`; so too
    when there is nothing to look for but what must not be there.
    """
    alternatives = [pieces for pieces in _alternatives(text) if any(not piece.excluded for piece in pieces)]
    sought = [piece for pieces in alternatives for piece in pieces if not piece.excluded]
    strict = len(alternatives) > 1 or any(piece.needed or piece.excluded for pieces in alternatives for piece in pieces)
    if not strict or not sought:
        return plain(text)
    ranked = _any_of([piece.fts for piece in _telling(sought)])
    required = _any_of([_condition(pieces) for pieces in alternatives])
    return Query(" ".join(piece.text for piece in sought), ranked, required)


def query_terms(query: str) -> list[str]:
    """The distinct words of a query without its stopwords; all of its words when it has no others."""
    words = list(dict.fromkeys(re.findall(r"\w+", query.lower())))
    return ([word for word in words if word not in STOPWORDS] or words)[:MAX_TERMS]


def _alternatives(text: str) -> Iterator[list[_Piece]]:
    """The pieces between the ORs."""
    pieces: list[_Piece] = []
    tokens = list(_TOKEN.finditer(text))[: 2 * MAX_TERMS]
    for at, token in enumerate(tokens):
        word = token["word"]
        if word == "OR" and pieces and at + 1 < len(tokens):
            yield pieces
            pieces = []
        elif word not in _OPERATORS or at + 1 == len(tokens) or (at == 0 and word != "NOT"):
            before = tokens[at - 1]["word"] if at else None
            after = tokens[at + 1]["word"] if at + 1 < len(tokens) else None
            joined = (before == "AND" and at > 1) or (after == "AND" and at + 2 < len(tokens))
            pieces += _pieces(token, joined, excluded=before == "NOT" or token["minus"] is not None)
    yield pieces


def _pieces(token: re.Match[str], joined: bool, excluded: bool) -> list[_Piece]:
    """What a token asks for; a word with signs inside, such as `pre-norm`, is a phrase of its parts."""
    text = token["phrase"] if token["phrase"] is not None else token["word"]
    words = re.findall(r"\w+", text)
    if not words:
        return []
    prefix = token["phrase"] is None and text.endswith("*") and text[-2].isalnum()
    needed = not excluded and (joined or prefix or token["phrase"] is not None)
    shown = text.removesuffix("*") if prefix else text
    return [_Piece(shown, f'"{" ".join(words)}"{" *" if prefix else ""}', needed, excluded)]


def _telling(pieces: Sequence[_Piece]) -> list[_Piece]:
    """The pieces without stopwords that need not be there; all when there are no others."""
    return [piece for piece in pieces if piece.needed or piece.text.lower() not in STOPWORDS] or list(pieces)


def _condition(pieces: Sequence[_Piece]) -> str:
    """The expression for one alternative: what is needed, else any of its words, and nothing that is excluded."""
    sought = [piece for piece in pieces if not piece.excluded]
    needed = [piece.fts for piece in sought if piece.needed]
    found = f"({' AND '.join(needed)})" if needed else f"({_any_of([piece.fts for piece in _telling(sought)])})"
    excluded = [piece.fts for piece in pieces if piece.excluded]
    return f"({found} NOT ({_any_of(excluded)}))" if excluded else found


def _any_of(expressions: Sequence[str]) -> str | None:
    return " OR ".join(dict.fromkeys(expressions)) or None

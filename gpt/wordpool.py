"""The words of an article by kind, each with the company it keeps: what a question about the article might have said.

Kinds are told by position, without a tagger: a noun stands between an article and a function word, a past form after a
subject or a form of "be", a base form after "to" or a modal. Words that keep the same company are alike (Harris 1954).
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

_JOINT = "of|the|de|la|von|van|du|and the"
_CAPITAL = r"[A-Z][\w’'-]*(?:\.(?=[A-Z ]\w))?"
NAME = re.compile(rf"\b{_CAPITAL}(?:(?: (?:{_JOINT}))? {_CAPITAL})*")
YEAR = re.compile(r"\b(?:1[0-9]\d\d|20[0-2]\d)\b(?![,.]\d)")
_DETERMINER = "the|a|an|his|her|its|their|this|each|every|no|another"
_AFTER_NOUN = r"(?=[,.;?)]| (?:of|in|on|at|is|was|were|are|has|had|to|for|from|that|which|who|and|by|as|with|during)\b)"
_NOUN = re.compile(rf"\b({_DETERMINER}|of|in|many|most|some|several) ([a-z]{{4,}}){_AFTER_NOUN}")
_ADJECTIVE = re.compile(
    rf"\b({_DETERMINER}) ([a-z]{{2,}}(?:al|ic|ive|ous|ary|ful|less|ian|ish|able|ible|ern|ant|ent|est)) ([a-z]{{4,}})"
)
_PAST = re.compile(r"\b(was|were|is|are|been|had|has|he|she|it|they|who|which|that|also) ([a-z]{3,}ed)\b(?: ([a-z]+))?")
_BASE = re.compile(
    r"\b(to|would|could|can|will|must|should|may|might|did|not) ([a-z]{4,}) (the|a|an|his|her|its|their)\b"
)
_PHRASE = re.compile(rf"\b(?:in|during|at|near|under|outside) (?:(?:the )?{NAME.pattern[2:]}|(?:1[0-9]|20)\d\d\b)")
GENERIC = frozenset(
    """name type kind number year term word part thing example people person group time way case form order amount rest area
    use many most some other same such more than these those there them then they what which who same addition fact
    place member members level first second third wake percent result end beginning""".split()
)
_NO_NAMES = frozenset(
    """The A An In On At He She It They We You I His Her Its Their This That These Those There Here And But Or For From By With
    As If When While After Before During Since Although However Many Most Some Several Both Each Other Another One Two Three
    Also Such According Because Through Under Until Not No To Of All Although Despite Later Today Early Along Within Among
    Between Additionally Furthermore Moreover Where What Which Who Why How Whose Whom Then Thus Once Only Unlike Like Even
    Our My Your Over Since Late Up About Following Upon Instead Prior Due Finally First Second Nevertheless Often""".split()
)
MAX_ALIKE = 12


@dataclass(frozen=True)
class Pool:
    """Lower-case words by kind -> their contexts ("of_" before, "_in" after); names and years as written; `phrases` are
    places and times with their preposition ("in Paris")."""

    names: dict[str, frozenset[str]]
    nouns: dict[str, frozenset[str]]
    adjectives: dict[str, frozenset[str]]
    pasts: dict[str, frozenset[str]]
    bases: dict[str, frozenset[str]]
    years: tuple[str, ...]
    phrases: tuple[str, ...]
    _alike: dict[tuple[str, str], list[str]] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, contexts: Iterable[str]) -> Pool:
        """The pool of an article's paragraphs."""
        contexts = list(contexts)
        text = "\n".join(contexts)
        nouns, adjectives, pasts, bases = (_contexts(pattern, text) for pattern in (_NOUN, _ADJECTIVE, _PAST, _BASE))
        return cls(
            _name_contexts(contexts),
            nouns,
            adjectives,
            pasts,
            bases,
            tuple(sorted(set(YEAR.findall(text)))),
            tuple(sorted({m.group() for m in _PHRASE.finditer(text) if m.group().split()[-1] not in _NO_NAMES})),
        )

    def alike(self, kind: str, word: str, rng: random.Random) -> list[str]:
        """Words of `kind` (a field's name) in random order, those that keep company with `word`'s companions first."""
        words: dict[str, frozenset[str]] = getattr(self, kind)
        key = (kind, word)
        if key not in self._alike:
            self._alike[key] = _nearest(words, word)
        near = list(self._alike[key])
        rng.shuffle(near)
        others = list(words)
        return near + (rng.sample(others, min(len(others), MAX_ALIKE)) if others else [])


def names_in(text: str) -> list[tuple[int, int]]:
    """(start, end) of the capitalised names of a text; words that are capital only by their place are left out."""
    found = []
    for match in NAME.finditer(text):
        start, end = match.span()
        first = text[start:end].split(" ", 1)
        while first[0] in _NO_NAMES and len(first) == 2:
            start += len(first[0]) + 1
            first = text[start:end].split(" ", 1)
        name = text[start:end]
        end -= 2 if name.endswith(("'s", "’s")) else 1 if name.endswith(("'", "’", "-")) else 0
        if name not in _NO_NAMES and end - start > 1 and text[start].isupper():
            found.append((start, end))
    return found


def _name_contexts(contexts: Iterable[str]) -> dict[str, frozenset[str]]:
    made: dict[str, set[str]] = {}
    for text in contexts:
        lower: set[str] | None = None
        for start, end in names_in(text):
            name = text[start:end]
            before = text[max(0, start - 16) : start].split(" ")
            if (start == 0 or text[start - 2 : start - 1] in ".?!") and " " not in name:
                lower = lower if lower is not None else set(re.findall(r"\b[a-z]+", " ".join(contexts)))
                if name.lower() in lower:
                    continue
            after = text[end : end + 16].split(" ")
            company = made.setdefault(name, set())
            company.add(f"{before[-2].lower() if len(before) > 1 else ''}_")
            company.add(f"_{after[1].lower() if len(after) > 1 and not after[0] else after[0]}")
    return {name: frozenset(company) for name, company in made.items()}


def _contexts(pattern: re.Pattern[str], text: str) -> dict[str, frozenset[str]]:
    made: dict[str, set[str]] = {}
    for match in pattern.finditer(text):
        if match[2] not in GENERIC:
            company = made.setdefault(match[2], set())
            company.add(f"{match[1]}_")
            company.add("_" + (match[3] or "" if pattern.groups > 2 else text[match.end() : match.end() + 4].strip()))
    return {word: frozenset(company) for word, company in made.items()}


def _nearest(words: dict[str, frozenset[str]], word: str) -> list[str]:
    """The words whose company is most like `word`'s (Jaccard), with its shape: plural with plural, long with long."""
    company = words.get(word, frozenset())
    n_words, plural = word.count(" "), word.endswith("s")
    head = word.rsplit(" ", 1)[-1] if n_words else ""

    def likeness(other: str) -> float:
        theirs = words[other]
        shared = len(company & theirs) / (len(company | theirs) or 1)
        same_head = head != "" and other.endswith(" " + head)
        return (
            shared + 0.3 * (other.endswith("s") == plural) + 0.2 * ((other.count(" ") > 0) == (n_words > 0)) + same_head
        )

    return sorted((other for other in words if other != word), key=likeness, reverse=True)[:MAX_ALIKE]

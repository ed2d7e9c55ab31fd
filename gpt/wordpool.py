"""The words of an article by kind: what a question about the article might have said instead.

Kinds are told by position, without a tagger: a noun stands between an article and a function word, a past form after a
subject or a form of "be", a base form after "to" or a modal. Words are alike when they keep the same company (Harris 1954).
"""

from __future__ import annotations

import heapq
import math
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from gpt.names import NAME, NOT_NAMES, ORIGIN, PLACE, kind_of_name, names_in

YEAR = re.compile(r"\b(?:1[0-9]\d\d|20[0-2]\d)\b(?![,.]\d)")
_DETERMINER = "[Tt]he|[Aa]n?|his|her|its|their|this|each|every|no|another"
_AFTER_NOUN = r"(?=[,.;?)]| (?:of|in|on|at|is|was|were|are|has|had|to|for|from|that|which|who|and|by|as|with|during)\b)"
_NOUN = re.compile(rf"\b(?:{_DETERMINER}|of|in|many|most|some|several) ([a-z]{{4,}}){_AFTER_NOUN}")
_ADJECTIVE = re.compile(
    rf"\b(?:{_DETERMINER}) ([a-z]{{2,}}(?:al|ic|ive|ous|ary|ful|less|ian|ish|able|ible|ern|ant|ent|est)) [a-z]{{4,}}"
)
_PAST = re.compile(r"\b(?:was|were|is|are|been|had|has|he|she|it|they|who|which|that|also) ([a-z]{3,}ed)\b")
_BASE = re.compile(
    r"\b(?:to|would|could|can|will|must|should|may|might|did|not) ([a-z]{4,}) (?:the|a|an|his|her|its|their)\b"
)
_PHRASE = re.compile(rf"\b(?:in|during|at|near|under|outside) (?:(?:the )?({NAME.pattern})|(?:1[0-9]|20)\d\d\b)")
_TOKEN = re.compile(r"[a-z]+|\d|[,.;()]")
GENERIC = frozenset(
    """name type kind number year term word part thing example people person group time way case form order amount rest area
    use many most some other same such more than these those there them then they what which who same addition fact
    place member members level first second third wake percent result end beginning title lack total coat species series
    range sort variety lot means basis""".split()
)
MAX_ALIKE, MAX_COMPANY = 10, 50
Company = dict[str, dict[str, float]]  # word -> {neighbour: weight}, of length 1


def company(texts: Iterable[str]) -> Company:
    """For every lower-case word of four letters that occurs twice, the neighbours that tell most about it, weighted by
    their frequency beside it and their rarity elsewhere."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for text in texts:
        tokens = ["", *_TOKEN.findall(text), ""]
        for before, word, after in zip(tokens, tokens[1:], tokens[2:], strict=False):
            if len(word) > 3:
                counts[word].update((before + "_", "_" + after))
    spread = Counter(neighbour for neighbours in counts.values() for neighbour in neighbours)
    made = {}
    for word, neighbours in counts.items():
        if neighbours.total() >= 4:
            weighed = {n: math.log1p(c) * math.log(len(counts) / spread[n]) for n, c in neighbours.items()}
            length = math.sqrt(sum(w * w for w in weighed.values())) or 1.0
            best = heapq.nlargest(MAX_COMPANY, weighed, key=weighed.__getitem__)
            made[word] = {n: weighed[n] / length for n in best}
    return made


@dataclass(frozen=True)
class Pool:
    """An article's words by kind. `names`: each with what it names (gpt/names.py); `phrases` are places and times with their
    preposition ("in Paris")."""

    names: dict[str, str]
    nouns: frozenset[str]
    adjectives: frozenset[str]
    pasts: frozenset[str]
    bases: frozenset[str]
    years: tuple[str, ...]
    phrases: tuple[str, ...]
    named: dict[str, tuple[str, ...]]  # what is named -> names
    _company: Company = field(repr=False, compare=False)
    _alike: dict[tuple[str, str], list[str]] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, contexts: Iterable[str], known: Company | None = None) -> Pool:
        """The pool of an article's paragraphs. `known`: the words' company in a larger corpus, which tells better which
        words are alike than the article's own."""
        contexts = list(contexts)
        text = "\n".join(contexts)
        names = _kinds_of_names(contexts)
        named: defaultdict[str, list[str]] = defaultdict(list)
        for name, kind in names.items():
            named[kind].append(name)
        nouns, adjectives, pasts, bases = (
            frozenset(pattern.findall(text)) - GENERIC for pattern in (_NOUN, _ADJECTIVE, _PAST, _BASE)
        )
        phrases = {m.group() for m in _PHRASE.finditer(text) if not m[1] or names.get(m[1]) == PLACE}
        return cls(
            names,
            nouns,
            adjectives,
            pasts,
            bases,
            tuple(sorted(set(YEAR.findall(text)))),
            tuple(sorted(phrases)),
            {kind: tuple(group) for kind, group in named.items()},
            company(contexts) if known is None else known,
        )

    def alike(self, kind: str, word: str, rng: random.Random) -> list[str]:
        """Words of `kind` (a field's name) that keep company like `word`'s, in random order."""
        key = (kind, word)
        if key not in self._alike:
            self._alike[key] = self._nearest(getattr(self, kind), word)
        near = list(self._alike[key])
        rng.shuffle(near)
        return near

    def _nearest(self, words: frozenset[str], word: str) -> list[str]:
        mine = self._company.get(word, {})

        def likeness(other: str) -> float:
            theirs = self._company.get(other, {})
            return sum(weight * theirs[n] for n, weight in mine.items() if n in theirs)

        return heapq.nlargest(MAX_ALIKE, sorted(words - {word}), key=likeness)


def _kinds_of_names(contexts: Iterable[str]) -> dict[str, str]:
    """Names with what they name. A single word is none that the article also writes small, or never inside a sentence."""
    contexts = list(contexts)
    lower = {word for text in contexts for word in _TOKEN.findall(text)}
    neighbours: defaultdict[str, set[str]] = defaultdict(set)
    inside = set()
    for text in contexts:
        for start, end in names_in(text):
            name = text[start:end]
            if name.lower() in lower or name in NOT_NAMES:
                continue
            if " " in name or (start > 1 and text[start - 1] == " " and text[start - 2] not in ".?!:"):
                inside.add(name)
            before = text[max(0, start - 16) : start].rstrip().rsplit(" ", 1)[-1]
            after = text[end : end + 16].split(" ")
            neighbours[name].update(
                (before.lower() + "_", "_" + (after[1] if not after[0] and len(after) > 1 else after[0]))
            )
    kinds = {name: kind_of_name(name, beside) for name, beside in neighbours.items() if name in inside}
    origins = {name for name, kind in kinds.items() if kind == ORIGIN}
    return {name: kind for name, kind in kinds.items() if not (kind != ORIGIN and name.rstrip("s") in origins)}

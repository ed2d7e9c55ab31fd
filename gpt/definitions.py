"""Questions that notes are asked most, made from text alone: "What is X?", answered by X's defining clause.

Two shapes of definition are read: a first sentence with a copula ("Entropy is a measure of ..."), as encyclopedias write,
and an entry ("entropy: a measure of ..."), as glossaries do. Neighbours in the alphabet share words, so twenty of them
make an article whose other paragraphs mislead in earnest (gpt/reading_data.py). So do passages that speak of X and do not
say what it is, which a retriever brings most: they are taken from the rest of X's own text, where there is one.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gpt.recurring import windows_of
from gpt.rows import corpus_rows
from gpt.sentences import clause_end, sentence_end
from gpt.squad import Article, Paragraph, SquadQuestion

ARTICLE_SIZE = 20
MAX_CLAUSE_CHARS, MIN_CLAUSE_CHARS = 110, 12  # about the 30 tokens that an answer may have (gpt/span.py)
MIN_PASSAGE_CHARS, MAX_PASSAGE_CHARS = 120, 900  # shorter is a gloss, not a passage
MAX_MENTIONS = 2  # passages that only speak of a term
_COPULA = re.compile(
    r"(?<!\bwho)(?<!\bwhich)(?<!\bthat)\s(is defined as|is|are|was|were|refers to|means|denotes|describes|consists of)\s(?!not\b)"
)
_NO_DEFINITION = re.compile(  # "is used", "was able", "are found": what follows does not say what the term is
    r"(?:\w+ed|able|concerned|known|found|used|made|given|written|spoken|born|due|important|also|one of them|in|on|at|from|by)\b"
)
_KIND = r"(?:an?|the|any|one of|defined)\b"  # what a predicate begins with that says what something is
_BRACES = {ord("{"): None, ord("}"): None}  # FOLDOC's links
_ENTRY_MARKUP = re.compile(  # FOLDOC: number, /how it sounds/, <field>, (synonyms)
    r"^\s*(?:\d+\.\s+)?(?:/[^/]{1,40}/\s*)?(?:\d+\.\s+)?(?:<[^>]*>\s*)?(?:\([^)]*\)\s*)?(?:/[^/]{1,40}/\s*)?(?:\[[^\]]*\]\s*)?"
)


@dataclass(frozen=True)
class Definition:
    """A term and a passage; passage[start:end] is the clause that says what the term is."""

    term: str
    passage: str
    start: int
    end: int
    plural: bool
    person: bool


def load_definitions(paths: list[Path], limit: int, seed: int = 0) -> list[Article]:
    """At most `limit` definitions from JSON lines of {term, definition} or {title, text}, as many from each file, as
    articles of neighbouring terms. Raises DataError naming file and line."""
    found: dict[str, tuple[Definition, str]] = {}
    for path in paths:
        made = [(d, text) for term, text in _entries(path) if (d := define(term, text)) is not None]
        random.Random(seed).shuffle(made)
        for definition, text in made[: limit // len(paths)]:
            found.setdefault(definition.term.lower(), (definition, text))
    ordered = [found[key] for key in sorted(found)]
    rng = random.Random(seed)
    groups = [ordered[i : i + ARTICLE_SIZE] for i in range(0, len(ordered), ARTICLE_SIZE)]
    return [_article(group, rng) for group in groups]


def define(term: str, text: str) -> Definition | None:
    """The definition that `text` begins with, or None when it does not read as one."""
    text = " ".join(text.translate(_BRACES).split())[:MAX_PASSAGE_CHARS]
    name = re.sub(r"\s*\([^)]*\)$", "", term).strip()
    if len(text) < MIN_PASSAGE_CHARS:
        return None
    copula = _COPULA.search(text, 0, min(220, sentence_end(text, 0), text.find('"') % (len(text) + 1)))
    if copula and _NO_DEFINITION.match(text, copula.end()):
        return None
    if copula and name and name.lower() in text[: copula.start()].lower():
        passage, start = text, copula.end()
        plural, person = copula[1] in ("are", "were"), bool(re.search(r"\(.*\d{4}", text[: copula.start()]))
    elif name and text and name.lower() not in text[:80].lower():
        bare = _ENTRY_MARKUP.sub("", text)
        if _COPULA.search(bare, 0, min(80, sentence_end(bare, 0))):  # a sentence about something, not an entry
            return None
        passage, start, plural, person = f"{name}: {bare}", len(name) + 2, False, False
    else:
        return None
    end = clause_end(passage, start, MAX_CLAUSE_CHARS)
    return Definition(name, passage, start, end, plural, person) if end - start >= MIN_CLAUSE_CHARS else None


def mentions(definition: Definition, text: str) -> list[str]:
    """Passages of `text` that speak of the term and do not say what it is, at most MAX_MENTIONS: best ones that say something
    else of it ("Flags are mostly rectangular"), then those that name it most."""
    name = rf"\b{re.escape(definition.term)}"
    says_what = re.compile(rf"{name}(?:s|es)?\b[^.;]{{0,40}}?\s(?:is|are|was|were)\s{_KIND}", re.I)
    says_else = re.compile(
        rf"(?:^|[.!?,] |\b(?:the|an?) ){name}(?:s|es)?\s(?:is|are|was|were|has|have|can)\s(?!{_KIND})", re.I
    )
    clause = definition.passage[definition.start : definition.end]
    windows = [w for w in windows_of(text) if clause not in w and not says_what.search(w)]
    ranked = [(bool(says_else.search(w)), len(re.findall(rf"{name}\b", w, re.I)), w) for w in windows]
    spoken = sorted((r for r in ranked if r[1]), key=lambda r: (-r[0], -r[1]))
    return [window for *_, window in spoken[:MAX_MENTIONS]]


def _article(group: list[tuple[Definition, str]], rng: random.Random) -> Article:
    asked = [_paragraph(definition, rng.choice(group)[0], rng) for definition, _ in group]
    others = [Paragraph(window, ()) for definition, text in group for window in mentions(definition, text)]
    return Article(group[0][0].term, (*asked, *others))


def _paragraph(definition: Definition, neighbour: Definition, rng: random.Random) -> Paragraph:
    """The passage as it stands, or under a heading, or after another sentence: as notes are cut into chunks."""
    before = ""
    draw = rng.random()
    if draw < 0.25:
        before = f"# {definition.term[:1].upper()}{definition.term[1:]} "
    elif draw < 0.45 and neighbour.term != definition.term:
        stop = sentence_end(neighbour.passage, 0)
        before = f"{neighbour.passage[:stop]}. " if stop < min(400, len(neighbour.passage)) else ""
    context = before + definition.passage
    start = len(before) + definition.start
    answer = definition.passage[definition.start : definition.end]
    question = _question(definition, rng)
    asked = SquadQuestion(
        f"definition-{definition.term}", question, context, (answer,), (start,), False, definition.term
    )
    return Paragraph(context, (asked,))


def _question(definition: Definition, rng: random.Random) -> str:
    term = definition.term if rng.random() < 0.4 else definition.term.lower()
    if definition.person:
        return f"Who was {definition.term}?"
    verb = "are" if definition.plural else "is"
    article = ("an " if term[:1].lower() in "aeiou" else "a ") if verb == "is" and rng.random() < 0.4 else ""
    forms = (
        *(f"What {verb} {article}{term}?",) * 6,
        f"what {verb} {article}{term}",
        f"Define {term}.",
        f"What does {term} mean?",
        f"What is meant by {term}?",
        f"How is {term} defined?",
        f"Explain {term}.",
    )
    return rng.choice(forms)


def _entries(path: Path) -> Iterator[tuple[str, str]]:
    for row in corpus_rows(path, "definition"):
        get = row.values.get
        yield str(get("term", get("title", ""))), str(get("definition", get("text", "")))

"""Ways to twist a question: each yields changed questions, most wanted first, whose truth `gpt/mislead.py` then checks.

The ways are those of SQuAD 2.0's authors (Rajpurkar et al. 2018, table 2): negation, an opposite, another name or number,
something mutually exclusive, a condition that cannot hold, other content.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from gpt.names import kind_of_name, names_in
from gpt.opposites import inflect, opposites
from gpt.reading import STOP_WORDS, stem
from gpt.sentences import sentence_spans
from gpt.wordpool import GENERIC, YEAR, Pool

WORD = re.compile(r"[^\W_]+(?:[’'-][^\W_]+)*")
_NUMBER = re.compile(r"(?<![\w.,])\d{1,3}(?:,\d{3})+(?!\w)|(?<![\w.,-])\d+(?:\.\d+)?(?![\w])")
_CENTURY = re.compile(r"\b(\d{1,2})(st|nd|rd|th)(?= century| centuries)", re.I)
_DECADE = re.compile(r"\b(1\d|20)\d0(?='?s\b)")
_AUXILIARY = re.compile(r"\b(did|does|do|is|are|was|were|can|could|will|would|has|have|had|should)\b", re.I)
_BORN = re.compile(r"\b(was|is|were) (.{3,60}) born\b")
_WHO_PAST = re.compile(r"^(Who|What) ([a-z]{3,}ed) ((?:the )?[A-Z].*?)\?$")
_WHO_DID = re.compile(r"^(Who|What|Whom) did ((?:the )?[A-Z][\w .'-]*?) ([a-z]{4,})\?$")
_BEFORE_PAST = frozenset("was were is are been be being has have had who which that".split())
_JOINED = re.compile(r"[A-Z]\w+ (?:and|&) \||\|,? (?:and|&) [A-Z]")  # "the French and Indian War": | is the name
_UNCONDITIONAL = re.compile(r"\b(where|located|called|named?|known|nicknamed?)\b", re.I)
_EVENT_ASKED = re.compile(r"\b(did|had|was|were)\b|^(?:Who|What) \w{3,}ed\b", re.I)
_BLOCKED_BEFORE = frozenset("how what which whose no as so very".split())
_BLOCKED_AFTER = frozenset("up out off over down away back place part what which who".split())  # "made up" is no making
_TIMES_ASKED = re.compile(
    r"\b(when|(?:what|which) (?:\w+ )?(?:year|date|day|century|decade|month|time)|how long|what age)\b", re.I
)


@dataclass(frozen=True)
class Draft:
    """A changed question. `old` was taken out (empty: nothing), `new` put in."""

    text: str
    old: str
    new: str


@dataclass(frozen=True)
class View:
    """A paragraph as the checks see it: its lower-case text, its names, and the stems of each sentence."""

    lower: str
    names: tuple[str, ...]
    keys: frozenset[str]
    sentences: tuple[tuple[str, frozenset[str]], ...]

    def holds(self, phrase: str) -> bool:
        """Whether the phrase, or for a single word its stem, occurs."""
        phrase = phrase.lower()
        return key_of(phrase) in self.keys if phrase.isalpha() else within(phrase, self.lower)


Maker = Callable[[str, View, Pool, random.Random], Iterator[Draft]]


@lru_cache(maxsize=256)
def view_of(context: str) -> View:
    lower = context.lower()
    sentences = tuple((t := lower[s:e], frozenset(map(key_of, WORD.findall(t)))) for s, e in sentence_spans(context))
    names = tuple(dict.fromkeys(context[s:e] for s, e in names_in(context)))
    return View(lower, names, frozenset().union(*(keys for _, keys in sentences)), sentences)


@lru_cache(maxsize=1 << 16)
def key_of(word: str) -> str:
    """What a word's forms share, roughly: its stem, at most six letters."""
    return stem(word)[:6]


def within(part: str, whole: str) -> bool:
    """Whether `part` occurs in `whole` as whole words."""
    at = whole.find(part)
    while at >= 0:
        end = at + len(part)
        if not (at and whole[at - 1].isalnum()) and not (end < len(whole) and whole[end].isalnum()):
            return True
        at = whole.find(part, at + 1)
    return False


# The makers: each yields drafts, most wanted first.


def _swap_name(question: str, view: View, pool: Pool, rng: random.Random) -> Iterator[Draft]:
    """Another name of the same kind, half the time one that the paragraph holds."""
    spots = [(s, e) for s, e in names_in(question) if s > 0 and not _JOINED.search(question[:s] + "|" + question[e:])]
    rng.shuffle(spots)
    for start, end in spots:
        old = question[start:end]
        before = question[:start].rstrip().rsplit(" ", 1)[-1].lower()
        kind = pool.names.get(old) or kind_of_name(old, (before + "_",))
        here = [name for name in view.names if pool.names.get(name) == kind]
        rng.shuffle(here)
        anywhere = pool.named.get(kind, ())
        away = rng.sample(anywhere, min(6, len(anywhere)))
        for new in here[:6] + away if rng.random() < 0.5 else away + here[:6]:
            if new not in question and _distinct(old, new):
                yield _put(question, start, end, new)


def _exchange_names(question: str, view: View, pool: Pool, rng: random.Random) -> Iterator[Draft]:
    """Two names change places, or the one who does and the one to whom it is done: "Who influenced X" <-> "Who did X
    influence"."""
    active, passive = _WHO_PAST.match(question), _WHO_DID.match(question)
    if active and (base := _base_of(active[2], pool)) is not None:
        yield Draft(f"{active[1]} did {active[3]} {base}?", "", "")
    elif passive:
        yield Draft(f"{passive[1].replace('Whom', 'Who')} {inflect(passive[3])[1]} {passive[2]}?", "", "")
    spots = [(s, e) for s, e in names_in(question) if s > 0]
    if len(spots) == 2 and not re.search(r"^,? ?(and|or|vs\.?)? ?$", question[spots[0][1] : spots[1][0]]):
        (a, b), (c, d) = spots
        first, second = question[a:b], question[c:d]
        if _distinct(first, second):
            yield Draft(question[:a] + second + question[b:c] + first + question[d:], "", "")


def _swap_number(question: str, view: View, pool: Pool, rng: random.Random) -> Iterator[Draft]:
    for match in _CENTURY.finditer(question):
        number = int(match[1]) + rng.choice((-3, -2, -1, 1, 2))
        if 1 <= number <= 21 and not re.search(rf"\b{number - 1}\d\d\b", view.lower):
            yield _put(question, match.start(), match.end(), _ordinal(number))
    for match in _DECADE.finditer(question):
        decade = int(match.group()) + 10 * rng.choice((-4, -3, -2, 2, 3))
        if decade <= 2020 and str(decade)[:3] not in view.lower:
            yield _put(question, match.start(), match.end(), str(decade))
    for match in YEAR.finditer(question):
        years = rng.sample(pool.years, min(3, len(pool.years)))
        years.append(str(int(match.group()) + rng.choice((-1, 1)) * rng.randint(2, 30)))
        yield from (_put(question, match.start(), match.end(), year) for year in years)
    for match in _NUMBER.finditer(question):
        if not YEAR.fullmatch(match.group()):
            yield _put(question, match.start(), match.end(), _other_number(match.group(), rng))


def _oppose(question: str, view: View, pool: Pool, rng: random.Random) -> Iterator[Draft]:
    """An opposite, or another member of the word's family."""
    table = opposites()
    born = _BORN.search(question)
    if (
        born
        and "died" not in view.lower
        and "death" not in view.lower
        and not re.search(r"\d{4} ?[-–] ?\w* ?\w* ?\d", view.lower)
    ):
        yield Draft(f"{question[: born.start()]}did {born[2]} die{question[born.end() :]}", "born", "die")
    words = list(WORD.finditer(question))[1:]
    spots = [(i, w) for i, w in enumerate(words) if w.group().lower() in table]
    rng.shuffle(spots)
    for i, word in spots:
        before = words[i - 1].group().lower() if i else question.split(" ")[0].lower()
        after = words[i + 1].group().lower() if i + 1 < len(words) else ""
        if before in _BLOCKED_BEFORE or after in _BLOCKED_AFTER or _in_name(question, word.start(), word.end()):
            continue
        others = list(table[word.group().lower()])
        if rng.random() < 0.5:  # else the plainest opposite
            rng.shuffle(others)
        for other in others[:3]:
            if other not in question.lower():
                other = other.capitalize() if word.group()[0].isupper() else other
                yield _put(question, word.start(), word.end(), other)


def _negate(question: str, view: View, pool: Pool, rng: random.Random) -> Iterator[Draft]:
    """ "did X do" -> "did X not do", "didn't X do" or "did X never do"; "who was" -> "who was not"."""
    if re.search(r"\b(not|never)\b|n't", question):
        return
    match = _AUXILIARY.search(question)
    if match is None:
        past = re.match(r"^(Who|What|Which \w+|What \w+) ([a-z]{3,}ed) ", question)
        if past and (base := _base_of(past[2], pool)) is not None:
            negation = rng.choice((f"never {past[2]}", f"did not {base}", f"didn't {base}"))
            yield Draft(f"{past[1]} {negation} {question[past.end() :]}", "", "")
        return
    auxiliary, rest = match[1].lower(), question[match.end() :]
    subject_first = bool(
        re.match(r"^(Who|What|Which [\w ]+|How many [\w ]+|What \w+)$", question[: match.start()].strip())
    )
    contracted = {"can": "can't", "will": "won't"}.get(auxiliary, auxiliary + "n't")
    if auxiliary in ("did", "does", "do", "can", "could", "will", "would", "should"):
        names = [e for s, e in names_in(question) if s == match.end() + 1]
        if names and rng.random() < 0.6:
            yield Draft(f"{question[: names[0]]} {rng.choice(('not', 'never', 'not'))}{question[names[0] :]}", "", "")
        yield Draft(question[: match.start()] + contracted + rest, "", "")
    elif subject_first and re.match(r" (a|an|the|in|on|by|[a-z]+(ed|ing|en))\b", rest):
        yield Draft(question[: match.end()] + rng.choice((" not", " never", "n't")) + rest, "", "")


def _add_condition(question: str, view: View, pool: Pool, rng: random.Random) -> Iterator[Draft]:
    """A place or a time of another paragraph, as a condition: "... in Paris?", "In 1842, ..."."""
    if not question.endswith("?") or not _EVENT_ASKED.search(question) or _UNCONDITIONAL.search(question):
        return
    timed = bool(_TIMES_ASKED.search(question) or YEAR.search(question))
    for phrase in rng.sample(pool.phrases, min(6, len(pool.phrases))):
        year = YEAR.search(phrase)
        named = phrase.split(" ", 1)[1].removeprefix("the ")
        if (year and timed) or named in question or view.holds(named) or any(view.holds(w) for w in named.split()):
            continue
        front = rng.random() < 0.3
        text = (
            f"{phrase[:1].upper()}{phrase[1:]}, {question[:1].lower()}{question[1:]}"
            if front
            else f"{question[:-1]} {phrase}?"
        )
        yield Draft(text, "", named)


def _swap_word(question: str, view: View, pool: Pool, rng: random.Random) -> Iterator[Draft]:
    """Another noun, adjective or verb that keeps the same company in the article; mostly one that the paragraph lacks."""
    words = list(WORD.finditer(question))
    spots = [(i, kind) for i in range(1, len(words)) if (kind := _kind(words, i, question, pool)) is not None]
    rng.shuffle(spots)
    held = rng.random() < 0.3
    for i, kind in spots:
        old = words[i].group()
        others = [w for w in pool.alike(kind, old, rng) if _swappable(kind, old, w) and w not in question]
        others.sort(key=lambda w: view.holds(w) != held)
        for new in others[:4]:
            draft = _put(question, words[i].start(), words[i].end(), new)
            yield replace(draft, text=_fit_article(draft.text, words[i].start()))


WAYS: tuple[tuple[float, Maker], ...] = (
    (0.27, _swap_name),
    (0.06, _exchange_names),
    (0.14, _swap_number),
    (0.27, _oppose),
    (0.05, _negate),
    (0.06, _add_condition),
    (0.20, _swap_word),
)


def _put(question: str, start: int, end: int, new: str) -> Draft:
    return Draft(question[:start] + new + question[end:], question[start:end], new)


def _distinct(old: str, new: str) -> bool:
    """Whether two names can be told apart: no word, no beginning and no initials in common."""
    a, b = old.lower().split(), new.lower().split()
    if any(x[:4] == y[:4] for x in a for y in b if x not in STOP_WORDS and y not in STOP_WORDS):
        return False
    initials = {"".join(w[0] for w in words) for words in (a, b)} | {
        "".join(w[0] for w in x if w not in STOP_WORDS) for x in (a, b)
    }
    return old.lower().replace(".", "") not in initials and new.lower().replace(".", "") not in initials


def _kind(words: Sequence[re.Match[str]], i: int, question: str, pool: Pool) -> str | None:
    """As which kind of word the i-th may be changed (a field of Pool), by its neighbours; None: leave it."""
    word, before = words[i].group(), words[i - 1].group().lower()
    after = words[i + 1].group().lower() if i + 1 < len(words) else ""
    if not word.islower() or len(word) < 4 or word in STOP_WORDS or word in GENERIC:
        return None
    if before in _BLOCKED_BEFORE or after in _BLOCKED_AFTER:
        return None
    if word.endswith("ed") and len(word) > 5:
        return "pasts" if (before in _BEFORE_PAST or words[i - 1].group()[0].isupper()) and after != "to" else None
    if word in pool.bases and re.match(r"^.*\b(did|does|do|to|would|could|can)\b", question[: words[i].start()]):
        return "bases"
    if before in ("the", "a", "an", "of", "many", "their", "his", "her", "its") or word in pool.nouns:
        if after in STOP_WORDS or after == "" or after.endswith("ed"):
            return "nouns"
        return "adjectives" if word in pool.adjectives else None
    return None


def _swappable(kind: str, old: str, new: str) -> bool:
    plural = old.endswith("s") and not old.endswith("ss")
    fits = kind != "nouns" or plural == (new.endswith("s") and not new.endswith("ss"))
    return fits and key_of(old) != key_of(new)


def _fit_article(text: str, at: int) -> str:
    """ "a" or "an", as the word at `at` wants it."""
    wanted = "an" if text[at : at + 1] in "aeiou" else "a"
    return re.sub(r"\b(a|an) $", f"{wanted} ", text[:at]) + text[at:]


def _base_of(past: str, pool: Pool) -> str | None:
    """The base form of a regular past, where the table of opposites or the article shows that it is one."""
    for base in (past[:-1], past[:-2], past[:-3] + "y" if past.endswith("ied") else past[:-3]):
        if base in pool.bases or (base in opposites() and inflect(base)[1] == past):
            return base
    return None


def _in_name(question: str, start: int, end: int) -> bool:
    """Whether a capitalised word stands inside a longer name ("World War", "East India Company")."""
    return question[start].isupper() and any(
        s <= start and end <= e and e - s > end - start for s, e in names_in(question)
    )


def _ordinal(number: int) -> str:
    return f"{number}{'th' if 10 <= number % 100 <= 20 else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def _other_number(text: str, rng: random.Random) -> str:
    if "." in text:
        return f"{float(text) * rng.choice((0.4, 0.7, 1.3, 1.8)):.{len(text.split('.')[1])}f}"
    number = int(text.replace(",", ""))
    other = (
        max(1, round(number * rng.choice((0.3, 0.5, 0.7, 1.4, 2, 3))))
        if number > 12
        else number + rng.choice((1, 2, 3))
    )
    return f"{other:,}" if "," in text else str(other)

"""A question as the reader learnt to be asked: direct, without courtesy. "Could you tell me what dropout is?", "definition of
dropout" and "dropout" are all "What is dropout?". By rule, for English; what no rule knows stays as it is.
"""

from __future__ import annotations

import re

MAX_CHARS = 300  # of a question that is worded anew; whoever writes more has worded it
MAX_TERM_WORDS = 4  # of a bare term that is looked up; behind an "of" as many again
_WH_WORDS = "what who whom whose when where why how which"
_WH = rf"(?:{_WH_WORDS.replace(' ', '|')})"
_BEFORE_WH = r"(?:at|in|on|by|for|from|to|with|of|about|under|during)"
_BE = r"(?:is|are|was|were)"
_ASKS = rf"(?:{_WH}|{_BE}|do|does|did|can|could|will|would|tell|explain|describe|define|give|please|i|i['’]d)\b"
_ASIDE = r"(?:in (?:short|brief|a nutshell|(?:simple|plain|other) (?:terms|words|english))|briefly|please|exactly)"
_WANT = r"i(?:['’]d| would)? (?:like|want|need|wish) (?:you )?to "
_TELL = r"(?:tell|show|remind) (?:me|us)|let (?:me|us) know"
_SAY = r"(?:explain|describe|define|clarify)(?: (?:to|for) (?:me|us))?"
_ABOUT = (
    r"(?:an? |the )?(?:(?:short|brief|quick|simple|clear|formal|exact|precise) )?"
    r"(?:definition|meaning|explanation|description|concept|notion) of"
)

_COURTESY = re.compile(rf"(?:hi|hello|hey|ok|okay|so|and|well|um|please|now)\b[ ,.!]+(?={_ASKS})", re.IGNORECASE)
_CONTRACTED = re.compile(r"(what|who|where|when|how)['’]?s(?= )", re.IGNORECASE)
_ASIDES = re.compile(
    rf" ?, ?{_ASIDE} ?, ?|,? {_ASIDE}(?= ?[?.!]*$)|(?<=^what) (?:exactly|really|actually)(?= )", re.IGNORECASE
)
_REQUEST = re.compile(
    rf"(?:(?:can|could|would|will) you (?:please |kindly )?|{_WANT})?"
    rf"(?:(?P<tell>{_TELL}|give (?:me|us))|{_SAY}|teach (?:me|us))[ ,:]+"
    rf"|(?:{_WANT}|help me (?:to )?)(?:know|learn|understand|hear) "
    r"|(?:do|can|could) you (?:happen to )?know ",
    re.IGNORECASE,
)
_FOR_ME = re.compile(r" (?:to|for) (?:me|us)(?= ?[?.!]*$)", re.IGNORECASE)
_HELPERS = "is are was were am be do does did has have had can could will would shall should may might must"
_SUBJECT = rf"(?P<subject>(?!(?:{_HELPERS.replace(' ', '|')})\b)[^,;:?!]+?)"
_END = r" ?[?.!]*"
_WHAT_IT_IS = re.compile(rf"what {_SUBJECT} (?P<be>{_BE}|means?){_END}", re.IGNORECASE)
_HOW_IT_IS = re.compile(
    rf"(?P<wh>when|where|why|how|{_BEFORE_WH} (?:what|whom|which)) {_SUBJECT} (?P<be>{_BE}) (?P<rest>.+?){_END}",
    re.IGNORECASE,
)
_WHAT_IT_DOES = re.compile(rf"(?P<wh>what|how) {_SUBJECT} (?P<verb>does|do|works|work){_END}", re.IGNORECASE)
_DEFINITION_OF = re.compile(
    rf"(?:what {_BE} (?=(?:an? |the )?(?:\w+ )?definition\b))?{_ABOUT} {_SUBJECT}{_END}", re.IGNORECASE
)
_DEFINITION_BEHIND = re.compile(rf"{_SUBJECT} (?:definition|meaning|explained|defined){_END}", re.IGNORECASE)
_BARE = re.compile(rf"(?P<subject>[\w'’.+#/-]+(?: [\w'’.+#()/-]+)*?){_END}")
# What begins with one of these is no term: a question, or an order that no rule knows.
_NO_TERM = frozenset(
    f"""{_HELPERS} {_WH_WORDS} whether if in on at to for from with by about because and or but so not no yes i you he she it
    we they this that these those there here please hi hello hey thanks thank ok okay compare list name find show give
    tell teach remind explain describe define discuss summarize summarise outline prove derive compute calculate write
    translate make let say help see look search read use get go try plot draw solve convert create generate identify
    mention state""".split()
)
_NOT_IN_TERM = frozenset(f"{_HELPERS} {_WH_WORDS} vs vs. versus or".split())


def plainly(question: str) -> str:
    """The question as the reader should get it; itself without the blanks around it if it is direct already."""
    direct = text = " ".join(question.split())
    if len(direct) > MAX_CHARS:
        return question.strip()
    for _ in range(1 + direct.count(" ")):  # "please tell me, can you explain ..."
        before, text = text, _plainer(text)
        if text == before:
            break
    return question.strip() if text == direct else text


def _plainer(typed: str) -> str:
    text = _ASIDES.sub(_without_aside, typed).strip()
    while courtesy := _COURTESY.match(text):
        text = text[courtesy.end() :]
    if contracted := _CONTRACTED.match(text):
        text = f"{contracted[1]} is{text[contracted.end() :]}"
    request = _REQUEST.match(text)
    if request is not None and (asked := _requested(text[request.end() :], not request["tell"])):
        return asked
    for rule in (_defined, _looked_up):
        if asked := rule(text):
            return asked
    return text if text == typed else _as_question(text)


def _requested(wanted: str, is_thing: bool) -> str | None:
    """What a request is for: "what dropout is", "about dropout", "a definition of dropout"; `is_thing` where it may be the thing
    itself, as behind "explain"."""
    wanted = _FOR_ME.sub("", re.sub(rf"^{_ASIDE},? ", "", wanted, flags=re.IGNORECASE))
    if about := re.match(r"(?:more |something )?about ", wanted, re.IGNORECASE):
        wanted, is_thing = wanted[about.end() :], True
    if defined := _defined(wanted):
        return defined
    if re.match(rf"(?:{_BEFORE_WH} )?{_WH} ", wanted, re.IGNORECASE):
        return _direct(wanted)
    return _what_is(wanted) if is_thing or re.match(r"(?:the|an?) ", wanted, re.IGNORECASE) else None


def _direct(clause: str) -> str:
    """An indirect question as a direct one: "how attention works" as "How does attention work?". Where no rule fits, its words in
    their order: a reader is less particular about that than a person."""
    if found := _WHAT_IT_IS.fullmatch(clause):
        be = found["be"].lower()
        return f"What {be} {found['subject']}?" if not be.startswith("mean") else f"What does {found['subject']} mean?"
    if found := _WHAT_IT_DOES.fullmatch(clause):
        wh, verb = found["wh"].lower(), found["verb"].lower()
        if (wh == "how") == verb.startswith("work"):
            plural = verb in ("do", "work")
            return (
                f"{wh.capitalize()} {'do' if plural else 'does'} {found['subject']} {'work' if wh == 'how' else 'do'}?"
            )
    if (found := _HOW_IT_IS.fullmatch(clause)) and _is_noun_phrase(found["subject"]):
        return f"{found['wh'].capitalize()} {found['be'].lower()} {found['subject']} {found['rest']}?"
    return _as_question(clause)


def _defined(text: str) -> str | None:
    found = _DEFINITION_OF.fullmatch(text) or _DEFINITION_BEHIND.fullmatch(text)
    if found is None or _first_word(found["subject"]) in _NO_TERM or not _is_noun_phrase(found["subject"]):
        return None
    return _what_is(found["subject"])


def _looked_up(text: str) -> str | None:
    """A bare term, as one looks it up: a few words that begin neither a question nor an order."""
    found = _BARE.fullmatch(text)
    if found is None or _first_word(text) in _NO_TERM or not re.search("[A-Za-z]", text):
        return None
    term = found["subject"].rstrip(".")
    words = term.lower().split()
    before, _, behind = term.partition(" of ")
    too_long = max(len(before.split()), len(behind.split())) > MAX_TERM_WORDS
    if too_long or words[-1] in _NO_TERM or not _is_noun_phrase(term):
        return None
    return _what_is(f"the {term}" if behind and words[0] not in ("the", "a", "an") else term)


def _is_noun_phrase(term: str) -> bool:
    """Whether nothing in the term tells that it is more than one."""
    return _NOT_IN_TERM.isdisjoint(term.lower().split())


def _what_is(term: str) -> str:
    return f"What is {term.rstrip(' ?.!')}?"


def _as_question(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip(' ?.!')}?"


def _first_word(text: str) -> str:
    return re.split(r"[ ,'’]", text.strip().lower(), maxsplit=1)[0].rstrip("?.!")


def _without_aside(found: re.Match[str]) -> str:
    return " " if found.group().rstrip().endswith(",") else ""

"""Names in English text by rule: where they stand, and roughly what they name."""

from __future__ import annotations

import re
from collections.abc import Collection

PERSON, PLACE, BODY, EVENT, ORIGIN, OTHER = "person", "place", "body", "event", "origin", "other"

_JOINT = "of|the|de|da|di|del|la|von|van|du|of the"
_CAPITAL = r"[A-Z](?:[\w’'-]+|\.(?= [A-Z]\w))"
NAME = re.compile(rf"\b{_CAPITAL}(?:(?: (?:{_JOINT}))? {_CAPITAL})*")
NOT_NAMES = frozenset(
    """The A An In On At He She It They We You I His Her Its Their This That These Those There Here And But Or For From By With
    As If When While After Before During Since Although However Many Most Some Several Both Each Other Another One Two Three
    Also Such According Because Through Under Until Not No To Of All Despite Later Today Early Along Within Among So
    Between Additionally Furthermore Moreover Where What Which Who Why How Whose Whom Then Thus Once Only Unlike Like Even
    Our My Your Over Late Up About Following Upon Instead Prior Due Finally First Second Nevertheless Often Did Does Do
    Is Are Was Were Has Have Had Can Could Will Would Should May Might Must Every Any Few Much More Less Four Five Six Seven
    Eight Nine Ten January February March April June July August September October November December Monday Tuesday
    Wednesday Thursday Friday Saturday Sunday Name List Define Describe Explain""".split()
)
_HEADS = {
    BODY: """University College School Company Corporation Inc Party Army Navy Church Museum Institute Association Club League
    Council Committee Court Bank Society Union Commission Congress Parliament Senate Department Ministry Academy Agency
    Airlines Records Studios Foundation Library Hospital Office Board Organization House Government Authority""",
    PLACE: """City County River Lake Island Islands Mountain Mountains Sea Ocean Street Park Bridge Palace Castle Airport Station
    Abbey Cathedral Valley Province State States Kingdom Republic Square Avenue Road Bay Canal Coast Desert Peninsula
    District Territory Town Village Tower Temple Gulf Strait""",
    EVENT: """War Battle Revolution Treaty Act Olympics Games Cup Crisis Conference Agreement Convention Constitution Rebellion
    Dynasty Empire Age Era Period Festival Championship Championships Award Awards Movement Massacre Siege Prize""",
}
_HEAD_KIND = {head: kind for kind, heads in _HEADS.items() for head in heads.split()}
_TITLES = frozenset(
    "Mr Mrs Ms Dr Sir Lord Lady King Queen Emperor Pope Prince Princess President General Saint St".split()
)
_ORIGIN = re.compile(
    r"^(?:\w+(?:ians?|eans?|ish|ese|icans?|ists|ites)|French|Dutch|Greeks?|Jews?|Muslims?|Germans?|Romans?|Normans?|Turks?|Arabs?"
    r"|Swiss|Scots|Catholics?|Protestants?|Slavs?|Mongols?|Ottomans?|Franks|Saxons|Arabic|Hebrew|Latin|Sanskrit)$"
)
_PLACE_BEFORE = frozenset("in_ near_ throughout_ across_ outside_ around_ toward_ towards_".split())
_PERSON_BESIDE = frozenset(
    "_wrote _said _told _married _died _says _argued _believed _wanted _thought _felt mr_ president_ king_ queen_ _who".split()
)


def names_in(text: str) -> list[tuple[int, int]]:
    """(start, end) of the capitalised names of a text, without a possessive's s; words that are capital only by their
    place are left out, as far as a list of them knows."""
    found = []
    for match in NAME.finditer(text):
        start, end = match.span()
        words = match.group().split(" ")
        while words and (words[0] in NOT_NAMES or words[0].islower()):
            start += len(words.pop(0)) + 1
        if not words:
            continue
        if words[-1].endswith(("'s", "’s")):
            end -= 2
        elif words[-1].endswith(("'", "’", "-")):
            end -= 1
        if end - start > 1:
            found.append((start, end))
    return found


def head_of(name: str) -> str | None:
    """The common noun that a name ends in, in small letters: "river" of "Fox River"."""
    last = name.rsplit(" ", 1)[-1]
    return last.lower() if " " in name and last in _HEAD_KIND else None


def kind_of_name(name: str, beside: Collection[str] = ()) -> str:
    """What a name names, by its last and first word and by the words `beside` it ("in_" before, "_said" after)."""
    words = name.split(" ")
    head = next((_HEAD_KIND[w] for w in (words[-1], words[0]) if w in _HEAD_KIND), None)
    if head is not None and words[0] not in _TITLES:
        return head
    if words[0] in _TITLES or not _PERSON_BESIDE.isdisjoint(beside):
        return PERSON
    if len(words) == 1 and _ORIGIN.match(name):
        return ORIGIN
    if not _PLACE_BEFORE.isdisjoint(beside):
        return PLACE
    return OTHER if "the_" in beside or name.isupper() or len(words) > 3 else PERSON

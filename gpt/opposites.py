"""Words that exclude each other: pairs of opposites, and families of which only one member can be true at a time."""

from __future__ import annotations

from functools import cache

_PAIRS = """
first last, first final, last first, largest smallest, biggest smallest, smallest largest, highest lowest, lowest highest,
longest shortest, shortest longest, oldest newest, oldest youngest, youngest oldest, newest oldest, earliest latest,
latest earliest, best worst, worst best, greatest least, most least, least most, fewest most, fastest slowest,
slowest fastest, strongest weakest, weakest strongest, richest poorest, hottest coldest, coldest hottest, deepest
shallowest, tallest shortest, closest farthest, nearest farthest, busiest quietest, hardest easiest, easiest hardest,
heaviest lightest, widest narrowest, larger smaller, bigger smaller, smaller larger, higher lower, lower higher, longer
shorter, shorter longer, older younger, younger older, newer older, earlier later, later earlier, better worse, worse
better, greater lesser, more less, fewer more, less more, faster slower, slower faster, stronger weaker,
weaker stronger, easier harder, cheaper costlier, closer farther, taller shorter, deeper shallower, warmer colder,
before after, after before, during before, during after, until after, above below, below above, inside outside, outside
inside, within outside, upper lower, lower upper, inner outer, outer inner, internal external, external internal, front
rear, top bottom, bottom top, beginning end, start end, early late, late early, old new, new old, modern ancient, ancient
modern, former current, current former, previous next, next previous, large small, big small, small large, little big,
great minor, high low, low high, long short, short long, tall short, wide narrow, deep shallow, thick thin, heavy light,
strong weak, weak strong, hot cold, cold hot, warm cold, wet dry, dry wet, rich poor, wealthy poor, poor rich, fast slow,
slow fast, easy difficult, difficult easy, simple complex, complex simple, good bad, bad good, positive negative, negative
positive, common rare, common uncommon, rare common, public private, private public, domestic foreign, foreign domestic,
national local, local national, global local, legal illegal, illegal legal, natural artificial, artificial natural, direct
indirect, formal informal, official unofficial, regular irregular, major minor, minor major, main minor, primary secondary,
secondary primary, maximum minimum, minimum maximum, temporary permanent, permanent temporary, successful unsuccessful,
popular unpopular, famous unknown, important unimportant, similar different, same different, equal
unequal, possible impossible, true false, visible invisible, active inactive, safe dangerous, urban rural, rural urban,
male female, female male, civilian military, military civilian, religious secular, secular religious, liberal conservative,
conservative liberal, majority minority, minority majority, many few, few many, always never, never always, often rarely,
usually rarely, rarely often, sometimes never, advantage disadvantage, advantages disadvantages, benefit drawback, benefits
drawbacks, strength weakness, strengths weaknesses, victory defeat, defeat victory, winner loser, winners losers, friend
enemy, friends enemies, ally enemy, allies enemies, supporter opponent, supporters opponents, success failure, failure
success, profit loss, profits losses, rise fall, growth decline, predecessor successor, successor predecessor, ancestor
descendant, ancestors descendants, birth death, death birth, arrival departure, entrance exit, question answer, teacher
student, employer employee, buyer seller, cause effect, causes effects, together separately, against for, indoors outdoors,
won lost, lost won, founded dissolved,
began ended, begins ends, begun ended, began stopped, rose fell, fell rose, grew shrank, gave took, took
gave, bought sold, sold bought, came left, went stayed, became ceased, built demolished, led followed, taught learned, made
destroyed, made banned, kept lost, held released, spent saved, found lost, forgot remembered, ate refused, wrote burned, chosen
rejected, chose rejected, given denied, taken returned, born killed, died survived, dead alive
"""
_VERBS = """
increase decrease, decrease increase, reduce increase, expand shrink, grow shrink, improve worsen, win lose, lose win, gain
lose, begin end, start end, start stop, end start, finish start, open close, close open, buy sell, sell buy, accept reject,
reject accept, approve reject, allow prohibit, allow forbid, permit prohibit, ban allow, prohibit allow, prevent cause, cause
prevent, join leave, leave join, enter leave, arrive depart, build demolish, create destroy, create abolish, establish
abolish, destroy rebuild, support oppose, oppose support, agree disagree, attack defend, defend attack,
include exclude, exclude include, add remove, remove add, appear disappear, export import, import export, teach learn, lend
borrow, love hate, hate love, raise lower, lower raise, rise fall, fall rise, win forfeit, introduce abolish, strengthen weaken,
weaken strengthen, encourage discourage, discover overlook, publish withdraw, release recall, unite divide, connect
separate, separate join, protect endanger, succeed fail, fail succeed, follow precede, precede follow, contain lack, require
forbid, receive lose, earn lose, elect defeat, appoint dismiss, hire dismiss, promote demote, praise criticize, criticize
praise, conquer lose, invade leave, free imprison, arrest release, marry divorce, complete abandon, launch cancel, deny
confirm, confirm deny, remember forget, trust distrust, admit deny, construct demolish, develop abandon, use avoid, adopt
abandon, ratify repeal, pass repeal, invest divest, cooperate compete, continue stop, stop continue, merge split, survive
perish, die survive, produce consume, consume produce, give take, accelerate slow, absorb emit, emit absorb, attract
repel, melt freeze, store discard, hide reveal, reveal hide, deposit withdraw
"""
_FAMILIES = """
january february march april may june july august september october november december
monday tuesday wednesday thursday friday saturday sunday
spring summer autumn winter
north south east west
northern southern eastern western
northeast northwest southeast southwest
northeastern northwestern southeastern southwestern
red blue green yellow white black purple orange brown pink gray
first second third fourth fifth sixth seventh eighth ninth tenth
two three four five six seven eight nine ten eleven twelve fifteen twenty thirty forty fifty
father mother brother sister son daughter uncle aunt grandfather grandmother cousin
husband wife
king queen emperor duke prince bishop
president governor mayor senator
army navy
morning afternoon evening night
catholic protestant orthodox muslim jewish buddhist hindu
christianity islam judaism buddhism hinduism
asia africa europe australia antarctica
atlantic pacific indian arctic
british french german italian spanish russian chinese japanese american dutch greek turkish polish portuguese swedish
english french german italian spanish russian chinese japanese latin greek arabic turkish polish portuguese swedish
england france germany italy spain russia china japan greece turkey poland portugal sweden india brazil canada mexico
london paris berlin rome madrid moscow vienna tokyo beijing athens lisbon chicago boston
gold silver copper iron
oxygen hydrogen nitrogen carbon
copper zinc tin lead
piano violin guitar flute
novel poem play opera
film album song book
men women children
boys girls
daily weekly monthly annually
hours days weeks months years decades
"""
_IRREGULAR = {
    "begin": ("began", "begun", "beginning"),
    "buy": ("bought", "bought", "buying"),
    "fall": ("fell", "fallen", "falling"),
    "forbid": ("forbade", "forbidden", "forbidding"),
    "forget": ("forgot", "forgotten", "forgetting"),
    "freeze": ("froze", "frozen", "freezing"),
    "give": ("gave", "given", "giving"),
    "grow": ("grew", "grown", "growing"),
    "hide": ("hid", "hidden", "hiding"),
    "learn": ("learned", "learned", "learning"),
    "leave": ("left", "left", "leaving"),
    "lend": ("lent", "lent", "lending"),
    "lose": ("lost", "lost", "losing"),
    "rise": ("rose", "risen", "rising"),
    "sell": ("sold", "sold", "selling"),
    "shrink": ("shrank", "shrunk", "shrinking"),
    "split": ("split", "split", "splitting"),
    "take": ("took", "taken", "taking"),
    "teach": ("taught", "taught", "teaching"),
    "rebuild": ("rebuilt", "rebuilt", "rebuilding"),
    "build": ("built", "built", "building"),
    "win": ("won", "won", "winning"),
    "withdraw": ("withdrew", "withdrawn", "withdrawing"),
}
_DOUBLED = frozenset("ban stop admit permit repel emit".split())  # stopped, not stoped


@cache
def opposites() -> dict[str, tuple[str, ...]]:
    """Lower-case word -> what it cannot be at the same time, opposites and other members of its families."""
    made: dict[str, list[str]] = {}
    for pair in _split(_PAIRS):
        made.setdefault(pair[0], []).append(pair[1])
    for one, other in _split(_VERBS):
        for form, opposite in zip(_forms(one), _forms(other), strict=True):
            made.setdefault(form, []).append(opposite)
    for line in _FAMILIES.strip().splitlines():
        family = line.split()
        for word in family:
            made.setdefault(word, []).extend(other for other in family if other != word)
    return {word: tuple(dict.fromkeys(others)) for word, others in made.items()}


def inflect(verb: str) -> tuple[str, str, str, str]:
    """The third person, the past, the past participle and the -ing form of an English verb."""
    third = verb[:-1] + "ies" if verb.endswith("y") and verb[-2] not in "aeiou" else verb + "s"
    if verb.endswith(("s", "sh", "ch", "x", "z")):
        third = verb + "es"
    if verb in _IRREGULAR:
        return (third, *_IRREGULAR[verb])
    root = verb + verb[-1] if verb in _DOUBLED else verb
    if verb.endswith("e"):
        return third, verb + "d", verb + "d", (verb[:-2] + "y" if verb.endswith("ie") else verb[:-1]) + "ing"
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return third, verb[:-1] + "ied", verb[:-1] + "ied", verb + "ing"
    return third, root + "ed", root + "ed", root + "ing"


def _forms(verb: str) -> tuple[str, ...]:
    return (verb, *inflect(verb))


def _split(table: str) -> list[tuple[str, str]]:
    pairs = (entry.split() for entry in table.split(","))
    return [(one, other) for one, other in pairs]

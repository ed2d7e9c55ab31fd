"""`studygpt explain reading`: how the reader read a passage, layer by layer, word by word and head by head."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from api.arguments import add_prompt
from api.console import Report, heading, one_line, print_indented

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from gpt.inspect import Inspection, Looks

N_WORDS = 8  # with the largest effects
N_LOOKS = 3  # tokens that a head takes most from
BAR = 24  # columns of the longest bar
NAME = 16  # columns of a token


def register(kinds: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command to those of `studygpt explain`."""
    reading = kinds.add_parser(
        "reading",
        help="how a passage was read: layer by layer, word by word, head by head",
        description="Shows where the reader would point after each of its layers, how much its answer rests on each\n"
        "word (hidden in turn, the passage read again), and where the answer's first token looks.",
        epilog='example:\n  studygpt explain reading --question "Who is it?" --passage "It is the baker."',
    )
    add_prompt(reading)
    reading.set_defaults(run=run_reading)


def run_reading(args: argparse.Namespace) -> Report:
    """Reads and tells. Raises GPTError."""
    from api.settings import load_settings
    from gpt.inspect import inspect, looks
    from gpt.reader import Reader

    reader = Reader.load(load_settings(model=args.model).model)
    found = inspect(reader.released, args.question, args.passage)
    at = found.spans[0].first if found.spans else len(found.tokens) - 1
    attention = looks(reader.released, args.question, args.passage, at)
    asked = {"model": reader.name, "question": args.question, "passage": args.passage}
    value = {**asked, **dataclasses.asdict(found), "attention": dataclasses.asdict(attention)}
    return Report(value, lambda console: show(console, args, found, attention))


def show(console: Console, args: argparse.Namespace, found: Inspection, attention: Looks) -> None:
    """The prompt, then four chapters."""
    from rich.text import Text

    chapters = (
        ("spans", "what it could have answered, and how likely it finds each", _spans(found, args.passage)),
        ("layer by layer", "where it would begin and end if it had to answer then", _lens(found)),
        ("words", "how much surer of its answer each makes it, in nats", _words(found)),
        ("attention", f"where {_name(found, attention.token)} takes from, by layer and head", _looks(found, attention)),
    )
    console.print(Text(f"{len(found.tokens)} tokens, read by {len(found.first)} layers", "bold"))
    console.print()
    print_indented(console, Text(one_line(args.question), "cyan"))
    print_indented(console, _marked(found))
    for title, meaning, lines in chapters:
        heading(console, title, meaning)
        for line in lines:
            console.print(line, soft_wrap=True)


def _marked(found: Inspection) -> Text:
    """The passage; words of the question underlined, the best span reversed."""
    from rich.text import Text

    text = Text()
    for i, token in enumerate(found.tokens):
        if token.part != "passage":
            continue
        inside = bool(found.spans) and found.spans[0].first <= i <= found.spans[0].last
        style = "bold reverse" if inside else "underline" if token.shared in ("word", "stem") else ""
        text.append(one_line(f"|{token.text}|")[1:-1], style)
    return text


def _spans(found: Inspection, passage: str) -> Iterator[Text]:
    rows = [(one_line(passage[span.start : span.end].strip()), span.probability) for span in found.spans]
    for name, probability in sorted([*rows, ("(not in the passage)", found.nothing)], key=lambda row: -row[1]):
        yield _row(f"{probability:>8.2%}", name, probability, "green")


def _lens(found: Inspection) -> Iterator[str]:
    for layer, (first, last) in enumerate(zip(found.first, found.last, strict=True), 1):
        begin, end = (max(range(len(row)), key=row.__getitem__) for row in (first, last))
        yield (
            f"  {layer:>3}  begin {_name(found, begin):<{NAME}} {first[begin]:>7.2%}"
            f"    end {_name(found, end):<{NAME}} {last[end]:>7.2%}"
        )


def _words(found: Inspection) -> Iterator[Text]:
    ranked = sorted(found.words, key=lambda word: -abs(word.effect))[:N_WORDS]
    for word in ranked:
        text = one_line("".join(token.text for token in found.tokens[word.first : word.last + 1]).strip())
        name = f"{text} ({found.tokens[word.first].part})"
        share = abs(word.effect) / (abs(ranked[0].effect) or 1.0)
        yield _row(f"{word.effect:>+8.2f}", name, share, "green" if word.effect > 0 else "red")


def _looks(found: Inspection, attention: Looks) -> Iterator[str]:
    for layer, heads in enumerate(attention.weights, 1):
        for head, weights in enumerate(heads, 1):
            yield f"  {layer:>3}.{head}  " + "  ".join(_most(found, weights)).rstrip()


def _most(found: Inspection, weights: Sequence[float]) -> Iterator[str]:
    for i in sorted(range(len(weights)), key=lambda i: -weights[i])[:N_LOOKS]:
        yield f"{weights[i]:>4.0%} {_name(found, i):<{NAME}}"


def _name(found: Inspection, token: int) -> str:
    """A token in quotation marks, or a sign, in few columns."""
    seen = found.tokens[token]
    if seen.part == "sign":
        return "(not there)" if token == len(found.tokens) - 1 else seen.text
    name = one_line(seen.text.strip()) or "part of a sign"
    return f"'{name if len(name) <= NAME - 2 else name[: NAME - 3] + '…'}'"


def _row(number: str, name: str, share: float, colour: str) -> Text:
    from rich.text import Text

    short = name if len(name) <= 40 else name[:39] + "…"
    line = Text.assemble(f"  {number}  {short:<40}  ", ("█" * round(BAR * share), colour))
    line.rstrip()
    return line

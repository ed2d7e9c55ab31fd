"""LaTeX: the words that the source typesets, each with its line; formulas as they stand in the source.

Nothing is run: commands are known by name, and an unknown one is left out while the text of its arguments stays.
A command of the document's own without arguments is replaced by its words. A file named by an input command is not
read: each file of a project is a document of its own, and the one that includes it names it, in its text and as missing.
So nothing outside of the indexed folder can be reached. One pass over the source; every search ahead is bounded or remembered.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from indexer.errors import EmptyDocument
from indexer.loaders import latex_words as words
from indexer.loaders.decode import title_of
from indexer.loaders.html_text import Writer
from indexer.loaders.latex_encoding import decode_latex
from indexer.loaders.latex_source import LatexSource
from indexer.loaders.markdown import leading_heading
from indexer.loaders.missing import named
from indexer.types import Extracted

_TOKEN = re.compile(
    r"\\begin[ \t]*\{(?P<begin>[A-Za-z]{1,40})\*?\}|\\end[ \t]*\{(?P<end>[A-Za-z]{1,40})\*?\}"
    r"|\\verb\*?(?P<mark>[^A-Za-z\s*])(?P<verb>[^\n]{0,300}?)(?P=mark)"
    r"|\\(?P<command>[A-Za-z@]+)\*?|(?P<math>\\[(\[])|\\(?P<sign>.)"
    r"|(?P<comment>%[^\n]*+(?:\n[ \t]*+(?!\n))?)|(?P<blank>\n[ \t]*+\n\s*+)"
    r"|(?P<dollar>\$\$?)|(?P<brace>[{}])|(?P<cell>&)|(?P<dash>``|''|---?|~)",
    re.DOTALL,
)
# possessive inside and not around the group, which Python 3.11.2 (Debian 12's) does not match right (cpython issue 106052)
_INLINE = re.compile(r"\$(?:[^$\\\n]++|\\.|\n(?![ \t]*\n))+\$", re.DOTALL)
_DISPLAY = re.compile(r"\$\$(?:[^$\\\n]++|\\.|\$(?!\$)|\n(?![ \t]*\n))+\$\$", re.DOTALL)
_COMMENT = re.compile(r"(?<!\\)((?:\\\\)*)%.*")
_DEFINED_HEAD = re.compile(r"\\?[A-Za-z@]+[^{}\n]{0,40}")
_BREAKS = frozenset(("par", "bigskip", "medskip", "smallskip", "newpage", "clearpage", "maketitle", "centering"))


def load(name: str, data: bytes) -> Extracted:
    """The text of a LaTeX file, from its title and document environment where it has them; raises LoadError."""
    scanner = _Scanner(LatexSource(decode_latex(data)))
    scanner.read(*scanner.source.title())
    scanner.read(*scanner.source.body)
    if not scanner.writer.has_text:
        raise EmptyDocument("the file has LaTeX commands and no text")
    text, anchors, blocks = scanner.writer.finish()
    title = leading_heading(text, blocks) or title_of(name)
    return Extracted(text, title, "text/x-tex", anchors, blocks, _notices(scanner.included))


def _notices(included: list[str]) -> tuple[str, ...]:
    """What of the document stands in other files."""
    if not included:
        return ()
    return (f"includes {named(included)}: not a part of this document, but one of its own if it is indexed as well",)


@dataclass(frozen=True, slots=True)
class _Open:
    """An environment, or a group whose brace at `closes` ends a block or writes `after`."""

    name: str = ""
    closes: int = -1
    after: str = ""


@dataclass(slots=True)
class _Scanner:
    """Reads the source up to `position`; `line` is the line at which the position `counted` stands."""

    source: LatexSource
    writer: Writer = field(default_factory=Writer)
    position: int = 0
    counted: int = 0
    line: int = 1
    stack: list[_Open] = field(default_factory=list)
    begun: Counter[str] = field(default_factory=Counter)  # environments in the stack, by name
    entered: set[int] = field(default_factory=set)  # the closing braces of the groups in the stack
    included: list[str] = field(default_factory=list)  # the names of files that are put in a place

    def read(self, start: int, end: int) -> None:
        """Reads the range [start, end)."""
        self.position = start
        while token := _TOKEN.search(self.source.text, self.position, end):
            self._write(self.position, token.start())
            self.position = token.end()
            self._take(token)
        self._write(self.position, end)

    def _take(self, token: re.Match[str]) -> None:
        """One token, which ends at `position`."""
        match token.lastgroup:
            case "begin":
                self.position = self.source.after_overlay(self.position)
                self._begin(token)
            case "end":
                self._end(token["end"])
            case "verb":
                self._write(*token.span("verb"))
            case "command":
                self.position = self.source.after_overlay(self.position)
                self._command(token)
            case "math":
                self._delimited(token.start(), "\\)" if token["math"] == "\\(" else "\\]")
            case "sign":
                self._sign(token)
            case "blank":
                self._break()
            case "dollar":
                self._dollar(token.start())
            case "brace":
                self._brace(token)
            case "cell" if self._in_table():
                self.writer.next_cell()
            case "dash":
                self._say(words.DASHES[token["dash"]], token.start())

    def _write(self, start: int, end: int) -> None:
        if start < end:
            self._say(self.source.text[start:end], start)

    def _say(self, text: str, at: int) -> None:
        """Writes text that stands at `at` in the source."""
        self.line += self.source.text.count("\n", self.counted, at)
        self.counted = max(at, self.counted)
        self.writer.at_line(self.line)
        self.writer.write(text)

    def _break(self) -> None:
        """The block ends; a heading or a table row does not end in its middle."""
        self.writer.open("paragraph")
        self.writer.close()

    def _begin(self, token: re.Match[str]) -> None:
        name = token["begin"]
        if name in words.VERBATIM or name in words.DROPPED or name in words.FORMULAS:
            self._raw(token, name)
            return
        option = self.source.option(self.position)
        if name == "abstract":
            self.writer.open("heading", 2)
            self._say("Abstract", token.start())
            self.writer.close()
        self.writer.open(words.kind_of(name))
        self._push(_Open(name))
        if name in words.STATEMENTS:
            self._say(name.capitalize(), token.start())
            self._say(f" ({option[1]}). " if option else ". ", token.start())
        after = option.end() if option else self.position
        if name in words.TITLED:
            self._titles(after, words.TITLED[name])
        else:
            self.position = self.source.after_arguments(after, words.ARGUMENTS.get(name, 0))

    def _titles(self, position: int, levels: Sequence[int]) -> None:
        """The titles of a slide or a box, which are its first arguments, each a heading of its level or, for 0, a paragraph."""
        for level in levels:
            inside = self.source.argument(position)
            if inside is None:
                break
            title = words.title_words(self.source.text[slice(*inside)])
            if title.strip():
                self.writer.open("heading" if level else "paragraph", level)
                self._say(title, inside[0])
                self.writer.close()
            position = inside[1] + 1
        self.position = self.source.after_options(position)

    def _end(self, name: str) -> None:
        if self.begun[name]:
            while self._pop().name != name:
                pass

    def _push(self, opened: _Open) -> None:
        self.stack.append(opened)
        self.begun[opened.name] += 1
        self.entered.add(opened.closes)

    def _pop(self) -> _Open:
        last = self.stack.pop()
        self.begun[last.name] -= 1
        self.entered.discard(last.closes)
        if last.after:
            self._say(last.after, self.position)
        else:
            self.writer.close()
        return last

    def _raw(self, token: re.Match[str], name: str) -> None:
        """An environment whose inside is no running text: a formula, code, or what is left out."""
        start, starred = token.start(), "*" if token[0].endswith("*}") else ""
        end = self.source.find(f"\\end{{{name}{starred}}}", self.position)
        if end < 0:
            return
        last = end + len(f"\\end{{{name}{starred}}}")
        if name in words.FORMULAS:
            self._formula(start, last)
        elif name in words.VERBATIM:
            option = self.source.after_option(self.position)
            self.position = self.source.after_arguments(option, words.ARGUMENTS.get(name, 0))
            self.writer.open("code")
            self._write(self.position, end)
            self.writer.close()
        self.position = last

    def _formula(self, start: int, end: int) -> None:
        """The source of a displayed formula but for its comments."""
        self.writer.open("formula")
        self._uncommented(start, end)
        self.writer.close()

    def _uncommented(self, start: int, end: int) -> None:
        at = start
        for line in self.source.text[start:end].split("\n"):
            self._say((" " if at > start else "") + _COMMENT.sub(r"\1", line), at)
            at += len(line) + 1

    def _delimited(self, start: int, end: str) -> None:
        found = self.source.find(end, self.position)
        if found >= 0 and end == "\\]":
            self._formula(start, found + 2)
        elif found >= 0:
            self._uncommented(start, found + 2)
        self.position = found + 2 if found >= 0 else self.position

    def _dollar(self, start: int) -> None:
        display = _DISPLAY.match(self.source.text, start)
        inline = None if display else _INLINE.match(self.source.text, start)
        if display:
            self._formula(start, display.end())
            self.position = display.end()
        elif inline:
            self._uncommented(start, inline.end())
            self.position = inline.end()

    def _sign(self, token: re.Match[str]) -> None:
        sign = token["sign"]
        accent = words.ACCENTED.match(self.source.text, token.start())
        if sign == "\\":
            self._end_line()
        elif accent:
            self._say(words.accented(accent), token.start())
            self.position = accent.end()
        else:
            self._say(words.SIGNS.get(sign, ""), token.start())

    def _end_line(self) -> None:
        self.position = self.source.after_option(self.position)
        if self._in_table():
            self.writer.close()
            self.writer.open("table_row")
        else:
            self.writer.break_line()

    def _in_table(self) -> bool:
        return bool(self.stack) and self.stack[-1].name in words.TABLES

    def _brace(self, token: re.Match[str]) -> None:
        if token.start() in self.entered:
            while self._pop().closes != token.start():
                pass

    def _command(self, token: re.Match[str]) -> None:
        name, start = token["command"], token.start()
        inside = self.source.argument(self.position)
        accent = words.ACCENTED.match(self.source.text, start)
        if inside and name in words.SECTIONS:
            self.writer.open("heading", words.SECTIONS[name])
            self._enter(inside)
        elif inside and name in words.ASIDE:
            self.writer.open("paragraph")
            self._enter(inside)
        elif inside and name == "footnote":
            self._say(" (", start)
            self._enter(inside, after=")")
        elif inside and name in words.NAMED:
            self.included.append(self.source.text[slice(*inside)])
            self._break()
            self._quote(inside, "")
            self._break()
        elif inside and (name == "bibitem" or words.REFERENCES.match(name)):
            self._quote(inside, name)
        elif inside and name in words.ADDRESSES:
            self._quote(inside, "")
        elif accent:
            self._say(words.accented(accent), start)
            self.position = accent.end()
        else:
            self._bare(name, start)

    def _enter(self, inside: tuple[int, int], after: str = "") -> None:
        """Goes into an argument, at whose end the block that is open ends, or `after` is written."""
        self._push(_Open(closes=inside[1], after=after))
        self.position = inside[0]

    def _quote(self, inside: tuple[int, int], name: str) -> None:
        """Writes an argument as it stands: a file's name, or in brackets the key of the reference `name`."""
        if name == "bibitem":
            self._break()
        key = self.source.text[slice(*inside)]
        self._say((f"[{key}]" if name else key) + (" " if name == "bibitem" else ""), inside[0])
        self.position = inside[1] + 1

    def _bare(self, name: str, start: int) -> None:
        """A command that is a sign, a break, a macro of the document, or unknown; what is no text is passed over."""
        if name == "item":
            self._item()
        elif name in words.SIGNS:
            self._say(words.SIGNS[name], start)
        elif name in _BREAKS:
            self._break()
        elif name == "def":
            head = _DEFINED_HEAD.match(self.source.text, self.position)
            self.position = self.source.after_arguments(head.end(), 1) if head else self.position
        elif name in words.UNREAD:
            self.position = self.source.after_arguments(self.position, words.UNREAD[name])
        elif name in self.source.macros:
            self._say(words.plain(self.source.macros[name]), start)
        else:
            self.position = self.source.after_options(self.position)

    def _item(self) -> None:
        self._break()
        option = self.source.option(self.position)
        if option:
            self._say(option[1] + " ", option.start(1))
            self.position = option.end()

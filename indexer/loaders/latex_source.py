"""Looking ahead in LaTeX source: which brace closes which, where arguments begin, what the document defines itself.

All of it costs linear time, whatever is left unclosed.
"""

from __future__ import annotations

import re

_BRACE = re.compile(r"\\(?:href|url|path|nolinkurl)\s?\{[^{}\n]{0,2000}\}|\\.|%[^\n]*|[{}]", re.DOTALL)
_OPTION = re.compile(r"\s{0,9}\[([^\[\]]{0,300})\]")
_OVERLAY = re.compile(  # on which slides of a frame it shows, as in "\item<2->"
    r"<(?:(?=[^<>\n]{0,60}[\d+])[\d+.,|:@*a-z-]{1,60}|presentation|article|handout|beamer|trans|all)>"
)
_GAP = re.compile(r"[ \t]*+\n?[ \t]*+(?=\{)")
_COMMAND = re.compile(r"\s?\\[A-Za-z@]+")
_DEFINED = re.compile(
    r"\\(?:(?:re)?newcommand|providecommand)\*?\s?\{?\\([A-Za-z@]+)\}?(?=\{)|\\def\\([A-Za-z@]+)(?=\{)"
)
_TITLE = re.compile(r"^[^%\n]*\\title\b", re.MULTILINE)
_BEGIN, _END = "\\begin{document}", "\\end{document}"
_MAX_MACRO = 200  # characters of a body that is put in the place of its command
_MAX_OPTIONS = 3


class LatexSource:
    """The characters of a file, `text`; `body` is the range of its document environment, or all of it.

    `macros` holds the bodies of the document's own short commands without arguments, by name.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._closing = _matching(text)
        self._absent: set[str] = set()
        begin = text.find(_BEGIN)
        end = text.find(_END, begin) if begin >= 0 else -1
        self.body = (begin + len(_BEGIN) if begin >= 0 else 0, end if end >= 0 else len(text))
        self.macros = dict(self._definitions())

    def closing(self, position: int) -> int:
        """The position of the brace that closes the one at `position`; -1 where none opens, or it is not closed."""
        return self._closing.get(position, -1)

    def title(self) -> tuple[int, int]:
        """The range of the title's command before the body; an empty range for none."""
        found = _TITLE.search(self.text, 0, max(0, self.body[0] - len(_BEGIN)))
        last = self.closing(self.after_options(found.end())) if found else -1
        return (found.end() - len("\\title"), last + 1) if found and last >= 0 else (0, 0)

    def find(self, end: str, position: int) -> int:
        """Where `end` comes next, or -1, which is remembered; positions must not decrease."""
        found = -1 if end in self._absent else self.text.find(end, position)
        if found < 0:
            self._absent.add(end)
        return found

    def after_overlay(self, position: int) -> int:
        """The position after Beamer's overlay specification, if one stands there."""
        overlay = _OVERLAY.match(self.text, position)
        return overlay.end() if overlay else position

    def option(self, position: int) -> re.Match[str] | None:
        """The optional argument, "[...]", that begins at `position`; its inside is group 1."""
        return _OPTION.match(self.text, position)

    def after_option(self, position: int) -> int:
        option = self.option(position)
        return option.end() if option else position

    def after_options(self, position: int) -> int:
        """Where the next argument in braces opens, if one does."""
        for _ in range(_MAX_OPTIONS):
            position = self.after_option(position)
        gap = _GAP.match(self.text, position)
        return gap.end() if gap else position

    def argument(self, position: int) -> tuple[int, int] | None:
        """The range inside the next argument in braces after a command that ends at `position`."""
        opens = self.after_options(position)
        return (opens + 1, self._closing[opens]) if opens in self._closing else None

    def after_arguments(self, position: int, n_arguments: int) -> int:
        """The position after so many arguments, optional ones not counted; one may be a command without braces."""
        for _ in range(n_arguments):
            inside = self.argument(position)
            command = None if inside else _COMMAND.match(self.text, position)
            position = inside[1] + 1 if inside else command.end() if command else position
        return position

    def _definitions(self) -> list[tuple[str, str]]:
        found = []
        for definition in _DEFINED.finditer(self.text):
            body = self.text[definition.end() + 1 : max(self.closing(definition.end()), 0)]
            if len(body) <= _MAX_MACRO:
                found.append((definition[1] or definition[2], body))
        return found


def _matching(text: str) -> dict[int, int]:
    """From each opening brace to the one that closes it; those in comments and after a backslash are none."""
    found, opened = {}, []
    for token in _BRACE.finditer(text):
        if token[0][0] == "\\" and token[0].endswith("}") and len(token[0]) > 2:  # an address: "%" is no comment
            found[token.start() + token[0].index("{")] = token.end() - 1
        elif token[0] == "{":
            opened.append(token.start())
        elif token[0] == "}" and opened:
            found[opened.pop()] = token.start()
    return found

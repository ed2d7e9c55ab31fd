"""The text of a page in the making: blanks collapsed as a browser does, blocks, and the source line of every word."""

from __future__ import annotations

from dataclasses import dataclass, field

from indexer.loaders.decode import without_surrogates
from indexer.types import Anchor, Block, BlockKind

_TIGHT = ("list", "table_row")  # blocks of the same kind that follow each other on the next line


@dataclass(frozen=True, slots=True)
class _Open:
    kind: BlockKind
    level: int


@dataclass(slots=True)
class Writer:
    """Takes the elements and texts of a page in order; `finish` gives text, anchors and blocks."""

    _parts: list[str] = field(default_factory=list)
    _n_chars: int = 0
    _blocks: list[Block] = field(default_factory=list)
    _marks: list[tuple[int, int]] = field(default_factory=list)  # (character, source line) where the line changes
    _stack: list[_Open] = field(default_factory=list)
    _start: int | None = None  # of the block in the making, once it has text
    _gap: str = ""  # blanks due before the next word
    _line: int = 1

    @property
    def has_text(self) -> bool:
        return self._n_chars > 0

    def at_line(self, line: int | None) -> None:
        """The source line of what comes next, where the parser knows it."""
        self._line = line or self._line

    def skip(self, text: str) -> None:
        """Source text that is not shown but takes up lines."""
        self._line += text.count("\n")

    def open(self, kind: BlockKind, level: int = 0) -> None:
        """A block begins; within a table row, code or a heading it does not end that block."""
        outer = self._stack[-1] if self._stack else None
        if outer and outer.kind in ("table_row", "code", "heading"):
            kind, level = outer.kind, outer.level
            self._gap = self._gap or " "
        else:
            self._end_block()
            if outer and outer.kind == "list" and kind == "paragraph":
                kind = "list"
        self._stack.append(_Open(kind, level))

    def close(self) -> None:
        """The block opened last ends."""
        closed = self._stack.pop()
        if self._stack and self._stack[-1] == closed and closed.kind in ("table_row", "code", "heading"):
            self._gap = self._gap or " "
        else:
            self._end_block(closed)

    def next_cell(self) -> None:
        """A cell of a table row begins."""
        if self._start is not None:
            self._gap = " | "

    def break_line(self) -> None:
        if self._start is not None:
            self._gap = "\n"

    def formula(self, tex: str, *, display: bool) -> None:
        """A formula by its TeX source, in dollars."""
        tex = " ".join(tex.split())
        if tex and display and not self._stack_is("table_row", "code", "heading"):
            self.open("formula")
            self._emit(f"$${tex}$$")
            self.close()
        elif tex:
            self._emit(f"${tex}$")

    def write(self, text: str) -> None:
        """Text as it stands in the source."""
        if self._stack_is("code"):
            self._write_verbatim(text)
            return
        for number, piece in enumerate(text.split("\n")):
            if number:
                self._line += 1
                self._gap = self._gap or " "
            words = piece.split()
            if piece[:1].isspace():
                self._gap = self._gap or " "
            if words:
                self._emit(" ".join(words))
                self._gap = " " if piece[-1].isspace() else ""

    def finish(self) -> tuple[str, tuple[Anchor, ...], tuple[Block, ...]]:
        """The text, anchors that cover it, and its blocks."""
        self._end_block()
        text = "".join(self._parts)
        ends = [start for start, _ in self._marks[1:]] + [len(text)]
        anchors = (
            Anchor(start, end, line_start=line, line_end=line)
            for (start, line), end in zip(self._marks, ends, strict=True)
        )
        return text, tuple(anchors), tuple(self._blocks)

    def _write_verbatim(self, text: str) -> None:
        for number, line in enumerate(text.split("\n")):
            if number:
                self._line += 1
                if self._start is not None:
                    self._gap += "\n"
            if line.strip() or (line and self._start is not None):  # blanks do not begin a block
                self._emit(line)

    def _emit(self, text: str) -> None:
        if self._start is None:
            self._separate()
            self._start = self._n_chars
        else:
            self._append(self._gap)
        self._gap = ""
        if not self._marks or self._marks[-1][1] != self._line:
            self._marks.append((self._n_chars, self._line))
        self._append(without_surrogates(text))

    def _separate(self) -> None:
        """Blanks between the last block and the one that begins."""
        if self._blocks:
            kind = self._stack[-1].kind if self._stack else "paragraph"
            self._append("\n" if kind in _TIGHT and self._blocks[-1].kind == kind else "\n\n")

    def _append(self, text: str) -> None:
        if text:
            self._parts.append(text)
            self._n_chars += len(text)

    def _end_block(self, block: _Open | None = None) -> None:
        block = block or (self._stack[-1] if self._stack else _Open("paragraph", 0))
        if self._start is not None:
            self._blocks.append(Block(block.kind, self._start, self._n_chars, block.level))
        self._start, self._gap = None, ""

    def _stack_is(self, *kinds: BlockKind) -> bool:
        return bool(self._stack) and self._stack[-1].kind in kinds

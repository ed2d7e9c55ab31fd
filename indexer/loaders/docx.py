"""Word documents (.docx): the words of the body with headings, lists, tables, footnotes and formulas (ECMA-376).

A page is only known to the program that draws it, so a place is the number of the paragraph in the body, from 1, as
`line`. Deleted and hidden words, field codes, headers and footers are left out. Linked and embedded files, charts, diagrams
and comments are not read and said to be missing.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from dataclasses import dataclass, field

from lxml import etree

from indexer.errors import EmptyDocument, LoadError
from indexer.loaders.archive import Archive, parse_xml
from indexer.loaders.decode import title_of
from indexer.loaders.docx_math import MATH, local_name, to_tex
from indexer.loaders.html_text import Writer
from indexer.loaders.markdown import leading_heading
from indexer.loaders.missing import counted, listed
from indexer.types import Extracted

_MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_WORD = ("http://schemas.openxmlformats.org/wordprocessingml/2006/main",
         "http://purl.oclc.org/ooxml/wordprocessingml/main")  # fmt: skip
_MAIN_PART = re.compile(r"/officeDocument$")
_SKIPPED = frozenset(("pPr", "rPr", "tblPr", "tblGrid", "trPr", "tcPr", "sectPr", "del", "moveFrom", "instrText"))
_HEADING_NAME = re.compile(r"heading ([1-9])$", re.IGNORECASE)
_UNREAD = {
    "object": "embedded object",  # sheets, slides, formulas of older programs
    "altChunk": "embedded document",
    "subDoc": "linked document",
    "commentReference": "comment",
}
_UNREAD_GRAPHICS = {"chart": "chart", "diagram": "diagram"}  # by the last part of their kind's name
_TITLE_LEVEL = 1
_MAX_LEVEL = 6
_MAX_STYLES = 20  # each based on the next; Word allows about ten


@dataclass(frozen=True, slots=True)
class _Parts:
    """What the body refers to: heading levels by style, footnotes and endnotes by kind and number."""

    levels: dict[str, int]
    notes: dict[tuple[str, str], etree._Element]


@dataclass(slots=True)
class _Reader:
    """Walks the body; `paragraph` is the number of the last one begun."""

    parts: _Parts
    writer: Writer = field(default_factory=Writer)
    paragraph: int = 0
    due: list[tuple[str, str]] = field(default_factory=list)  # notes referred to and not yet written
    depth: int = 0  # of open paragraphs and table rows
    unread: Counter[str] = field(default_factory=Counter)  # what is not read, by its kind

    def body(self, root: etree._Element) -> None:
        """Writes all below `root`; each footnote after the paragraph or row that refers to it."""
        walk = etree.iterwalk(root, events=("start", "end"))
        for event, element in walk:
            if event == "end":
                self._end(element)
            elif self._is_skipped(element):
                walk.skip_subtree()
            elif _name(element, MATH) in ("oMath", "oMathPara"):
                self.writer.formula(to_tex(element), display=_name(element, MATH) == "oMathPara")
                walk.skip_subtree()
            else:
                self._start(element)

    def _start(self, element: etree._Element) -> None:
        self._note_unread(element)
        match _name(element, _WORD):
            case "p":
                self.paragraph += 1
                self.writer.at_line(self.paragraph)
                level = _level(element, self.parts.levels)
                is_item = element.find("{*}pPr/{*}numPr") is not None
                self.writer.open("heading" if level else "list" if is_item else "paragraph", level)
                self.depth += 1
            case "tr":
                self.writer.open("table_row")
                self.depth += 1
            case "tc":
                self.writer.next_cell()
            case "t":
                self.writer.write((element.text or "").replace("\n", " "))
            case "noBreakHyphen":
                self.writer.write("-")
            case "tab":
                self.writer.write(" ")
            case "br" | "cr":
                self.writer.break_line()
            case "footnoteReference" | "endnoteReference" as kind:
                self.due.append((kind.removesuffix("Reference"), _value(element, "id")))

    def _note_unread(self, element: etree._Element) -> None:
        kind = _UNREAD.get(_name(element, _WORD))
        if local_name(element) == "graphicData":
            kind = _UNREAD_GRAPHICS.get(element.get("uri", "").rpartition("/")[2])
        if kind:
            self.unread[kind] += 1

    def notices(self) -> tuple[str, ...]:
        """What of the document is not in its text."""
        kinds = [counted(n, kind) for kind, n in sorted(self.unread.items())]
        return (f"{listed(kinds)} not read",) if kinds else ()

    def _end(self, element: etree._Element) -> None:
        if _name(element, _WORD) not in ("p", "tr"):
            return
        self.writer.close()
        self.depth -= 1
        while self.due and not self.depth:
            note = self.parts.notes.pop(self.due.pop(0), None)  # written once, and a note cannot hold itself
            if note is not None:
                self._note(note)

    def _note(self, note: etree._Element) -> None:
        """Writes a note as a paragraph of its own that counts as part of the paragraph before it."""
        self.writer.open("paragraph")
        for text in note.iter(*(f"{{{space}}}t" for space in _WORD)):
            self.writer.write((text.text or "").replace("\n", " "))
        self.writer.close()

    def _is_skipped(self, element: etree._Element) -> bool:
        if local_name(element) == "Fallback":  # the same once more, for older programs
            return True
        name = _name(element, _WORD)
        return name in _SKIPPED or (name == "r" and _is_on(element.find("{*}rPr/{*}vanish")))


def load(name: str, data: bytes) -> Extracted:
    """The text of a Word document; raises LoadError for one that is damaged, encrypted or made to harm."""
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise LoadError("the file is encrypted or in the old .doc format: save it as .docx without a password")
    archive = Archive(data)
    path = _main_path(archive)
    root = parse_xml(archive.read(path), path)
    if _name(root, _WORD) != "document":
        raise LoadError("the archive is not a Word document: save it as .docx")
    folder = posixpath.dirname(path)
    reader = _Reader(_Parts(_levels(archive, folder), _notes(archive, folder)))
    reader.body(root)
    if not reader.writer.has_text:
        raise EmptyDocument("the document has no text")
    text, anchors, blocks = reader.writer.finish()
    title = _title(archive) or leading_heading(text, blocks) or title_of(name)
    return Extracted(text, title, _MEDIA_TYPE, anchors, blocks, reader.notices())


def _main_path(archive: Archive) -> str:
    """The path of the part that holds the body."""
    if "_rels/.rels" in archive:
        for relation in parse_xml(archive.read("_rels/.rels"), "_rels/.rels"):
            if _MAIN_PART.search(relation.get("Type", "")) and relation.get("Target", "").lstrip("/") in archive:
                return str(relation.get("Target")).lstrip("/")
    return "word/document.xml"


def _levels(archive: Archive, folder: str) -> dict[str, int]:
    """The heading level of each paragraph style that has one, its own or that of the style it is based on."""
    path = posixpath.join(folder, "styles.xml")
    styles = parse_xml(archive.read(path), path).findall("{*}style") if path in archive else []
    own, bases = {}, {}
    for style in styles:
        style_id = _value(style, "styleId")
        name, outline = _child(style, "name"), _child(style, "pPr/{*}outlineLvl")
        heading = _HEADING_NAME.match(name)
        if heading:
            own[style_id] = min(int(heading.group(1)), _MAX_LEVEL)
        elif name.lower() == "title":
            own[style_id] = _TITLE_LEVEL
        elif outline in tuple("012345678"):
            own[style_id] = min(int(outline) + 1, _MAX_LEVEL)
        bases[style_id] = _child(style, "basedOn")
    levels = {}
    for style_id in bases:
        current = style_id
        for _ in range(_MAX_STYLES):
            if current in own:
                break
            current = bases.get(current, "")
        if current in own:
            levels[style_id] = own[current]
    return levels


def _notes(archive: Archive, folder: str) -> dict[tuple[str, str], etree._Element]:
    """Footnotes and endnotes by kind and number."""
    found = {}
    for kind in ("footnote", "endnote"):
        path = posixpath.join(folder, f"{kind}s.xml")
        if path in archive:
            for note in parse_xml(archive.read(path), path).findall(f"{{*}}{kind}"):
                if not _value(note, "type"):  # the others are lines between text and notes
                    found[kind, _value(note, "id")] = note
    return found


def _level(paragraph: etree._Element, levels: dict[str, int]) -> int:
    """The heading level of a paragraph, by its own mark or its style; 0 for none."""
    outline = _child(paragraph, "pPr/{*}outlineLvl")
    if outline in tuple("012345678"):
        return min(int(outline) + 1, _MAX_LEVEL)
    return levels.get(_child(paragraph, "pPr/{*}pStyle"), 0)


def _title(archive: Archive) -> str:
    """The title in the document's properties, or ""."""
    path = "docProps/core.xml"
    title = parse_xml(archive.read(path), path).findtext("{*}title") if path in archive else ""
    return " ".join((title or "").split())


def _name(element: etree._Element, spaces: tuple[str, str]) -> str:
    """The element's name if it is of one of the two namespaces (the usual and the strict one), else ""."""
    space, _, name = element.tag[1:].rpartition("}")
    return name if space in spaces else ""


def _value(element: etree._Element, name: str) -> str:
    """An attribute of Word's namespace, or ""."""
    return next((element.get(f"{{{space}}}{name}") for space in _WORD if f"{{{space}}}{name}" in element.attrib), "")


def _child(element: etree._Element, path: str) -> str:
    """The value that a child element states, or ""."""
    found = element.find("{*}" + path)
    return "" if found is None else _value(found, "val")


def _is_on(switch: etree._Element | None) -> bool:
    """Whether a yes-or-no property is there and not switched off."""
    return switch is not None and _value(switch, "val") not in ("0", "false", "off")

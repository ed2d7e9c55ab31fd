"""EPUB: the chapters of a book in the order of its spine, each read as a page of HTML (EPUB 3.3, and 2).

A place is the chapter's number in the spine (`cell`) and the line of the chapter's file. Nothing but the package
file and the chapters is unpacked; nothing is fetched. A chapter that cannot be read, or is an image, is said to be missing;
an archive that is damaged or made to harm is refused whole.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from urllib.parse import unquote

from lxml import etree

from indexer.errors import EmptyDocument, LoadError
from indexer.loaders import html
from indexer.loaders.archive import Archive, parse_xml
from indexer.loaders.decode import title_of, without_surrogates
from indexer.loaders.missing import counted, named, numbered
from indexer.types import Anchor, Block, Extracted
from indexer.wire import one_line

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_FONTS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")  # scrambled fonts, not text
_PAGES = ("application/xhtml+xml", "text/html", "text/x-oeb1-document")
_MAX_CHAPTERS = 5000
_SEPARATOR = "\n\n"
_REASON_CHARS = 200
_COVER = 1  # the chapter that is an image in most books


@dataclass(frozen=True, slots=True)
class _Missing:
    """The numbers of the chapters that are images without text, and of those that cannot be read, with the reasons;
    the addresses of what the spine lists besides chapters."""

    images: list[int] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)

    def notices(self) -> tuple[str, ...]:
        """What of the book is not in its text."""
        told = []
        if self.refused:
            reason = next(iter(self.refused.values()))
            told.append(f"{numbered('chapter', self.refused)} cannot be read ({one_line(reason[:_REASON_CHARS])})")
        if self.images:
            are = "is an image" if len(self.images) == 1 else "are images"
            told.append(f"{numbered('chapter', self.images)} {are} without text")
        if self.others:
            parts = counted(len(self.others), "part")
            told.append(f"{parts} of the book not read, being no page of text or not there: {named(self.others)}")
        return tuple(told)


def load(name: str, data: bytes) -> Extracted:
    """The text of a book without its navigation; raises LoadError for one that is damaged, locked or made to harm."""
    archive = Archive(data)
    _refuse_locked(archive)
    path, package = _package(archive)
    parts: list[str] = []
    anchors: list[Anchor] = []
    blocks: list[Block] = []
    n_chars = 0
    missing = _Missing(others=_no_pages(package))
    for number, chapter in enumerate(_spine(package, posixpath.dirname(path)), 1):
        text, places, found = _chapter(archive, chapter, number, missing)
        if not text:
            continue
        text += _SEPARATOR
        ends = [place.start for place in places[1:]] + [len(text)]
        anchors += (
            replace(place, start=place.start + n_chars, end=end + n_chars, cell=number)
            for place, end in zip(places, ends, strict=True)
        )
        blocks += (replace(block, start=block.start + n_chars, end=block.end + n_chars) for block in found)
        parts.append(text)
        n_chars += len(text)
    if not parts:
        raise _nothing_read(missing)
    return Extracted("".join(parts), _title(package) or title_of(name), "application/epub+zip", tuple(anchors),
                     tuple(blocks), missing.notices())  # fmt: skip


def _nothing_read(missing: _Missing) -> LoadError:
    """Why a book has no text at all."""
    if missing.refused:
        return LoadError(f"no chapter of the book can be read: {next(iter(missing.refused.values()))}")
    return EmptyDocument("the book has no chapter with text")


def _refuse_locked(archive: Archive) -> None:
    """Raises LoadError for a book whose chapters are encrypted; scrambled fonts are no hindrance."""
    if _ENCRYPTION not in archive:
        return
    methods = parse_xml(archive.read(_ENCRYPTION), _ENCRYPTION).iter("{*}EncryptionMethod")
    if any(method.get("Algorithm") not in _FONTS for method in methods):
        raise LoadError("the book is locked by digital rights management: get a copy without it")


def _package(archive: Archive) -> tuple[str, etree._Element]:
    """The package file's path in the archive, and its root."""
    if _CONTAINER not in archive:
        raise LoadError("the archive is not an EPUB book: it has no META-INF/container.xml")
    for rootfile in parse_xml(archive.read(_CONTAINER), _CONTAINER).iter("{*}rootfile"):
        path = _resolved("", rootfile.get("full-path", ""))
        return path, parse_xml(archive.read(path), path)
    raise LoadError("the book names no package file: it is damaged")


def _spine(package: etree._Element, folder: str) -> Iterator[str]:
    """The chapters' paths in the archive, in reading order; the table of contents is none."""
    items = {item.get("id"): item for item in package.iter("{*}item")}
    seen = set()
    for number, reference in enumerate(package.iter("{*}itemref")):
        if number == _MAX_CHAPTERS:
            raise LoadError(f"the book has more than {_MAX_CHAPTERS:,} chapters: split it")
        item = items.get(reference.get("idref"))
        if item is not None and item.get("media-type") in _PAGES:
            is_contents = "nav" in item.get("properties", "").split()
            path = "" if is_contents else _resolved(folder, item.get("href", ""))
            yield "" if path in seen else path  # the format allows each chapter once
            seen.add(path)


def _no_pages(package: etree._Element) -> list[str]:
    """The addresses, or names, of what the spine lists and no reader of pages can read."""
    items = {item.get("id"): item for item in package.iter("{*}item")}
    listed = [
        (reference.get("idref", ""), items.get(reference.get("idref"))) for reference in package.iter("{*}itemref")
    ]
    return [
        name if item is None else item.get("href", name)
        for name, item in listed[:_MAX_CHAPTERS]
        if item is None or item.get("media-type") not in _PAGES
    ]


def _resolved(folder: str, address: str) -> str:
    """A path in the archive from an address in it; raises LoadError for one that leads out of it."""
    path = posixpath.normpath(posixpath.join(folder, unquote(address.partition("#")[0])))
    if ":" in address.partition("/")[0] or path.startswith(("../", "/")) or path in ("..", "."):
        raise LoadError(f"the book refers to a file outside of it, {address[:80]!r}")
    return path


def _chapter(
    archive: Archive, path: str, number: int, missing: _Missing
) -> tuple[str, tuple[Anchor, ...], tuple[Block, ...]]:
    """The text, anchors and blocks of one chapter; nothing for a blank one, and for one that is noted as missing."""
    if not path:
        return "", (), ()
    body = archive.read(path)
    try:
        root = html.parse(body)
    except EmptyDocument:
        return "", (), ()
    except LoadError as error:
        missing.refused[number] = f"{path[-80:]!r}: {error}"
        return "", (), ()
    writer = html.read(root)
    if writer.has_text:
        return writer.finish()
    if number != _COVER and next(root.iter("img", "image"), None) is not None:
        missing.images.append(number)
    return "", (), ()


def _title(package: etree._Element) -> str:
    titles = (" ".join("".join(element.itertext()).split()) for element in package.iter("{*}title"))
    return without_surrogates(next((title for title in titles if title), ""))

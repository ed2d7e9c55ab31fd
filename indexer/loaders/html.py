"""HTML: the words a reader sees in the main part of the page, each with its line in the source file.

Scripts, styles, navigation, forms' controls and hidden elements are left out; nothing is fetched. Line numbers are
the parser's for each start tag plus the line ends in the text after it.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from itertools import islice

from lxml import etree

from indexer.errors import EmptyDocument, LoadError
from indexer.loaders.decode import decode, title_of, without_surrogates
from indexer.loaders.html_text import Writer
from indexer.types import BlockKind, Extracted

_META_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w.:-]{1,40})""", re.IGNORECASE)
_XML_ENCODING = re.compile(rb"""<\?xml[^>]{0,100}?encoding\s*=\s*["']([\w.:-]{1,40})""")
_SNIFFED_BYTES = 1024  # where the HTML standard says a declaration must stand
_SKIPPED = frozenset(
    ("head", "script", "style", "nav", "noscript", "template", "iframe", "object", "embed")
) | frozenset(("svg", "canvas", "audio", "video", "map", "button", "select", "textarea", "input", "datalist", "dialog"))
_PAGE_FURNITURE = frozenset(("header", "footer", "aside"))  # left out unless they stand in the main part
_FURNITURE_ROLES = frozenset(("navigation", "banner", "contentinfo", "search", "complementary"))
_BLOCKS: dict[str, BlockKind] = {
    **dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6"), "heading"),
    **dict.fromkeys(("li", "dt", "dd"), "list"),
    **dict.fromkeys(("html", "body", "main", "article", "section", "header", "footer", "aside", "div"), "paragraph"),
    **dict.fromkeys(("p", "blockquote", "figure", "figcaption", "address", "details", "summary"), "paragraph"),
    **dict.fromkeys(("table", "thead", "tbody", "tfoot", "caption", "ul", "ol", "dl"), "paragraph"),
    **dict.fromkeys(("hr", "form", "fieldset", "center"), "paragraph"),
    "pre": "code",
    "tr": "table_row",
}
_NOT_IN_A_ROW = ("table", "ul", "ol", "pre", "h1", "h2", "h3", "h4", "tr")  # these make a table a page layout
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_LEADS_ON = frozenset(("next", "prev", "previous", "up", "contents", "index"))  # link types of HTML 4 and of Texinfo
_FURNITURE_CLASSES = frozenset(("headerlink", "navigation", "navbar"))  # the first: the "¶" after a heading
_CONTENTS_CLASSES = frozenset(
    ("toc", "contents", "shortcontents", "contents_element", "overview_element", "table-of-contents", "toctree-wrapper")
) | frozenset(("section-toc", "list-of-tables", "list-of-figures", "list-of-examples"))
_CONTENTS_CLASSES |= frozenset(
    ("index", "indextable", "index-cp", "index-fn", "index-ky", "index-pg", "index-tp", "index-vr")
)
_MAX_CONTENTS = 200  # tables of contents that are looked for on a page
_ENOUGH_WORDS = 50  # of a page beside its table of contents; one that has fewer is made to lead on
_LEADING_KEYS = frozenset("npu")  # DocBook's keys for next, previous and up
_MAX_ABOVE, _MAX_INSIDE, _MAX_UNLINKED_WORDS = 6, 60, 12  # ancestors of a link, elements and words of a block of links
_PROSE = frozenset(("p", "li", "dd", "pre", "blockquote"))
_WHOLE = frozenset(("html", "body", "main", "article", "section"))
_LISTS = ("div", "section", "ul", "ol", "dl", "table")
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)


def load(name: str, data: bytes) -> Extracted:
    """The visible text of an HTML page; the title is its title element's. Raises LoadError."""
    root = parse(data)
    writer = read(root)
    if not writer.has_text:
        raise EmptyDocument("the page shows no text (one that scripts fill must be saved from the browser)")
    text, anchors, blocks = writer.finish()
    return Extracted(text, _title(root) or title_of(name), "text/html", anchors, blocks)


def parse(data: bytes) -> etree._Element:
    """The root element of a page in the encoding that it declares; raises LoadError."""
    return _parse(decode(data, _declared_encoding(data)))


def read(root: etree._Element) -> Writer:
    """The visible words of the main part of a page; of the whole page where the main part has none."""
    _mark_navigation(root)
    _mark_contents(root)
    writer = Writer()
    for part in _main_parts(root):
        writer = Writer()
        _write(part, writer)
        if writer.has_text:
            break
    return writer


def _declared_encoding(data: bytes) -> str:
    """The encoding the page declares, else UTF-8; Latin-1 means Windows-1252, as in every browser."""
    head = data[:_SNIFFED_BYTES]
    found = _META_CHARSET.search(head) or _XML_ENCODING.search(head)
    if not found:
        return "utf-8"
    label = found.group(1).decode("ascii", "replace")
    try:
        encoding = codecs.lookup(label).name
    except LookupError:
        return label  # `decode` refuses it by name
    if encoding.startswith(("utf-16", "utf-32")):
        return "utf-8"  # the declaration could not have been read otherwise
    return "cp1252" if encoding in ("iso8859-1", "ascii") else encoding


def _parse(source: str) -> etree._Element:
    # "Huge" trees go 2048 elements deep instead of 256; HTML has no entities of its own that could grow.
    parser = etree.HTMLParser(encoding="utf-8", no_network=True, remove_pis=False, huge_tree=True)
    try:
        root = etree.fromstring(source.encode("utf-8"), parser)
    except (etree.ParserError, etree.XMLSyntaxError) as error:
        raise LoadError(f"the page cannot be parsed ({error})") from error
    if any("depth" in entry.message for entry in parser.error_log):  # the parser drops what is deeper
        raise LoadError("the page is nested too deeply: save it as text")
    if root is None:
        raise EmptyDocument("the page holds no element")
    return root


def _title(root: etree._Element) -> str:
    for tag in ("title", "h1"):
        for element in root.iter(tag):
            words = " ".join("".join(element.itertext()).split())
            if words:
                return without_surrogates(words)
    return ""


def _main_parts(root: etree._Element) -> Iterator[etree._Element]:
    """Candidates for the main part of the page, best first; the whole page last."""
    mains = [element for element in root.iter("main", "div", "section", "article") if _is_main(element)]
    articles = list(root.iter("article"))
    if mains:
        yield mains[0]
    elif len(articles) == 1:
        yield articles[0]
    yield root


def _is_main(element: etree._Element) -> bool:
    return element.tag == "main" or element.get("role") == "main"


def _mark_navigation(root: etree._Element) -> None:
    """Gives the role of navigation to each small block of links to the next page, the one before and the like, which Texinfo
    and DocBook put above and below every section."""
    for link in root.iter("a"):
        if _LEADS_ON.isdisjoint(link.get("rel", "").split()) and link.get("accesskey") not in _LEADING_KEYS:
            continue
        block = None
        for above in islice(link.iterancestors(), _MAX_ABOVE):
            if above.tag in _WHOLE or not _is_small(above):
                break
            block = above if _BLOCKS.get(above.tag) else block
        if block is not None:
            block.set("role", "navigation")


def _mark_contents(root: etree._Element) -> None:
    """Gives the role of navigation to each table of contents and each index, unless the page is little more than that: it
    repeats headings and terms, and a search would find it in the place of what it leads to."""
    called = (
        one for one in root.iter(*_LISTS) if not _CONTENTS_CLASSES.isdisjoint(one.get("class", "").lower().split())
    )
    tables: list[etree._Element] = []  # none within another
    for element in islice(called, _MAX_CONTENTS):
        if _is_little_but_links(element) and not any(above in tables for above in element.iterancestors()):
            tables.append(element)
    body = next(root.iter("body"), root)
    if _n_words(body) - sum(map(_n_words, tables)) >= _ENOUGH_WORDS:
        for table in tables:
            table.set("role", "navigation")


def _is_little_but_links(element: etree._Element) -> bool:
    n_linked = sum(map(_n_words, element.iter("a")))
    return n_linked > 0 and _n_words(element) - n_linked <= max(_MAX_UNLINKED_WORDS, n_linked // 5)


def _n_words(element: etree._Element) -> int:
    return len("".join(element.itertext()).split())


def _is_small(element: etree._Element) -> bool:
    """Whether it holds little more than a few links: few words besides them, and neither headings nor paragraphs without."""
    inside = list(islice(element.iter(), _MAX_INSIDE + 1))
    if len(inside) > _MAX_INSIDE:
        return False
    if any(_BLOCKS.get(each.tag) == "heading" or (each.tag in _PROSE and each.find(".//a") is None) for each in inside):
        return False
    n_linked = sum(_n_words(link) for link in inside if link.tag == "a")
    return _n_words(element) - n_linked <= _MAX_UNLINKED_WORDS


def _write(part: etree._Element, writer: Writer) -> None:
    """Writes the visible words below `part` in document order, without recursion (pages may nest deeply)."""
    walk = etree.iterwalk(part, events=("start", "end", "comment", "pi"))
    whole_page = part.tag == "html"
    kinds: list[BlockKind | None] = []  # of the open elements, None for inline ones
    for event, element in walk:
        if event == "start":
            writer.at_line(element.sourceline)
            if _is_skipped(element, whole_page):
                _instead(element, writer)
                writer.skip("".join(element.itertext()))
                kinds.append(None)
                walk.skip_subtree()
                continue
            kinds.append(_open(element, writer))
            text = element.text or ""
            writer.write(text.translate(_RAISED) if element.tag == "sup" and text.isdigit() else text)
            continue
        if event == "end" and kinds.pop() is not None:
            writer.close()
        elif event != "end":
            writer.at_line(element.sourceline)  # where the comment ends
        if element is not part:
            writer.write(element.tail or "")


def _open(element: etree._Element, writer: Writer) -> BlockKind | None:
    """Opens the block that an element begins, and returns its kind, or None for an inline element."""
    tag = element.tag
    kind = _BLOCKS.get(tag)
    if tag == "tr" and next(_nested(element), None) is not None:
        kind = "paragraph"
    if kind:
        writer.open(kind, level=int(tag[1]) if kind == "heading" else 0)
    elif tag in ("td", "th"):
        writer.next_cell()
    elif tag == "br":
        writer.break_line()
    return kind


def _nested(row: etree._Element) -> Iterator[etree._Element]:
    return (element for element in row.iter(*_NOT_IN_A_ROW) if element is not row)


def _is_skipped(element: etree._Element, whole_page: bool) -> bool:
    tag = element.tag
    if tag in _SKIPPED or tag in ("math", "img") or (whole_page and tag in _PAGE_FURNITURE):
        return True
    if element.get("hidden") is not None or element.get("aria-hidden") == "true":
        return True
    if element.get("role") in _FURNITURE_ROLES or _HIDDEN_STYLE.search(element.get("style", "")):
        return True
    return not _FURNITURE_CLASSES.isdisjoint(element.get("class", "").split())


def _instead(element: etree._Element, writer: Writer) -> None:
    """Writes the TeX source of a formula that is drawn by MathML, MathJax or a picture."""
    tag, classes = element.tag, element.get("class", "")
    if tag == "math":
        notes = (note for note in element.iter("annotation") if "tex" in note.get("encoding", ""))
        tex = next((note.text or "" for note in notes), "") or " ".join("".join(element.itertext()).split())
        writer.formula(tex, display=element.get("display") == "block")
    elif tag == "script" and element.get("type", "").startswith("math/tex"):
        writer.formula(element.text or "", display="display" in element.get("type", ""))
    elif tag == "img" and ("math" in classes or "tex" in classes.split()):
        writer.formula(element.get("alt", ""), display="display" in classes)

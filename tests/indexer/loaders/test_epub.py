from __future__ import annotations

import pytest

from indexer.errors import EmptyDocument, LoadError
from indexer.loaders.epub import load
from indexer.places import place
from tests.indexer.loaders.office import write_epub
from tests.indexer.loaders.zip_writer import Entry, write_zip

_PAGE = '<?xml version="1.0"?>\n<!DOCTYPE html>\n<html><head><title>t</title></head><body>\n{}\n</body></html>'


def _book(package: str) -> bytes:
    container = b'<container><rootfiles><rootfile full-path="b.opf"/></rootfiles></container>'
    return write_zip([Entry("META-INF/container.xml", container), Entry("b.opf", package.encode())])


def test_chapters_follow_the_spine_and_a_place_is_a_chapter_and_its_line() -> None:
    extracted = load(
        "x.epub", write_epub([_PAGE.format("<h1>One</h1>\n<p>first</p>"), _PAGE.format("<p>second</p>")], "Nets")
    )
    assert extracted.text == "One\n\nfirst\n\nsecond\n\n"
    assert extracted.title == "Nets"
    for word, chapter, line in (("One", 1, 4), ("first", 1, 5), ("second", 2, 4)):
        start = extracted.text.index(word)
        at = place(extracted.anchors, start, start + len(word))
        assert (at.cell, at.line_start, at.line_end) == (chapter, line, line)
    assert [block.kind for block in extracted.blocks] == ["heading", "paragraph", "paragraph"]


def test_a_blank_chapter_is_counted_and_not_read() -> None:
    extracted = load("x.epub", write_epub([_PAGE.format("<img src='cover.jpg'/>"), _PAGE.format("<p>words</p>")]))
    assert extracted.text == "words\n\n"
    assert place(extracted.anchors, 0, 5).cell == 2


def test_a_locked_book_is_refused_and_one_with_scrambled_fonts_is_not() -> None:
    lock = '<e xmlns:enc="a"><enc:EncryptionMethod Algorithm="{}"/></e>'
    for method in ("http://www.idpf.org/2008/embedding", "http://www.w3.org/2001/04/xmlenc#aes256-cbc"):
        book = write_epub(["<p>words</p>"], parts={"META-INF/encryption.xml": lock.format(method).encode()})
        if "idpf" in method:
            assert load("x.epub", book).text == "words\n\n"
        else:
            with pytest.raises(LoadError, match="rights management"):
                load("x.epub", book)


@pytest.mark.parametrize(
    "address", ["../../up.html", "/etc/passwd", "file:///etc/passwd", "%2e%2e/up.html", "http://a/b"]
)
def test_a_chapter_outside_of_the_book_is_refused(address: str) -> None:
    item = f'<package><manifest><item id="a" href="{address}" media-type="text/html"/></manifest>'
    with pytest.raises(LoadError, match="outside of it"):
        load("x.epub", _book(item + '<spine><itemref idref="a"/></spine></package>'))


def test_what_is_no_book_is_refused_by_reason() -> None:
    with pytest.raises(LoadError, match="not an EPUB"):
        load("x.epub", write_zip([Entry("a", b"words")]))
    with pytest.raises(EmptyDocument, match="no chapter"):
        load("x.epub", _book("<package><manifest/><spine/></package>"))
    with pytest.raises(LoadError, match=r"no chapter .* can be read: 'OEBPS/text/0\.xhtml': the page is nested"):
        load("x.epub", write_epub(["<div>" * 5000 + "words"]))


def test_a_chapter_that_cannot_be_read_is_named_and_the_others_are_read() -> None:
    extracted = load("x.epub", write_epub([_PAGE.format("<p>one</p>"), "<div>" * 5000, _PAGE.format("<p>three</p>")]))
    assert extracted.text == "one\n\nthree\n\n"
    (notice,) = extracted.notices
    assert notice.startswith("chapter 2 cannot be read ('OEBPS/text/1.xhtml': the page is nested too deeply")


def test_chapters_that_are_images_are_named_but_for_the_cover() -> None:
    image, words = _PAGE.format("<img src='1.jpg'/>"), _PAGE.format("<p>words</p>")
    assert load("x.epub", write_epub([image, words, _PAGE.format(" "), words])).notices == ()
    assert load("x.epub", write_epub([image, words, image, image])).notices == ("chapters 3-4 are images without text",)


def test_what_the_spine_lists_and_is_no_page_of_text_is_named() -> None:
    items = '<item id="a" href="a.html" media-type="text/html"/><item id="b" href="b.svg" media-type="image/svg+xml"/>'
    spine = "".join(f'<itemref idref="{name}"/>' for name in "abc")
    package = f"<package><manifest>{items}</manifest><spine>{spine}</spine></package>".encode()
    container = b'<container><rootfiles><rootfile full-path="b.opf"/></rootfiles></container>'
    files = {"META-INF/container.xml": container, "b.opf": package, "a.html": b"<p>words</p>"}
    book = load("x.epub", write_zip([Entry(name, data) for name, data in files.items()]))
    assert book.notices == ('2 parts of the book not read, being no page of text or not there: "b.svg" and "c"',)

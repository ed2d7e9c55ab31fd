from __future__ import annotations

import pytest

from indexer.errors import EmptyDocument, LoadError
from indexer.loaders.docx import load
from indexer.places import place
from indexer.types import Extracted
from tests.indexer.loaders.office import paragraph, part, write_docx
from tests.indexer.loaders.zip_writer import Entry, write_zip


def _blocks(extracted: Extracted) -> list[tuple[str, int, str]]:
    return [(block.kind, block.level, extracted.text[block.start : block.end]) for block in extracted.blocks]


def _math(inside: str) -> str:
    body = paragraph("It is ", more=f"<m:oMath>{inside}</m:oMath><w:r><w:t>.</w:t></w:r>")
    return load("x.docx", write_docx(body)).text


def test_headings_come_from_styles_by_name_by_outline_and_by_what_they_are_based_on() -> None:
    body = "".join(paragraph(style or "plain", style) for style in ("Title", "Heading1", "Mine", "Deep", "Unknown", ""))
    kinds = [(kind, level) for kind, level, _ in _blocks(load("x.docx", write_docx(body)))]
    assert kinds == [("heading", 1), ("heading", 1), ("heading", 1), ("heading", 3), ("paragraph", 0), ("paragraph", 0)]


def test_a_place_is_the_number_of_the_paragraph() -> None:
    extracted = load("x.docx", write_docx(paragraph("one") + "<w:p/>" + paragraph("three")))
    start = extracted.text.index("three")
    at = place(extracted.anchors, start, start + 5)
    assert (at.line_start, at.line_end, at.page, at.cell) == (3, 3, None, None)


def test_a_table_is_rows_and_a_list_is_items() -> None:
    row = "<w:tr><w:tc>{}</w:tc><w:tc>{}</w:tc></w:tr>"
    table = "".join(row.format(paragraph(a), paragraph(b)) for a, b in (("name", "age"), ("Ann", "3")))
    item = '<w:p><w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr><w:r><w:t>first</w:t></w:r></w:p>'
    assert _blocks(load("x.docx", write_docx(f"<w:tbl>{table}</w:tbl>{item}"))) == [
        ("table_row", 0, "name | age"),
        ("table_row", 0, "Ann | 3"),
        ("list", 0, "first"),
    ]


def test_a_footnote_follows_the_paragraph_that_refers_to_it_and_shares_its_place() -> None:
    note = f'<w:footnote w:id="2">{paragraph("At the foot.")}</w:footnote><w:footnote w:id="0" w:type="separator"/>'
    body = paragraph("Text", more='<w:r><w:footnoteReference w:id="2"/></w:r>') + paragraph("after")
    extracted = load("x.docx", write_docx(body, {"word/footnotes.xml": part("footnotes", note)}))
    assert extracted.text == "Text\n\nAt the foot.\n\nafter"
    assert place(extracted.anchors, 6, 12).line_start == 1


def test_formulas_are_written_as_tex() -> None:
    t = "<m:r><m:t>{}</m:t></m:r>".format
    assert _math(f"<m:f><m:num>{t('a')}</m:num><m:den>{t('b')}</m:den></m:f>") == r"It is $\frac{a}{b}$."
    assert _math(f"<m:sSup><m:e>{t('x')}</m:e><m:sup>{t('2')}</m:sup></m:sSup>{t('+1')}") == "It is $x^{2}+1$."
    assert _math(f"<m:rad><m:deg/><m:e>{t('x')}</m:e></m:rad>") == r"It is $\sqrt{x}$."
    assert _math(f'<m:nary><m:naryPr><m:chr m:val="∑"/></m:naryPr><m:sub>{t("i")}</m:sub><m:sup>{t("n")}</m:sup>'
                 f"<m:e>{t('x')}</m:e></m:nary>") == "It is $∑_{i}^{n} x$."  # fmt: skip
    rows = "".join(f"<m:mr><m:e>{t(a)}</m:e><m:e>{t(b)}</m:e></m:mr>" for a, b in ("ab", "cd"))
    assert _math(f"<m:m>{rows}</m:m>") == r"It is $\begin{matrix} a & b \\ c & d \end{matrix}$."


def test_deleted_and_hidden_words_and_field_codes_are_not_read() -> None:
    body = paragraph(
        "kept ",
        more="<w:del><w:r><w:delText>gone</w:delText></w:r></w:del><w:r><w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t></w:r>"
        '<w:r><w:rPr><w:vanish w:val="0"/></w:rPr><w:t>shown</w:t></w:r><w:r><w:instrText>PAGEREF</w:instrText></w:r>',
    )
    assert load("x.docx", write_docx(body)).text == "kept shown"


def test_the_title_is_the_properties_else_the_title_paragraph_else_the_name() -> None:
    core = b'<a xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Of  nets</dc:title></a>'
    assert load("x.docx", write_docx(paragraph("words"), {"docProps/core.xml": core})).title == "Of nets"
    assert load("x.docx", write_docx(paragraph("On nets", "Title"))).title == "On nets"
    assert load("my/notes.docx", write_docx(paragraph("words"))).title == "notes"


def test_a_namespace_may_hold_a_brace() -> None:
    foreign = '<x:note xmlns:x="http://[}]/"><x:graphicData/></x:note>'
    assert load("x.docx", write_docx(paragraph("Words.") + foreign)).text == "Words."
    assert _math(f"{foreign}<m:r><m:t>x</m:t></m:r>") == "It is $x$."


def test_what_is_no_word_document_is_refused_by_reason() -> None:
    with pytest.raises(LoadError, match=r"encrypted or in the old \.doc format"):
        load("x.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
    with pytest.raises(LoadError, match=r"has no 'word/document\.xml'"):
        load("x.docx", write_zip([Entry("xl/workbook.xml", b"<a/>")]))
    with pytest.raises(LoadError, match="not a Word document"):
        load("x.docx", write_zip([Entry("word/document.xml", b"<a/>")]))
    with pytest.raises(EmptyDocument, match="no text"):
        load("x.docx", write_docx("<w:p/>"))


def test_what_is_embedded_and_said_in_the_margin_is_told_to_be_missing() -> None:
    assert load("x.docx", write_docx(paragraph("words"))).notices == ()
    chart = "<a:graphicData xmlns:a='http://a' uri='http://schemas.openxmlformats.org/drawingml/2006/chart'/>"
    picture = chart.replace("2006/chart", "2006/picture")
    more = f"<w:r><w:drawing>{chart}{picture}</w:drawing><w:object/><w:object/><w:commentReference w:id='1'/></w:r>"
    extracted = load("x.docx", write_docx(paragraph("words", more=more)))
    assert extracted.text == "words"
    assert extracted.notices == ("1 chart, 1 comment and 2 embedded objects not read",)

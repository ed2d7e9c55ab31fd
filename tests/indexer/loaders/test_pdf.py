from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from indexer.chunk import chunk
from indexer.errors import EmptyDocument, LoadError
from indexer.loaders import pdf
from indexer.loaders.pdf import load
from indexer.loaders.pdf_page import Line
from indexer.places import place
from tests.indexer.loaders.pdf_writer import Page, Text, column, write_pdf

PARAGRAPHS = [
    "A model is trained by showing it many examples, and by",
    "changing its weights a little after each of them.",
    "",
    "The loss says how far the model is from the truth.",
]
SHARED = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "pdf"


def _blocks(*pages: Page) -> list[tuple[str, str]]:
    extracted = load("a.pdf", write_pdf(pages))
    return [(block.kind, extracted.text[block.start : block.end]) for block in extracted.blocks]


def test_lines_become_paragraphs_and_every_page_an_anchor() -> None:
    extracted = load("a.pdf", write_pdf([Page(column(PARAGRAPHS)), Page(), Page(column(["The third page."]))]))
    assert extracted.text == (
        "A model is trained by showing it many examples, and by changing its weights a little after each of them.\n\n"
        "The loss says how far the model is from the truth.\n\n"
        "The third page.\n\n"
    )
    assert [anchor.page for anchor in extracted.anchors] == [1, 3]


def test_a_quote_over_two_lines_has_a_box_on_each() -> None:
    extracted = load("a.pdf", write_pdf([Page(column(PARAGRAPHS))]))
    start = extracted.text.index("and by")
    at = place(extracted.anchors, start, start + len("and by changing its"))
    assert (at.page, at.line_start, at.cell) == (1, None, None)
    assert at.boxes is not None
    (left1, top1, right1, bottom1), (left2, top2, right2, bottom2) = at.boxes
    # Baselines are at 100 and 112 points from the top; the second line starts at the margin.
    assert top1 < 100 - 5 < 100 < bottom1 < 106
    assert top2 < 112 - 5 < 112 < bottom2 < 118
    assert left1 > 200 > right2
    assert left2 == pytest.approx(60, abs=1)
    assert right1 > left1


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_boxes_lie_on_the_ink_of_a_rotated_and_cropped_page(rotate: int) -> None:
    """The slow, obvious twin: draw the page and look where it is dark."""
    import pypdfium2

    page = Page([Text(150, 400, "MMMM", size=20)], rotate=rotate, crop_box=(100, 200, 500, 700))
    data = write_pdf([page])
    extracted = load("a.pdf", data)
    (box,) = place(extracted.anchors, 0, 4).boxes or ()
    with pypdfium2.PdfDocument(data) as document:
        drawn = document[0].render(scale=1).to_numpy()[:, :, 0]
    rows, columns = (drawn < 128).nonzero()
    left, top, right, bottom = box
    assert left - 1 <= columns.min()
    assert columns.max() <= right + 1
    assert top - 1 <= rows.min()
    assert rows.max() <= bottom + 1
    width, height = (right - left, bottom - top) if rotate in (0, 180) else (bottom - top, right - left)
    assert 60 < width < 75
    assert 15 < height < 30


def test_words_hyphenated_at_a_line_end_are_joined_as_the_document_writes_them() -> None:
    lines = [
        "Multi-head attention has several heads. The gradi-",
        "ent flows through each head of the multi-",
        "head layer. This is a well-",
        "known and long sentence about the gradient.",
    ]
    ((_, text),) = _blocks(Page(column(lines)))
    assert "The gradient flows" in text
    assert "multi-head layer" in text


def test_ligatures_are_spelled_out_and_share_their_box() -> None:
    extracted = load("a.pdf", write_pdf([Page([Text(60, 700, "of Þnal".replace("Þ", "\xde"), font="F3")])]))
    assert extracted.text.startswith("of final")
    boxes = extracted.anchors[0].boxes
    assert boxes[3][2] == boxes[4][0]
    assert boxes[3][0] < boxes[4][0] < boxes[4][2]


def test_headings_are_told_by_their_type() -> None:
    texts = [
        Text(60, 760, "On learning", size=20),
        Text(60, 730, "1 The loss", size=12, font="F2"),
        *column(PARAGRAPHS, top=710),
        Text(60, 640, "1.1 A detail", size=10, font="F2"),
        *column(PARAGRAPHS, top=620),
    ]
    extracted = load("a.pdf", write_pdf([Page(texts)]))
    headings = [(b.level, extracted.text[b.start : b.end]) for b in extracted.blocks if b.kind == "heading"]
    assert headings == [(1, "On learning"), (2, "1 The loss"), (3, "1.1 A detail")]
    assert extracted.title == "On learning"


def test_a_tables_rows_are_blocks_and_stand_on_lines_of_their_own() -> None:
    rows = [("model", "error"), ("plain", "28.5"), ("residual", "25.0")]
    texts = [Text(x, 600 - 12 * n, cell) for n, row in enumerate(rows) for x, cell in zip((60, 200), row, strict=True)]
    extracted = load("a.pdf", write_pdf([Page([*column(PARAGRAPHS), *texts])]))
    assert "\n\nmodel error\nplain 28.5\nresidual 25.0\n\n" in extracted.text
    assert [block.kind for block in extracted.blocks][-3:] == ["table_row"] * 3


def test_list_items_begin_new_blocks() -> None:
    lines = [
        "There are two kinds.",
        "1. Supervised learning has labels for every one of",
        "the examples.",
        "2. The other.",
    ]
    assert [kind for kind, _ in _blocks(Page(column(lines)))] == ["paragraph", "list", "list"]


def test_page_numbers_and_running_heads_are_left_out() -> None:
    pages = [
        Page(
            [
                Text(60, 780, "Notes on learning"),
                *column([f"Page {name} begins here.", *PARAGRAPHS]),
                Text(300, 30, str(n)),
            ]
        )
        for n, name in enumerate(["one", "two", "three"], 1)
    ]
    text = load("a.pdf", write_pdf(pages)).text
    assert "Notes on learning" not in text
    assert text.count("A model is trained") == 3
    assert not any(line.strip().isdigit() for line in text.split("\n"))


def test_the_title_is_the_metadatas_unless_it_is_a_file_name() -> None:
    page = Page(column(PARAGRAPHS))
    assert load("a.pdf", write_pdf([page], title="On learning")).title == "On learning"
    assert load("a.pdf", write_pdf([page], title="draft7.dvi")).title == "a"


def test_pictures_of_pages_are_told_from_empty_pages() -> None:
    with pytest.raises(EmptyDocument, match=r"images of pages and no text.*OCR"):
        load("scan.pdf", write_pdf([Page(picture=True), Page(picture=True)]))
    with pytest.raises(EmptyDocument, match="has no text"):
        load("a.pdf", write_pdf([Page()]))


def _notices(*pages: Page) -> tuple[str, ...]:
    return load("a.pdf", write_pdf(pages)).notices


def test_pages_that_are_images_are_named_and_the_others_read() -> None:
    words, image = Page(column(PARAGRAPHS)), Page(picture=True)
    assert _notices(words, words) == ()
    assert _notices(words, image) == ("page 2 is an image without text: run text recognition (OCR) on the file first",)
    assert _notices(words, image, image, words, Page(), image) == (
        "pages 2-3 and 6 are images without text: run text recognition (OCR) on the file first",
    )


def test_a_scan_with_a_stamp_is_an_image_and_a_slide_on_a_background_is_not() -> None:
    stamp, words = [Text(60, 450, "Digitised by the library")], Page(column(PARAGRAPHS))
    whole = (40, 40, 460, 460)
    stamped = Page(stamp, picture=True, media_box=whole)
    assert _notices(words, stamped) == (
        "page 2 is an image without text: run text recognition (OCR) on the file first",
    )
    assert _notices(words, stamped, stamped, stamped) == ()
    assert _notices(words, Page(stamp, picture=True)) == ()  # a picture beside its caption


def test_letters_that_are_drawn_as_outlines_are_an_image() -> None:
    outlines = b"0 0 m 9 9 l S\n" * 60
    assert _notices(Page(column(PARAGRAPHS)), Page(drawing=outlines))[0].startswith("page 2 is an image without text")
    assert _notices(Page(column(PARAGRAPHS)), Page(drawing=outlines[:60])) == ()


@pytest.mark.parametrize(
    ("text", "nameless"),
    [("\ue001" * 30, True), ("\ufffd" * 30 + "a" * 20, True), ("\ue001" * 5, False), ("\ue001" * 30 + "a" * 90, False)],
)
def test_letters_that_a_font_does_not_name_are_told_from_a_sign_among_words(text: str, nameless: bool) -> None:
    lines = (Line(list(text)),)
    notices = pdf._notices(pdf._Read.of([lines], "", {}, 0))
    assert [notice.startswith("the fonts of page 1 do not say which") for notice in notices] == [True] * nameless


def test_files_attached_to_a_pdf_are_counted() -> None:
    assert pdf._notices(pdf._Read.of((), "", {}, 2)) == (
        "2 attached files not read: save what is attached beside the PDF",
    )


def test_an_encrypted_file_is_called_so() -> None:
    with pytest.raises(LoadError, match="encrypted"):
        load("a.pdf", write_pdf([Page(column(PARAGRAPHS))], encrypted=True))


@pytest.mark.parametrize("share", [0.01, 0.3, 0.6, 0.9, 0.98])
def test_a_truncated_file_is_refused_rather_than_read_in_part(share: float) -> None:
    data = write_pdf([Page(column(PARAGRAPHS))] * 5)
    with pytest.raises(LoadError, match=r"truncated|damaged"):
        load("a.pdf", data[: int(len(data) * share)])


@pytest.mark.parametrize("data", [b"words", b"\x89PNG\r\n", b"%PDF-1.4\n" + b"garbage " * 99, b"%PDF-"])
def test_garbage_is_refused(data: bytes) -> None:
    with pytest.raises(LoadError):
        load("a.pdf", data)


def test_threads_may_load_at_the_same_time() -> None:
    data = write_pdf([Page(column(PARAGRAPHS))] * 3)
    expected = load("a.pdf", data)
    barrier = threading.Barrier(4)

    def work(_: int) -> bool:
        barrier.wait(timeout=30)
        return all(load("a.pdf", data) == expected for _ in range(5))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(4)))


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared PDF files are not here")
def test_real_and_broken_files_are_read_or_refused_in_seconds() -> None:
    for path in sorted(SHARED.glob("*/*.pdf")):
        try:
            extracted = load(os.fspath(path), path.read_bytes())
        except LoadError:
            continue
        extracted.text.encode("utf-8")
        assert chunk(extracted, count_tokens=lambda text: len(text.split()))

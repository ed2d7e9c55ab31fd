from __future__ import annotations

from indexer.loaders.text import load
from indexer.places import place


def _blocks(data: bytes) -> list[str]:
    extracted = load("notes.txt", data)
    return [extracted.text[block.start : block.end].strip() for block in extracted.blocks]


def test_the_text_is_the_file_and_the_title_its_name() -> None:
    extracted = load("folder/My notes.txt", b"One.\r\n\r\n  Two.\n")
    assert (extracted.text, extracted.title, extracted.media_type) == ("One.\n\n  Two.\n", "My notes", "text/plain")


def test_paragraphs_end_at_blank_lines() -> None:
    assert _blocks(b"a wrapped\nparagraph\n\nanother\n") == ["a wrapped\nparagraph", "another"]


def test_a_line_too_long_to_be_a_wrapped_one_is_a_paragraph() -> None:
    long = "word " * 60
    assert _blocks(f"{long}\nshort\n{long}".encode()) == [long.strip(), "short", long.strip()]


def test_places_are_source_lines() -> None:
    extracted = load("a.txt", "eins\nzwei\nd\u2028rei\n\nvier".encode())
    start = extracted.text.index("zwei")
    assert place(extracted.anchors, start, start + 8).line_start == 2
    assert place(extracted.anchors, start, start + 8).line_end == 3
    end = len(extracted.text)
    assert place(extracted.anchors, end - 4, end).line_start == 5

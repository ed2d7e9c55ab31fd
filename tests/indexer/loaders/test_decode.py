from __future__ import annotations

import codecs

import pytest

from indexer.errors import EmptyDocument, LoadError
from indexer.loaders.decode import decode, title_of, without_surrogates

WORDS = "Grüße, 注意力 \U0001d465"


@pytest.mark.parametrize(
    "data",
    [
        WORDS.encode("utf-8"),
        codecs.BOM_UTF8 + WORDS.encode("utf-8"),
        codecs.BOM_UTF16_LE + WORDS.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + WORDS.encode("utf-16-be"),
        codecs.BOM_UTF32_LE + WORDS.encode("utf-32-le"),
        codecs.BOM_UTF32_BE + WORDS.encode("utf-32-be"),
    ],
)
def test_unicode_encodings_are_told_apart_by_their_marks(data: bytes) -> None:
    assert decode(data) == WORDS


def test_a_mark_outranks_the_declared_encoding() -> None:
    assert decode(codecs.BOM_UTF8 + b"\xc3\xa9", "cp1252") == "é"


def test_other_bytes_are_refused_with_their_place_and_the_remedy() -> None:
    with pytest.raises(LoadError, match=r"not UTF-8 text \(byte 0xe9 at offset 3\): save it as UTF-8"):
        decode(b"caf\xe9")


@pytest.mark.parametrize("data", [b"a\0b", "notes".encode("utf-16-le"), b"\x01\x02\x03\x04words"])
def test_nul_bytes_and_many_control_characters_are_binary_data(data: bytes) -> None:
    with pytest.raises(LoadError, match="binary"):
        decode(data)


@pytest.mark.parametrize("data", [b"", b" \r\n", codecs.BOM_UTF8, codecs.BOM_UTF16_LE + " ".encode("utf-16-le")])
def test_blanks_alone_are_an_empty_file(data: bytes) -> None:
    with pytest.raises(EmptyDocument):
        decode(data)


def test_line_ends_of_all_systems_become_newlines() -> None:
    assert decode(b"a\r\nb\rc\nd") == "a\nb\nc\nd"


def test_a_pdf_under_another_name_is_recognised() -> None:
    with pytest.raises(LoadError, match=r"holds a PDF"):
        decode(b"%PDF-1.7 \xff")


def test_an_unknown_encoding_is_named() -> None:
    with pytest.raises(LoadError, match="'klingon'"):
        decode(b"abc", "klingon")


def test_surrogates_are_replaced_one_by_one() -> None:
    assert without_surrogates("a\ud83d\udc00b\U0001f600") == "a\ufffd\ufffdb\U0001f600"


@pytest.mark.parametrize(("name", "title"), [("a/b/c.d.md", "c.d"), ("x", "x"), (".md", ".md"), ("C:\\a b.txt", "a b")])
def test_the_title_of_a_file_is_its_name_without_folder_and_suffix(name: str, title: str) -> None:
    assert title_of(name) == title

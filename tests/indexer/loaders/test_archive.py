from __future__ import annotations

import io
import zipfile
import zlib
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.errors import EmptyDocument, LoadError
from indexer.loaders.archive import MAX_TOTAL_BYTES, Archive, parse_xml
from tests.indexer.loaders.zip_writer import STORED, Entry, deflated, write_zip

_MIB = 1 << 20


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(st.text("abc/é", min_size=1, max_size=9).filter(lambda n: n[0] != "/"), st.binary(max_size=300)),
       st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))  # fmt: skip
def test_what_another_program_has_packed_is_read_as_it_was(files: dict[str, bytes], method: int) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as written:
        for name, body in files.items():
            written.writestr(name, body)
    archive = Archive(buffer.getvalue())
    assert {name: archive.read(name) for name in files} == files
    assert "absent" not in archive


def test_an_archive_written_as_a_stream_states_its_sizes_after_the_data_and_is_read() -> None:
    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.written = b""

        def writable(self) -> bool:
            return True

        def write(self, data: object) -> int:
            self.written += bytes(data)  # type: ignore[call-overload]
            return len(bytes(data))  # type: ignore[call-overload]

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as written:  # type: ignore[call-overload]
        written.writestr("a", b"words " * 99)
        written.writestr("b", b"more")
    assert Archive(pipe.written).read("a") == b"words " * 99


@pytest.mark.parametrize(
    "name", ["../up", "a/../../up", "/etc/passwd", "C:\\up", "..\\up", "\\\\a\\up", "", "a\0b", "n" * 2000]
)
def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(LoadError, match="file name"):
        Archive(write_zip([Entry(name, b"words")]))


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ([Entry("a", b"1" * 99), Entry("b", b"1" * 99, at=0)], "overlap"),
        ([Entry("a", b"1", says_packed=50), Entry("b", b"1")], "overlap"),
        ([Entry("a", b"1"), Entry("b", b"1", says_packed=5000)], "overlap"),
        ([Entry("a", b"1"), Entry("a", b"2")], "twice"),
        ([Entry("a", b"/etc", mode=0o120777)], "link"),
        ([Entry(str(n)) for n in range(10_001)], "10,001 files"),
    ],
)
def test_an_archive_is_refused_for_what_its_directory_says(entries: list[Entry], reason: str) -> None:
    with pytest.raises(LoadError, match=reason):
        Archive(write_zip(entries))


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (Entry("a", packed=deflated(b" " * _MIB, 3), says_size=3 * _MIB), "200 times"),
        (Entry("a", packed=deflated(b" " * _MIB, 80), says_size=80 * _MIB), "larger than 64 MiB"),
        (Entry("a", packed=deflated(b" " * _MIB, 80), says_size=1000), "size that is stated"),
        (Entry("a", b"words", says_size=4), "size that is stated"),
        (Entry("a", b"words", says_size=6), "size that is stated"),
        (Entry("a", b"words", STORED, says_size=6), "size that is stated"),
        (Entry("a", b"words", says_crc=7), "checksum"),
        (Entry("a", b"words", packed=b"\xff\xff"), "cannot be unpacked"),
        (Entry("a", b"words", method=12), "method 12"),
        (Entry("a", b"words", flags=1), "encrypted"),
        (Entry("b", b"words"), "has no 'a'"),
    ],
)
def test_an_entry_is_refused_for_what_it_turns_out_to_be(entry: Entry, reason: str) -> None:
    with pytest.raises(LoadError, match=reason):
        Archive(write_zip([entry])).read("a")


def test_an_ordinary_document_that_is_much_the_same_all_over_is_no_bomb() -> None:
    body = b"".join(b"<w:p>paragraph %d of many</w:p>" % n for n in range(60_000))
    assert Archive(write_zip([Entry("a", body)])).read("a") == body


def test_all_that_is_read_of_an_archive_counts() -> None:
    body = b"".join(b"%d" % n for n in range(60_000)) * 4
    archive = Archive(write_zip([Entry("a", body)]))
    for _ in range(MAX_TOTAL_BYTES // len(body)):
        archive.read("a")
    with pytest.raises(LoadError, match="256 MiB"):
        archive.read("a")


def test_any_damage_is_a_load_error_or_does_no_harm() -> None:
    data = write_zip([Entry("a", b"words " * 20), Entry("b", b"more")])
    for position in range(len(data)):
        for value in (0, 255, data[position] ^ 1):
            damaged = data[:position] + bytes([value]) + data[position + 1 :]
            with suppress(LoadError):
                assert Archive(damaged).read("a") == b"words " * 20
    for end in range(len(data)):
        with pytest.raises(LoadError):
            Archive(data[:end])


def test_an_empty_file_and_one_of_another_kind_are_told_apart() -> None:
    with pytest.raises(EmptyDocument):
        Archive(b"  \n")
    with pytest.raises(LoadError, match="no zip archive"):
        Archive(b"words")


def test_the_checksum_is_that_of_the_bytes() -> None:
    entry = Entry("a", b"words")
    assert Archive(write_zip([replace(entry, says_crc=zlib.crc32(b"words"))])).read("a") == b"words"


@pytest.mark.parametrize(
    "xml",
    [
        '<!DOCTYPE a [<!ENTITY b "words">]><a>&b;</a>',
        '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
        '<!DOCTYPE a [<!ENTITY b "c">]><a d="&b;"/>',
        "<a>&b;</a>",
        "<a>" * 300 + "</a>" * 300,
        "<a>",
        "",
    ],
)
def test_xml_with_entities_of_its_own_or_without_end_is_refused(xml: str) -> None:
    with pytest.raises(LoadError, match=r"'part\.xml'"):
        parse_xml(xml.encode(), "part.xml")


def test_xml_as_it_should_be_is_read() -> None:
    assert parse_xml(b"<a>1 &lt; 2<!-- not this --></a>", "a").text == "1 < 2"

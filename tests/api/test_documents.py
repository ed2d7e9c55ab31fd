"""/v1/documents and /v1/collections."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from api.errors import UnnamedUpload
from api.routes.documents import MAX_NAME_CHARS, display_name
from tests.api.fakes import LOREM, NOTE, FakeAssistant


def upload(client: TestClient, name: str, data: bytes, **fields: str) -> dict[str, object]:
    """Uploads a file and follows its job to the end."""
    response = client.post("/v1/documents", files={"file": (name, data)}, data=fields)
    assert response.status_code == 202, response.text
    client.get(f"{response.headers['location']}/events")
    return dict(client.get(response.headers["location"]).json())


def test_an_uploaded_note_is_listed_searchable_and_readable(client: TestClient) -> None:
    job = upload(client, "bigram.md", NOTE.encode())
    assert job["state"] == "done"
    [document] = client.get("/v1/documents").json()["documents"]
    assert document == job["document"] == client.get(f"/v1/documents/{document['document_id']}").json()
    assert (document["title"], document["path"], document["collection"]) == ("Bigram model", "bigram.md", "default")
    assert client.post("/v1/search", json={"query": "counts"}).json()["hits"]


def test_a_file_of_the_same_name_takes_the_place_of_the_one_before(client: TestClient) -> None:
    upload(client, "note.md", NOTE.encode())
    upload(client, "note.md", LOREM.encode())
    [document] = client.get("/v1/documents").json()["documents"]
    assert document["title"] == "Tea"


def test_what_was_read_in_part_says_what_is_missing(client: TestClient) -> None:
    whole = upload(client, "whole.md", NOTE.encode())["document"]
    part = upload(client, "paper.tex", b"Words.\n\\input{one}\n")["document"]
    assert [document["notices"] for document in (whole, part)] == [  # type: ignore[index]
        [],
        ['includes "one": not a part of this document, but one of its own if it is indexed as well'],
    ]
    listed = {each["path"]: each for each in client.get("/v1/documents").json()["documents"]}
    assert listed == {"whole.md": whole, "paper.tex": part}


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("note.md", b" \n\n ", "empty"),
        ("note.exe", b"MZ\x90", ".exe"),
        ("paper.pdf", b"%PDF-1.7 truncated", "damaged or truncated"),
        ("note.ipynb", b"{", "not JSON"),
        ("note.md", b"\x00\x01\x02\xff" * 50, "not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_fails_with_the_reason_and_leaves_nothing(
    client: TestClient, name: str, data: bytes, said: str
) -> None:
    job = upload(client, name, data)
    assert job["state"] == "failed"
    assert said in str(job["reason"])
    assert client.get("/v1/documents").json()["documents"] == []


def test_an_upload_that_fails_leaves_the_document_of_that_name_as_it_was(client: TestClient) -> None:
    before = upload(client, "note.md", NOTE.encode())["document"]
    assert upload(client, "note.md", b"   ")["state"] == "failed"
    assert client.get("/v1/documents").json()["documents"] == [before]


def test_an_empty_file_is_refused_at_once(client: TestClient) -> None:
    response = client.post("/v1/documents", files={"file": ("note.md", b"")})
    assert response.status_code == 422
    assert "'note.md' is empty" in response.json()["detail"]


def test_an_upload_over_the_limit_is_refused_naming_the_limit(client: TestClient) -> None:
    # A little over passes the guard, which allows for the form around the file; much over does not.
    for size in ((1 << 20) + 1, 2 << 20):
        response = client.post("/v1/documents", files={"file": ("note.txt", b"a" * size)})
        assert response.status_code == 413
        assert "1 MiB" in response.json()["detail"]


def test_a_form_without_a_file_is_told_what_is_missing(client: TestClient) -> None:
    response = client.post("/v1/documents", data={"collection": "default"})
    assert response.status_code == 422
    assert "'file' is missing" in response.json()["detail"]


def test_a_collection_holds_what_was_uploaded_to_it(client: TestClient) -> None:
    upload(client, "note.md", NOTE.encode(), collection="physics")
    upload(client, "note.md", LOREM.encode())
    named = {each["name"]: each["n_documents"] for each in client.get("/v1/collections").json()["collections"]}
    assert named == {"default": 1, "physics": 1}
    [document] = client.get("/v1/documents", params={"collection": "physics"}).json()["documents"]
    assert document["title"] == "Bigram model"
    assert client.get("/v1/documents", params={"collection": "biology"}).status_code == 404


def test_the_pages_of_the_list_make_up_the_whole_list(client: TestClient, assistant: FakeAssistant) -> None:
    for i in range(5):
        assistant.index.add(f"note{i}.md", f"# Note {i}\n\nWords.".encode())
    whole = client.get("/v1/documents").json()["documents"]
    pages = [client.get("/v1/documents", params={"limit": 2, "offset": offset}).json() for offset in (0, 2, 4, 6)]
    assert [document for page in pages for document in page["documents"]] == whole
    assert {page["total"] for page in pages} == {5}


def test_a_deleted_document_is_gone_from_everywhere(client: TestClient, bigram: str) -> None:
    assert client.delete(f"/v1/documents/{bigram}").status_code == 204
    paths = ("", "/content", "/text")
    assert {client.get(f"/v1/documents/{bigram}{path}").status_code for path in paths} == {404}
    assert client.delete(f"/v1/documents/{bigram}").status_code == 404
    assert client.post("/v1/search", json={"query": "counts"}).json()["hits"] == []


def test_the_original_is_given_back_byte_for_byte_and_never_runs(client: TestClient) -> None:
    page = b"<html><title>T</title><body><p>Tea is hot.</p><script>alert(1)</script></body></html>"
    upload(client, "Tee (heiß).html", page)
    [document] = client.get("/v1/documents").json()["documents"]
    response = client.get(f"/v1/documents/{document['document_id']}/content")
    assert response.content == page
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.headers["content-disposition"] == "attachment; filename*=UTF-8''Tee%20%28hei%C3%9F%29.html"
    assert response.headers["content-security-policy"].startswith("sandbox")
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(("start", "end"), [(0, 12), (5, 5), (3, None)])
def test_a_part_of_the_text_is_its_slice(client: TestClient, bigram: str, start: int, end: int | None) -> None:
    whole = client.get(f"/v1/documents/{bigram}/text").json()
    part = client.get(f"/v1/documents/{bigram}/text", params={"start": start, **({"end": end} if end else {})}).json()
    if end == start:
        part = client.get(f"/v1/documents/{bigram}/text", params={"start": start, "end": end}).json()
    assert part["text"] == whole["text"][start:end]
    assert part["n_chars"] == len(whole["text"]) == whole["end"]


@pytest.mark.parametrize(("start", "end"), [(9, 3), (0, 10**6), (10**6, None)])
def test_a_part_outside_the_text_is_refused(client: TestClient, bigram: str, start: int, end: int | None) -> None:
    params = {"start": start} if end is None else {"start": start, "end": end}
    response = client.get(f"/v1/documents/{bigram}/text", params=params)
    assert response.status_code == 422
    assert "does not lie" in response.json()["detail"]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("../../etc/passwd.md", "passwd.md"),
        ("C:\\Users\\me\\note.md", "note.md"),
        ("a\x00b\r\nc\u202e.md", "abc.md"),
        ("  notes of May.pdf ", "notes of May.pdf"),
        ("x" * 300 + ".pdf", "x" * 196 + ".pdf"),
        ("folder/", "folder"),
    ],
)
def test_a_file_name_is_for_display_only(given: str, shown: str) -> None:
    assert display_name(given) == shown


@given(st.text(max_size=300))
def test_a_display_name_is_short_visible_and_no_path_whatever_was_given(given: str) -> None:
    try:
        shown = display_name(given)
    except UnnamedUpload:
        return
    assert 0 < len(shown) <= MAX_NAME_CHARS
    assert shown.strip(".") != ""
    assert not set(shown) & {"/", "\\", "\x00", "\n", "\r"}


@pytest.mark.parametrize("name", ["..", "/", "\x01"])
def test_a_name_that_says_nothing_is_refused(name: str) -> None:
    with pytest.raises(UnnamedUpload):
        display_name(name)

"""From bytes to a document ready to be stored."""

from __future__ import annotations

from indexer.draft import embedded_text, make_draft, vector_key
from indexer.types import Chunk
from tests.indexer.fakes import HashEmbedder

MARKDOWN = "# Deep learning\n\nFirst words.\n\n## Norms\n\nIt keeps scales.\n" + "More words. " * 300


def test_places_texts_and_keys_run_beside_the_chunks() -> None:
    draft = make_draft("notes/a.md", MARKDOWN.encode(), HashEmbedder())
    assert len(draft.chunks) > 1
    assert len(draft.chunks) == len(draft.places) == len(draft.texts) == len(draft.keys)
    for chunk, place in zip(draft.chunks, draft.places, strict=True):
        assert chunk.text == draft.text[chunk.start : chunk.end]
        assert place.line_start is not None
    assert len(set(draft.keys)) == len(set(draft.texts))


def test_a_chunk_is_embedded_under_the_headings_it_does_not_repeat() -> None:
    chunk = Chunk(0, 20, "## Norms\n\nIt keeps scales.", ("Deep learning", "Norms"))
    assert embedded_text(chunk) == "Deep learning\n## Norms\n\nIt keeps scales."


def test_a_vector_is_named_by_model_and_text() -> None:
    assert vector_key("m", "text") == vector_key("m", "text")
    assert len({vector_key("m", "text"), vector_key("n", "text"), vector_key("m", "text ")}) == 3


def test_the_path_has_no_part_in_what_is_embedded() -> None:
    one, other = (make_draft(name, MARKDOWN.encode(), HashEmbedder()) for name in ("a.md", "elsewhere/b.md"))
    assert one.keys == other.keys

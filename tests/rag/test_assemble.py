"""The composition root: a GPT's reader in the pipeline's words, and nothing left open when a part is missing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

import gpt.reader
from gpt.errors import CheckpointError, ContextTooLong
from indexer.errors import DataFolderLocked, EmbeddingModelError
from indexer.index import Index
from rag.assemble import GPTReader, assemble, join, open_index
from rag.errors import QuestionTooLong
from rag.ports import Reading, Span
from rag.types import Question
from tests.indexer.fakes import HashEmbedder
from tests.rag.fakes import FakeReader


class TrainedReader:
    """What a trained reader gives: the GPT's own values."""

    name, threshold = "tiny", 0.5

    def read(self, question: str, passages: Sequence[str]) -> gpt.reader.Reading:
        if len(question) > 20:
            raise ContextTooLong("the question has 9 tokens, this model reads at most 5; shorten it")
        return gpt.reader.Reading((gpt.reader.Span(0, 4, 7, -0.5, ("tea",)),), 0.75)


@pytest.fixture
def reader() -> GPTReader:
    return GPTReader(TrainedReader())  # type: ignore[arg-type]  # the fake has a reader's parts


def test_a_reading_is_told_in_the_pipelines_words(reader: GPTReader) -> None:
    assert (reader.name, reader.threshold) == ("tiny", 0.5)
    assert reader.read("why?", ["The tea."]) == Reading((Span(0, 4, 7, -0.5, ("tea",)),), 0.75)


def test_a_question_too_long_for_the_model_is_the_pipelines_error(reader: GPTReader) -> None:
    with pytest.raises(QuestionTooLong, match="reads at most 5; shorten it"):
        reader.read("why " * 6, ["The tea."])


def test_index_and_reader_joined_answer_and_close_together(tmp_path: Path, reader: GPTReader) -> None:
    with join(Index.open(tmp_path, embedder=HashEmbedder()), reader) as assistant:
        assistant.index.add("tea.txt", b"The tea is green.")
        assert assistant.pipeline.answer(Question("Which?")).answer == "tea"
        assert assistant.model == "tiny"
        with pytest.raises(DataFolderLocked):
            Index.open(tmp_path, embedder=HashEmbedder())
    Index.open(tmp_path, embedder=HashEmbedder()).close()


def test_a_missing_model_leaves_the_data_folder_free(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="nowhere"):
        assemble(tmp_path / "data", model=tmp_path / "nowhere")
    Index.open(tmp_path / "data", embedder=HashEmbedder()).close()


def test_an_embedding_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(EmbeddingModelError, match="no-such-model"):
        open_index(tmp_path, embedding_model="no-such-model")


def test_the_real_parts_are_put_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.assemble.load_reader", lambda model: FakeReader())
    monkeypatch.setattr("indexer.index.SentenceTransformerEmbedder", HashEmbedder)
    with assemble(tmp_path) as assistant:
        assistant.index.add("tea.txt", b"Green tea is brewed at eighty degrees.")
        answer = assistant.pipeline.answer(Question("How is green tea brewed?"))
    assert answer.verified

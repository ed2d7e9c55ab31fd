"""The facade: documents in, hits out. Everything a caller needs of the indexer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from indexer.context import Context, context_of, headings_at
from indexer.embed import Embedder, SentenceTransformerEmbedder
from indexer.errors import EmbeddingModelError
from indexer.lock import FolderLock, claim
from indexer.places import place_packed
from indexer.query import Query, parse
from indexer.sandbox import Loading, shared
from indexer.search import Mode, Searcher
from indexer.shadow import Shadow
from indexer.store import Store
from indexer.sync import KEEP_VECTORS, Job, check_model
from indexer.types import (
    EVERYTHING,
    Collection,
    Document,
    Filter,
    Hit,
    IndexStatus,
    Place,
    Progress,
    SearchResult,
    SyncReport,
)

DEFAULT_COLLECTION = "default"


class Index:
    """The documents of one data folder, searchable. Thread-safe; while one job writes, searches go on.

    Use `open`, and close it (or use it as a context manager).
    """

    def __init__(self, folder: Path, lock: FolderLock, store: Store, embedder: Embedder, parsers: Loading) -> None:
        self._folder = folder
        self._lock = lock
        self._store = store
        self._embedder = embedder
        self._parsers = parsers
        self._searcher = Searcher(store, embedder, folder)
        self._job = threading.Lock()
        self._taking_over = threading.Lock()
        self._closed = False

    @classmethod
    def open(cls, data_dir: Path, *, embedder: Embedder | None = None, parsers: Loading | None = None) -> Index:
        """Opens the data folder, made if it is missing, for this process alone. Without `embedder`: the default one,
        loaded when first needed. Without `parsers`: those of this process's sandbox.

        Raises DataFolderLocked, DataFolderUnusable, StoreCorrupt, or EmbeddingModelError when the folder was built
        with another embedding model.
        """
        with ExitStack() as undo:
            lock = claim(data_dir)
            undo.callback(lock.release)
            store = Store(data_dir)
            undo.callback(store.close)
            embedder = embedder or SentenceTransformerEmbedder()
            with store.write() as writing:
                check_model(writing, embedder.name)
                writing.purge_vectors(KEEP_VECTORS)
            undo.pop_all()
            return cls(data_dir, lock, store, embedder, parsers or shared())

    def sync(
        self,
        paths: Sequence[Path],
        *,
        collection: str = DEFAULT_COLLECTION,
        progress: Callable[[Progress], None] | None = None,
    ) -> SyncReport:
        """Makes the collection equal the files at `paths` (folders at any depth) besides what was uploaded with `add`,
        which stays; does only what has changed.

        A file that cannot be indexed is reported, and what was known of it before stays. Raises PathNotFound.
        """
        with self._job:
            return self._settled(Job(self._store, self._embedder, collection, self._parsers, progress).sync(paths))

    def refresh(
        self,
        paths: Sequence[Path],
        changed: Sequence[str],
        *,
        collection: str = DEFAULT_COLLECTION,
        progress: Callable[[Progress], None] | None = None,
    ) -> SyncReport:
        """What `sync` does, when it is known that nothing has changed since the last one but at `changed`: absolute
        paths of files and folders. The report counts these alone. Raises PathNotFound.
        """
        with self._job:
            job = Job(self._store, self._embedder, collection, self._parsers, progress)
            return self._settled(job.refresh(paths, changed))

    def add(
        self,
        name: str,
        data: bytes,
        *,
        collection: str = DEFAULT_COLLECTION,
        progress: Callable[[Progress], None] | None = None,
    ) -> Document:
        """Indexes `data`, read as the suffix of `name` says, in the place of what had that name. Raises LoadError."""
        with self._job:
            document_id = Job(self._store, self._embedder, collection, self._parsers, progress).add(name, data)
        return self.document(document_id)

    def add_texts(
        self,
        texts: Sequence[tuple[str, str]],
        *,
        collection: str = DEFAULT_COLLECTION,
        progress: Callable[[Progress], None] | None = None,
    ) -> tuple[str, ...]:
        """Indexes (name, plain text) pairs in bulk, in the place of what had those names; gives the documents' ids.

        For evaluation: no two names may be equal, and the documents have no title that a query could match. Raises
        EmptyDocument for a text without words.
        """
        with self._job:
            ids = tuple(Job(self._store, self._embedder, collection, self._parsers, progress).add_texts(texts))
            self._searcher.settle()
            return ids

    def remove(self, document_id: str) -> None:
        """Removes a document. Raises DocumentNotFound."""
        with self._store.removing() as writing:
            writing.delete(document_id)

    def search(
        self, query: str | Query, *, n: int = 10, filter: Filter = EVERYTHING, mode: Mode = "hybrid"
    ) -> SearchResult:
        """The `n` best chunks for `query` that `filter` admits; none for an empty query. A text is read as
        `indexer.query.parse` says; give `plain(text)` to look for all its words and no syntax.

        Scores of `hybrid` are 0..1, less what a near-duplicate of a better hit loses, and half for a passage of headings
        alone; of `dense` cosines, of `bm25`
        above 0. Raises CollectionNotFound.
        """
        searcher = self._searcher
        query = parse(_whole(query)) if isinstance(query, str) else query
        try:
            return searcher.search(query, n, filter, mode)
        except EmbeddingModelError:
            with self._taking_over:
                current = self._searcher
            if current is searcher:
                raise
            return current.search(query, n, filter, mode)

    def cosines(self, query: str, texts: Sequence[str]) -> list[float]:
        """The cosine similarity of `query` and each of `texts`, which need not be indexed."""
        vectors = self._embedder.encode([_whole(text) for text in (query, *texts)])
        return [float(cosine) for cosine in vectors[1:] @ vectors[0]]

    @property
    def embedding_model(self) -> str:
        """The name of the model that embeds."""
        return self._embedder.name

    def context(self, hit: Hit, n: int = 1) -> Context:
        """Up to `n` passages on each side of `hit`; none when its document has changed since."""
        with self._store.read() as reading:
            return context_of(reading, hit, n)

    def headings_at(self, document_id: str, at: int) -> tuple[str, ...]:
        """The headings, outermost first, that the passage with the character `at` stands under; none where none is."""
        with self._store.read() as reading:
            return headings_at(reading, document_id, at)

    def change_model(self, embedder: Embedder, *, progress: Callable[[int, int], None] | None = None) -> None:
        """Embeds everything with `embedder` and uses it from then on; `progress` is told the texts done and in all.

        Searches go on with the former model until the new one takes over, at once for all. Interrupted, the next call
        with the same model goes on where this one stopped.
        """
        if embedder.name == self._embedder.name:
            return
        shadow = Shadow(self._store, embedder)
        shadow.fill(progress)
        with self._job, self._taking_over:
            shadow.take_over()
            self._embedder, self._searcher = embedder, Searcher(self._store, embedder, self._folder)

    def documents(self, collection: str | None = None) -> tuple[Document, ...]:
        """The documents of `collection`, or all, by collection and path. Raises CollectionNotFound."""
        with self._store.read() as reading:
            return reading.documents(None if collection is None else reading.collection_id(collection))

    def document(self, document_id: str) -> Document:
        """Raises DocumentNotFound."""
        with self._store.read() as reading:
            return reading.document(document_id)

    def text(self, document_id: str) -> str:
        """The extracted text that all offsets count in. Raises DocumentNotFound."""
        with self._store.read() as reading:
            return reading.text(document_id)

    def source(self, document_id: str) -> bytes:
        """The file's bytes as they were indexed. Raises DocumentNotFound."""
        with self._store.read() as reading:
            return reading.source(document_id)

    def locate(self, document_id: str, start: int, end: int) -> Place:
        """Where the characters [start, end) of the text stand in the source file. Raises DocumentNotFound."""
        with self._store.read() as reading:
            packed = reading.anchors(document_id)
        return place_packed(packed, start, end)

    def collections(self) -> tuple[Collection, ...]:
        """All collections, by name."""
        with self._store.read() as reading:
            return reading.collections()

    def status(self) -> IndexStatus:
        """The state of the data folder."""
        with self._store.read() as reading:
            n_documents, n_chunks = reading.counts()
            return IndexStatus(
                data_dir=str(self._folder),
                generation=reading.generation(),
                n_documents=n_documents,
                n_in_part=reading.n_in_part(),
                n_chunks=n_chunks,
                size_bytes=self._store.size_bytes(),
                embedding_model=self._embedder.name,
                vector_index=self._searcher.kind,
            )

    @property
    def generation(self) -> int:
        """The number of commits that changed the index."""
        with self._store.read() as reading:
            return reading.generation()

    def close(self) -> None:
        """Keeps the vector index for the next opening and frees the data folder; waits for a job to end.

        A second call does nothing.
        """
        with self._job:
            if self._closed:
                return
            self._closed = True
            with ExitStack() as last:  # whatever fails, the folder is freed
                last.callback(self._lock.release)
                last.callback(self._store.close)
                self._searcher.save()

    def _settled(self, report: SyncReport) -> SyncReport:
        """Lets the vector index take its form once vectors have come; gives the report."""
        if report.embedded:
            self._searcher.settle()
        return report

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _whole(text: str) -> str:
    """The text without halves of characters, which are no words of any text."""
    return text.encode("utf-8", "replace").decode("utf-8")

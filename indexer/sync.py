"""Making a collection equal a set of files with the least work: plan, then load, embed and commit in batches."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal

from indexer.ahead import drafts
from indexer.draft import FileTime, make_draft
from indexer.embed import Embedder
from indexer.errors import EmbeddingModelError, LoadError
from indexer.loaders import SUFFIXES
from indexer.plan import Plan, Step, make_plan
from indexer.records import Draft, Known, Reading, Writing
from indexer.sandbox import Loading
from indexer.scan import Found, Scan, check_paths, read_found, scan, scan_changed
from indexer.store import Store
from indexer.types import Failure, InPart, Progress, SyncReport

BATCH_TEXTS = 256  # texts of a commit: some seconds of embedding, all that a crash can cost
BATCH_BYTES = 32 << 20  # source bytes of a commit, all that is held in memory
RACY_NS = 2_000_000_000  # a file changed this shortly before the scan may change again within a tick of its clock
KEEP_VECTORS = 10_000  # vectors of removed texts that are kept for their return, 768 bytes each

Replacing = tuple[Draft, str | None]  # a draft and the id of the document it replaces, if any


@dataclass(slots=True)
class Job:
    """One change of one collection, and the count of what it did. One job at a time writes to a store."""

    store: Store
    embedder: Embedder
    collection: str
    parsers: Loading
    progress: Callable[[Progress], None] | None = None
    embedded: int = 0
    failed: list[Failure] = field(default_factory=list)

    def sync(self, paths: Sequence[Path]) -> SyncReport:
        """Makes the files of the collection equal `paths`; uploads stay, and are read again where an earlier version has
        read them otherwise. Raises PathNotFound before anything is changed.

        Every commit leaves a whole index; after a crash the next sync does the rest.
        """
        now_ns = time.time_ns()
        self._tell("scan", 0, 0, "")
        seen = scan(paths, SUFFIXES)
        with self.store.write() as writing:
            known = writing.known(writing.make_collection(self.collection))
        self._renew([k for k in known if k.uploaded and k.outdated], {found.path for found in seen.files})
        report = self._carry_out(seen, known, now_ns)
        with self.store.removing() as writing:
            writing.purge_vectors(KEEP_VECTORS)
        return report

    def refresh(self, paths: Sequence[Path], changed: Sequence[str]) -> SyncReport:
        """Does what `sync(paths)` would, but looks only at what is, or was, at `changed`: absolute paths of files and
        folders. The report counts these alone. Raises PathNotFound when one of `paths` is gone; nothing is removed then.
        """
        now_ns = time.time_ns()
        check_paths(paths)
        names, seen = scan_changed(paths, changed, SUFFIXES)
        if seen.failed:  # what cannot be judged by itself, such as a file with two names, is seen among all
            return self.sync(paths)
        with self.store.write() as writing:
            collection_id = writing.make_collection(self.collection)
            known = {k.path: k for name in names for k in writing.known_at(collection_id, name)}
        return self._carry_out(seen, tuple(known.values()), now_ns)

    def add(self, name: str, data: bytes) -> str:
        """Stores `data` under `name`, in the place of what had that name, and gives its id. Raises LoadError."""
        with self.store.write() as writing:
            before = writing.find(writing.make_collection(self.collection), name)
        if before is not None and not before.outdated and before.sha256 == hashlib.sha256(data).hexdigest():
            return before.document_id
        draft = make_draft(name, data, self.embedder, parse=self.parsers.load)
        return self.put([(draft, before.document_id if before else None)])[0]

    def add_texts(self, texts: Sequence[tuple[str, str]]) -> list[str]:
        """Stores (name, plain text) pairs in batches, as untitled documents, and gives their ids. Raises LoadError."""
        with self.store.write() as writing:
            known = {k.path: k.document_id for k in writing.known(writing.make_collection(self.collection))}
        ids: list[str] = []
        batch: list[Replacing] = []
        for done, (name, text) in enumerate(texts, 1):
            self._tell("read", done, len(texts), name)
            draft = make_draft(f"{name}.txt", text.encode("utf-8"), self.embedder)
            batch.append((replace(draft, path=name, title=""), known.get(name)))
            if _is_full(batch) or done == len(texts):
                ids += self.put(batch)
                batch = []
        return ids

    def put(self, drafts: Sequence[Replacing]) -> list[str]:
        """Embeds the texts that are new, stores everything in one transaction, and gives the documents' ids."""
        texts = {key: text for draft, _ in drafts for key, text in zip(draft.keys, draft.texts, strict=True)}
        with self.store.read() as reading:
            check_model(reading, self.embedder.name)
            there = reading.vector_ids(texts)
        missing = [key for key in texts if key not in there]
        vectors = None
        if missing:
            vectors = self.embedder.encode(
                [texts[key] for key in missing], lambda done, total: self._tell("embed", done, total, drafts[0][0].path)
            )
        with self.store.write() as writing:
            if vectors is not None:
                _note_model(writing, self.embedder.name, vectors.shape[1])
                writing.add_vectors(missing, vectors)
            collection_id = writing.make_collection(self.collection)
            ids = [writing.put(collection_id, draft, document_id) for draft, document_id in drafts]
        self.embedded += len(missing)
        return ids

    def _batches(self, todo: Plan, now_ns: int) -> Generator[list[Replacing]]:
        """The drafts of all files to store, some at a time; files that cannot be loaded are noted and left out."""
        steps: list[Step] = [*todo.renamed, *todo.updated, *todo.added]
        batch: list[Replacing] = []

        def make(step: Step, given_up: threading.Event) -> Draft:
            found = step.found
            time_found = FileTime(_trusted_time(found, now_ns))
            return make_draft(
                found.path, read_found(found), self.embedder, time_found, partial(self.parsers.load, given_up=given_up)
            )

        with closing(drafts(steps, make)) as made:
            for done, (step, draft) in enumerate(made):
                self._tell("read", done, len(steps), step.found.path)
                if isinstance(draft, LoadError):
                    self.failed.append(Failure(step.found.path, str(draft)))
                    continue
                batch.append((draft, step.document_id))
                if _is_full(batch):
                    yield batch
                    batch = []
        if batch:
            yield batch
        self._tell("read", len(steps), len(steps), "")

    def _carry_out(self, seen: Scan, known: Sequence[Known], now_ns: int) -> SyncReport:
        """Makes the documents `known` equal the files `seen`."""
        started = time.monotonic()
        todo = make_plan(seen, known, self._digest)
        self.failed.extend(todo.failed)
        with closing(self._batches(todo, now_ns)) as batches:
            stored = {path for batch in batches for path in self._commit(batch)}
        n_chunks = self._finish(todo, now_ns)
        renamed, updated, added = (
            sum(step.found.path in stored for step in steps) for steps in (todo.renamed, todo.updated, todo.added)
        )
        unchanged = len(todo.unchanged) + len(todo.touched)
        return SyncReport(
            files=added + updated + renamed + unchanged + len(self.failed),
            added=added,
            updated=updated,
            renamed=renamed,
            removed=len(todo.removed),
            unchanged=unchanged,
            failed=tuple(sorted(self.failed, key=lambda failure: failure.path)),
            in_part=self._in_part(seen),
            chunks=n_chunks,
            embedded=self.embedded,
            seconds=time.monotonic() - started,
        )

    def _renew(self, uploads: Sequence[Known], replaced: Collection[str]) -> None:
        """Reads uploads again from the bytes that are kept, but for those that a file takes the place of and those of
        `add_texts`. One that cannot be read any more stays as it was."""
        for upload in uploads:
            if upload.path in replaced or Path(upload.path).suffix.lower() not in SUFFIXES:
                continue
            with self.store.read() as reading:
                data = reading.source(upload.document_id)
            try:
                draft = make_draft(upload.path, data, self.embedder, parse=self.parsers.load)
            except LoadError as error:
                self.failed.append(Failure(upload.path, str(error)))
            else:
                self.put([(draft, upload.document_id)])

    def _commit(self, batch: Sequence[Replacing]) -> list[str]:
        """Stores a batch and gives its paths."""
        self.put(batch)
        self._tell("commit", len(batch), len(batch), batch[-1][0].path)
        return [draft.path for draft, _ in batch]

    def _finish(self, todo: Plan, now_ns: int) -> int:
        """Removes what has vanished, last, so that its vectors could serve again; gives the collection's chunks."""
        with self.store.removing() as writing:
            for document in todo.removed:
                writing.discard(document.document_id)
            for step in todo.touched:
                writing.touch(str(step.document_id), _trusted_time(step.found, now_ns))
            return writing.counts(writing.collection_id(self.collection))[1]

    def _in_part(self, seen: Scan) -> tuple[InPart, ...]:
        """Of the files seen and not failed, those whose documents hold a part of them only."""
        paths = {found.path for found in seen.files} - {failure.path for failure in self.failed}
        with self.store.read() as reading:
            stored = reading.in_part(reading.collection_id(self.collection))
        return tuple(document for document in stored if document.path in paths)

    def _digest(self, found: Found) -> str:
        self._tell("scan", 0, 0, found.path)
        return hashlib.sha256(read_found(found)).hexdigest()

    def _tell(self, stage: Literal["scan", "read", "embed", "commit"], done: int, total: int, current: str) -> None:
        if self.progress is not None:
            self.progress(Progress(stage, done, total, current))


def check_model(reading: Reading, name: str) -> None:
    """Raises EmbeddingModelError when the data folder holds vectors of another model than `name`."""
    built_with = reading.meta("embedding_model")
    if built_with not in (None, name):
        raise EmbeddingModelError(
            f"the data folder was built with the embedding model {built_with!r}, not {name!r}; "
            "use that model, or change the folder's with `studygpt reembed`"
        )


def _note_model(writing: Writing, name: str, dim: int) -> None:
    known_dim = writing.meta("embedding_dim")
    if known_dim not in (None, str(dim)):
        raise EmbeddingModelError(
            f"the embedding model {name!r} gives vectors of {dim} numbers, but the data folder holds {known_dim}; "
            "use the model it was built with, or index again into another data folder"
        )
    writing.set_meta("embedding_model", name)
    writing.set_meta("embedding_dim", str(dim))


def _is_full(batch: Sequence[Replacing]) -> bool:
    texts = sum(len(draft.texts) for draft, _ in batch)
    return texts >= BATCH_TEXTS or sum(len(draft.data) for draft, _ in batch) >= BATCH_BYTES


def _trusted_time(found: Found, now_ns: int) -> int | None:
    """The file's time if it tells an unchanged file for sure; git calls the other ones racily clean."""
    return found.mtime_ns if found.mtime_ns < now_ns - RACY_NS else None

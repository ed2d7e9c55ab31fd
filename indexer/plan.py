"""What a sync has to do: files compared with documents. Pure but for the digest it is handed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from indexer.errors import LoadError
from indexer.records import Known
from indexer.scan import Found, Scan
from indexer.types import Failure


@dataclass(frozen=True, slots=True)
class Step:
    """A file to store: in the place of the document `document_id`, or as a new one."""

    found: Found
    document_id: str | None


@dataclass(frozen=True, slots=True)
class Plan:
    """Every file and document in exactly one place; `touched` files have the same content at another time."""

    unchanged: tuple[Found, ...]
    touched: tuple[Step, ...]
    renamed: tuple[Step, ...]
    updated: tuple[Step, ...]
    added: tuple[Step, ...]
    removed: tuple[Known, ...]
    failed: tuple[Failure, ...]


def make_plan(seen: Scan, known: Iterable[Known], digest: Callable[[Found], str]) -> Plan:
    """Compares by path, size and time, then by `digest` (file to sha256; may raise LoadError).

    A new path with the content of a vanished one is a rename. A document whose file, or whose folder, cannot be read
    is neither changed nor removed, nor is an upload, unless a file has its very name: then the file takes its place.
    An outdated document counts as changed.
    """
    at_path = {document.path: document for document in known}
    unchanged: list[Found] = []
    touched: list[Step] = []
    updated: list[Step] = []
    new: list[tuple[Found, str]] = []
    failed = list(seen.failed)
    for found in seen.files:
        document = at_path.pop(found.path, None)
        current = document is not None and not document.outdated
        if document and current and (document.size_bytes, document.mtime_ns) == (found.size_bytes, found.mtime_ns):
            unchanged.append(found)
            continue
        try:
            sha256 = digest(found)
        except LoadError as error:
            failed.append(Failure(found.path, str(error)))
            continue
        if document is None:
            new.append((found, sha256))
        else:
            same = current and document.sha256 == sha256 and not document.uploaded
            (touched if same else updated).append(Step(found, document.document_id))
    vanished = [d for d in at_path.values() if not d.uploaded and not _hidden(d.path, seen.failed)]
    renamed, added = _match_renames(new, vanished)
    kept = {step.document_id for step in renamed}
    removed = tuple(document for document in vanished if document.document_id not in kept)
    return Plan(tuple(unchanged), tuple(touched), renamed, tuple(updated), added, removed, tuple(failed))


def _match_renames(
    new: Sequence[tuple[Found, str]], vanished: Sequence[Known]
) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    """(renamed, added): each vanished document is matched at most once, in the order of the paths."""
    by_content: dict[str, list[str]] = {}
    for document in reversed(vanished):
        by_content.setdefault(document.sha256, []).append(document.document_id)
    steps = [Step(found, by_content[sha256].pop() if by_content.get(sha256) else None) for found, sha256 in new]
    return (
        tuple(step for step in steps if step.document_id is not None),
        tuple(step for step in steps if step.document_id is None),
    )


def _hidden(path: str, failures: Iterable[Failure]) -> bool:
    """Whether `path` could not be seen because it, or a folder above it, could not be read."""
    return any(path == failure.path or path.startswith(failure.path.rstrip(os.sep) + os.sep) for failure in failures)

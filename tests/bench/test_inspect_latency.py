"""What a look inside costs, beside a reading of the same passage: every passage of the sample notes, with its own question.

pytest -m bench tests/bench/test_inspect_latency.py -s
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gpt.inspect import inspect, looks
from gpt.reader import Reader
from indexer.index import Index
from tests.indexer.fakes import HashEmbedder

NOTES = Path(__file__).parents[2] / "api" / "sample_notes"
N_PASSAGES = 40
QUESTION = "What does the KV cache store?"


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


@pytest.mark.bench
def test_a_look_inside_beside_a_reading(tmp_path: Path) -> None:
    with Index.open(tmp_path, embedder=HashEmbedder()) as index:
        index.sync([NOTES])
        passages = [hit.text for hit in index.search("the", n=N_PASSAGES).hits]
    reader = Reader.load()
    released = reader.released
    reader.read(QUESTION, passages[:1])
    rows = [
        (
            seconds(lambda p=p: reader.read(QUESTION, [p])),  # type: ignore[misc]
            seconds(lambda p=p: inspect(released, QUESTION, p)),  # type: ignore[misc]
            seconds(lambda p=p: looks(released, QUESTION, p, 0)),  # type: ignore[misc]
        )
        for p in passages
    ]
    read, inside, attention = (statistics.median(column) for column in zip(*rows, strict=True))
    words = statistics.median(len(passage.split()) for passage in passages)
    print(f"\n  {len(rows)} passages of {words:.0f} words in the middle: one reading {1000 * read:.0f} ms,")  # noqa: T201
    print(f"  the look inside {inside:.2f} s ({inside / read:.0f} readings), attention {1000 * attention:.0f} ms")  # noqa: T201
    assert len(rows) == N_PASSAGES
    assert inside < 2 * words * read, "words are hidden many at a time"

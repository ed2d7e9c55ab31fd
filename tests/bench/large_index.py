"""A data folder of any size in a minute: made-up words, and vectors that lie as those of real passages do.

Words follow Zipf's law over 50,000 made-up ones, 60 a passage. A vector is a mixture of two real passages' with noise
added, so that there are neighbours at every distance; questions are real ones, embedded as they come.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from indexer.embed import SentenceTransformerEmbedder
from indexer.index import Index
from indexer.records import PUT_WORDS, READ_AS, STORED_DTYPE, Vectors, Writing
from indexer.store import Store

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"
N_WORDS, WORDS_A_PASSAGE = 50_000, 60
CHUNKS_A_DOCUMENT, BATCH = 200, 20_000
NOISE = 0.35  # of a vector's length


def real_passages(n: int) -> list[str]:
    """Paragraphs of the study folder, of our sample notes when it is not there."""
    folder = SHARED / "study" if (SHARED / "study").is_dir() else ROOT / "api" / "sample_notes"
    files = sorted(path for path in folder.rglob("*.md") if path.is_file())
    paragraphs = [p.strip() for path in files for p in path.read_text("utf-8", "replace").split("\n\n")]
    long = sorted({p[:600] for p in paragraphs if len(p) > 150})
    return [long[i * len(long) // n] for i in range(n)] if len(long) > n else long


def real_questions() -> list[str]:
    """Questions about machine learning, or the headings of our sample notes."""
    file = SHARED / "retrieval" / "mlquestions-dev" / "queries.jsonl"
    if file.is_file():
        rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
        return [str(row["text"]) for row in rows]
    notes = sorted((ROOT / "api" / "sample_notes").rglob("*.md"))
    return [line.lstrip("# ") for path in notes for line in path.read_text("utf-8").splitlines() if line[:1] == "#"]


def vectors(n: int, sample: Vectors) -> Iterator[Vectors]:
    """`n` unit vectors in batches, as the store keeps them."""
    rng = np.random.default_rng(0)
    for start in range(0, n, BATCH):
        size = min(BATCH, n - start)
        share = rng.uniform(0.5, 1, (size, 1)).astype(np.float32)
        one, other = sample[rng.integers(len(sample), size=size)], sample[rng.integers(len(sample), size=size)]
        noise = rng.standard_normal((size, sample.shape[1]), dtype=np.float32) * (NOISE / sample.shape[1] ** 0.5)
        mixed = share * one + (1 - share) * other + noise
        yield (mixed / np.linalg.norm(mixed, axis=1, keepdims=True)).astype(STORED_DTYPE)


def fill(folder: Path, n: int, sample: Vectors, model: str) -> None:
    """Makes a data folder with `n` passages, through the store's own tables."""
    Index.open(folder, embedder=SentenceTransformerEmbedder()).close()
    store = Store(folder)
    rng = np.random.default_rng(1)
    words = np.array(["".join(map(chr, rng.integers(97, 123, size=2 + i % 8))) + str(i) for i in range(N_WORDS)])
    try:
        for number, batch in enumerate(vectors(n, sample)):
            ranks = rng.zipf(1.15, size=(len(batch), WORDS_A_PASSAGE)) % N_WORDS
            texts = [" ".join(row) for row in words[ranks]]
            with store.write() as writing:
                if number == 0:
                    writing.set_meta("embedding_model", model)
                    writing.set_meta("embedding_dim", str(sample.shape[1]))
                    writing.make_collection("default")
                _put(writing, number * BATCH, texts, batch)
                writing.mark_changed()
    finally:
        store.close()


def _put(writing: Writing, first: int, texts: list[str], batch: Vectors) -> None:
    execute, many = writing.connection.execute, writing.connection.executemany
    collection_id = writing.collection_id("default")
    execute("INSERT INTO blob VALUES ('', x'') ON CONFLICT DO NOTHING")
    ids = range(first + 1, first + 1 + len(texts))
    documents = sorted({(i - 1) // CHUNKS_A_DOCUMENT for i in ids})
    many(
        "INSERT INTO document VALUES (?, ?, ?, '', 'text/plain', '', 0, NULL, 0, ?, '2026-01-01T00:00:00+00:00', 1, '[]', ?)",
        [(f"{d:016x}", collection_id, f"{d % 10}/{d}.txt", CHUNKS_A_DOCUMENT, READ_AS) for d in documents],
    )
    keys = [i.to_bytes(32, "little") for i in ids]
    many("INSERT INTO vector VALUES (?, ?, ?)", zip(ids, keys, (row.tobytes() for row in batch), strict=True))
    rows = [
        (i, f"{(i - 1) // CHUNKS_A_DOCUMENT:016x}", (i - 1) % CHUNKS_A_DOCUMENT, len(text), text, i)
        for i, text in zip(ids, texts, strict=True)
    ]
    many("INSERT INTO chunk VALUES (?, ?, ?, 0, ?, ?, '[]', '[null, null, 1, 1, null]', ?)", rows)
    many(PUT_WORDS, [(i, text, "", "") for i, text in zip(ids, texts, strict=True)])

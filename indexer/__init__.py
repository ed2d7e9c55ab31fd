"""Documents, chunks, vectors: files in, hits with their exact places out. Knows nothing of gpt or HTTP."""

from indexer.embed import Embedder, SentenceTransformerEmbedder
from indexer.index import DEFAULT_COLLECTION, Index
from indexer.search import Mode
from indexer.types import (
    Collection,
    Document,
    Failure,
    Hit,
    IndexStatus,
    Place,
    Progress,
    SearchResult,
    SyncReport,
)

__all__ = [
    "DEFAULT_COLLECTION",
    "Collection",
    "Document",
    "Embedder",
    "Failure",
    "Hit",
    "Index",
    "IndexStatus",
    "Mode",
    "Place",
    "Progress",
    "SearchResult",
    "SentenceTransformerEmbedder",
    "SyncReport",
]

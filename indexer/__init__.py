"""Documents, chunks, vectors: files in, hits with their exact places out. Knows nothing of gpt or HTTP."""

from indexer.embed import Embedder, SentenceTransformerEmbedder
from indexer.index import DEFAULT_COLLECTION, Index
from indexer.query import Query
from indexer.search import Mode
from indexer.types import (
    Collection,
    Document,
    Failure,
    Filter,
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
    "Filter",
    "Hit",
    "Index",
    "IndexStatus",
    "Mode",
    "Place",
    "Progress",
    "Query",
    "SearchResult",
    "SentenceTransformerEmbedder",
    "SyncReport",
]

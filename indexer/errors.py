"""Errors of the indexer.

IndexerError
├── LoadError             one file cannot be read as a document (the rest goes on)
│   ├── UnsupportedFormat the suffix or the content is of no known format
│   └── EmptyDocument     the file holds no text
├── PathNotFound          a path to index does not exist
├── CollectionNotFound    no collection of that name
├── DocumentNotFound      no document of that id
├── DataFolderLocked      another process holds the data folder
├── DataFolderUnusable    it is no folder, cannot be written, is full, or was written by a newer version
├── EmbeddingModelError   the embedding model cannot be loaded, or is not the one the data folder was built with
├── ParserUnavailable     the process that parses files cannot be started
└── StoreCorrupt          the database or an index file fails its check and cannot be rebuilt
Each message names the value and the remedy in one line.
"""


class IndexerError(Exception):
    """Base of every error the indexer raises on purpose."""


class LoadError(IndexerError):
    """One file cannot be read as a document; `str(error)` is the reason shown to the user."""


class UnsupportedFormat(LoadError):
    """The suffix or the content is of no known format."""


class EmptyDocument(LoadError):
    """The file holds no text."""


class PathNotFound(IndexerError):
    """A path to index does not exist."""


class CollectionNotFound(IndexerError):
    """No collection of that name."""


class DocumentNotFound(IndexerError):
    """No document of that id."""


class DataFolderLocked(IndexerError):
    """Another process holds the data folder."""


class DataFolderUnusable(IndexerError):
    """The data folder is no folder, cannot be written, is full, or was written by a newer version."""


class EmbeddingModelError(IndexerError):
    """The embedding model cannot be loaded, or is not the one the data folder was built with."""


class ParserUnavailable(IndexerError):
    """The process that parses files cannot be started."""


class StoreCorrupt(IndexerError):
    """The database or an index file fails its check and cannot be rebuilt."""

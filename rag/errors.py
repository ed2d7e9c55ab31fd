"""Errors of the pipeline.

RagError
├── EmptyQuestion      the question holds no words
├── QuestionTooLong    the question alone overfills the reader's window
├── UnknownCollection  no collection of that name, while others exist
├── NothingIndexed     there is no passage to read
├── EvidenceGone       a document was removed while the question was being answered
├── NotSeen            the reader does not see what is asked about
└── MalformedFile      an evaluation file is missing or not in its format
Each message names the value and the remedy in one line.
"""


class RagError(Exception):
    """Base of every error the pipeline raises on purpose."""


class EmptyQuestion(RagError):
    """The question holds no words."""

    def __init__(self) -> None:
        super().__init__("the question is empty; ask something in words")


class QuestionTooLong(RagError):
    """The question alone overfills the reader's window."""


class UnknownCollection(RagError):
    """No collection of that name, while others exist."""

    def __init__(self, name: str, existing: tuple[str, ...]) -> None:
        super().__init__(f"no collection named {name!r}; those that exist: {', '.join(existing)}")


class NothingIndexed(RagError):
    """There is no passage to read, in the collection (None: in any), or in none of the documents asked for."""

    def __init__(self, collection: str | None, narrowed: str | None = None) -> None:
        if narrowed is not None:
            super().__init__(f"no indexed document is as asked for ({narrowed}); ask for less, or index more")
            return
        where = "the index is empty" if collection is None else f"collection {collection!r} is empty"
        option = "" if collection in (None, "default") else f" --collection {collection}"
        super().__init__(f"{where}; index something first: studygpt index FOLDER{option}")


class EvidenceGone(RagError):
    """A document was removed while the question was being answered."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} was removed while the question was being answered; ask again")


class NotSeen(RagError):
    """The reader does not see what is asked about."""


class MalformedFile(RagError):
    """An evaluation file is missing or not in its format; the message names file and line."""

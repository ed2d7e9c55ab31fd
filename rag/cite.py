"""Whether a citation says what it must: pure comparisons, no trust."""

from __future__ import annotations

from rag.answer import Claim
from rag.types import Citation


def is_verified(citation: Citation, claim: Claim) -> bool:
    """True when the quote, read afresh from the stored document, is word for word what was claimed, at its place.

    False when the document was replaced between search and citation, or anything mixed up documents or offsets.
    """
    evidence = claim.evidence
    return (
        (citation.document_id, citation.sha256) == (evidence.document_id, evidence.sha256)
        and (citation.start, citation.end) == (evidence.start + claim.start, evidence.start + claim.end)
        and evidence.start <= citation.start < citation.end <= evidence.end
        and citation.quote == claim.text
    )

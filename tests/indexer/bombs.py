"""Files made to harm whoever reads them: each is small to send, quick to make, and meant to hang, crash or fill.

`BOMBS` and `HEAVY` map a name to a function that makes (file name, bytes); nothing is made before it is called. Each
of `BOMBS` must end in a LoadError; each of `HEAVY` is a strange but readable file, which must end soon in either way.
`WALLED` names the bombs that break their parser: only the walls of the parser's own process stop them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.indexer import bombs_pdf, bombs_text, bombs_zip

Bomb = Callable[[], tuple[str, bytes]]

BOMBS: Mapping[str, Bomb] = {**bombs_zip.BOMBS, **bombs_text.BOMBS, **bombs_pdf.BOMBS}
HEAVY: Mapping[str, Bomb] = {**bombs_zip.HEAVY, **bombs_text.HEAVY, **bombs_pdf.HEAVY}
WALLED: frozenset[str] = bombs_pdf.WALLED

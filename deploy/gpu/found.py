"""Passages for questions that came without, chosen at home: the texts that hold them travel as tokens only."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gpt.config import Recipe
from gpt.distant import found_file
from gpt.reader import Reader
from gpt.reading import encode_piece
from gpt.reading_data import nearest_wrong
from gpt.squad import Article, load_articles, save_articles
from gpt.stages import passages_for
from gpt.tokenizer import Tokenizer


def pack_found(chosen: Recipe, corpus: Path, kept: Path, packed: Path, asked: Sequence[Path] = ()) -> list[Path]:
    """The recipe's open questions with passages, as files under `packed` where the refit stage looks for them. A file of
    questions, or of questions with their passages, comes from `asked`, where one has its name, or from `corpus`; where passages
    are missing the released reader helps to choose some. What was made stays in `kept` for the next time. Raises GPTError."""
    made = []
    for name in chosen.open_questions if chosen.refit else ():
        places = [*(f for f in asked if f.name in names_of(name)), corpus / name, found_file(corpus / name)]
        questions = next((file for file in places if file.is_file()), None)
        if questions is None:
            continue
        reader = Reader.load()
        before = kept / f"{_of(chosen, questions, reader)}.json.xz"
        if not before.is_file():
            is_found = questions.name == names_of(name)[1]
            found = load_articles(questions) if is_found else passages_for(chosen, corpus, [questions], reader)
            partial = before.with_suffix(".partial")
            save_articles(partial, [_needed(reader.released.tokenizer, article) for article in found])
            partial.rename(before)
        made.append(found_file(packed / name))
        made[-1].parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(before, made[-1])
    return made


def names_of(name: str) -> tuple[str, str]:
    """What a file of these open questions is called, and one that holds their passages, too."""
    return Path(name).name, found_file(Path(name)).name


def _of(chosen: Recipe, questions: Path, reader: Reader) -> str:
    """A name for what these questions, these texts and this reader make."""
    digest = hashlib.sha256(questions.read_bytes())
    weights = reader.released.model.state_dict()
    for part in (*chosen.open_texts, *(f"{name}{float(w.double().sum())!r}" for name, w in weights.items())):
        digest.update(part.encode())
    return digest.hexdigest()[:16]


def _needed(tokenizer: Tokenizer, article: Article) -> Article:
    """The article with the paragraphs that answer, and those that will be taken as wrong ones."""
    pieces = [encode_piece(tokenizer, p.context) for p in article.paragraphs]
    questions = [encode_piece(tokenizer, q.question) for p in article.paragraphs for q in p.questions if q.answers]
    wrong = {i for each in nearest_wrong(article, questions, pieces) for i in each}
    kept = (p for i, p in enumerate(article.paragraphs) if p.questions or i in wrong)
    return replace(article, paragraphs=tuple(kept))

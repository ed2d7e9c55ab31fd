"""`studygpt ask`: one question, one cited answer."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from api.arguments import positive, words
from api.cli_filter import add_filter, filter_of
from api.console import Report, one_line, print_indented
from api.excerpt import cited_excerpt, place_words, preview, source_words

if TYPE_CHECKING:
    from rich.console import Console

    from rag.types import Answer

N_NEAREST = 3  # passages shown when there is no answer


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = subparsers.add_parser(
        "ask",
        help="answer a question from the indexed documents, with the exact words",
        description="Answers a question from the indexed documents and cites the exact words, or says that it is not there.",
        epilog='example:\n  studygpt ask "What does the chain rule multiply?" --collection lectures',
    )
    parser.add_argument("question", metavar="QUESTION", type=words, help="the question, in quotes")
    add_filter(parser)
    parser.add_argument("--n-evidence", metavar="N", type=positive, help="passages to read, at most (default: 8)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> Report:
    """Answers the question. Raises IndexerError, GPTError, RagError."""
    from api.schemas import AnswerOut
    from api.settings import load_settings
    from rag.errors import EmptyQuestion

    if not args.question.strip():  # before the models are loaded, which takes seconds
        raise EmptyQuestion
    settings = load_settings(data_dir=args.data)
    from rag.assemble import assemble
    from rag.types import Question

    n_evidence = args.n_evidence or Question("").n_evidence
    with assemble(settings.data_dir, model=settings.model, embedding_model=settings.embedding_model) as assistant:
        answer = assistant.pipeline.answer(Question(args.question, args.collection, n_evidence, filter_of(args)))
    return Report(AnswerOut.model_validate(answer).model_dump(mode="json"), lambda console: show(console, answer))


def show(console: Console, answer: Answer) -> None:
    """The answer, its words inside their sentence, and where they stand; or that there is none, and what is nearest."""
    from rich.text import Text

    if answer.answer is None:
        show_abstention(console, answer)
    else:
        show_answer(console, answer)
    if answer.asked != answer.question.strip():
        console.print(Text(f'the model was asked "{one_line(answer.asked)}"', "dim"))


def show_answer(console: Console, answer: Answer) -> None:
    """The answer, then every citation, then how sure and how checked it is."""
    from rich.text import Text

    console.print(Text(one_line(answer.answer or ""), "bold green"))
    for citation in answer.citations:
        words = cited_excerpt(answer, citation)
        place = place_words(citation.page, citation.line_start, citation.line_end, citation.cell)
        console.print()
        print_indented(console, Text.assemble(words.before, (words.quote, "bold reverse"), words.after))
        console.print(Text.assemble("  ", (source_words(citation.title, citation.path, place), "cyan")), soft_wrap=True)
    checked = "word for word in the source" if answer.verified else "not found again in the source: ask once more"
    console.print()
    console.print(Text(f"confidence {answer.confidence:.0%}, {checked}, {answer.timings_ms['total']:.0f} ms", "dim"))


def show_abstention(console: Console, answer: Answer) -> None:
    """That there is no answer, how probable one was, and the passages nearest to the question."""
    from rich.text import Text

    console.print(Text("Not in your materials", "bold yellow"))
    console.print(f"The probability that the passages found hold an answer is {answer.confidence:.0%}. The nearest:")
    for evidence in answer.evidence[:N_NEAREST]:
        console.print()
        console.print(Text(source_words(evidence.title, evidence.path, ""), "cyan"), soft_wrap=True)
        print_indented(console, Text(preview(evidence.text), "dim"))

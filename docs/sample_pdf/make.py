"""Sets `text.txt` as the PDF among the sample notes: `python docs/sample_pdf/make.py` (needs the extra `train`).

The text's marks: `# ` title, `## ` heading, four spaces for fixed-width lines, `[chart]` the figure, `===` a new page.
"""

from __future__ import annotations

import math
from pathlib import Path

import matplotlib as mpl
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath

HERE = Path(__file__).resolve().parent
TARGET = HERE.parents[1] / "api" / "sample_notes" / "from_logits_to_text.pdf"

WIDTH_PT, HEIGHT_PT, MARGIN_PT = 420.0, 595.0, 42.0  # A5
LEADING = 1.4
BODY = FontProperties(family="DejaVu Serif", size=9)
FIXED = FontProperties(family="DejaVu Sans Mono", size=7.5)
HEADING = FontProperties(family="DejaVu Serif", size=11, weight="bold")
TITLE = FontProperties(family="DejaVu Serif", size=16, weight="bold")
CHART_HEIGHT_PT = 110.0


def wrap(text: str, font: FontProperties, width_pt: float) -> list[str]:
    """Breaks a paragraph at spaces into lines that are at most `width_pt` wide."""
    measure = TextToPath().get_text_width_height_descent
    lines, line = [], ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and measure(longer, font, ismath=False)[0] > width_pt:
            lines.append(line)
            line = word
        else:
            line = longer
    return [*lines, line]


class Page:
    """A figure that is filled with lines of text from the top."""

    def __init__(self) -> None:
        self.figure = Figure(figsize=(WIDTH_PT / 72, HEIGHT_PT / 72))
        self.y_pt = HEIGHT_PT - MARGIN_PT

    def write(self, text: str, font: FontProperties) -> None:
        """Sets one line and moves down; a line below the margin is an error, so that no text is lost silently."""
        self.y_pt -= font.get_size_in_points() * LEADING
        if self.y_pt < MARGIN_PT:
            raise ValueError(f"the page is full at {text!r}: put a line with === before it")
        self.figure.text(MARGIN_PT / WIDTH_PT, self.y_pt / HEIGHT_PT, text, fontproperties=font)

    def skip(self, points: float) -> None:
        self.y_pt -= points

    def chart(self) -> None:
        """Bars of the softmax of the logits 2, 1, 0, -1 at three temperatures."""
        bottom_pt = self.y_pt - CHART_HEIGHT_PT + 28
        axes = self.figure.add_axes((0.2, bottom_pt / HEIGHT_PT, 0.6, (CHART_HEIGHT_PT - 38) / HEIGHT_PT))
        axes.set_zorder(10)  # drawn last, so that its labels follow the page's sentences when text is extracted
        for i, temperature in enumerate((0.5, 1.0, 2.0)):
            weights = [math.exp(z / temperature) for z in (2, 1, 0, -1)]
            heights = [weight / sum(weights) for weight in weights]
            axes.bar([x + 0.27 * (i - 1) for x in range(4)], heights, width=0.25, label=f"t = {temperature}")
        axes.set_xticks(range(4), ["logit 2", "logit 1", "logit 0", "logit -1"], fontsize=7)
        axes.tick_params(axis="y", labelsize=7)
        axes.set_ylabel("probability", fontsize=7)
        axes.legend(fontsize=7, frameon=False)
        self.y_pt -= CHART_HEIGHT_PT


def set_page(source: str) -> Figure:
    """One page of the text, set."""
    page = Page()
    for part in source.strip("\n").split("\n\n"):
        if part == "[chart]":
            page.chart()
        elif part.startswith("    "):
            for line in part.splitlines():
                page.write(line.removeprefix("    "), FIXED)
        else:
            mark, font = next(
                (pair for pair in (("# ", TITLE), ("## ", HEADING)) if part.startswith(pair[0])), ("", BODY)
            )
            for line in wrap(part.removeprefix(mark), font, WIDTH_PT - 2 * MARGIN_PT):
                page.write(line, font)
        page.skip(5)
    return page.figure


def main() -> None:
    """Writes the PDF; the same text and matplotlib give the same bytes."""
    mpl.rcParams["pdf.fonttype"] = 42  # TrueType, so that the text can be searched and copied
    metadata = {"Title": "From logits to text", "CreationDate": None, "ModDate": None}
    with PdfPages(TARGET, metadata=metadata) as pdf:
        for source in (HERE / "text.txt").read_text(encoding="utf-8").split("\n===\n"):
            pdf.savefig(set_page(source))


if __name__ == "__main__":
    main()

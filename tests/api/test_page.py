"""The page's files: self-contained, free of HTML injection, consistent; what it does is told in `browser/test_page`."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.routes.page import STATIC

FILES = sorted(path for path in STATIC.iterdir() if path.is_file())
MODULES = [path for path in FILES if path.suffix == ".js"]
HTML = (STATIC / "index.html").read_text(encoding="utf-8")
IDS = set(re.findall(r'\bid="([^"]+)"', HTML))
CSS = (STATIC / "style.css").read_text(encoding="utf-8")


def name(path: Path) -> str:
    return path.name


def test_the_page_is_served_at_the_root_and_checked_for_freshness(client: TestClient) -> None:
    response = client.get("/")
    assert response.text == HTML
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    ("file", "media_type"), [("app.js", "text/javascript"), ("style.css", "text/css"), ("icon.svg", "image/svg+xml")]
)
def test_its_files_are_served_as_what_they_are(client: TestClient, file: str, media_type: str) -> None:
    response = client.get(f"/static/{file}")
    assert response.status_code == 200
    assert response.headers["content-type"].split(";")[0] == media_type


def test_nothing_outside_the_folder_is_served(client: TestClient) -> None:
    for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static/"):
        assert client.get(path).status_code == 404


def test_the_page_allows_no_inline_script_and_no_other_host(client: TestClient) -> None:
    policy = dict(part.split(" ", 1) for part in client.get("/").headers["content-security-policy"].split("; "))
    assert policy.pop("default-src") == "'none'"
    assert set(policy.values()) == {"'self'", "'none'"}


@pytest.mark.parametrize("path", FILES, ids=name)
def test_no_file_names_another_host(path: Path) -> None:
    text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?://|//[a-z0-9-]+\.[a-z]|@import|url\(", text)


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_text_never_becomes_html_or_code(path: Path) -> None:
    sinks = r"(inner|outer|insertAdjacent)HTML|document\.write|DOMParser|createContextualFragment|srcdoc"
    assert not re.search(rf"{sinks}|\beval\b|Function\(", path.read_text(encoding="utf-8"))


def test_the_html_holds_no_inline_script_style_or_handler() -> None:
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", HTML)


@pytest.mark.parametrize("path", FILES, ids=name)
def test_a_file_is_under_250_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) < 250


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_every_import_names_something_that_is_exported(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for names, source in re.findall(r'import \{([^}]*)\} from "\./([^"]+)"', text):
        exported = (STATIC / source).read_text(encoding="utf-8")
        for each in re.findall(r"\w+", names):
            assert re.search(rf"export (async )?(const|class|function\*?) {each}\b", exported), f"{each} of {source}"
            assert len(re.findall(rf"\b{each}\b", text)) > 1, f"{each} is imported for nothing"


def test_every_element_that_a_module_looks_up_is_in_the_html() -> None:
    asked = {each for path in MODULES for each in re.findall(r'byId\("([^"]+)"\)', path.read_text(encoding="utf-8"))}
    assert asked <= IDS


def test_every_label_and_title_points_at_an_element() -> None:
    targets = set(re.findall(r'(?:for|aria-labelledby)="([^"]+)"', HTML)) - {"source-title"}  # made with its document
    assert targets <= IDS


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb (WCAG 2.2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_a_contrast_of_at_least_4_5_and_edges_of_3(scheme: str) -> None:
    blocks = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", blocks[("light", "dark").index(scheme)]))
    texts = [
        *((ink, ground) for ink in ("ink", "soft", "accent", "danger", "good") for ground in ("paper", "card")),
        *(("soft", "sunken"), ("ink", "sunken"), ("mark-ink", "mark"), ("danger", "danger-tint")),
        *(("on-accent", "accent"), ("on-danger", "danger")),
    ]
    faint = [pair for pair in texts if contrast(*(colours[each] for each in pair)) < 4.5]
    assert faint == []
    assert min(contrast(colours["edge"], colours[ground]) for ground in ("paper", "card")) >= 3


def test_heading_levels_are_not_skipped() -> None:
    levels = [int(level) for level in re.findall(r"<h([1-6])", HTML)]
    assert all(after - before <= 1 for before, after in pairwise(levels))

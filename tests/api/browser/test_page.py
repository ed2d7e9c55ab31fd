"""The page in headless Chromium: upload a note, ask, see the cited words, open them in their source, delete the note.

Skipped where Chromium and its driver are not installed (Debian: chromium, chromium-driver).
"""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from api.app import create_app
from api.server import address, listen
from api.settings import Settings
from tests.api.fakes import FakeAssistant, fake_assistant

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None or DRIVER is None, reason="needs chromium and chromedriver (Debian: chromium, chromium-driver)"
)

FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1100,900"),
)
# Characters outside the basic plane before the answer: JavaScript counts them twice, the service once.
NOTE = "# Tea 🍵🍵\n\nSome 𝛼𝛽𝛾 first. Green tea is brewed at eighty degrees\nand never boiled. <b>Cups</b> are warm.\n"
QUESTION = "At how many degrees is green tea brewed?"
QUOTE = "Green tea is brewed at eighty degrees\nand never boiled"
TIMEOUT_S = 20


class Page:
    """One tab, and words for what a user does in it."""

    def __init__(self, driver: WebDriver, url: str) -> None:
        self.driver = driver
        self.url = url

    def wait(self, found: Callable[[], Any]) -> Any:
        return WebDriverWait(self.driver, TIMEOUT_S, poll_frequency=0.05).until(lambda _: found())

    def all(self, css: str) -> list[WebElement]:
        return [each for each in self.driver.find_elements(By.CSS_SELECTOR, css) if each.is_displayed()]

    def see(self, css: str) -> WebElement:
        """The first visible element, waited for."""
        return self.wait(lambda: self.all(css))[0]

    def open(self, path: str = "") -> None:
        self.driver.get("about:blank")  # so that a change of the fragment alone loads the page anew
        self.driver.get(f"{self.url}/{path}")
        self.see("main > section")

    def upload(self, path: Path) -> WebElement:
        """Uploads a file and gives its line once it has ended."""
        self.open("#/documents")
        self.driver.find_element(By.ID, "files").send_keys(str(path))
        return self.see("#uploads .done, #uploads .failed")

    def ask(self, question: str) -> None:
        self.open()
        self.see("#question").send_keys(question, Keys.ENTER)
        self.wait(lambda: self.driver.find_element(By.ID, "answer").get_attribute("aria-busy") == "false")
        self.see("#answer .said, #answer .error")

    def marked(self, within: str) -> str:
        """The characters that are highlighted, joined."""
        self.see(f"{within} mark")
        script = "return [...document.querySelectorAll(arguments[0])].map((mark) => mark.textContent).join('')"
        return str(self.driver.execute_script(script, f"{within} mark"))

    def is_in_sight(self, element: WebElement) -> bool:
        script = "const {top, bottom} = arguments[0].getBoundingClientRect(); return top >= 0 && bottom <= innerHeight"
        return bool(self.driver.execute_script(script, element))

    def requests(self) -> list[str]:
        """The addresses of all requests so far."""
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeAssistant]:
    assistant = fake_assistant(tmp_path_factory.mktemp("data"))
    yield assistant
    assistant.close()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, assistant: FakeAssistant) -> Iterator[str]:
    """The service on a free port."""
    app = create_app(Settings(data_dir=tmp_path_factory.mktemp("unused"), max_upload_mb=1), assistant)  # type: ignore[arg-type]
    server = uvicorn.Server(uvicorn.Config(app, log_config=None))
    with listen("127.0.0.1", 0) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield address(listener)
        server.should_exit = True
        thread.join(TIMEOUT_S)


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDriver]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(DRIVER)))
    yield driver
    driver.quit()


@pytest.fixture
def page(driver: WebDriver, url: str, assistant: FakeAssistant) -> Iterator[Page]:
    """The page over an empty index; afterwards, that it has complained of nothing and asked nobody else."""
    page = Page(driver, url)
    yield page
    for document in assistant.index.documents():
        assistant.index.remove(document.document_id)
    assert driver.get_log("browser") == []
    hosts = {urlsplit(each).netloc for each in page.requests() if each.startswith(("http", "ws"))}
    assert hosts <= {urlsplit(url).netloc}


@pytest.fixture
def note(assistant: FakeAssistant, page: Page) -> str:
    """The id of an indexed note; the page is there to take it away again."""
    return assistant.index.add("tea.md", NOTE.encode()).document_id


def test_from_an_upload_to_a_cited_answer_to_its_source_to_its_deletion(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "tea.md"
    path.write_text(NOTE, encoding="utf-8")
    page.open()
    page.see("#empty .button").click()
    assert "Added" in page.upload(path).text
    assert "Tea" in page.see(".document a").text

    page.ask(QUESTION)
    assert page.see(".said").get_attribute("textContent") == QUOTE
    assert page.marked(".passage") == QUOTE
    assert "tea.md, lines 3–4" in page.see(".passage .place").text
    assert "%" in page.see(".sureness").text

    page.see(".passage .open").click()
    assert page.marked("#source") == QUOTE
    assert "tea.md, lines 3–4" in page.see(".topline").text
    assert page.is_in_sight(page.see("#source mark"))
    shown = page.see("#source .prose").get_attribute("textContent")
    assert (shown or "").strip() == NOTE.strip()

    page.open("#/documents")
    page.see(".document .quiet").click()
    page.see("#confirm").send_keys(Keys.ESCAPE)
    page.wait(lambda: not page.all("#confirm"))
    assert page.all(".document")  # not confirmed, so not deleted
    page.see(".document .quiet").click()
    page.see("#confirm .danger").click()
    page.see("#list .nothing")
    assert not page.all(".document")


def test_what_is_not_in_the_materials_is_declined_with_the_nearest_passages(page: Page, note: str) -> None:
    page.ask("Who painted Guernica?")
    assert page.see(".said").text == "Not in your materials"
    assert "Green tea" in page.see(".others blockquote").text
    assert not page.all("mark")


def test_a_question_that_is_worded_anew_is_told(page: Page, note: str) -> None:
    page.ask("Could you tell me at what green tea is brewed?")
    assert page.see(".telling").text.endswith("and was asked “At what is green tea brewed?”")
    page.ask(QUESTION)
    assert "asked" not in page.see(".telling").text


def test_inside_an_answer_stand_its_prompt_and_three_ways_to_look_at_it(page: Page, note: str) -> None:
    page.ask(QUESTION)
    door = page.see(".passage .look")
    assert door.get_attribute("aria-expanded") == "false"
    door.click()
    page.see(".inside table")
    assert door.get_attribute("aria-expanded") == "true"
    question, passage, again = page.all(".prompt p")
    assert question.text.startswith("question")
    assert QUESTION in question.text
    assert QUESTION in again.text
    assert again.text.endswith("answer")
    assert "Green tea is brewed at eighty degrees and never boiled" in passage.text  # as the reader sees it
    assert "75 %" in page.see(".inside table").text
    assert "After layer 2 it would begin at “warm.” (100 %)" in page.see(".told").text
    page.see(".controls input").send_keys(Keys.ARROW_LEFT)
    assert "After layer 1 it would begin at “Some” (100 %)" in page.see(".told").text

    page.all(".tabs button")[1].click()
    assert "“warm.” rests most on “warm.” in the passage (+3.00 nats)" in page.see(".told").text
    assert not page.all(".controls input")

    page.all(".tabs button")[2].click()
    page.wait(lambda: "“warm.” takes most from “are”: 100 %." in page.see(".told").text)
    page.see(".prompt").send_keys(Keys.ARROW_LEFT)
    page.wait(lambda: "“are” takes most from" in page.see(".told").text)
    assert page.see(".token.chosen").text.strip() == "are"
    page.all(".token")[1].click()
    page.wait(lambda: "“At” takes most from “question”" in page.see(".told").text)

    door.click()
    assert not page.all(".inside")


def test_a_passage_that_is_gone_cannot_be_looked_into(page: Page, note: str, assistant: FakeAssistant) -> None:
    page.ask("Who painted Guernica?")
    assistant.index.remove(note)
    page.see(".others .look").click()
    assert note in page.see(".inside .error").text
    [told] = page.driver.get_log("browser")  # what Chromium says of any answer above 399
    assert "404" in told["message"]


def test_markup_in_a_document_stays_text(page: Page, note: str) -> None:
    page.ask("Which Cups are warm?")
    assert "<b>Cups</b>" in page.see(".passage").text
    assert not page.all(".passage b, .said b")


def test_files_go_in_one_after_the_other_and_what_is_wrong_with_one_is_told_in_words(
    page: Page, tmp_path: Path
) -> None:
    files = {
        "a.md": b"# A\n\nWords.",
        "b.pdf": b"%PDF-1.7 truncated",
        "c.md": b"a" * ((1 << 20) + 1),
        "d.md": b"# D\n\nE.",
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    page.open("#/documents")
    page.driver.find_element(By.ID, "files").send_keys("\n".join(str(tmp_path / name) for name in files))
    page.wait(lambda: len(page.all("#uploads .done, #uploads .failed")) == 4)
    [large, broken] = [line.text for line in page.all("#uploads .failed")]
    assert "damaged or truncated" in broken
    assert "the limit is 1 MiB" in large
    page.wait(lambda: page.see("#count").text == "2")
    page.wait(lambda: [each.text for each in page.all(".document a")] == ["A", "D"])


def test_what_was_read_in_part_says_so_wherever_it_is_shown(page: Page, tmp_path: Path) -> None:
    (tmp_path / "paper.tex").write_text("\\section{Nets}\nWords.\n\\input{proofs}\n")
    said = 'Read in part: Includes "proofs": not a part of this document, but one of its own if it is indexed as well.'
    line = page.upload(tmp_path / "paper.tex")
    assert line.text.split("\n") == ["paper.tex", "Added in part", said]
    page.wait(lambda: [each.text for each in page.all(".document .missing")] == [said])
    page.see(".document a").click()
    assert page.see("#source .missing").text == said


def test_the_page_can_be_used_by_keyboard_alone(page: Page, note: str) -> None:
    def tab_to(reached: Callable[[WebElement], bool]) -> WebElement:
        for _ in range(20):
            if reached(page.driver.switch_to.active_element):
                break
            page.driver.switch_to.active_element.send_keys(Keys.TAB)
        return page.driver.switch_to.active_element

    page.open()
    page.see("#question")
    tab_to(lambda element: element.get_attribute("id") == "question").send_keys(QUESTION, Keys.ENTER)
    page.see(".passage .open")
    tab_to(lambda element: element.text == "Open at the place").send_keys(Keys.ENTER)
    assert page.marked("#source") == QUOTE
    assert page.driver.switch_to.active_element.tag_name == "mark"


def test_the_keyboard_stays_on_the_citation_while_the_rest_of_the_answer_is_drawn(page: Page) -> None:
    page.open()
    citation = {"document_id": "d", "path": "a.md", "title": "A", "quote": "an answer", "start": 5, "end": 14}
    answer = {"answer": "an answer", "citations": [citation], "evidence": [], "verified": True, "confidence": 0.9}
    answer |= {"question": "Why?", "asked": "Why?", "abstained": False, "model": "m"}
    answer |= {"timings_ms": {"retrieve": 1, "read": 1, "total": 2}}
    script = """
        const [citation, answer, done] = arguments;
        const { AnswerView } = await import("/static/answer.js");
        const [words, below] = [document.createElement("div"), document.createElement("div")];
        document.body.append(words, below);
        const view = new AnswerView(words, below);
        view.on("evidence", { evidence: [] });
        view.on("citation", citation);
        const link = below.querySelector(".open");
        link.focus();
        view.on("answer", answer);
        const kept = document.activeElement === link && below.querySelectorAll(".passage").length;
        words.remove();
        below.remove();
        done(kept);
    """
    run = f"(async function () {{{script}}}).apply(null, arguments)"
    assert page.driver.execute_async_script(run, citation, answer) == 1


def test_nothing_is_wider_than_a_window_of_360_pixels(page: Page, note: str) -> None:
    narrow = {"width": 360, "height": 700, "deviceScaleFactor": 1, "mobile": False}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", narrow)
    try:
        for path, sign in (
            ("", "#question"),
            ("#/documents", ".document"),
            (f"#/documents/{note}?start=9&end=20", "mark"),
        ):
            page.open(path)
            page.see(sign)
            assert page.driver.execute_script("return document.documentElement.scrollWidth") <= 360
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

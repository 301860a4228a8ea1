"""The example's two windows in a real Chromium, with their own content security policy."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import jiwer
import numpy as np
import pytest
from matplotlib import image
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from lab.server_process import FAKE_DECODER, running_server, start_server
from lab.waiting import wait_until
from tests.browser.conftest import watched_page
from tests.electron.conftest import HERE
from tests.electron.test_supervision import PATIENT, the_server
from tests.faults.test_shutdown import Doomed

SPOKEN_LIMIT_MS = 45_000
SIZE = {"width": 960, "height": 180}
"""Of the window, as in main/subtitle-window.js."""


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context(viewport=SIZE)  # type: ignore[arg-type]
    made.add_init_script(path=HERE / "hosts.js")
    yield made
    made.close()


@pytest.fixture
def control(context: BrowserContext, pages: str) -> Iterator[Page]:
    with watched_page(context, "127.0.0.1") as page:
        page.goto(f"{pages}/control.html")
        yield page


@pytest.fixture
def subtitles(context: BrowserContext, pages: str, control: Page) -> Iterator[Page]:
    """Set up after the control window, so that it is looked at before its context goes."""
    with watched_page(context, "127.0.0.1") as page:
        page.goto(f"{pages}/subtitles.html")
        yield page


def origin_of(pages: str) -> str:
    return "{0.scheme}://{0.netloc}".format(urlsplit(pages))


def serve_at(control: Page, url: str) -> None:
    """The main process says that the server makes captions."""
    control.evaluate("url => tell('server', { state: 'ready', url, message: '' })", url)


def show(control: Page, **caption: object) -> None:
    control.evaluate("caption => host.showCaption(caption)", caption)


def words(text: str) -> str:
    return " ".join(re.findall(r"[a-z']+", text.lower()))


@pytest.mark.long
def test_from_the_microphone_to_the_subtitle_window(
    control: Page, subtitles: Page, pages: str, sentences: list[str]
) -> None:
    seen: list[str] = []
    subtitles.expose_function("see", lambda text: seen.append(text))
    subtitles.evaluate(
        """() => {
          const lines = document.querySelector('#lines');
          const grown = new MutationObserver(() => see(lines.innerText));
          grown.observe(lines, { childList: true, subtree: true });
        }"""
    )
    expect(control.get_by_role("button", name="Start")).to_be_disabled()
    expect(control.get_by_role("status")).to_have_text("The caption server is starting.")
    with running_server(language="en", allowed_origins=origin_of(pages)) as url:
        serve_at(control, url)
        control.get_by_role("button", name="Start").click()
        expect(control.get_by_role("status")).to_contain_text("Listening to ")
        last = re.compile(rf"\b{words(sentences[1]).split()[-1]}\b")
        lines = subtitles.locator("#lines")
        expect(lines).to_contain_text(last, use_inner_text=True, timeout=SPOKEN_LIMIT_MS)
        control.get_by_role("button", name="Stop").click()
        expect(control.get_by_role("status")).to_have_text("Ready.")
    expect(control.get_by_role("alert")).to_be_empty()
    said = words(" ".join(sentences[:2]))
    shown = words(lines.inner_text()).split()
    assert (
        jiwer.wer(" ".join(said.split()[-len(shown) :]), " ".join(shown)) < 0.2
    )  # what has not gone
    assert len(set(seen)) >= 4  # it grew
    box = lines.bounding_box()
    assert box is not None
    assert box["height"] == pytest.approx(2 * 1.35 * 30)  # two lines, whatever waits below them


def test_the_subtitles_are_readable_over_anything_and_the_rest_is_transparent(
    control: Page, subtitles: Page
) -> None:
    times = {"start_ms": 0, "end_ms": 900}
    show(
        control, type="partial", utterance=1, stable="Over a bright film", unstable=" too", **times
    )
    expect(subtitles.locator("#lines")).to_have_text("Over a bright film too")
    picture = image.imread(io.BytesIO(subtitles.screenshot(omit_background=True)))
    assert picture.shape == (SIZE["height"], SIZE["width"], 4)
    box = subtitles.locator("#lines p").bounding_box()
    assert box is not None
    top, left = round(box["y"]) + 1, round(box["x"]) + 1
    bottom, right = round(box["y"] + box["height"]) - 1, round(box["x"] + box["width"]) - 1
    alpha = picture[:, :, 3].copy()
    assert alpha[top:bottom, left:right].min() > 0.8
    alpha[top - 2 : bottom + 2, left - 2 : right + 2] = 0
    assert alpha.max() == 0  # nothing else is painted: the handle shows only near the pointer
    over_white = picture[:, :, :3] * picture[:, :, 3:] + (1 - picture[:, :, 3:])
    inside = luminance(over_white[top:bottom, left:right])
    assert (inside.max() + 0.05) / (np.median(inside) + 0.05) > 7  # WCAG 2.2, AAA


def luminance(rgb: np.ndarray) -> np.ndarray:
    """Relative luminance (WCAG 2.2)."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear @ np.array([0.2126, 0.7152, 0.0722]))


def test_clicks_go_through_but_at_the_handle_which_moves_the_window(subtitles: Page) -> None:
    box = subtitles.locator("#handle").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    subtitles.mouse.move(x, y - 60)
    assert subtitles.evaluate("calls") == []
    subtitles.mouse.move(x, y)
    assert subtitles.evaluate("calls") == [["setPointerOver", True]]
    subtitles.mouse.down()
    subtitles.mouse.move(x + 30, y - 8)
    subtitles.mouse.up()
    subtitles.mouse.move(x, y - 60)
    assert subtitles.evaluate("calls.slice(1)") == [
        ["drag", 30, -8, False],
        ["drag", 30, -8, True],
        ["setPointerOver", False],
    ]


def test_the_control_window_places_them_frees_them_and_quits(
    control: Page, subtitles: Page
) -> None:
    control.get_by_role("button", name="Top").click()
    control.get_by_role("button", name="Bottom").click()
    control.get_by_role("button", name="Quit").click()
    assert control.evaluate("calls") == [["placeAt", "top"], ["placeAt", "bottom"], ["quit"]]
    control.get_by_role("checkbox", name="Move them by hand").check()
    expect(subtitles.locator("#window")).to_have_class("movable")
    expect(subtitles.locator("#handle")).to_have_css("opacity", "1")
    control.get_by_role("checkbox", name="Move them by hand").uncheck()
    expect(subtitles.locator("#window")).not_to_have_class("movable")


def test_subtitles_go_when_nothing_more_is_said_and_with_another_talk(
    control: Page, subtitles: Page
) -> None:
    subtitles.clock.install(time=0)
    subtitles.reload()
    subtitles.clock.pause_at(60_000)  # from now on time passes here alone
    times = {"start_ms": 0, "end_ms": 900}
    final = {"type": "final", "utterance": 1, "text": "Good night.", "language": "en", **times}
    show(control, **final)
    lines, whole = subtitles.locator("#lines"), subtitles.locator("#window")
    expect(lines).to_have_text("Good night.")
    subtitles.clock.fast_forward(5_900)
    expect(whole).not_to_have_class("silent")
    subtitles.clock.fast_forward(200)
    expect(whole).to_have_class("silent")
    show(control, **final | {"utterance": 2, "text": "Good day.", "start_ms": 950})
    expect(whole).not_to_have_class("silent")
    expect(lines).to_have_text("Good night. Good day.")
    show(control, type="clear")
    expect(lines).to_be_empty()


def test_each_caption_is_read_from_where_its_language_begins(
    control: Page, subtitles: Page
) -> None:
    show(control, type="final", utterance=1, text="Good day.", start_ms=0, end_ms=900)
    lines, line = subtitles.locator("#lines"), subtitles.locator("#lines p")
    expect(line).to_have_text("Good day.")
    assert edge(line, "left") == pytest.approx(edge(lines, "left"), abs=1)
    arabic = {"utterance": 2, "text": "أهلا بكم.", "language": "ar"}
    show(control, type="final", start_ms=950, end_ms=1900, **arabic)
    expect(line).to_have_text("أهلا بكم.")  # alone, and not before the other was read
    assert edge(line, "right") == pytest.approx(edge(lines, "right"), abs=1)
    assert edge(line, "left") > edge(lines, "left") + 100
    korean = {"utterance": 3, "text": "안녕하세요.", "language": "ko"}
    show(control, type="final", start_ms=1950, end_ms=2900, **korean)
    expect(line).to_have_text("안녕하세요.")
    expect(line).to_have_css("word-break", "keep-all")


def edge(element: Locator, side: str) -> float:
    """Where an element ends on one side, in CSS px."""
    return float(element.evaluate(f"(element) => element.getBoundingClientRect().{side}"))


def test_captions_go_on_after_the_server_has_crashed(
    control: Page, subtitles: Page, pages: str
) -> None:
    """The supervisor starts another one at the same address; the page need not know."""
    server = start_server(
        decoder=FAKE_DECODER,
        model="fake",
        parent=PATIENT,
        allowed_origins=origin_of(pages),
        max_utterance_ms=2000,
    )
    doomed = Doomed(server, server.tree())
    try:
        serve_at(control, server.url)
        control.get_by_role("button", name="Start").click()
        expect(subtitles.locator("#lines")).to_contain_text("ms", timeout=SPOKEN_LIMIT_MS)
        the_server(doomed).kill()
        show(control, type="clear")
        wait_until(lambda: len(server.events("ready")) == 2, 30)
        doomed.processes = server.tree()
        expect(control.get_by_role("status")).to_contain_text("Listening to ", timeout=30_000)
        expect(subtitles.locator("#lines")).to_contain_text("ms", timeout=SPOKEN_LIMIT_MS)
    finally:
        doomed.release()


def test_what_the_computer_plays_is_captioned(control: Page, subtitles: Page, pages: str) -> None:
    """What it plays is here what the microphone hears: no screen, no sound card."""
    control.evaluate(
        """() => {
          window.asked = [];
          navigator.mediaDevices.getDisplayMedia = (options) => {
            asked.push([Boolean(options.audio), navigator.userActivation.isActive]);
            return navigator.mediaDevices.getUserMedia({ audio: true });
          };
        }"""
    )
    server = start_server(
        decoder=FAKE_DECODER, model="fake", allowed_origins=origin_of(pages), max_utterance_ms=2000
    )
    try:
        serve_at(control, server.url)
        control.get_by_label("Sound").select_option("What this computer plays")
        control.get_by_role("button", name="Start").click()
        expect(subtitles.locator("#lines")).to_contain_text("ms", timeout=SPOKEN_LIMIT_MS)
        assert control.evaluate("asked") == [[True, True]]
        expect(control.get_by_label("Language")).to_be_disabled()
        control.get_by_role("button", name="Stop").click()
        expect(control.get_by_role("status")).to_have_text("Ready.")
        expect(control.get_by_label("Language")).to_be_enabled()
    finally:
        server.stop()


def test_a_microphone_that_is_pulled_out(control: Page, subtitles: Page, pages: str) -> None:
    """It is said; when it is there again, the captions go on."""
    control.evaluate(
        """() => {
          const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
          window.isPluggedIn = true;
          navigator.mediaDevices.getUserMedia = async (c) => {
            if (!isPluggedIn) throw new DOMException('gone', 'NotFoundError');
            return (window.microphone = await ask(c));
          };
        }"""
    )
    server = start_server(decoder=FAKE_DECODER, model="fake", allowed_origins=origin_of(pages))
    try:
        serve_at(control, server.url)
        control.get_by_role("button", name="Start").click()
        expect(subtitles.locator("#lines")).to_contain_text("ms", timeout=SPOKEN_LIMIT_MS)
        control.evaluate(
            "isPluggedIn = false; microphone.getTracks()[0].dispatchEvent(new Event('ended'))"
        )
        expect(control.get_by_role("alert")).to_contain_text("disconnected", timeout=15_000)
        control.evaluate("isPluggedIn = true")
        expect(control.get_by_role("alert")).to_be_empty(timeout=15_000)
        control.get_by_role("button", name="Stop").click()
        expect(control.get_by_role("status")).to_have_text("Ready.")
    finally:
        server.stop()


def test_a_refusal_is_said_and_can_be_tried_again(control: Page) -> None:
    control.evaluate(
        """() => {
          const refused = new DOMException('no', 'NotAllowedError');
          navigator.mediaDevices.getDisplayMedia = () => Promise.reject(refused);
        }"""
    )
    serve_at(control, "http://127.0.0.1:9")
    control.get_by_label("Sound").select_option("What this computer plays")
    control.get_by_role("button", name="Start").click()
    expect(control.get_by_role("alert")).not_to_be_empty()
    expect(control.get_by_role("button", name="Start")).to_be_enabled()


def test_what_is_wrong_with_the_server_is_said(control: Page) -> None:
    sentence = "The caption server ended (status 1). There is no such model."
    control.evaluate("message => tell('server', { state: 'failed', url: '', message })", sentence)
    expect(control.get_by_role("alert")).to_have_text(sentence)
    expect(control.get_by_role("button", name="Start")).to_be_disabled()

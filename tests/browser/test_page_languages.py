"""The pages speak the reader's language: that of the browser, or the one that was chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.channel import Channel
from tests.browser.conftest import watched_page
from tests.browser.page_parts import (
    choose_sample,
    final_captions,
    greet_channel,
    open_caption,
    serve_qr,
    start,
)
from tests.browser.scripted import ScriptedServer, Stage
from tests.marks import long

LANGUAGES = {
    "en": "English",
    "de": "Deutsch",
    "fr": "Français",
    "es": "Español",
    "pt-BR": "Português (Brasil)",
    "ja": "日本語",
    "zh-Hans": "简体中文",
    "ar": "العربية",
}
SOME_QUICKLY = [name if name in ("de", "ar") else long(name) for name in LANGUAGES]
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 800}

# What is wider than its place: the page itself, or a button or label whose words are cut off.
TOO_WIDE = """() => {
  const seen = (element) => element.checkVisibility() && element.getClientRects().length;
  const root = document.documentElement;
  const wide = root.scrollWidth > root.clientWidth ? ['the page'] : [];
  for (const element of document.querySelectorAll('button, .choices span, dialog[open]')) {
    const cut = element.scrollWidth > element.clientWidth + 1;
    if (seen(element) && cut) wide.push(element.outerHTML);
  }
  for (const element of document.querySelectorAll('button, select, input, h1, h2')) {
    const { left, right, width } = element.getBoundingClientRect();
    const outside = width > 1 && (left < -1 || right > innerWidth + 1);
    if (seen(element) && outside) wide.push(element.outerHTML);
  }
  return wide;
}"""

Speaking = Callable[..., Page]


@pytest.fixture
def speaking(browser: Browser) -> Iterator[Speaking]:
    """A page of a browser in a language."""
    with ExitStack() as pages:

        def open_page(locale: str, **options: Any) -> Page:
            context = browser.new_context(locale=locale, **options)
            return pages.enter_context(watched_page(context, "127.0.0.1"))

        yield open_page


def menu(page: Page) -> Locator:
    return page.locator("#page-language")


def begin(page: Page, server: ScriptedServer) -> Stage:
    """Start a run, whatever the buttons are called."""
    page.goto(server.url)
    page.locator("input[value=sample]").check()
    page.locator("#audible").uncheck()
    page.locator("#run").click()
    return server.next_stage()


def test_a_german_browser_gets_a_german_page(speaking: Speaking, scripted: ScriptedServer) -> None:
    page = speaking("de-AT")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(scripted.url)
    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(page).to_have_title("Surtitle – Live-Untertitel")
    expect(page.locator("#state-words")).to_have_text("Nicht gestartet")
    expect(page.get_by_label("Gesprochene Sprache")).to_have_value("auto")
    expect(page.get_by_role("radio", name="Mikrofon")).to_be_checked()
    expect(menu(page)).to_have_value("de")
    languages = page.locator("#language option").all_inner_texts()
    assert languages[0] == "Automatisch"
    assert languages[1].startswith("Afrikaans")
    assert any(name.startswith("Französisch – ") for name in languages)
    page.get_by_role("button", name="Einstellungen").click()
    panel = page.get_by_role("dialog", name="Einstellungen")
    expect(panel.get_by_role("radio", name="Schwarz auf Weiß")).to_be_visible()
    expect(panel.get_by_role("switch", name="Verzögerung anzeigen")).to_be_checked()
    expect(panel.get_by_label("Namen und Begriffe")).to_be_visible()
    loaded = sorted(url.rpartition("/")[2] for url in asked if "/words/" in url)
    assert loaded == ["de.js", "en.js"]


@pytest.mark.parametrize(
    ("locale", "spoken"), [("zh-TW", "en"), ("nl-NL", "en"), ("pt-PT", "pt-BR")]
)
def test_who_speaks_none_of_them_gets_english(
    speaking: Speaking, scripted: ScriptedServer, locale: str, spoken: str
) -> None:
    page = speaking(locale)
    page.goto(scripted.url)
    expect(menu(page)).to_have_value(spoken)
    expect(page.locator("html")).to_have_attribute("lang", spoken)


def test_the_language_can_be_chosen_while_captions_run_and_stays(
    page: Page, scripted: ScriptedServer
) -> None:
    stage = start(page, scripted)
    stage.final(1, "Said before.")
    stage.failed(2, "The model fell over.")
    stage.partial(3, "Good", " even")
    expect(open_caption(page)).to_have_text("Good even")
    names = page.get_by_label("Language of this page").locator("option").all_inner_texts()
    assert names == list(LANGUAGES.values())
    menu(page).select_option("ja")
    expect(page.locator("html")).to_have_attribute("lang", "ja")
    expect(page.get_by_role("button", name="停止")).to_be_visible()
    expect(page.locator("#state-words")).to_have_text(
        "「Sample」に字幕を付けています · モデル scripted"
    )
    expect(final_captions(page)).to_have_text(
        ["Said before.", "字幕がありません: The model fell over."]
    )
    expect(final_captions(page).first).to_have_attribute("lang", "en")
    expect(open_caption(page)).to_have_text("Good even")
    expect(page.locator("#language")).to_contain_text("フランス語 – ")
    stage.final(3, "Good evening.")
    expect(final_captions(page)).to_have_count(3)
    page.once("dialog", lambda dialog: dialog.accept())
    page.reload()
    expect(menu(page)).to_have_value("ja")
    expect(page.get_by_role("button", name="開始")).to_be_visible()


def test_numbers_and_plurals_are_those_of_the_language(
    speaking: Speaking, scripted: ScriptedServer
) -> None:
    page = speaking("de-DE")
    stage = begin(page, scripted)
    for _ in range(20):
        stage.next_frame_bytes()
    stage.partial(1, "Zwei")
    expect(page.locator("#delay")).to_contain_text(",")
    page.locator("#run").click()
    expect(page.locator("#state-words")).to_contain_text("Fertig: 2 Untertitel in ")


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        (
            "The server has reached its session limit.",
            "Der Server hat die Höchstzahl seiner Sitzungen erreicht. "
            "Versuchen Sie es in 5 s noch einmal.",
        ),
        ("Nobody knows this.", "Nobody knows this. Versuchen Sie es in 5 s noch einmal."),
    ],
)
def test_what_the_server_says_is_translated_where_it_is_known(
    speaking: Speaking, scripted: ScriptedServer, sentence: str, said: str
) -> None:
    scripted.refusal = (sentence, 5)
    page = speaking("de-DE")
    page.goto(scripted.url)
    page.locator("input[value=sample]").check()
    page.locator("#run").click()
    expect(page.get_by_role("alert")).to_have_text(said)


def test_a_sentence_that_nobody_knows_stays_english_and_is_marked_so(
    speaking: Speaking, scripted: ScriptedServer
) -> None:
    page = speaking("de-DE")
    stage = begin(page, scripted)
    stage.say("error", code="odd", message="Something is odd.", fatal=False)
    notice = page.get_by_role("alert").locator("span")
    expect(notice).to_have_text("Something is odd.")
    expect(notice).to_have_attribute("lang", "en")
    stage.say("status", state="overloaded", message="Too many talks at once.")
    expect(page.locator("#state-words")).to_have_text(
        "Der Server ist ausgelastet. Untertitel kommen später als sonst."
    )


def test_files_have_their_gaps_in_the_language_of_the_page(
    speaking: Speaking, scripted: ScriptedServer
) -> None:
    page = speaking("de-DE")
    stage = begin(page, scripted)
    stage.failed(1, "It failed.")
    page.locator("#open-transcript").click()
    expect(page.locator("#transcript-lines p")).to_have_text("[Untertitel fehlt]")
    with page.expect_download() as download:
        page.get_by_role("button", name="Text", exact=True).click()
    assert download.value.path().read_text(encoding="utf-8") == "[Untertitel fehlt]\n"


def test_arabic_is_read_from_the_right_and_captions_as_they_are(
    speaking: Speaking, scripted: ScriptedServer
) -> None:
    page = speaking("ar-EG", viewport=PHONE)
    stage = begin(page, scripted)
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    stage.final(1, "Good evening.")
    stage.final(2, "مساء الخير.", language="ar")
    stage.failed(3, "Recognition failed twice.")
    for line, direction in enumerate(("ltr", "rtl", "rtl")):
        expect(final_captions(page).nth(line)).to_have_css("direction", direction)
    assert page.evaluate(TOO_WIDE) == []
    page.locator("#run").click()
    expect(page.locator("#state-words")).to_contain_text("انتهى: سطران في ")


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("language", SOME_QUICKLY)
def test_everything_has_its_place_in_every_language(
    speaking: Speaking, scripted: ScriptedServer, language: str, size: dict[str, int]
) -> None:
    page = speaking(language, viewport=size)
    serve_qr(page, [])
    scripted.on_start = greet_channel()
    page.goto(scripted.url)
    expect(page.locator("html")).to_have_attribute("lang", language)
    assert page.evaluate(TOO_WIDE) == []
    for button in ("#open-settings", "#open-share"):
        page.locator(button).click()
        if button == "#open-share":
            page.locator("#share-on").check()
        assert page.evaluate(TOO_WIDE) == [], button
        page.keyboard.press("Escape")
    stage = begin(page, scripted)
    stage.final(1, "Said.")
    expect(final_captions(page)).to_have_count(1)
    assert page.evaluate(TOO_WIDE) == []
    page.locator("#open-transcript").click()
    expect(page.locator("#transcript-lines li")).to_have_count(1)
    assert page.evaluate(TOO_WIDE) == []


@pytest.mark.parametrize("language", SOME_QUICKLY)
def test_the_audience_chooses_too(page: Page, channel: Channel, language: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(channel.watch_url)
    viewer = channel.next_viewer()
    viewer.channel("live")
    viewer.final(1, "Good evening.")
    expect(final_captions(page)).to_have_text(["Good evening."])
    menu(page).select_option(label=LANGUAGES[language])
    expect(page.locator("html")).to_have_attribute("lang", language)
    expect(page.locator("html")).to_have_attribute("dir", "rtl" if language == "ar" else "ltr")
    expect(page.locator("#channel")).to_have_text("main-hall")
    assert page.evaluate(TOO_WIDE) == []
    page.locator("#open-settings").click()
    assert page.evaluate(TOO_WIDE) == []
    page.keyboard.press("Escape")
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", language)


@pytest.mark.parametrize("language", ["en", "ar"])
def test_on_a_phone_the_menu_keeps_away_from_the_edge(
    speaking: Speaking, channel: Channel, language: str
) -> None:
    """Browsers draw its arrow at its very end."""
    page = speaking(language, viewport=PHONE)
    page.goto(channel.watch_url)
    expect(page.locator("html")).to_have_attribute("lang", language)
    box = menu(page).bounding_box()
    assert box is not None
    right = PHONE["width"] - box["x"] - box["width"]
    assert (box["x"] if language == "ar" else right) >= 12


def test_the_overlay_tells_who_sets_it_up_in_their_language(
    speaking: Speaking, channel: Channel
) -> None:
    channel.refusal = (403, "A valid key or token is required. None was given.")
    page = speaking("ar", viewport=DESK)
    page.goto(channel.overlay_url("?align=left"))
    problem = page.locator("#text p")
    expect(problem).to_have_text("يلزم مفتاح أو رمز مميّز صالح. لم يُقدَّم أيٌّ منهما.")
    expect(problem).to_have_css("direction", "rtl")
    expect(page.locator("html")).to_have_attribute("dir", "ltr")  # places are as the address says


def test_who_corrects_reads_their_language(speaking: Speaking, channel: Channel) -> None:
    page = speaking("de", viewport=PHONE)
    page.goto(f"{channel.url}/edit/main-hall")
    viewer = channel.next_viewer()
    viewer.channel("live")
    viewer.final(1, "Good evening.")
    expect(page).to_have_title("Untertitel korrigieren – main-hall")
    expect(page.get_by_label("Untertitel", exact=True).last).to_have_value("Good evening.")
    expect(page.get_by_role("button", name="Löschen")).to_be_visible()
    assert page.evaluate(TOO_WIDE) == []
    menu(page).select_option("ar")
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    expect(page.get_by_role("button", name="حذف")).to_be_visible()
    assert page.evaluate(TOO_WIDE) == []


def test_on_a_phone_the_corrector_has_the_menu_beside_the_name(
    speaking: Speaking, channel: Channel
) -> None:
    page = speaking("de", viewport=PHONE)
    page.goto(f"{channel.url}/edit/main-hall")
    channel.next_viewer().channel("live")
    expect(page.locator("#state-words")).to_have_text("Live")
    name, beside, below = (
        page.locator(selector).bounding_box() for selector in ("h1", "#page-language", "#state")
    )
    assert name and beside and below
    assert name["y"] + name["height"] / 2 == pytest.approx(
        beside["y"] + beside["height"] / 2, abs=2
    )
    assert PHONE["width"] - beside["x"] - beside["width"] == pytest.approx(name["x"], abs=2)
    assert below["y"] >= name["y"] + name["height"]


def test_a_catalogue_that_does_not_come_leaves_english(
    speaking: Speaking, scripted: ScriptedServer
) -> None:
    page = speaking("fr-FR")
    page.route("**/words/fr.js", lambda route: route.abort())
    page.goto(scripted.url)
    choose_sample(page)
    page.get_by_role("button", name="Start").click()
    scripted.next_stage()
    expect(page.locator("html")).to_have_attribute("lang", "en")

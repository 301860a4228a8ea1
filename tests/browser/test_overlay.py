"""The overlay: the last lines over a picture, dressed by its address."""

from __future__ import annotations

import io

import numpy as np
import pytest
from matplotlib import image
from playwright.sync_api import Page, expect

from tests.browser.channel import Channel, Viewer


def arrived(channel: Channel) -> Viewer:
    """Somebody speaks, and nothing was said before."""
    viewer = channel.next_viewer()
    viewer.channel("live")
    viewer.channel("live")  # the history ends here
    return viewer


def test_there_is_nothing_but_captions(page: Page, channel: Channel) -> None:
    page.goto(channel.overlay_url())
    viewer = arrived(channel)
    expect(page.locator("body")).to_have_css("background-color", "rgba(0, 0, 0, 0)")
    expect(page.locator(".window")).to_be_hidden()  # no empty box in the picture
    viewer.partial(1, "Good", " even")
    expect(page.locator("#text")).to_have_text("Good even")
    viewer.final(1, "Good evening.")
    viewer.partial(2, "And", " welcome")
    expect(page.locator("#text p")).to_have_text(["Good evening.", "And welcome"])
    viewer.suppressed(2)
    expect(page.locator("#text")).to_have_text("Good evening.")
    assert page.get_by_role("button").count() == 0


def test_lines_over_a_picture_are_not_corrected(page: Page, channel: Channel) -> None:
    page.goto(channel.overlay_url())
    viewer = arrived(channel)
    viewer.final(1, "A kernel agrees.")
    viewer.revised(1, "A colonel agrees.")
    viewer.partial(2, "And", " welcome")
    expect(page.locator("#text p")).to_have_text(["A kernel agrees.", "And welcome"])


@pytest.mark.parametrize("lines", [1, 2, 4])
def test_the_last_lines_are_seen(page: Page, channel: Channel, lines: int) -> None:
    page.goto(channel.overlay_url(f"?lines={lines}&size=40&width=50"))
    viewer = arrived(channel)
    viewer.final(1, "First. " + "And so on and on. " * 20 + "Last.")
    expect(page.locator("#text")).to_contain_text("Last.")
    window = page.locator(".window").bounding_box()
    text = page.locator("#text").bounding_box()
    assert window is not None
    assert text is not None
    assert window["height"] == pytest.approx(lines * 40 * 1.4)
    assert text["y"] + text["height"] == pytest.approx(window["y"] + window["height"])
    assert text["height"] > 4.5 * 40 * 1.4


STYLE = """() => {
  const style = getComputedStyle(document.querySelector('.window'));
  const { color, backgroundColor, fontFamily, fontSize, fontWeight, textAlign } = style;
  return { color, backgroundColor, fontFamily, fontSize, fontWeight, textAlign };
}"""
USUAL = {
    "color": "rgb(255, 255, 255)",
    "backgroundColor": "rgba(0, 0, 0, 0.72)",
    "fontFamily": 'system-ui, "Noto Sans", sans-serif',
    "fontSize": "48px",
    "fontWeight": "500",
    "textAlign": "start",
}


@pytest.mark.parametrize(
    ("query", "changed"),
    [
        ("", {}),
        ("?size=72", {"fontSize": "72px"}),
        ("?colour=ffcc00", {"color": "rgb(255, 204, 0)"}),
        ("?color=%23fc0", {"color": "rgb(255, 204, 0)"}),
        ("?colour=Gold", {"color": "rgb(255, 215, 0)"}),
        ("?background=transparent", {"backgroundColor": "rgba(0, 0, 0, 0)"}),
        ("?background=00000080", {"backgroundColor": "rgba(0, 0, 0, 0.5)"}),
        (
            "?font=Atkinson%20Hyperlegible",
            {"fontFamily": '"Atkinson Hyperlegible", "Noto Sans", sans-serif'},
        ),
        ("?weight=700", {"fontWeight": "700"}),
        ("?align=left", {"textAlign": "left"}),
        ("?align=centre", {"textAlign": "center"}),
        # What is wrong is ignored.
        ("?size=1e3&lines=-1&width=0", {}),
        ("?size=&colour=&font=&align=", {}),
        ("?size=48px&weight=bold", {}),
        ("?colour=url(x)&background=red;}", {}),
        ("?colour=inherit%20!important", {}),
        ("?font=x%22;color:red", {}),
        ("?align=constructor&position=__proto__", {}),
        ("?nonsense=1", {}),
    ],
)
def test_the_address_dresses_it(
    page: Page, channel: Channel, query: str, changed: dict[str, str]
) -> None:
    page.goto(channel.overlay_url(query))
    channel.next_viewer()
    assert page.evaluate(STYLE) == {**USUAL, **changed}


@pytest.mark.parametrize("position", ["top", "centre", "bottom"])
@pytest.mark.parametrize("align", ["left", "center", "right"])
def test_where_it_stands(page: Page, channel: Channel, position: str, align: str) -> None:
    page.set_viewport_size({"width": 1000, "height": 800})
    page.goto(channel.overlay_url(f"?position={position}&align={align}&width=60&margin=50"))
    viewer = arrived(channel)
    viewer.final(1, "Here.")
    expect(page.locator("#text")).to_have_text("Here.")
    box = page.locator(".window").bounding_box()
    assert box is not None
    tops = {"top": 50, "centre": (800 - box["height"]) / 2, "bottom": 750 - box["height"]}
    # 60 % of the 900 px between the margins, in the middle of them.
    lefts = {"left": 230, "center": (1000 - box["width"]) / 2, "right": 770 - box["width"]}
    assert box["y"] == pytest.approx(tops[position], abs=1)
    assert box["x"] == pytest.approx(lefts[align], abs=1)


def test_each_caption_has_its_own_direction_and_language(page: Page, channel: Channel) -> None:
    page.set_viewport_size({"width": 1000, "height": 600})
    page.goto(channel.overlay_url("?size=40&lines=4"))
    viewer = arrived(channel)
    viewer.final(1, "Good evening.")
    lines = page.locator("#text p")
    expect(lines).to_have_text(["Good evening."])
    viewer.final(2, "صباح الخير، يوم الثلاثاء هذا.", language="ar")
    viewer.partial(3, "بعد أشهر")
    expect(lines).to_have_text(["Good evening.", "صباح الخير، يوم الثلاثاء هذا.", "بعد أشهر"])
    directions = "lines => lines.map((line) => getComputedStyle(line).direction)"
    assert lines.evaluate_all(directions) == ["ltr", "rtl", "rtl"]
    assert lines.evaluate_all("lines => lines.map(({ lang }) => lang)") == ["en", "ar", "ar"]
    first = lines.last.locator("span").first
    before = first.bounding_box()
    viewer.partial(3, "بعد أشهر من النقاش الحماسي والحملات القوية حان")
    expect(lines.last).to_contain_text("حان")
    after = first.bounding_box()
    assert before is not None
    assert after is not None
    assert after["x"] == pytest.approx(
        before["x"], abs=1
    )  # read from the right, it grows to the left


def test_what_is_finished_is_not_broken_anew(page: Page, channel: Channel) -> None:
    page.goto(channel.overlay_url("?lines=10"))
    viewer = arrived(channel)
    shape = "lines => lines.map((line) => [line.textContent, line.getBoundingClientRect().height])"
    shapes: dict[str, float] = {}
    for utterance in range(1, 20):
        text = f"Caption {utterance}" + " and so on" * (utterance % 7) + "."
        viewer.partial(utterance, text[:9])
        viewer.final(utterance, text)
        expect(page.locator("#text p").last).to_have_text(text)
        for said, height in page.locator("#text p").evaluate_all(shape):
            assert shapes.setdefault(said, height) == height


@pytest.mark.parametrize(
    ("query", "shown", "line"),
    [
        ("", "Good even", "none"),
        ("?unstable=plain", "Good even", "none"),
        ("?unstable=mark", "Good even", "underline"),
        ("?unstable=hide", "Good", None),
        ("?unstable=constructor", "Good even", "none"),
    ],
)
def test_words_that_may_still_change(
    page: Page, channel: Channel, query: str, shown: str, line: str | None
) -> None:
    page.goto(channel.overlay_url(query))
    viewer = arrived(channel)
    viewer.partial(1, "", "Go")
    viewer.partial(1, "Good", " even")
    expect(page.locator("#text p")).to_have_text([shown])
    if line is not None:
        expect(page.locator("#text .unstable")).to_have_css("text-decoration-line", line)
    viewer.final(1, "Good evening.")
    expect(page.locator("#text p")).to_have_text(["Good evening."])


def test_it_fades_after_silence_and_what_was_there_does_not_come_again(
    page: Page, channel: Channel
) -> None:
    page.clock.install()
    page.goto(channel.overlay_url("?fade=5"))
    viewer = arrived(channel)
    viewer.final(1, "Before the silence.")
    screen = page.locator("#screen")
    expect(page.locator("#text")).to_have_text("Before the silence.")
    page.clock.run_for(2000)
    expect(screen).to_have_css("opacity", "1")
    page.clock.run_for(5000)
    expect(screen).to_have_css("opacity", "0")
    viewer.partial(2, "After", " it")
    expect(page.locator("#text")).to_have_text("After it")
    expect(screen).to_have_css("opacity", "1")


def test_it_stays_where_the_address_says_so(page: Page, channel: Channel) -> None:
    page.clock.install()
    page.goto(channel.overlay_url("?fade=0"))
    viewer = arrived(channel)
    viewer.final(1, "Here to stay.")
    expect(page.locator("#text")).to_have_text("Here to stay.")
    page.clock.run_for(3_600_000)
    expect(page.locator("#screen")).to_have_css("opacity", "1")


def test_the_last_talk_is_not_shown_before_the_next(page: Page, channel: Channel) -> None:
    page.goto(channel.overlay_url())
    viewer = arrived(channel)
    viewer.final(9, "Thank you and good night.")
    expect(page.locator("#text")).to_contain_text("good night")
    viewer.channel("waiting")
    expect(page.locator("#screen")).to_have_css("opacity", "0")
    viewer.channel("live", "s2")
    viewer.partial(1, "Good morning")
    expect(page.locator("#text")).to_have_text("Good morning")
    expect(page.locator("#screen")).to_have_css("opacity", "1")


def test_it_comes_back_by_itself(page: Page, channel: Channel) -> None:
    page.goto(channel.overlay_url())
    viewer = arrived(channel)
    viewer.final(1, "First.")
    expect(page.locator("#text")).to_have_text("First.")
    viewer.die()
    again = channel.next_viewer()
    again.channel("live")
    again.final(1, "First.")
    again.final(2, "Second.")
    expect(page.locator("#text p")).to_have_text(["First.", "Second."])


def test_the_number_of_elements_stays_small(page: Page, channel: Channel) -> None:
    page.goto(channel.overlay_url())
    viewer = arrived(channel)
    for utterance in range(1, 301):
        viewer.partial(utterance, f"Number {utterance}")
        viewer.final(utterance, f"Number {utterance}.")
    expect(page.locator("#text")).to_contain_text("Number 300.")
    assert page.locator("*").count() < 40


def test_what_was_said_before_it_came_is_not_shown(page: Page, channel: Channel) -> None:
    page.goto(channel.overlay_url())
    viewer = channel.next_viewer()
    viewer.channel("live")
    viewer.final(1, "Minutes ago.")
    viewer.channel("live")
    viewer.partial(2, "And now")
    expect(page.locator("#text")).to_have_text("And now")


def test_the_picture_that_a_mixer_gets(page: Page, channel: Channel) -> None:
    """Letters on a box that is seen through, and nothing else: everything around it is transparent."""
    page.set_viewport_size({"width": 960, "height": 540})
    page.goto(channel.overlay_url("?size=60&align=centre"))
    viewer = arrived(channel)
    viewer.final(1, "Good evening.")
    expect(page.locator("#text")).to_have_text("Good evening.")
    expect(page.locator("#screen")).to_have_css("opacity", "1")
    picture = image.imread(io.BytesIO(page.screenshot(omit_background=True)))  # RGBA, 0 to 1
    alpha = picture[..., 3]
    assert alpha[:270].max() == 0  # the upper half
    box = page.locator(".window").bounding_box()
    assert box is not None
    inside = picture[
        int(box["y"]) : int(box["y"] + box["height"]), int(box["x"]) : int(box["x"] + box["width"])
    ]
    letters = (inside[..., :3].min(axis=-1) > 0.95) & (inside[..., 3] > 0.95)
    assert 0.02 < letters.mean() < 0.5
    assert abs(np.median(inside[..., 3]) - 0.72) < 0.02
    outside = alpha.sum() - inside[..., 3].sum()
    assert outside < 0.01 * alpha.sum()

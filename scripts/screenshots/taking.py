"""Takes a picture of a page, to which a talk was said."""

from pathlib import Path

from playwright.sync_api import Browser

from screenshots.pictures import PATHS, SIZES, Picture
from screenshots.talks import messages, talks
from stillness.replay import Replay

_SPEAKER = """html {{
  background:
    radial-gradient(circle at 50% 34%, {skin} 9vh, transparent 9.2vh),
    radial-gradient(circle at 50% 78%, {coat} 33vh, transparent 33.2vh),
    linear-gradient({wall} 74%, {floor} 74%);
}}"""
_FILMS = {
    "light": {"skin": "#b98d6c", "coat": "#5f7d8c", "wall": "#ece7dc", "floor": "#cbbfa9"},
    "dark": {"skin": "#96694a", "coat": "#2b3a45", "wall": "#4a5b66", "floor": "#332c27"},
}
"""What an overlay lies over: somebody who speaks, in plain colours."""
_SHOWN = """([words, text, slack_px]) => {
  const shown = document.querySelector(words);
  return shown.innerText.includes(text) && shown.scrollHeight < shown.clientHeight + slack_px;
}"""
"""A block has what waits for the next one, too, out of sight."""
_SLACK_PX = 20
"""Less than a line: marks under letters reach below their line."""
_HEARD = "Number(document.querySelector('#level').ariaValueNow) > -40"
_DRAWN = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


def take(browser: Browser, replay: Replay, picture: Picture, path: Path) -> None:
    """Open the page, say the talk, write a PNG file."""
    width, height = SIZES[picture.size]
    is_phone = picture.size in ("phone", "sideways") and picture.page != "overlay"
    with browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=picture.scheme,
        locale=picture.page_language,
        reduced_motion="reduce",
        has_touch=is_phone,
        is_mobile=is_phone,
        bypass_csp=True,  # for what an overlay lies over
    ) as context:
        page = context.new_page()
        page.add_init_script(f"localStorage.setItem('surtitle.style', '{picture.style}')")
        page.goto(replay.url + PATHS[picture.page])
        if picture.page == "page":
            page.locator("[name=source][value=sample]").check()
            page.locator("#run").click()
        talk = talks()[picture.talk]
        listener = replay.next_listener()
        for message in messages(talk.misheard() if picture.page == "corrector" else talk):
            listener.say(message)
        page.wait_for_function(_SHOWN, arg=[picture.growing, talk.unstable.strip(), _SLACK_PX])
        if picture.page == "overlay":
            page.add_style_tag(content=_SPEAKER.format(**_FILMS[picture.scheme]))
        elif picture.page == "corrector":
            line = page.locator("#lines textarea").nth(1)
            line.fill(line.input_value().replace(talk.heard, talk.meant))
        elif picture.page == "page":
            page.wait_for_function(_HEARD)
        page.evaluate(_DRAWN)
        page.screenshot(path=path)

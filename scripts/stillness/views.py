"""The views that show captions, and what is seen in each while a stream is played to it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page

from stillness.motion import Figures, Moment, Word, figures
from stillness.replay import CHANNEL, Replay
from stillness.stream import Message, Said

STEP_MS = 60
"""The page's clock is turned by so much between two looks."""
AFTER_S = 3.0
"""The end is looked at for so long."""
MICROPHONE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
"""Arguments of the browser: the speaker's page needs something to hear."""
SIZES = {"laptop": (1366, 768), "phone": (390, 844), "sideways": (844, 390)}
_SAMPLER = Path(__file__).with_name("sample.js")
_ELECTRON_HOST = """
  window.host = {
    onCaption: (listener) => (window.tell = listener),
    onMovable() {}, setPointerOver() {}, drag() {},
  };
"""


@dataclass(frozen=True)
class View:
    """A page in one size and one style."""

    name: str
    path: str
    size: tuple[int, int]
    style: str
    """`roll-up` or `block`; of an overlay and of Electron's subtitles what they are."""

    @property
    def words(self) -> tuple[str, str]:
        """Selectors: of what holds the words, and of what cuts them off."""
        if self.path.startswith("/overlay/"):
            return "#text", ".window"
        if self.path.startswith("/electron/"):
            return "#lines", "#lines"
        return ("#block", "#block") if self.style == "block" else ("#log, #open", "#viewport")


def views() -> list[View]:
    """All that the project has."""
    pages = {"page": "/", "viewer": f"/watch/{CHANNEL}"}
    return [
        *(
            View(f"{name}, {size_name}", path, size, style)
            for name, path in pages.items()
            for style in ("roll-up", "block")
            for size_name, size in SIZES.items()
        ),
        View("overlay", f"/overlay/{CHANNEL}", (1280, 720), "roll-up"),
        View("Electron", "/electron/renderer/subtitles.html", (960, 180), "block"),
    ]


def measure(browser: Browser, replay: Replay, view: View, stream: Sequence[Said]) -> Figures:
    """Play a stream to a view, on a clock that is turned by hand, and look at it every STEP_MS."""
    width, height = view.size
    context = browser.new_context(
        viewport={"width": width, "height": height},
        reduced_motion="reduce",  # a scroll is over at once
        permissions=["microphone"],
    )
    context.add_init_script(path=_SAMPLER)
    context.add_init_script(f"localStorage.setItem('surtitle.style', '{view.style}')")
    context.add_init_script(_ELECTRON_HOST)
    page = context.new_page()
    page.clock.install(time=0)
    page.clock.pause_at(1000)
    page.goto(replay.url + view.path)
    say = _connect(page, replay, view)
    roots, window = view.words
    moments, waiting, end_s = [], list(stream), stream[-1].at_s + AFTER_S
    heard = 0
    for step in range(round(end_s * 1000 / STEP_MS)):
        at_s = step * STEP_MS / 1000
        while waiting and waiting[0].at_s <= at_s:
            heard = say(waiting.pop(0).message)
        page.clock.run_for(STEP_MS)
        seen = page.evaluate("([n, r, w]) => look(n, r, w)", [heard, roots, window])
        if seen is not None:
            moments.append(Moment(at_s, [Word(*word) for word in seen]))
    context.close()
    return figures(moments, end_s)


def _connect(page: Page, replay: Replay, view: View) -> Callable[[Message], int]:
    """How to say a message to the page; the number of messages that it has by then."""
    if view.path.startswith("/electron/"):

        def tell(message: Message) -> int:
            page.evaluate("message => tell(message)", message)
            return 0

        return tell
    if view.path == "/":
        page.get_by_role("button", name="Start").click()
    listener = replay.next_listener()

    def say(message: Message) -> int:
        listener.say(message)
        return listener.said

    return say

"""The views that show captions, and what is seen in each while a stream is played to it."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from browsers.tab import OpenTab, Tab
from stillness.motion import Figures, Moment, Word, figures
from stillness.replay import CHANNEL, Replay
from stillness.stream import Message, Said

STEP_MS = 60
"""The page's clock is turned by so much between two looks."""
AFTER_S = 3.0
"""The end is looked at for so long."""
SIZES = {"laptop": (1366, 768), "phone": (390, 844), "sideways": (844, 390)}
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


def measure(open_tab: OpenTab, replay: Replay, view: View, stream: Sequence[Said]) -> Figures:
    """Play a stream to a view, on a clock that is turned by hand, and look at it every STEP_MS.

    In the tab nothing moves: a scroll is over at once.
    """
    style = f"localStorage.setItem('surtitle.style', '{view.style}');"
    replay.script = "".join([*map(_script, ("sample.js", "clock.js")), style, _ELECTRON_HOST])
    roots, window = map(json.dumps, view.words)
    moments, waiting, end_s = [], list(stream), stream[-1].at_s + AFTER_S
    heard = 0
    with open_tab() as tab:
        tab.resize(*view.size)
        tab.open(replay.url + view.path)
        say = _connect(tab, replay, view)
        for step in range(round(end_s * 1000 / STEP_MS)):
            at_s = step * STEP_MS / 1000
            while waiting and waiting[0].at_s <= at_s:
                heard = say(waiting.pop(0).message)
            seen = tab.look(f"look({heard}, {STEP_MS}, {roots}, {window})")
            if seen is not None:
                moments.append(Moment(at_s, [Word(*word) for word in seen]))
    return figures(moments, end_s)


def _script(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _connect(tab: Tab, replay: Replay, view: View) -> Callable[[Message], int]:
    """How to say a message to the page; the number of messages that it has by then."""
    if view.path.startswith("/electron/"):

        def tell(message: Message) -> int:
            tab.look(f"tell({json.dumps(message)})")
            return 0

        return tell
    if view.path == "/":
        tab.press("#run")
    listener = replay.next_listener()

    def say(message: Message) -> int:
        listener.say(message)
        return listener.said

    return say

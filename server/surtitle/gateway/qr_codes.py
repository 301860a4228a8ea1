"""QR codes of links: made off the event loop, with a bound on what all of them cost."""

import asyncio
import contextlib
import io
import time
from collections import Counter
from functools import lru_cache

import segno

from surtitle.gateway.web import Page, json_page, security_headers
from surtitle.runtime.allowance import Allowance
from surtitle.runtime.background import DaemonThread

QR_SHARE = 0.1
"""Of a core, for all QR codes: it is time in which the event loop waits for the interpreter."""
QR_AT_ONCE_S = 0.2
QR_REST_S = 0.5
"""At most, before the next code, however long the last ones have taken on a machine that has much to
do: whoever stands last in the line gets an answer within the time of a handshake."""
MAX_QR_CODES = 16
"""In the line, over all who ask."""
MAX_QR_CODES_EACH = 2
"""Of one who asks: others have places there, and come soon."""
MAX_QR_BYTES = 500
"""Of the text of a QR code: more makes one that phones read badly, and 50 ms of work."""


def qr_page(text: str) -> Page:
    """The QR code of a text as SVG, black on white with the margin that readers want, or 400."""
    if not 0 < len(text.encode(errors="replace")) <= MAX_QR_BYTES or not text.isprintable():
        return json_page(
            400, {"error": f"A QR code needs a printable text of 1 to {MAX_QR_BYTES} bytes."}
        )
    headers = {"Content-Type": "image/svg+xml", "Cache-Control": "no-store", **security_headers()}
    return Page(200, _qr_svg(text), headers)


class QrCodes:
    """Makes QR codes for all who ask, one after the other: each takes 20 ms, and not on the loop."""

    def __init__(self) -> None:
        self._thread = DaemonThread("qr codes")
        self._turn = asyncio.Lock()
        self._work = Allowance(QR_SHARE, QR_AT_ONCE_S, QR_REST_S)
        self._in_line: Counter[str] = Counter()
        self._making: asyncio.Task[Page] | None = None

    async def page(self, text: str, owner: str) -> Page | None:
        """See qr_page; None where this owner, or all together, ask for too many.

        Who is cancelled in the line leaves it. What the thread does already is done, and paid for.
        """
        if self._in_line[owner] >= MAX_QR_CODES_EACH or self._in_line.total() >= MAX_QR_CODES:
            return None
        async with contextlib.AsyncExitStack() as place:
            self._in_line[owner] += 1
            place.callback(self._leave_line, owner)
            await place.enter_async_context(self._turn)
            await asyncio.sleep(self._work.good_at_s - time.monotonic())
            self._making = asyncio.create_task(self._make(text, place.pop_all()), name="qr code")
        return await asyncio.shield(self._making)

    async def _make(self, text: str, place: contextlib.AsyncExitStack) -> Page:
        """In a task of its own: the `place` is taken as long as the thread works."""
        async with place:
            began_s = time.monotonic()
            try:
                return await self._thread.run(qr_page, text)
            finally:
                now_s = time.monotonic()
                self._work.take(now_s - began_s, now_s)

    def _leave_line(self, owner: str) -> None:
        self._in_line[owner] -= 1
        self._in_line += Counter()  # forget who has none there

    def stop(self) -> None:
        """The server ends."""
        self._thread.stop()


@lru_cache(maxsize=32)
def _qr_svg(text: str) -> bytes:
    image = io.BytesIO()
    # The least correction of errors: a screen has none, and fewer modules are read from further away.
    code = segno.make_qr(text, error="l", boost_error=False)
    code.save(image, kind="svg", xmldecl=False, light="#fff", border=4, scale=1, omitsize=True)
    return image.getvalue()

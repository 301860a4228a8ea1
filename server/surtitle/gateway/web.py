"""The HTTP side: the page and its files, and small JSON answers."""

import asyncio
import contextlib
import io
import json
import mimetypes
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import segno
from starlette.requests import Request
from starlette.responses import Response

from surtitle.runtime.allowance import Allowance
from surtitle.runtime.background import DaemonThread

LONGEST_PATH = 100
"""Of a request for a file of the page. The file system is asked about every part of one: 0.2 ms for so
many characters, and 15 ms for as many as a request may have."""
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

# What the files are must not depend on the machine's own tables.
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".flac": "audio/flac",
    ".txt": "text/plain; charset=utf-8",
    ".md": "text/markdown; charset=utf-8",
    "": "text/plain; charset=utf-8",  # LICENSE
    ".ts": "text/plain; charset=utf-8",  # declarations; mimetypes would have it be a video
}

_AUDIENCE = ("watch.html", "overlay.html")
"""Pages that other sites may be allowed to show in a frame: nothing there can be pressed by mistake."""
_STYLED = ("overlay.html",)
"""Pages to which a program adds styles: OBS has its field *Custom CSS*."""


def security_headers(name: str = "", sites: Sequence[str] = ()) -> dict[str, str]:
    """Those of a file: everything from here, nothing inline, microphone only for this page.

    `sites` may show the pages of an audience in a frame.
    """
    frames = " ".join(sites) if sites and name in _AUDIENCE else "'none'"
    styles = "style-src 'self' 'unsafe-inline'; " if name in _STYLED else ""
    return {
        "Content-Security-Policy": "default-src 'self'; connect-src 'self' ws: wss:; "
        f"img-src 'self' data:; media-src 'self' blob:; {styles}frame-ancestors {frames}; "
        "base-uri 'none'; form-action 'none'",
        "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


@dataclass(slots=True)
class Page:
    """An HTTP answer."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def json_page(status: int, value: dict[str, Any]) -> Page:
    """A JSON answer that no cache keeps."""
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    return Page(status, json.dumps(value).encode() + b"\n", headers)


def qr_page(text: str) -> Page:
    """The QR code of a text as SVG, black on white with the margin that readers want, or 400."""
    if not 0 < len(text.encode(errors="replace")) <= MAX_QR_BYTES or not text.isprintable():
        return json_page(
            400, {"error": f"A QR code needs a printable text of 1 to {MAX_QR_BYTES} bytes."}
        )
    headers = {"Content-Type": _TYPES[".svg"], "Cache-Control": "no-store", **security_headers()}
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


@cache
def web_root() -> Path:
    """The folder of the page: inside an installed package, beside `server/` in a checkout."""
    installed = Path(str(resources.files("surtitle"))) / "web_demo"
    if installed.is_dir():
        return installed
    return Path(__file__).resolve().parents[3] / "web_demo"


def static_page(path: str, sites: Sequence[str] = ()) -> Page:
    """A file of the page, or 404. `path` is that of the request, still percent-encoded; `sites` may
    show the pages of an audience in a frame.
    """
    nothing = json_page(404, {"error": f"There is nothing at {path}."})
    if len(path) > LONGEST_PATH:
        return nothing
    root = web_root().resolve()
    file = (root / unquote(path).replace("\0", "").lstrip("/")).resolve()
    if file == root:
        file = root / "index.html"
    if (
        not file.is_relative_to(root)
        or not _is_public(file.relative_to(root))
        or not _is_file(file)
    ):
        return nothing
    kind = _TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0]
    status = file.stat()
    headers = {
        "Content-Type": kind or "application/octet-stream",
        "Cache-Control": "no-cache",  # a browser asks whether it still has the newest
        "ETag": f'"{status.st_mtime_ns:x}-{status.st_size:x}"',
        **security_headers(file.name, sites),
    }
    return Page(200, _content(file, status.st_mtime_ns, status.st_size), headers)


@lru_cache(maxsize=256)
def _content(file: Path, mtime_ns: int, size: int) -> bytes:
    """A file, read once: all who ask for it get the same bytes and none a copy."""
    return file.read_bytes()


def response_of(page: Page, request: Request | None = None) -> Response:
    """A page as an answer; to a `request` of who has it already, that nothing has changed."""
    tag = page.headers.get("ETag")
    if request is not None and tag is not None:
        known = [each.strip() for each in request.headers.get("If-None-Match", "").split(",")]
        if tag in known or f"W/{tag}" in known or known == ["*"]:
            return Response(status_code=304, headers=page.headers)
    return Response(page.body, page.status, page.headers)


def _is_public(path: Path) -> bool:
    """Whether a file is for browsers: the example for Electron only lies beside the pages."""
    return path.parts[0] != "electron" and not any(part.startswith(".") for part in path.parts)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long for the file system
        return False

"""The HTTP side: the page and its files, and small JSON answers."""

import json
import mimetypes
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response

LONGEST_PATH = 100
"""Of a request for a file of the page. The file system is asked about every part of one: 0.2 ms for so
many characters, and 15 ms for as many as a request may have."""
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

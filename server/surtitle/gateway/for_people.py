"""Errors for people: whoever comes with a browser reads a page, and programs get JSON.

Both say the same sentence. It stands in each refusal, whichever part of the server refuses, so this
looks at what is sent.
"""

import json
from collections.abc import Mapping
from html import escape
from http import HTTPStatus
from string import Template

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from surtitle.gateway.web import security_headers

_JSON = "application/json"
_TEXT = "text/plain"
"""Of the library for WebSockets."""
_TITLES: Mapping[int, str] = {
    HTTPStatus.UNAUTHORIZED: "This page needs a key",
    HTTPStatus.FORBIDDEN: "This is not open to you",
    HTTPStatus.NOT_FOUND: "There is no such page",
    HTTPStatus.UPGRADE_REQUIRED: "This address is for programs",
    HTTPStatus.TOO_MANY_REQUESTS: "Please wait a moment",
    HTTPStatus.SERVICE_UNAVAILABLE: "Please try again in a moment",
}
_OTHER_TITLE = "This did not work"
_TO_START = ' <a href="$root">Go to the start page.</a>'

_PAGE = Template("""<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>$title – Surtitle</title>
    <link rel="icon" href="${root}icon.svg" type="image/svg+xml">
    <link rel="stylesheet" href="${root}style.css">
    <link rel="stylesheet" href="${root}problem.css">
  </head>
  <body>
    <main class="problem-page">
      <h1>$title</h1>
      <p>$sentence$more</p>
    </main>
  </body>
</html>
""")


class ForPeople:
    """Makes pages of refusals, where a browser asks for one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http" or not wants_page(scope):
            await self._app(scope, receive, send)
            return
        started: Message | None = None
        body = b""

        async def send_page(message: Message) -> None:
            nonlocal started, body
            if message["type"] == "http.response.start" and _is_refusal(message):
                started = message
            elif started is None:
                await send(message)
            else:
                body += message.get("body", b"")
                if not message.get("more_body"):
                    for part in _as_page(scope["raw_path"].decode("ascii"), started, body):
                        await send(part)

        await self._app(scope, receive, send_page)


def wants_page(scope: Scope) -> bool:
    """Whether this is somebody who opens an address. What pages fetch takes anything."""
    return scope["method"] in ("GET", "HEAD") and "text/html" in Headers(scope=scope).get(
        "accept", ""
    )


def problem_page(path: str, status: int, sentence: str) -> bytes:
    """What a person reads. `path` is the one that was asked for; links are relative to it, because what
    stands before the server may have a path of its own.
    """
    root = "../" * (path.count("/") - 1) or "./"
    is_lost = status == HTTPStatus.NOT_FOUND and not path.startswith(("/watch", "/overlay"))
    text = {"title": escape(_TITLES.get(status, _OTHER_TITLE)), "root": root}
    more = Template(_TO_START).substitute(text) if is_lost else ""
    return _PAGE.substitute(text, sentence=escape(sentence), more=more).encode()


def _is_refusal(message: Message) -> bool:
    headers = Headers(raw=message["headers"])
    kind = headers.get("content-type", "")
    return message["status"] >= HTTPStatus.BAD_REQUEST and kind.startswith((_JSON, _TEXT))


def _as_page(path: str, started: Message, body: bytes) -> list[Message]:
    """The two parts of an answer: as a page, if it has a sentence."""
    headers = MutableHeaders(raw=list(started["headers"]))
    said = body.decode(errors="replace")
    if headers["content-type"] == _JSON:
        said = json.loads(said or "{}").get("error")
    if isinstance(said, str):
        body = problem_page(path, started["status"], said)
        headers.update(security_headers())
        headers["content-type"] = "text/html; charset=utf-8"
        headers["content-length"] = str(len(body))
        started = {**started, "headers": headers.raw}
    return [started, {"type": "http.response.body", "body": body}]

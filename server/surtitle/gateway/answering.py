"""What all routes share: answers in turn, and refusals."""

import math
import re
import time
from collections.abc import AsyncIterator, Callable, Iterable
from http import HTTPStatus
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response

from surtitle.gateway.admission import FOREIGN_PAGE, Refusal
from surtitle.gateway.http import connection_of
from surtitle.gateway.web import Page, json_page, response_of

STEP_S = 0.001
"""Of an answer in one turn."""
SENDING_S = 0.001
"""What it takes to send an answer after its turn, so that few are sent in one turn of the loop. A file
of 300 kB takes nearly as much on its way through the application and h11 to the socket."""
RETRY_AFTER_S = 5
MAX_ASKED = 1000
"""Characters of the headers that a page wants to send."""
_THEIRS = ("x-stainless-", "openai-", "x-deepgram-")
"""Headers that clients of other services send, and that say nothing here."""
_RETRIED = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)

NOT_STORED = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

T = TypeVar("T")


async def in_steps(request: Request, parts: Iterable[str]) -> AsyncIterator[str]:
    """Parts of an answer, each of which takes its time: it is worked on in turns of its client, which
    pays for it as for input.
    """
    stream = connection_of(request.scope).stream
    rest = iter(parts)
    taken: list[str] = []

    def take_some() -> None:
        begin = time.perf_counter()
        for part in rest:
            taken.append(part)
            if len(taken) == 1:
                stream.inputs.reserve(SENDING_S)
            if time.perf_counter() - begin >= STEP_S:
                return

    while True:
        await stream.in_turn(take_some, most_s=math.inf)
        if not taken:
            return
        yield "".join(taken)
        taken.clear()


async def in_turn(request: Request, find: Callable[[], T], *, most_s: float = 0.0) -> T:
    """What is found for a request, when the turn of its client comes, who pays `most_s` for it at most,
    as for input.
    """
    found: list[T] = []
    stream = connection_of(request.scope).stream

    def answer() -> None:
        found.append(find())
        stream.inputs.reserve(SENDING_S)

    await stream.in_turn(answer, most_s)
    return found[0]


def preflight(request: Request, methods: str = "") -> Response | None:
    """What a browser asks before a page may send a key or a form, or use `methods` that no form has;
    None for any other request.
    """
    if request.method != "OPTIONS":
        return None
    asked = request.headers.get("Access-Control-Request-Headers", "")[:MAX_ASKED]
    theirs = [name for name in re.findall(r"[a-z0-9-]+", asked.lower()) if name.startswith(_THEIRS)]
    allowed = ", ".join(["Authorization", "Content-Type", *theirs])
    headers = {"Access-Control-Allow-Headers": allowed}
    if methods:
        headers["Access-Control-Allow-Methods"] = methods
    return response_of(Page(204, b"", headers))


def refused(refusal: Refusal) -> Page:
    """The answer to who may not come in."""
    if refusal is FOREIGN_PAGE:
        return for_any_page(refusal, "foreign_page")
    page = json_page(refusal.status, {"error": refusal.text})
    page.headers |= refusal_headers(refusal.status)
    return page


def for_any_page(refusal: Refusal, code: str) -> Page:
    """A refusal that pages of all origins may read, or their developers could not know what to do.

    Only for sentences that are always the same. That there is a server here is no secret from a page:
    it can load our icon.
    """
    page = json_page(refusal.status, {"error": refusal.text, "code": code})
    page.headers["Access-Control-Allow-Origin"] = "*"
    return page


def refusal_headers(status: int) -> dict[str, str]:
    """Those that belong to such a status."""
    if status in _RETRIED:
        return {"Retry-After": str(RETRY_AFTER_S)}
    if status == HTTPStatus.UNAUTHORIZED:
        return {"WWW-Authenticate": "Bearer"}
    return {}

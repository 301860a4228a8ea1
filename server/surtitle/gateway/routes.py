"""What the server answers: all its addresses in one table, with the methods that each of them takes.

The answers are made in turn (see InputTurns): one that takes long takes its time from who asks for it.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qs, unquote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from surtitle.gateway.access import OriginPolicy, is_host
from surtitle.gateway.admission import Admission, Asking, Refusal, Visitor
from surtitle.gateway.handshake import Accept, Serve
from surtitle.gateway.http import connection_of
from surtitle.gateway.live import ANYWHERE, MAX_READERS, LiveCaptions, LiveResponse
from surtitle.gateway.proxies import TrustedProxies
from surtitle.gateway.web import Page, QrCodes, json_page, response_of, static_page
from surtitle.messages import CHANNEL_NAME
from surtitle.runtime.metrics import CONTENT_TYPE

CAPTIONS_PATH = "/v1/captions"
QR_TEXT = "Surtitle-Text"
"""The header with the text of a QR code: it may hold a token, and URLs are written to logs."""
SAID_ONCE = ("Host", "Origin", "Authorization", QR_TEXT)
LIST_HEADERS = ("Connection", "Upgrade", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions")
MOST_LIST_BYTES = 2048
"""Of all of these: a browser's have 100 and its token. `websockets` takes a millisecond or two to parse
so many, and 15 for as many as a request may have."""
RETRY_AFTER_S = 5
_CHANNEL = re.compile(CHANNEL_NAME)
_RETRIED = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)

Answer = Callable[[Request], Response]


@dataclass(frozen=True, slots=True)
class Serving:
    """What the routes of a server answer from."""

    admission: Admission
    origins: OriginPolicy
    proxies: TrustedProxies
    caption: Callable[[Visitor, Mapping[str, list[str]]], Serve]
    """Serves a WebSocket for captions, whose handshake had this query string."""
    show: Callable[[Visitor, str], Serve]
    """Serves a viewer of a channel."""
    live: Callable[[str], LiveCaptions | None]
    """The captions of a session, by its id."""
    health: Callable[[], Page]
    readiness: Callable[[], Page]
    figures: Callable[[], bytes]
    on_refusal: Callable[[int], None]
    """Called with the status of each refused handshake."""
    qr_codes: QrCodes
    max_message_bytes: int


class Routes:
    """Answers requests."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._admission = serving.admission

    def app(self, *, has_figures: bool) -> ASGIApp:
        """All of them. The metrics are among them where they `has_figures`."""
        handshake, read = ["GET", "OPTIONS"], ["GET"]
        figures = [Route("/metrics", _in_turn(self.figures), methods=read)] if has_figures else []
        table = [
            Route(CAPTIONS_PATH, _in_turn(self.captions), methods=handshake),
            Route(CAPTIONS_PATH + "/{session}.vtt", _in_turn(self.follow), methods=read),
            Route("/v1/channels/{channel}", _in_turn(self.channel), methods=handshake),
            Route("/v1/qr", self.qr_code, methods=read),
            Route("/healthz", _in_turn(self.health), methods=read),
            Route("/readyz", _in_turn(self.readiness), methods=read),
            *figures,
            Route("/watch/{channel}", _in_turn(self.audience), methods=read),
            Route("/overlay/{channel}", _in_turn(self.audience), methods=read),
            Route("/{path:path}", _in_turn(self.file), methods=read),
        ]
        return _application(table, self._serving.origins)

    # -- WebSockets -----------------------------------------------------------------------------

    def captions(self, request: Request) -> Response:
        """Captions of what the client says."""

        def answer(asking: Asking) -> Accept | Refusal:
            visitor = self._admission.to_speak(asking)
            if isinstance(visitor, Refusal):
                return visitor
            query = parse_qs(request.url.query, keep_blank_values=True)
            return self._accept(self._serving.caption(visitor, query), asking)

        return self._handshake(request, answer)

    def channel(self, request: Request) -> Response:
        """What is said in a channel."""
        channel = request.path_params["channel"]
        if _CHANNEL.fullmatch(channel) is None:
            return _nothing_at(request)

        def answer(asking: Asking) -> Accept | Refusal:
            visitor = self._admission.to_watch(asking, channel)
            if isinstance(visitor, Refusal):
                return visitor
            return self._accept(self._serving.show(visitor, channel), asking)

        return self._handshake(request, answer)

    def _handshake(
        self, request: Request, answer: Callable[[Asking], Accept | Refusal]
    ) -> Response:
        """A page of another origin that is admitted may read why it is refused."""
        asking = self._asking(request)
        if request.method == "OPTIONS":
            page = Page(204, b"", {"Access-Control-Allow-Headers": "Authorization"})
        else:
            found = answer(asking)
            if isinstance(found, Accept):
                return found
            self._serving.on_refusal(found.status)
            page = _refused(found)
        if asking.origin is not None and self._admission.admits_page(asking):
            page.headers |= {
                "Access-Control-Allow-Origin": asking.origin,
                "Access-Control-Expose-Headers": "Retry-After",
                "Vary": "Origin",
            }
        return response_of(page)

    def _accept(self, serve: Serve, asking: Asking) -> Accept:
        return Accept(serve, asking.subprotocols, self._serving.max_message_bytes)

    # -- pages ----------------------------------------------------------------------------------

    def follow(self, request: Request) -> Response:
        """The captions of one session, as they come."""
        live = self._serving.live(request.path_params["session"])
        if live is None:
            page = json_page(404, {"error": "There is no such session, or it has ended."})
        elif live.readers >= MAX_READERS:
            page = _refused(Refusal(503, "This session has reached its limit of players."))
        else:
            return LiveResponse(live)
        page.headers.update(ANYWHERE)
        return response_of(page)

    async def qr_code(self, request: Request) -> Response:
        """A QR code, for who may be here. It takes long, but no time of the event loop."""
        visitor: list[Visitor | Refusal] = []
        work = connection_of(request.scope).stream
        await work.in_turn(
            [lambda: visitor.append(self._admission.to_make_codes(self._asking(request)))], most_s=0
        )
        (who,) = visitor
        if isinstance(who, Refusal):
            return response_of(_refused(who))
        text = unquote(request.headers.get(QR_TEXT, ""))
        page = await self._serving.qr_codes.page(text, who.owner)
        refusal = Refusal(429, "Too many QR codes have been requested; wait a moment.")
        return response_of(page or _refused(refusal))

    def health(self, request: Request) -> Response:
        """Whether the server is alive."""
        return response_of(self._serving.health())

    def readiness(self, request: Request) -> Response:
        """Whether it can make captions."""
        return response_of(self._serving.readiness())

    def figures(self, request: Request) -> Response:
        """For Prometheus; a server with keys asks for one."""
        refusal = self._admission.to_read_figures(self._asking(request))
        if refusal is not None:
            return response_of(_refused(refusal))
        return response_of(_figures_page(self._serving.figures()))

    def audience(self, request: Request) -> Response:
        """A page that shows a channel."""
        if _CHANNEL.fullmatch(request.path_params["channel"]) is None:
            return _nothing_at(request)
        return response_of(static_page(f"/{request.url.path.split('/')[1]}.html"), request)

    def file(self, request: Request) -> Response:
        """A file of the pages."""
        return response_of(static_page(_raw_path(request)), request)

    def _asking(self, request: Request) -> Asking:
        headers = request.headers
        connection = connection_of(request.scope)
        client = self._serving.proxies.client(
            connection.stream.peer,
            headers.getlist("X-Forwarded-For"),
            headers.getlist("Forwarded"),
        )
        offered = ",".join(headers.getlist("Sec-WebSocket-Protocol")).split(",")
        return Asking(
            client,
            headers.get("Host"),
            headers.get("Origin"),
            headers.get("Authorization", ""),
            [name.strip() for name in offered],
            self._serving.proxies.schemes(
                connection.stream.peer,
                request.scope["scheme"],
                headers.getlist("X-Forwarded-Proto"),
            ),
        )


def figures_app(figures: Callable[[], bytes], origins: OriginPolicy) -> ASGIApp:
    """The metrics alone: on an address of their own nobody is asked for a key."""

    def page(request: Request) -> Response:
        return response_of(_figures_page(figures()))

    def nothing(request: Request) -> Response:
        return response_of(json_page(404, {"error": "There is nothing here but /metrics."}))

    table = [
        Route("/metrics", _in_turn(page), methods=["GET"]),
        Route("/{path:path}", _in_turn(nothing), methods=["GET"]),
    ]
    return _application(table, origins)


def _application(table: list[Route], origins: OriginPolicy) -> ASGIApp:
    handlers = {HTTPException: _on_http_exception, Exception: _on_mistake}
    app = Starlette(routes=table, exception_handlers=handlers)
    app.router.redirect_slashes = False
    return _Guard(app, origins)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    """What Starlette finds wrong, in the same shape as all else."""
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.NOT_FOUND:
        return _nothing_at(request)
    page = json_page(error.status_code, {"error": f"{error.detail}."})
    page.headers |= error.headers or {}
    return response_of(page)


async def _on_mistake(request: Request, error: Exception) -> Response:
    """Of ours. Starlette raises it once more, for the log."""
    return response_of(json_page(500, {"error": "Internal server error; see its log."}))


class _Guard:
    """Answers requests that nothing should be read into before any other rule is asked."""

    def __init__(self, app: ASGIApp, origins: OriginPolicy) -> None:
        self._app = app
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        page = _misdirected(Request(scope), self._origins)
        app = self._app if page is None else response_of(page)
        await app(scope, receive, send)


def _misdirected(request: Request, origins: OriginPolicy) -> Page | None:
    """Why no request like this one is answered, or None."""
    headers = request.headers
    for name in SAID_ONCE:
        if len(headers.getlist(name)) > 1:
            return json_page(400, {"error": f"There is more than one header {name}."})
    lists = (item for name in LIST_HEADERS for item in headers.getlist(name))
    if sum(map(len, lists)) > MOST_LIST_BYTES:
        text = f"The headers {', '.join(LIST_HEADERS)} are longer than {MOST_LIST_BYTES} bytes."
        return json_page(431, {"error": text})
    host = headers.get("Host")
    if host is not None and not is_host(host):
        return json_page(400, {"error": "The header Host is no name or address with a port."})
    if not origins.knows(host):
        text = "This server does not go by that name; see its setting `allowed_origins`."
        return json_page(403, {"error": text})
    return None


def _in_turn(answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    """Make an answer when the turn of its client comes."""

    async def endpoint(request: Request) -> Response:
        answers: list[Response] = []
        stream = connection_of(request.scope).stream
        await stream.in_turn([lambda: answers.append(answer(request))], most_s=0)
        return answers[0]

    return endpoint


def _raw_path(request: Request) -> str:
    """The path as it was asked for."""
    return str(request.scope["raw_path"].decode("ascii"))


def _nothing_at(request: Request) -> Response:
    return response_of(json_page(404, {"error": f"There is nothing at {_raw_path(request)}."}))


def _figures_page(figures: bytes) -> Page:
    return Page(200, figures, {"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"})


def _refused(refusal: Refusal) -> Page:
    page = json_page(refusal.status, {"error": refusal.text})
    if refusal.status in _RETRIED:
        page.headers["Retry-After"] = str(RETRY_AFTER_S)
    if refusal.status == HTTPStatus.UNAUTHORIZED:
        page.headers["WWW-Authenticate"] = "Bearer"
    return page

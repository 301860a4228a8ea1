"""What the server answers: all its addresses in one table, with the methods that each of them takes.

Each answer is made in the turn of its client (see InputTurns), refusals among them: who has taken too
much waits. An answer that takes long takes its time from what all have in that turn; who asks pays the
same for each, `REQUEST_S`.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from surtitle.archive.archive import Archive
from surtitle.gateway.admission import WHOLE_LINK, Admission, Asking, Refusal, Visitor
from surtitle.gateway.answering import for_any_page, in_turn, preflight, refused
from surtitle.gateway.archive_routes import ARCHIVE_PATH, ArchiveServing, archive_routes
from surtitle.gateway.channels import Channel
from surtitle.gateway.dialect_routes import SERVICES, Conversing, dialect_routes, vosk_routes
from surtitle.gateway.dialects.dialect import Dialect
from surtitle.gateway.edit_routes import Editing, edit_routes
from surtitle.gateway.file_routes import AUDIO_PATH, MODELS_PATH, Files, file_routes
from surtitle.gateway.for_people import ForPeople
from surtitle.gateway.foreign import ForeignPages
from surtitle.gateway.handshake import Take, accept
from surtitle.gateway.http import connection_of
from surtitle.gateway.live import MAX_READERS, LiveCaptions, LiveResponse
from surtitle.gateway.origins import OriginPolicy, is_host
from surtitle.gateway.proxies import TrustedProxies
from surtitle.gateway.qr_codes import QrCodes
from surtitle.gateway.query import MAX_START_FIELDS, TooManyFields, query_of
from surtitle.gateway.stream import ClientStream
from surtitle.gateway.uploads import Spools, Upload
from surtitle.gateway.web import Page, json_page, response_of, static_page
from surtitle.jobs import ModelInfo
from surtitle.messages import CHANNEL_NAME, SUBPROTOCOL
from surtitle.runtime.metrics import CONTENT_TYPE
from surtitle.subtitles.cues import Layout

CAPTIONS_PATH = "/v1/captions"
CHANNELS_PATH = "/v1/channels/"
CHANNEL_PAGES = ("/watch", "/overlay", "/edit")
SHARED_PATHS = (CAPTIONS_PATH, CHANNELS_PATH, ARCHIVE_PATH, AUDIO_PATH, MODELS_PATH, *SERVICES)
"""What pages of allowed origins may use, and read what they are answered."""
_LIVE = re.compile(re.escape(CAPTIONS_PATH) + r"/[^/]*\.vtt")
QR_TEXT = "Surtitle-Text"
"""The header with the text of a QR code: it may hold a token, and URLs are written to logs."""
SAID_ONCE = ("Host", "Origin", "Authorization", QR_TEXT)
LIST_HEADERS = ("Connection", "Upgrade", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions")
MAX_LIST_BYTES = 2048
"""Of all of these: a browser's have 100 and its token. `websockets` takes a millisecond or two to parse
so many, and 15 for as many as a request may have."""
_CHANNEL = re.compile(CHANNEL_NAME)

Answer = Callable[[Request], Response]
Shared = Callable[[Request], Mapping[str, str]]
"""The headers by which pages of other origins may read the answer to a request."""


@dataclass(frozen=True, slots=True)
class Serving:
    """What the routes of a server answer from."""

    admission: Admission
    origins: OriginPolicy
    foreign: ForeignPages
    proxies: TrustedProxies
    caption: Callable[[Visitor, Mapping[str, list[str]]], Take]
    """Takes a WebSocket for captions, whose handshake had this query string."""
    show: Callable[[Visitor, str], Take]
    """Takes that of a viewer of a channel."""
    converse: Callable[[Visitor, Dialect, int], Take]
    """Takes that of another service's client, with its dialect and so many sessions at most."""
    live: Callable[[str], LiveCaptions | None]
    """The captions of a session, by its id."""
    health: Callable[[], Page]
    readiness: Callable[[], Page]
    network: Callable[[], Page]
    """Where others find the server."""
    figures: Callable[[], bytes]
    on_refusal: Callable[[int], None]
    """Called with the status of each refused handshake."""
    qr_codes: QrCodes
    upload: Callable[[Visitor, ClientStream], AbstractContextManager[Upload]]
    """A recording comes as a body."""
    model: Callable[[], ModelInfo | None]
    """The model, once it is loaded."""
    layout: Layout
    max_upload_bytes: int
    spools: Spools
    max_message_bytes: int
    archive: Archive | None
    channel: Callable[[str], Channel | None]
    """A channel in which something is said or was, by its name."""
    forget: Callable[[str | None, str | None], object]
    """Let nobody who comes later get what a session has said, or what was said in a channel."""
    embedding_sites: Sequence[str] = ()
    """Which may show the pages of an audience in a frame."""


class Routes:
    """Answers requests."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._admission = serving.admission

    def app(self, *, has_figures: bool) -> ASGIApp:
        """All of them. The metrics are among them where they `has_figures`."""
        read = ["GET"]
        figures = [Route("/metrics", _answering(self.figures), methods=read)] if has_figures else []
        table = [
            *_handshakes(CAPTIONS_PATH, _answering(self.captions)),
            Route(CAPTIONS_PATH + "/{session}.vtt", _answering(self.follow), methods=read),
            *_handshakes(CHANNELS_PATH + "{channel}", _answering(self.channel)),
            Route("/v1/qr", self.qr_code, methods=read),
            Route("/v1/token", _answering(self.token), methods=["POST"]),
            Route("/v1/network", _answering(self.network), methods=read),
            Route("/healthz", _answering(self.health), methods=read),
            Route("/readyz", _answering(self.readiness), methods=read),
            *figures,
            *file_routes(self._files()),
            *archive_routes(self._archive_serving()),
            *edit_routes(self._editing(), CHANNELS_PATH),
            *dialect_routes(self.conversing()),
            *(
                Route(page + rest, _answering(self.audience), methods=read)
                for page in CHANNEL_PAGES
                for rest in ("", "/", "/{channel:path}")
            ),
            Route("/{path:path}", _answering(self.file), methods=read),
        ]
        serving = self._serving
        return _application(table, serving.origins, self._shared, serving.foreign.on_name)

    def conversing(self) -> Conversing:
        """For the routes of dialects."""
        serving = self._serving
        return Conversing(
            self._admission.to_speak_anywhere,
            self._asking,
            serving.converse,
            serving.model,
            serving.on_refusal,
            serving.max_message_bytes,
        )

    def vosk_app(self) -> ASGIApp:
        """vosk-server alone, for an address of its own."""
        open_to_all = replace(self.conversing(), admit=self._admission.to_speak_without_key)
        return _application(vosk_routes(open_to_all), self._serving.origins)

    def _files(self) -> Files:
        serving = self._serving
        return Files(
            self._admission,
            self._asking,
            serving.upload,
            serving.model,
            serving.on_refusal,
            serving.layout,
            serving.max_upload_bytes,
            serving.spools,
        )

    def _editing(self) -> Editing:
        serving = self._serving
        return Editing(self._admission.to_edit, self._asking, serving.channel, serving.on_refusal)

    def _archive_serving(self) -> ArchiveServing:
        serving = self._serving
        return ArchiveServing(
            self._admission.to_use_archive,
            self._asking,
            serving.archive,
            serving.forget,
            serving.on_refusal,
            serving.layout,
        )

    def _shared(self, request: Request) -> Mapping[str, str]:
        """The headers by which pages of other origins may read an answer, whichever it is."""
        path = request.scope["path"]
        if _LIVE.fullmatch(path):  # the name of the session is the key, not who asks
            return {"Access-Control-Allow-Origin": "*"}
        if path.startswith(SHARED_PATHS):
            asking = self._asking(request)
            if asking.origin is not None and self._admission.admits_page(asking):
                return {
                    "Access-Control-Allow-Origin": asking.origin,
                    "Access-Control-Expose-Headers": "Retry-After",
                    "Vary": "Origin",
                }
        return {}

    # -- WebSockets -----------------------------------------------------------------------------

    def captions(self, request: Request) -> Response:
        """Captions of what the client says."""

        def answer(asking: Asking) -> Take | Refusal:
            visitor = self._admission.to_speak(asking)
            if isinstance(visitor, Refusal):
                return visitor
            try:
                query = query_of(request, MAX_START_FIELDS)
            except TooManyFields as error:
                return Refusal(400, str(error))
            return self._serving.caption(visitor, query)

        return self._handshake(request, answer)

    def channel(self, request: Request) -> Response:
        """What is said in a channel."""
        channel = request.path_params["channel"]
        if _CHANNEL.fullmatch(channel) is None:
            return _nothing_at(request)

        def answer(asking: Asking) -> Take | Refusal:
            visitor = self._admission.to_watch(asking, channel)
            if isinstance(visitor, Refusal):
                return visitor
            return self._serving.show(visitor, channel)

        return self._handshake(request, answer)

    def _handshake(self, request: Request, answer: Callable[[Asking], Take | Refusal]) -> Response:
        if (allowed := preflight(request)) is not None:
            return allowed
        asking = self._asking(request)
        found = answer(asking)
        if isinstance(found, Refusal):
            self._serving.on_refusal(found.status)
            return response_of(refused(found))
        most = self._serving.max_message_bytes
        chosen = SUBPROTOCOL if SUBPROTOCOL in asking.subprotocols else None
        return accept(request.scope, chosen, most, found)

    # -- pages ----------------------------------------------------------------------------------

    def follow(self, request: Request) -> Response:
        """The captions of one session, as they come."""
        live = self._serving.live(request.path_params["session"])
        if live is None:
            page = json_page(404, {"error": "There is no such session, or it has ended."})
        elif live.readers >= MAX_READERS:
            page = refused(Refusal(503, "This session has reached its limit of players."))
        else:
            return LiveResponse(live)
        return response_of(page)

    async def qr_code(self, request: Request) -> Response:
        """A QR code, for who may be here. It takes long, but no time of the event loop."""
        who = await in_turn(request, lambda: self._admission.to_make_codes(self._asking(request)))
        if isinstance(who, Refusal):
            return response_of(refused(who))
        text = unquote(request.headers.get(QR_TEXT, ""))
        page = await self._serving.qr_codes.page(text, who.owner)
        refusal = Refusal(429, "Too many QR codes have been requested; wait a moment.")
        return response_of(page or refused(refusal))

    def token(self, request: Request) -> Response:
        """A token for the key that somebody has typed into the page."""
        token = self._admission.token_for_key(self._asking(request))
        if isinstance(token, Refusal):
            return response_of(refused(token))
        return response_of(json_page(200, {"token": token}))

    def network(self, request: Request) -> Response:
        """Where others find the server, for who shares its captions."""
        who = self._admission.to_make_codes(self._asking(request))
        return response_of(refused(who) if isinstance(who, Refusal) else self._serving.network())

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
            return response_of(refused(refusal))
        return response_of(_figures_page(self._serving.figures()))

    def audience(self, request: Request) -> Response:
        """A page that shows a channel."""
        channel = request.path_params.get("channel", "")
        if _CHANNEL.fullmatch(channel) is None:
            return response_of(json_page(404, {"error": _no_channel(channel)}))
        name = f"/{request.url.path.split('/')[1]}.html"
        return response_of(static_page(name, self._serving.embedding_sites), request)

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
        return response_of(json_page(404, {"error": "Only /metrics is available here."}))

    table = [
        Route("/metrics", _answering(page), methods=["GET"]),
        Route("/{path:path}", _answering(nothing), methods=["GET"]),
    ]
    return _application(table, origins)


def _handshakes(path: str, endpoint: Callable[[Request], Awaitable[Response]]) -> list[Route]:
    """The routes of an address for WebSockets. `HEAD` comes with `GET`, but is no handshake."""
    handshake, others = Route(path, endpoint), Route(path, _not_allowed)
    handshake.methods, others.methods = {"GET", "OPTIONS"}, None
    return [handshake, others]


async def _not_allowed(request: Request) -> Response:
    raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": "GET, OPTIONS"})


def _application(
    table: list[Route],
    origins: OriginPolicy,
    shared: Shared = lambda request: {},
    on_other_name: Callable[[str], None] = lambda host: None,
) -> ASGIApp:
    handlers = {HTTPException: _on_http_exception, Exception: _on_mistake}
    app = Starlette(routes=table, exception_handlers=handlers)
    app.router.redirect_slashes = False
    return _Shared(ForPeople(_Guard(app, origins, on_other_name)), shared)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    """What Starlette finds wrong, in the same shape as all else."""
    assert isinstance(error, HTTPException)
    return await in_turn(request, partial(_what_is_wrong, request, error))


def _what_is_wrong(request: Request, error: HTTPException) -> Response:
    if error.status_code == HTTPStatus.NOT_FOUND:
        return _nothing_at(request)
    page = json_page(error.status_code, {"error": f"{error.detail}."})
    page.headers |= error.headers or {}
    return response_of(page)


async def _on_mistake(request: Request, error: Exception) -> Response:
    """Of ours. Starlette raises it once more, for the log."""
    return response_of(json_page(500, {"error": "Internal server error; see its log."}))


class _Shared:
    """Adds headers to all that is answered, by whomever."""

    def __init__(self, app: ASGIApp, shared: Shared) -> None:
        self._app = app
        self._shared = shared

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        more = self._shared(Request(scope))
        if not more:
            await self._app(scope, receive, send)
            return

        async def send_shared(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(more)
            await send(message)

        await self._app(scope, receive, send_shared)


class _Guard:
    """Answers requests that nothing should be read into before any other rule is asked."""

    def __init__(
        self, app: ASGIApp, origins: OriginPolicy, on_other_name: Callable[[str], None]
    ) -> None:
        self._app = app
        self._origins = origins
        self._on_other_name = on_other_name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope)
        page = _misdirected(request, self._origins, self._on_other_name)
        if page is None:
            await self._app(scope, receive, send)
        else:
            refusal = await in_turn(request, partial(response_of, page))
            await refusal(scope, receive, send)


OTHER_NAME = Refusal(
    403, "This server does not answer to that name; see its setting `allowed_origins`."
)
"""Any page may read this one, as FOREIGN_PAGE."""


def _misdirected(
    request: Request, origins: OriginPolicy, on_other_name: Callable[[str], None]
) -> Page | None:
    """Why no request like this one is answered, or None."""
    headers = request.headers
    for name in SAID_ONCE:
        if len(headers.getlist(name)) > 1:
            return json_page(400, {"error": f"There is more than one {name} header."})
    lists = (item for name in LIST_HEADERS for item in headers.getlist(name))
    if sum(map(len, lists)) > MAX_LIST_BYTES:
        text = f"The headers {', '.join(LIST_HEADERS)} are longer than {MAX_LIST_BYTES} bytes."
        return json_page(431, {"error": text})
    host = headers.get("Host")
    if host is not None and not is_host(host):
        return json_page(400, {"error": "The Host header is not a valid name or address."})
    if not origins.knows(host):
        on_other_name(host or "")
        return for_any_page(OTHER_NAME, "other_name")
    return None


def _answering(answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint whose answers are made in turn."""

    async def endpoint(request: Request) -> Response:
        return await in_turn(request, partial(answer, request))

    return endpoint


def _raw_path(request: Request) -> str:
    """The path as it was asked for."""
    return str(request.scope["raw_path"].decode("ascii"))


def _nothing_at(request: Request) -> Response:
    return response_of(json_page(404, {"error": f"There is nothing at {_raw_path(request)}."}))


def _no_channel(name: str) -> str:
    """What is wrong with an address for an audience."""
    if not name:
        return f"This address names no channel. {WHOLE_LINK}"
    return (
        f"“{name}” is not the name of a channel: those have letters, digits, - and _, and no spaces. "
        f"{WHOLE_LINK}"
    )


def _figures_page(figures: bytes) -> Page:
    return Page(200, figures, {"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"})

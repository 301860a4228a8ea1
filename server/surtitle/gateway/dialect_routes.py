"""WebSockets of other services' clients: a table of paths, each with its dialect."""

import secrets
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Protocol

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from surtitle.gateway.admission import LOADING, Asking, Refusal, Visitor
from surtitle.gateway.answering import in_turn, preflight, refusal_headers
from surtitle.gateway.dialects import deepgram, openai_files
from surtitle.gateway.dialects.deepgram import Deepgram, Identity
from surtitle.gateway.dialects.deepgram_query import BadQuery, read_flux_query, read_query
from surtitle.gateway.dialects.dialect import Dialect
from surtitle.gateway.dialects.flux import Flux
from surtitle.gateway.dialects.openai_realtime import MAX_FRAME_BYTES, OpenAIRealtime
from surtitle.gateway.dialects.vosk import Vosk
from surtitle.gateway.handshake import Take, accept
from surtitle.gateway.query import MAX_DIALECT_FIELDS, Query, TooManyFields, query_of
from surtitle.gateway.web import Page, json_page, response_of
from surtitle.jobs import ModelInfo

log = structlog.get_logger("surtitle.gateway")

REALTIME_PATH = "/v1/realtime"
LISTEN_PATH = "/v1/listen"
FLUX_PATH = "/v2/listen"
VOSK_PATH = "/vosk"


@dataclass(frozen=True, slots=True)
class Conversing:
    """What the routes of dialects answer from."""

    admit: Callable[[Asking], Visitor | Refusal]
    asking: Callable[[Request], Asking]
    """What a request says of who asks."""
    converse: Callable[[Visitor, Dialect, int], Take]
    """Takes a WebSocket with its dialect, which has so many sessions at most."""
    model: Callable[[], ModelInfo | None]
    on_refusal: Callable[[int], None]
    """Called with the status of each refusal."""
    max_message_bytes: int


class Service(Protocol):
    """What is peculiar to the handshakes of a service."""

    max_message_bytes: int | None
    """Of a frame; None is the server's own limit."""

    def dialect(self, query: Query, model: ModelInfo, request_id: str) -> tuple[Dialect, int]:
        """The translator, and how many sessions it has at most. Raises BadQuery."""
        ...

    def subprotocol(self, offered: Sequence[str]) -> str | None:
        """Which of those that a client offers is chosen: it closes if that is another than it wants."""
        ...

    def headers(self, request_id: str) -> dict[str, str]:
        """Of the answer that accepts."""
        ...

    def refuse(self, refusal: Refusal, request_id: str) -> Page:
        """The answer to who may not come in."""
        ...


class _DeepgramService:
    """Deepgram's `/v1/listen`, and what Flux shares with it."""

    max_message_bytes: int | None = None

    def dialect(self, query: Query, model: ModelInfo, request_id: str) -> tuple[Dialect, int]:
        """See Service."""
        wishes = read_query(query, model)
        if wishes.ignored:
            log.info("parameters without effect", parameters=wishes.ignored[:20])
        return Deepgram(wishes, identity(request_id, model)), wishes.channels

    def subprotocol(self, offered: Sequence[str]) -> str | None:
        """See Service. Browsers offer `token` or `bearer` and their key."""
        return offered[0] if offered and offered[0].lower() in ("token", "bearer") else None

    def headers(self, request_id: str) -> dict[str, str]:
        """See Service."""
        return {"dg-request-id": request_id}

    def refuse(self, refusal: Refusal, request_id: str) -> Page:
        """See Service."""
        return refuse_deepgram(refusal, request_id)


class _FluxService(_DeepgramService):
    """Deepgram's `/v2/listen`."""

    def dialect(self, query: Query, model: ModelInfo, request_id: str) -> tuple[Dialect, int]:
        """See Service."""
        return Flux(read_flux_query(query, model), request_id), 1


class _RealtimeService:
    """OpenAI's Realtime API."""

    max_message_bytes: int | None = MAX_FRAME_BYTES

    def dialect(self, query: Query, model: ModelInfo, request_id: str) -> tuple[Dialect, int]:
        """See Service."""
        return OpenAIRealtime(secrets.token_urlsafe(9), model), 1

    def subprotocol(self, offered: Sequence[str]) -> str | None:
        """See Service."""
        return "realtime" if "realtime" in offered else None

    def headers(self, request_id: str) -> dict[str, str]:
        """See Service."""
        return {"x-request-id": request_id}

    def refuse(self, refusal: Refusal, request_id: str) -> Page:
        """See Service."""
        return refuse_openai(refusal)


class _VoskService:
    """vosk-server."""

    max_message_bytes: int | None = None

    def dialect(self, query: Query, model: ModelInfo, request_id: str) -> tuple[Dialect, int]:
        """See Service."""
        return Vosk(), 1

    def subprotocol(self, offered: Sequence[str]) -> str | None:
        """See Service."""
        return None

    def headers(self, request_id: str) -> dict[str, str]:
        """See Service."""
        return {}

    def refuse(self, refusal: Refusal, request_id: str) -> Page:
        """See Service."""
        page = json_page(refusal.status, {"error": refusal.text})
        page.headers |= refusal_headers(refusal.status)
        return page


_VOSK: Service = _VoskService()
SERVICES: dict[str, Service] = {
    REALTIME_PATH: _RealtimeService(),
    LISTEN_PATH: _DeepgramService(),
    FLUX_PATH: _FluxService(),
    VOSK_PATH: _VOSK,
}
"""By their paths. A trailing slash changes nothing."""


def dialect_routes(conversing: Conversing) -> list[Route]:
    """All of them."""
    return [
        _route(path + slash, service, conversing)
        for path, service in SERVICES.items()
        for slash in ("", "/")
    ]


def vosk_routes(conversing: Conversing) -> list[Route]:
    """vosk-server's clients know no path: on a port of theirs, any is meant."""
    return [_route("/{path:path}", _VOSK, conversing)]


def _route(path: str, service: Service, conversing: Conversing) -> Route:
    """`HEAD` comes with `GET`, but is no handshake."""
    route = Route(path, _endpoint(service, conversing))
    route.methods = {"GET", "OPTIONS"}
    return route


def _endpoint(service: Service, conversing: Conversing) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return await in_turn(request, lambda: _shake_hands(request, service, conversing))

    return endpoint


def _shake_hands(request: Request, service: Service, conversing: Conversing) -> Response:
    if (allowed := preflight(request)) is not None:
        return allowed
    request_id = str(uuid.uuid4())
    asking = conversing.asking(request)
    visitor = conversing.admit(asking)
    if isinstance(visitor, Refusal):
        return _refused(service, conversing, visitor, request_id)
    model = conversing.model()
    if model is None:
        return _refused(service, conversing, LOADING, request_id)
    try:
        dialect, sessions = service.dialect(
            query_of(request, MAX_DIALECT_FIELDS), model, request_id
        )
    except (BadQuery, TooManyFields) as error:
        return _refused(service, conversing, Refusal(400, str(error)), request_id)
    return accept(
        request.scope,
        service.subprotocol(asking.subprotocols),
        service.max_message_bytes or conversing.max_message_bytes,
        conversing.converse(visitor, dialect, sessions),
        service.headers(request_id),
    )


def _refused(
    service: Service, conversing: Conversing, refusal: Refusal, request_id: str
) -> Response:
    conversing.on_refusal(refusal.status)
    return response_of(service.refuse(refusal, request_id))


def refuse_deepgram(refusal: Refusal, request_id: str) -> Page:
    """In Deepgram's shape."""
    code = HTTPStatus(refusal.status).phrase.upper().replace(" ", "_")
    page = json_page(refusal.status, deepgram.error_body(refusal.text, code, request_id))
    page.headers |= refusal_headers(refusal.status)
    page.headers["dg-request-id"] = request_id
    page.headers["dg-error"] = refusal.text.encode("ascii", "backslashreplace").decode()
    return page


def refuse_openai(refusal: Refusal, param: str | None = None) -> Page:
    """In OpenAI's shape."""
    kind = "server_error" if refusal.status >= 500 else "invalid_request_error"
    code = "invalid_api_key" if refusal.status == HTTPStatus.UNAUTHORIZED else None
    page = json_page(refusal.status, openai_files.error_body(refusal.text, kind, param, code))
    page.headers |= refusal_headers(refusal.status)
    return page


def identity(request_id: str, model: ModelInfo) -> Identity:
    """What a request that comes now is called."""
    created = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Identity(request_id, created, model.name)

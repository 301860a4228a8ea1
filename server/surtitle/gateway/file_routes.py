"""Files over HTTP, as clients of other services send them: a recording in, its transcript out."""

import asyncio
import hashlib
import logging
import uuid
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Generic, TypeVar

import structlog
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from surtitle.errors import BadStart, Busy, InternalError, WireError
from surtitle.gateway.admission import LOADING, Admission, Asking, Refusal, Visitor
from surtitle.gateway.answering import NOT_STORED, in_steps, in_turn, preflight
from surtitle.gateway.dialect_routes import (
    LISTEN_PATH,
    identity,
    refuse_deepgram,
    refuse_openai,
)
from surtitle.gateway.dialects import deepgram
from surtitle.gateway.dialects import openai_files as openai
from surtitle.gateway.dialects.deepgram_query import BadQuery, read_query
from surtitle.gateway.forms import BadForm, Form
from surtitle.gateway.http import connection_of
from surtitle.gateway.live import until_gone
from surtitle.gateway.query import MAX_DIALECT_FIELDS, TooManyFields, query_of
from surtitle.gateway.stream import ClientStream
from surtitle.gateway.uploads import PIECE_BYTES, NoRoom, Spool, Spools, Upload
from surtitle.gateway.web import Page, json_page, response_of
from surtitle.jobs import ModelInfo
from surtitle.messages import Final
from surtitle.subtitles.cues import Layout

T = TypeVar("T")

log = structlog.get_logger("surtitle.upload")
logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # what it has to say is raised too

AUDIO_PATH = "/v1/audio/"
MODELS_PATH = "/v1/models"
MISSING_HEADER, FAILED_HEADER = "Surtitle-Missing-Ms", "Surtitle-Failed-Ms"
"""How much of the recording could not be decoded from its file, and how much the engine gave up on."""


@dataclass(frozen=True, slots=True)
class Files:
    """What the routes for files answer from."""

    admission: Admission
    asking: Callable[[Request], Asking]
    """What a request says of who asks."""
    upload: Callable[[Visitor, ClientStream], AbstractContextManager[Upload]]
    """A recording comes; it counts as a connection until it is answered."""
    model: Callable[[], ModelInfo | None]
    on_refusal: Callable[[int], None]
    """Called with the status of each refusal."""
    layout: Layout
    max_upload_bytes: int
    spools: Spools


def file_routes(files: Files) -> list[Route]:
    """All of them."""
    models = _Models(files)
    posts, gets = ["POST", "OPTIONS"], ["GET", "OPTIONS"]
    return [
        Route(AUDIO_PATH + "transcriptions", _Transcribing(files, translate=False), methods=posts),
        Route(AUDIO_PATH + "translations", _Transcribing(files, translate=True), methods=posts),
        Route(LISTEN_PATH, _Listening(files), methods=posts),
        Route(MODELS_PATH, models.every, methods=gets),
        Route(MODELS_PATH + "/{name:path}", models.one, methods=gets),
    ]


class _Models:
    """The models that there are: the one that is loaded, whatever is asked for."""

    def __init__(self, files: Files) -> None:
        self._files = files

    async def every(self, request: Request) -> Response:
        """A list of them."""
        return await self._answer(request, lambda model: {"object": "list", "data": [model]})

    async def one(self, request: Request) -> Response:
        """One of them."""
        return await self._answer(request, lambda model: model)

    async def _answer(
        self, request: Request, shape: Callable[[openai.Json], openai.Json]
    ) -> Response:
        if (allowed := preflight(request)) is not None:
            return allowed

        def find() -> Page:
            refusal = self._files.admission.to_see_models(self._files.asking(request))
            model = self._files.model()
            if refusal is not None or model is None:
                self._files.on_refusal((refusal or LOADING).status)
                return refuse_openai(refusal or LOADING)
            return json_page(200, shape(openai.model_body(model.name)))

        return response_of(await in_turn(request, find))


W = TypeVar("W")


class _FileEndpoint(ABC, Generic[W]):
    """Takes a recording and answers with what is said in it: an ASGI application."""

    def __init__(self, files: Files) -> None:
        self.files = files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        request = Request(scope, receive)
        if (allowed := preflight(request)) is not None:
            await allowed(scope, receive, send)
            return

        def admit() -> Visitor | Refusal:
            return self.files.admission.to_speak_anywhere(self.files.asking(request))

        visitor = await in_turn(request, admit)
        if isinstance(visitor, Refusal):
            self.files.on_refusal(visitor.status)
            await response_of(self.refuse(visitor, None))(scope, receive, send)
            return
        # The session must be there until the last word has left.
        with self.files.upload(visitor, connection_of(scope).stream) as upload:
            wishes = await self._or_error(self.read(request, upload))
            if isinstance(wishes, Response):
                await wishes(scope, receive, send)
                return
            try:
                async with _telling_when_gone(receive, upload):
                    response = await self._or_error(self.respond(request, upload, wishes))
                    await response(scope, receive, send)
            except ConnectionResetError:  # nobody waits for it any more
                connection_of(scope).stream.abort()

    async def _or_error(self, found: Awaitable[T]) -> T | Response:
        """What is awaited, or the answer that says why it does not come."""
        try:
            return await found
        except NotTaken as error:
            page = self.refuse(Refusal(error.status, str(error)), error.param)
        except BadStart as error:
            page = self.refuse(Refusal(400, str(error)), "language")
        except Busy as error:
            self.files.on_refusal(503)
            page = self.refuse(Refusal(503, str(error)), None)
        except InternalError as error:
            page = self.refuse(Refusal(500, str(error)), None)
        except WireError as error:
            page = self.refuse(Refusal(400, str(error)), "file")
        return response_of(page)

    @abstractmethod
    async def read(self, request: Request, upload: Upload) -> W:
        """Take the body into a session; returns what is wanted. Raises NotTaken, WireError."""

    @abstractmethod
    async def respond(self, request: Request, upload: Upload, wishes: W) -> Response:
        """The answer, once the body has come. Raises WireError."""

    @abstractmethod
    def refuse(self, refusal: Refusal, param: str | None) -> Page:
        """The answer that there is none; `param` is to blame."""


MAX_AROUND_BYTES = 1 << 20
"""What a form may have besides its file."""


class NotTaken(Exception):
    """A recording that is not taken: a sentence, a status of HTTP, and the field that is to blame."""

    def __init__(self, text: str, param: str | None = None, status: int = 400) -> None:
        super().__init__(text)
        self.param = param
        self.status = status


def _check_size(size: int, most_bytes: int) -> None:
    if size > most_bytes:
        raise NotTaken(
            f"The file is larger than {most_bytes >> 20} MB; see the server's setting `max_upload_mb`.",
            "file",
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        )


class _Transcribing(_FileEndpoint[openai.Wishes]):
    """OpenAI's endpoints."""

    def __init__(self, files: Files, *, translate: bool) -> None:
        super().__init__(files)
        self._translate = translate

    async def read(self, request: Request, upload: Upload) -> openai.Wishes:
        """See _FileEndpoint."""
        with self.files.spools.open(upload.opening.owner) as spool:
            reading = _Reading(request, upload, spool, self._translate)
            try:
                return await reading.run(self.files.max_upload_bytes)
            except BadForm as error:
                raise NotTaken(str(error)) from error
            except openai.BadField as error:
                raise NotTaken(str(error), error.param) from error
            except NoRoom as error:
                raise NotTaken(
                    _SPOOL_IS_FULL, "file", HTTPStatus.REQUEST_ENTITY_TOO_LARGE
                ) from error

    async def respond(self, request: Request, upload: Upload, wishes: openai.Wishes) -> Response:
        """See _FileEndpoint."""
        transcript = openai.Transcript()
        finals = upload.finish()
        if wishes.stream:
            first = await anext(finals, None)  # what is no audio has another answer
            events = _events(first, finals, transcript, wishes)
            return StreamingResponse(events, media_type="text/event-stream", headers=NOT_STORED)
        async for final in finals:
            transcript.add(final)
        parts = openai.answer(transcript, wishes, upload.audio_ms, self.files.layout)
        return StreamingResponse(
            in_steps(request, parts),
            media_type=openai.MEDIA_TYPES[wishes.format],
            headers=_account(upload) | NOT_STORED,
        )

    def refuse(self, refusal: Refusal, param: str | None) -> Page:
        """See _FileEndpoint."""
        return refuse_openai(refusal, param)


@dataclass(frozen=True, slots=True)
class _Listened:
    """What a request to Deepgram's endpoint is called, and the hash of its recording."""

    identity: deepgram.Identity
    sha256: str


class _Listening(_FileEndpoint[_Listened]):
    """Deepgram's endpoint: the body is the recording."""

    async def read(self, request: Request, upload: Upload) -> _Listened:
        """See _FileEndpoint."""
        kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind == "application/json":
            raise NotTaken(
                "Recordings are not fetched from a `url`; send the recording as the body."
            )
        model = upload.opening.model
        try:
            wishes = read_query(query_of(request, MAX_DIALECT_FIELDS), model, is_file=True)
        except (BadQuery, TooManyFields) as error:
            raise NotTaken(str(error)) from error
        if wishes.ignored:
            log.info("parameters without effect", parameters=wishes.ignored[:20])
        digest, size = hashlib.sha256(), 0
        upload.begin(wishes.start)
        async for data in request.stream():
            size += len(data)
            _check_size(size, self.files.max_upload_bytes)
            digest.update(data)
            await upload.take(data)
        if not size:
            raise NotTaken("The body is empty; send a recording.")
        return _Listened(identity(str(uuid.uuid4()), model), digest.hexdigest())

    async def respond(self, request: Request, upload: Upload, wishes: _Listened) -> Response:
        """See _FileEndpoint."""
        transcript = openai.Transcript()
        async for final in upload.finish():
            transcript.add(final)
        body = deepgram.file_body(transcript, wishes.identity, upload.audio_ms, wishes.sha256)
        headers = {"dg-request-id": wishes.identity.request_id} | _account(upload) | NOT_STORED
        parts = in_steps(request, body)
        return StreamingResponse(parts, media_type="application/json", headers=headers)

    def refuse(self, refusal: Refusal, param: str | None) -> Page:
        """See _FileEndpoint."""
        return refuse_deepgram(refusal, str(uuid.uuid4()))


def _account(upload: Upload) -> dict[str, str]:
    """The headers that say what of the recording is not in the answer."""
    account = {MISSING_HEADER: upload.missing_ms, FAILED_HEADER: upload.failed_ms}
    return {name: str(value) for name, value in account.items() if value}


class _Reading:
    """The form of one request, as it comes: what is in it, and its file into the session.

    A file that comes before the fields that say how it is to be decoded waits on disk for them.
    """

    def __init__(self, request: Request, upload: Upload, spool: Spool, translate: bool) -> None:
        self._request = request
        self._upload = upload
        self._spool = spool
        self._translate = translate
        self._pieces: list[bytes] = []  # of the file, in what was read last
        self._wishes: openai.Wishes | None = None
        self._size = 0  # of the file

    async def run(self, most_bytes: int) -> openai.Wishes:
        """All of the form. Raises BadForm, BadField, NoRoom, NotTaken, WireError."""
        form = Form(self._request.headers.get("Content-Type", ""), "file", self._pieces.append)
        all_bytes = 0
        async for data in self._request.stream():
            all_bytes += len(data)
            _check_size(all_bytes - MAX_AROUND_BYTES, most_bytes)
            for begin in range(0, len(data), PIECE_BYTES):
                piece = data[begin : begin + PIECE_BYTES]
                await self._upload.in_turn(partial(form.feed, piece))
                self._size += sum(map(len, self._pieces))
                _check_size(self._size, most_bytes)
                if self._wishes is None and self._may_begin(form):
                    self._begin(form)
                    await self._take_spooled()
                await self._pass_on()
        form.finish()
        if not self._size:
            raise BadForm("The file is empty.")
        if self._wishes is None:
            self._begin(form)
            await self._take_spooled()
        return self._with_late(form)

    def _may_begin(self, form: Form) -> bool:
        """Whether what came before the file says how it is to be decoded. A model alone says so of a
        file that is larger than any for OpenAI: those are for us, and need not wait on a disk.
        """
        says_how = not form.early_fields.isdisjoint(openai.EARLY)
        return says_how or (bool(form.early_fields) and self._size > openai.MAX_THEIR_BYTES)

    def _begin(self, form: Form) -> None:
        self._wishes = openai.read_form(form.fields, translate=self._translate)
        start = openai.fitting(self._wishes.start, self._upload.opening.model)
        self._upload.begin(start)

    async def _pass_on(self) -> None:
        self._upload.check()
        for piece in self._pieces:
            if self._wishes is not None:
                await self._upload.take(piece)
            else:
                self._spool.write(piece)
        self._pieces.clear()

    async def _take_spooled(self) -> None:
        for piece in self._spool.pieces():
            await self._upload.take(piece)

    def _with_late(self, form: Form) -> openai.Wishes:
        """Some fields may come behind the file. Raises BadField for those that are too late by then."""
        wishes = openai.read_form(form.fields, translate=self._translate)
        assert self._wishes is not None
        if wishes.start != self._wishes.start:
            late = next((name for name in openai.EARLY if name in form.late_fields), "file")
            raise openai.BadField(f"Send the field `{late}` before the file.", late)
        return wishes


@asynccontextmanager
async def _telling_when_gone(receive: Receive, upload: Upload) -> AsyncIterator[None]:
    """All has come: whoever closes now does not wait for the answer."""
    leaving = asyncio.create_task(until_gone(receive), name="upload")
    leaving.add_done_callback(lambda task: upload.leave())
    try:
        yield
    finally:
        leaving.cancel()
        with suppress(asyncio.CancelledError):
            await leaving


async def _events(
    first: Final | None,
    others: AsyncIterator[Final],
    transcript: openai.Transcript,
    wishes: openai.Wishes,
) -> AsyncIterator[str]:
    if first is not None:
        yield openai.delta_event(transcript, transcript.add(first), wishes)
    try:
        async for final in others:
            yield openai.delta_event(transcript, transcript.add(final), wishes)
        yield openai.done_event(transcript, wishes)
    except WireError as error:
        yield openai.error_event(str(error))


_SPOOL_IS_FULL = (
    "There is no room for this file. Send the other fields before the file, and one of them must be "
    "`language`, `prompt` or `response_format`: then it is decoded as it comes."
)

"""What is kept of talks over HTTP: lists, transcripts in the usual formats, and deletion."""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Protocol

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from surtitle.archive.archive import Archive, StoreGone
from surtitle.archive.records import Kept
from surtitle.gateway.access import Caller
from surtitle.gateway.admission import Asking, Refusal, Visitor
from surtitle.gateway.answering import NOT_STORED, in_steps, in_turn, preflight, refused
from surtitle.gateway.http import connection_of
from surtitle.gateway.web import Page, json_page, response_of
from surtitle.messages import Final, format_message
from surtitle.subtitles.cues import Cue, Layout, Steps
from surtitle.subtitles.formats import VTT_HEADER, format_srt, format_vtt_cue

ARCHIVE_PATH = "/v1/archive"
USUAL_TALKS, MAX_TALKS = 50, 200
"""In one list."""
_METHODS = ["GET", "DELETE", "OPTIONS"]


@dataclass(frozen=True, slots=True)
class ArchiveServing:
    """What these routes answer from."""

    admit: Callable[[Asking], Visitor | Refusal]
    """Whether somebody may read and delete what is kept, be it of one channel alone."""
    asking: Callable[[Request], Asking]
    archive: Archive | None
    forget: Callable[[str | None, str | None], object]
    """Let nobody who comes later get what a session has said, or what was said in a channel."""
    on_refusal: Callable[[int], None]
    """Called with the status of each refusal."""
    layout: Layout


def archive_routes(serving: ArchiveServing) -> list[Route]:
    """All of them."""
    routes = _Archive(serving)
    return [
        Route(ARCHIVE_PATH, _answering(routes.talks), methods=_METHODS),
        Route(ARCHIVE_PATH + "/{talk}", _answering(routes.talk), methods=_METHODS),
    ]


class _NotAnswered(Exception):
    """There is another answer than what was asked for."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.text)
        self.refusal = refusal


def _answering(
    answer: Callable[[Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        if (allowed := preflight(request, "DELETE")) is not None:
            return allowed
        try:
            return await answer(request)
        except _NotAnswered as other:
            return response_of(refused(other.refusal))
        except StoreGone as error:
            return response_of(refused(Refusal(503, str(error))))

    return endpoint


class _Archive:
    """Answers from what is kept."""

    def __init__(self, serving: ArchiveServing) -> None:
        self._serving = serving

    async def talks(self, request: Request) -> Response:
        """A list of talks, or the deletion of a channel's."""
        archive, caller = await self._admitted(request)
        query = request.query_params
        channel = query.get("channel")
        if not caller.may_use_archive(channel):
            raise _NotAnswered(OTHER_CHANNEL)
        if request.method == "DELETE":
            if channel is None:
                raise _NotAnswered(NO_CHANNEL)
            count = await archive.delete_channel(channel)
            self._serving.forget(None, channel)
            return response_of(json_page(200, {"deleted": count}))
        before = _number(query, "before")
        most = min(_number(query, "limit") or USUAL_TALKS, MAX_TALKS)
        found = await archive.talks(channel, before, most)
        more = {"next": found[-1].number} if len(found) == most else {}
        return response_of(json_page(200, {"talks": list(map(_shape, found)), **more}))

    async def talk(self, request: Request) -> Response:
        """One talk, or its deletion."""
        archive, caller = await self._admitted(request)
        name, _, ending = str(request.path_params["talk"]).partition(".")
        kept = await archive.find(name)
        if kept is None or not caller.may_use_archive(kept.talk.channel):
            raise _NotAnswered(NO_TALK)
        if request.method == "DELETE" and not ending:
            await archive.delete(name)
            self._serving.forget(name, None)
            return response_of(Page(204, b"", {}))
        form = _FORMATS.get(ending)
        if form is None or request.method == "DELETE":
            raise _NotAnswered(NO_TALK)
        parts = _written(request, archive, name, form.writer(kept, self._serving.layout))
        return StreamingResponse(parts, media_type=form.media_type, headers=NOT_STORED)

    async def _admitted(self, request: Request) -> tuple[Archive, Caller]:
        """Raises _NotAnswered."""
        serving = self._serving
        visitor = await in_turn(request, lambda: serving.admit(serving.asking(request)))
        if isinstance(visitor, Refusal):
            serving.on_refusal(visitor.status)
            raise _NotAnswered(visitor)
        if serving.archive is None:
            raise _NotAnswered(NOTHING_KEPT)
        return serving.archive, visitor.caller


NOTHING_KEPT = Refusal(404, "This server keeps no talks; see its setting `archive`.")
NO_TALK = Refusal(
    404, "There is no such talk in the archive. A talk has the endings .json, .txt, .srt and .vtt."
)
NO_CHANNEL = Refusal(400, "Name the channel whose talks are to be deleted: ?channel=NAME.")
OTHER_CHANNEL = Refusal(
    403, "This token is for one channel; ask for it by ?channel=NAME, and for no other."
)


def _number(query: QueryParams, name: str) -> int | None:
    """A field of the query that is a number. Raises _NotAnswered."""
    text = query.get(name)
    if text is None:
        return None
    if not re.fullmatch(r"[1-9][0-9]{0,17}", text):
        raise _NotAnswered(Refusal(400, f"`{name}` must be a positive number."))
    return int(text)


def _shape(kept: Kept) -> dict[str, Any]:
    """A talk in JSON."""
    return {
        "id": kept.talk.id,
        "channel": kept.talk.channel,
        "key": kept.talk.key,
        "started_at": kept.talk.started_at.isoformat(),
        "said_at": kept.said_at.isoformat(),
        "ended_at": None if kept.ended_at is None else kept.ended_at.isoformat(),
        "finals": kept.finals,
        "length_ms": kept.length_ms,
    }


# -- formats ----------------------------------------------------------------------------------------


async def _written(
    request: Request, archive: Archive, talk: str, writer: "_Writer"
) -> AsyncIterator[str]:
    """A talk, as it is read. Where the database goes meanwhile, so does the connection: what has come
    must not be taken for all.
    """
    for part in writer.begin():
        yield part
    try:
        async for page in archive.finals(talk):
            async for part in in_steps(request, chain.from_iterable(map(writer.add, page))):
                yield part
    except StoreGone:
        connection_of(request.scope).stream.abort()
        return
    async for part in in_steps(request, writer.end()):
        yield part


class _Writer(Protocol):
    """Writes a talk in one format, final by final."""

    def begin(self) -> Iterable[str]:
        """What stands before the first final."""
        ...

    def add(self, final: Final) -> Iterable[str]:
        """The next final."""
        ...

    def end(self) -> Iterable[str]:
        """No more comes."""
        ...


class _Json:
    def __init__(self, kept: Kept, layout: Layout) -> None:
        self._kept = kept
        self._between = "\n"

    def begin(self) -> Iterable[str]:
        yield json.dumps(_shape(self._kept))[:-1] + ', "messages": ['

    def add(self, final: Final) -> Iterable[str]:
        yield self._between + format_message(final)
        self._between = ",\n"

    def end(self) -> Iterable[str]:
        yield "\n]}\n"


class _Text:
    def __init__(self, kept: Kept, layout: Layout) -> None:
        pass

    def begin(self) -> Iterable[str]:
        return ()

    def add(self, final: Final) -> Iterable[str]:
        return (final.text + "\n",) if final.text else ()

    def end(self) -> Iterable[str]:
        return ()


class _Subtitles(ABC):
    def __init__(self, kept: Kept, layout: Layout) -> None:
        self._steps = Steps(layout)

    def begin(self) -> Iterable[str]:
        return ()

    def add(self, final: Final) -> Iterable[str]:
        # Without text, all of a final belongs to the words beside it.
        return self._write(self._steps.add(final)) if final.text else ()

    def end(self) -> Iterable[str]:
        return self._write(self._steps.end())

    @abstractmethod
    def _write(self, cues: Sequence[Cue]) -> Iterable[str]: ...


class _Srt(_Subtitles):
    _count = 0

    def _write(self, cues: Sequence[Cue]) -> Iterable[str]:
        first = self._count + 1
        self._count += len(cues)
        return format_srt(cues, first)


class _Vtt(_Subtitles):
    def begin(self) -> Iterable[str]:
        return (VTT_HEADER,)

    def _write(self, cues: Sequence[Cue]) -> Iterable[str]:
        return map(format_vtt_cue, cues)


@dataclass(frozen=True, slots=True)
class _Format:
    media_type: str
    writer: Callable[[Kept, Layout], _Writer]


_FORMATS = {
    "json": _Format("application/json", _Json),
    "txt": _Format("text/plain; charset=utf-8", _Text),
    "srt": _Format("application/x-subrip; charset=utf-8", _Srt),
    "vtt": _Format("text/vtt; charset=utf-8", _Vtt),
}
_FORMATS[""] = _FORMATS["json"]

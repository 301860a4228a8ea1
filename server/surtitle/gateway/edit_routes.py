"""Corrections over HTTP: what a person makes better in a channel, and names that will be said there."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from surtitle.captioning.correcting import Correction
from surtitle.errors import BadMessage
from surtitle.gateway.admission import Asking, Refusal, Visitor
from surtitle.gateway.answering import in_turn, preflight, refused
from surtitle.gateway.channels import Channel, CorrectedMeanwhile, NothingToCorrect
from surtitle.gateway.web import json_page, response_of
from surtitle.messages import MAX_HOTWORDS, Final, Name

MAX_BODY_BYTES = 64 << 10
"""Of a request: a hundred names of a hundred characters, or two texts, however they are escaped."""

T = TypeVar("T")


class Names(Struct, frozen=True, forbid_unknown_fields=True):
    """Names and terms that will be said."""

    names: Annotated[list[Name], Meta(min_length=1, max_length=MAX_HOTWORDS)]


@dataclass(frozen=True, slots=True)
class Editing:
    """What these routes answer from."""

    admit: Callable[[Asking, str], Visitor | Refusal]
    """Whether somebody may correct a channel."""
    asking: Callable[[Request], Asking]
    channel: Callable[[str], Channel | None]
    """A channel in which something is said or was, by its name."""
    on_refusal: Callable[[int], None]
    """Called with the status of each refusal."""


def edit_routes(editing: Editing, channels_path: str) -> list[Route]:
    """All of them."""
    routes = _Edits(editing)
    methods = ["POST", "OPTIONS"]
    return [
        Route(channels_path + "{channel}/corrections", routes.correct, methods=methods),
        Route(channels_path + "{channel}/names", routes.add_names, methods=methods),
    ]


class _Edits:
    """Answers requests."""

    def __init__(self, editing: Editing) -> None:
        self._editing = editing
        self._corrections = msgspec.json.Decoder(Correction)
        self._names = msgspec.json.Decoder(Names)

    async def correct(self, request: Request) -> Response:
        """A caption has another text."""

        def apply(channel: Channel | None, correction: Correction, by: str) -> Response:
            try:
                if channel is None:
                    raise NothingToCorrect
                final = channel.correct(correction, by)
            except NothingToCorrect:
                return response_of(refused(NO_CAPTION))
            except CorrectedMeanwhile as error:
                page = {"error": CORRECTED_MEANWHILE, "code": "corrected", "text": error.text}
                return response_of(json_page(409, page))
            return response_of(json_page(200, _shape(final)))

        return await self._answer(request, self._corrections, apply)

    async def add_names(self, request: Request) -> Response:
        """Names and terms are listened for from the next utterance on."""

        def apply(channel: Channel | None, names: Names, by: str) -> Response:
            if channel is None:
                return response_of(refused(NOBODY_THERE))
            if channel.is_spoken_in_elsewhere:
                return response_of(refused(SPOKEN_ELSEWHERE))
            try:
                channel.listen_for([name.strip() for name in names.names if name.strip()])
            except BadMessage as error:
                return response_of(refused(Refusal(400, str(error))))
            return response_of(json_page(200, {}))

        return await self._answer(request, self._names, apply)

    async def _answer(
        self,
        request: Request,
        decoder: "msgspec.json.Decoder[T]",
        apply: Callable[[Channel | None, T, str], Response],
    ) -> Response:
        if (allowed := preflight(request)) is not None:
            return allowed
        editing, name = self._editing, str(request.path_params["channel"])
        visitor = await in_turn(request, lambda: editing.admit(editing.asking(request), name))
        if isinstance(visitor, Refusal):
            editing.on_refusal(visitor.status)
            return response_of(refused(visitor))
        body = b""
        async for data in request.stream():
            body += data
            if len(body) > MAX_BODY_BYTES:
                return response_of(refused(TOO_LONG))
        try:
            asked = decoder.decode(body)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            return response_of(refused(Refusal(400, f"This cannot be used: {str(error)[:200]}.")))
        by = visitor.caller.name
        # Comparing texts takes milliseconds, and all viewers are told.
        return await in_turn(
            request, lambda: apply(editing.channel(name), asked, by), most_s=math.inf
        )


def _shape(final: Final) -> dict[str, object]:
    return {"utterance": final.utterance, "text": final.text, "by": final.by}


NO_CAPTION = Refusal(
    404, "The channel has no such caption, or not any more: those of a quarter of an hour are kept."
)
NOBODY_THERE = Refusal(404, "Nobody speaks in this channel, or watches it, at this server.")
SPOKEN_ELSEWHERE = Refusal(404, "Who speaks in this channel is at another server: add names there.")
TOO_LONG = Refusal(413, f"A request may have {MAX_BODY_BYTES >> 10} KiB.")
CORRECTED_MEANWHILE = "The caption has been corrected meanwhile; look at its text, and try again."

"""How a client that has been let in begins a session."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from msgspec import structs

from surtitle.captioning.endpointing import EndpointingOptions
from surtitle.captioning.session import CaptionSession
from surtitle.engine.engine import Engine
from surtitle.errors import BadStart, Busy
from surtitle.gateway.access import ANYBODY, Caller
from surtitle.gateway.hosted import HostedSession
from surtitle.gateway.link import Link
from surtitle.gateway.registry import Sessions
from surtitle.jobs import ModelInfo
from surtitle.messages import MAX_HOTWORDS, Start

SESSION_ID_BYTES = 9


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """What a session has where its client asks for nothing else; see Settings for each."""

    endpointing: EndpointingOptions
    language: str
    max_backlog_s: float
    partial_interval_ms: int
    partial_window_ms: int
    silent_after_ms: int
    server_name: str = ""
    glossary: tuple[str, ...] = ()
    """Names and terms: the hotwords of a session whose client names none."""
    replacements: Mapping[str, str] = field(default_factory=dict)
    """What is heard wrong, and what to write instead; those of a client win."""


class Opening:
    """Begins the sessions of one client."""

    def __init__(
        self,
        engine: Engine,
        sessions: Sessions,
        options: SessionOptions,
        refusal: Callable[[], str | None] = lambda: None,
        owner: str = "",
        caller: Caller = ANYBODY,
    ) -> None:
        """`refusal` says why no session can begin now, or None; `owner` whose sessions they are, and
        `caller` what that one may do.
        """
        self.sessions = sessions
        self.owner = owner
        self._engine = engine
        self._options = options
        self._refusal = refusal
        self._caller = caller

    @property
    def model(self) -> ModelInfo:
        """The model that is loaded."""
        model = self._engine.model
        assert model is not None, "admitted before the engine was ready"
        return model

    def open(self, start: Start, link: Link, last_seq: int = 0) -> HostedSession:
        """A session on this link, whose client was sent `last_seq` messages before.

        Raises Busy; BadStart for what the model cannot do, and where the caller may not speak.
        """
        if (why := self._refusal()) is not None:
            raise Busy(why)
        if not self._caller.may_speak_in(start.channel):
            raise BadStart(
                f"This token permits speaking in the channel {self._caller.speak_channel} only; "
                "set `channel` in `start` to it."
            )
        session = CaptionSession(
            self._session_id(),
            self._with_usual(start),
            self._options.endpointing,
            self.model,
            last_seq,
            partial_interval_ms=self._options.partial_interval_ms,
            partial_window_ms=self._options.partial_window_ms,
            max_backlog_s=self._options.max_backlog_s,
        )
        keep_as = self._caller.name if start.archive else None
        return self.sessions.open(
            session, link, start.channel, self.owner, self._caller.key, keep_as
        )

    def _session_id(self) -> str:
        """Nobody guesses it. The name of the server, before a dot, tells a balancer where it is."""
        unique = secrets.token_urlsafe(SESSION_ID_BYTES)
        name = self._options.server_name
        return f"{name}.{unique}" if name else unique

    def _with_usual(self, start: Start) -> Start:
        """What is meant where a client says nothing."""
        if start.language is None:
            # A server for one language with a model for another: the model's own is meant.
            known = self._options.language.split("-")[0] in (*self.model.languages, "auto")
            start = structs.replace(start, language=self._options.language if known else "auto")
        if start.silent_after_ms is None:
            start = structs.replace(start, silent_after_ms=self._options.silent_after_ms)
        if not start.hotwords:
            start = structs.replace(start, hotwords=list(self._options.glossary))
        if start.channel is not None:
            of_channel = self.sessions.channels.names_of(start.channel)
            names = dict.fromkeys([*of_channel, *start.hotwords])
            start = structs.replace(start, hotwords=list(names)[:MAX_HOTWORDS])
        if self._options.replacements:
            replacements = {**self._options.replacements, **start.replacements}
            start = structs.replace(start, replacements=replacements)
        return start

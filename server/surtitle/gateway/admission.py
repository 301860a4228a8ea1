"""Who may come in now, and who may not and why. No I/O: facts about a request in, a refusal out.

The order of the questions is part of the answer: whoever asks too often learns nothing else, and nobody
without a key learns how full the server is.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from surtitle.engine.engine import Engine
from surtitle.engine.states import EngineState
from surtitle.gateway.access import ANYBODY, Caller, KeyRing, credentials
from surtitle.gateway.limits import AddressLimits, network_of
from surtitle.gateway.origins import OriginPolicy
from surtitle.gateway.proxies import ClientAddress
from surtitle.gateway.registry import Sessions

TYPED_KEY_S = 12 * 3600.0
"""How long a page may use a key that somebody has typed into it: a long day."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why somebody may not come in."""

    status: int
    """Of HTTP."""
    text: str
    """For a person."""


@dataclass(frozen=True, slots=True)
class Asking:
    """What a request says of who asks."""

    client: ClientAddress
    host: str | None = None
    origin: str | None = None
    authorization: str = ""
    subprotocols: Sequence[str] = ()
    """Those that it offers."""
    schemes: Collection[str] = ("http",)
    """Those that our own page may have where it is."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who has come in."""

    client: ClientAddress
    caller: Caller = ANYBODY

    @property
    def owner(self) -> str:
        """Who takes turns with others: a key or a name in tokens, at an address."""
        return f"{self.caller.name} {self.network}"

    @property
    def network(self) -> str:
        """What counts as one address."""
        return network_of(self.client.address)


class Admission:
    """Decides for a server. It keeps count of those who are in: see `enter` and `leave`."""

    def __init__(
        self,
        engine: Engine,
        sessions: Sessions,
        *,
        limits: AddressLimits,
        viewer_limits: AddressLimits,
        max_sessions: int,
        keys: Callable[[], KeyRing] | None,
        max_sessions_per_key: int,
        origins: OriginPolicy,
        is_short_of_memory: Callable[[], bool],
        has_room_to_watch: Callable[[str], bool],
        keys_in_pages: bool,
        editors: KeyRing,
        with_session: Callable[[], int],
        on_foreign_page: Callable[[str], None] = lambda origin: None,
    ) -> None:
        """`keys` gives those that hold at the moment; without it nobody is asked for one.

        Browsers may send keys, not only tokens, where there are `keys_in_pages`. Without `keys`, whose
        tokens are of the `editors` may correct captions, and nobody else.
        `with_session` says how many connections have a session.
        `has_room_to_watch` says of a network whether one more viewer can come from there.
        `on_foreign_page` is called with the origin of each page that is refused for it.
        """
        self._engine = engine
        self._sessions = sessions
        self._limits = limits
        self._viewer_limits = viewer_limits
        self._max_sessions = max_sessions
        self._keys = keys
        self._max_sessions_per_key = max_sessions_per_key
        self._origins = origins
        self._is_short_of_memory = is_short_of_memory
        self._has_room_to_watch = has_room_to_watch
        self._keys_in_pages = keys_in_pages
        self._editors = editors
        self._with_session = with_session
        self._on_foreign_page = on_foreign_page
        self._by_caller: Counter[str] = Counter()  # open connections
        self.is_draining = False
        """The server stops: nobody comes in any more."""

    # -- who is in ------------------------------------------------------------------------------

    def enter(self, visitor: Visitor) -> None:
        """A connection for captions is open."""
        self._limits.enter(visitor.client.address)
        self._by_caller[visitor.caller.name] += 1

    def leave(self, visitor: Visitor) -> None:
        """It has gone."""
        self._limits.leave(visitor.client.address)
        self._by_caller[visitor.caller.name] -= 1
        self._by_caller += Counter()  # forget who has none

    # -- who may come ---------------------------------------------------------------------------

    def to_speak(self, asking: Asking) -> Visitor | Refusal:
        """Whether somebody may connect to be captioned."""
        refusal = self._rate_refusal(self._limits, asking.client) or self._origin_refusal(asking)
        if refusal is not None:
            return refusal
        caller = self.caller(asking)
        if isinstance(caller, Refusal):
            return caller
        if not caller.may_speak:
            return NO_SPEAKING
        if self._has_keys and self._by_caller[caller.name] >= self._max_sessions_per_key:
            return Refusal(429, "This key has reached its session limit.")
        visitor = Visitor(asking.client, caller)
        return self._refusal_now(visitor) or visitor

    def to_speak_anywhere(self, asking: Asking) -> Visitor | Refusal:
        """The same of clients that can name no channel."""
        visitor = self.to_speak(asking)
        if isinstance(visitor, Visitor) and not visitor.caller.may_speak_in(None):
            return Refusal(
                403,
                "This token permits speaking in one channel only, and this protocol knows no channels.",
            )
        return visitor

    def to_speak_without_key(self, asking: Asking) -> Visitor | Refusal:
        """Whether somebody may connect to be captioned whose protocol knows no keys."""
        refusal = self._rate_refusal(self._limits, asking.client) or self._origin_refusal(asking)
        visitor = Visitor(asking.client)
        return refusal or self._refusal_now(visitor) or visitor

    def to_watch(self, asking: Asking, channel: str) -> Visitor | Refusal:
        """Whether somebody may connect to read a channel."""
        if (refusal := self._origin_refusal(asking)) is not None:
            return refusal
        caller = self.caller(asking)
        if isinstance(caller, Refusal):
            return replace(caller, text=f"{caller.text} {WHOLE_LINK}")
        if (refusal := self._rate_refusal(self._viewer_limits, asking.client)) is not None:
            return refusal
        if not caller.may_watch(channel):
            return NO_WATCHING
        if self.is_draining:
            return STOPPING
        visitor = Visitor(asking.client, caller)
        if not self._has_room_to_watch(visitor.network):
            return Refusal(503, "The viewer limit has been reached.")
        return visitor

    def to_use_archive(self, asking: Asking) -> Visitor | Refusal:
        """Whether somebody may read and delete what is kept, be it of one channel alone."""
        refusal = self._origin_refusal(asking) or self._rate_refusal(
            self._viewer_limits, asking.client
        )
        if refusal is not None:
            return refusal
        caller = self.caller(asking)
        if isinstance(caller, Refusal):
            return caller
        if "archive" not in caller.scopes:
            return NO_ARCHIVE
        return Visitor(asking.client, caller)

    def to_edit(self, asking: Asking, channel: str) -> Visitor | Refusal:
        """Whether somebody may correct what is said in a channel: anybody may speak and watch where
        nobody is asked for a key, but the audience must not write.
        """
        refusal = self._origin_refusal(asking) or self._rate_refusal(
            self._viewer_limits, asking.client
        )
        if refusal is not None:
            return refusal
        if self._keys is None:
            given = credentials(asking.authorization, asking.subprotocols)
            caller = None if given is None else self._editors.by_token(given.secret)
            found: Caller | Refusal = caller or NO_EDIT_TOKEN
        else:
            found = self.caller(asking)
        if isinstance(found, Refusal):
            return found
        return Visitor(asking.client, found) if found.may_edit(channel) else NO_EDITING

    def to_make_codes(self, asking: Asking) -> Visitor | Refusal:
        """Whether somebody may have a QR code made."""
        if (refusal := self._origin_refusal(asking)) is not None:
            return refusal
        caller = self.caller(asking)
        if isinstance(caller, Refusal):
            return caller
        if not caller.may_make_codes:
            return Refusal(403, "This key or token permits nothing on this server.")
        return Visitor(asking.client, caller)

    def token_for_key(self, asking: Asking) -> str | Refusal:
        """A token that permits what a key does, for a day: who has typed the key into our own page."""
        refusal = self._rate_refusal(self._limits, asking.client) or self._origin_refusal(asking)
        if refusal is not None:
            return refusal
        if self._keys is None:
            return NO_KEYS
        keys = self._keys()
        given = credentials(asking.authorization, asking.subprotocols)
        if given is None:
            return NO_KEY
        if keys.by_token(given.secret) is not None:
            return given.secret
        if (caller := keys.by_key(given.secret)) is None:
            return BAD_KEY
        return keys.make_token(caller.name, caller.granted, time.time() + TYPED_KEY_S)

    def to_read_figures(self, asking: Asking) -> Refusal | None:
        """Why somebody may not read the metrics, or None. A token for one channel does not suffice."""
        caller = self.caller(asking)
        if isinstance(caller, Refusal):
            return caller
        if not caller.may_read_figures:
            return Refusal(403, "This key or token does not permit reading metrics.")
        return None

    def to_see_models(self, asking: Asking) -> Refusal | None:
        """Why somebody may not ask which model there is, or None: whoever may speak may."""
        if (refusal := self._origin_refusal(asking)) is not None:
            return refusal
        caller = self.caller(asking)
        if isinstance(caller, Refusal):
            return caller
        if not caller.may_speak:
            return NO_SPEAKING
        return None

    def admits_page(self, asking: Asking) -> bool:
        """Whether a page of this origin may read what it is answered."""
        return self._origins.admits(asking.origin, asking.host, asking.schemes)

    def caller(self, asking: Asking) -> Caller | Refusal:
        """Who asks, or why nobody does where that takes a key or a token that holds."""
        if self._keys is None:
            return ANYBODY
        keys = self._keys()
        given = credentials(asking.authorization, asking.subprotocols)
        if given is None:
            return NO_KEY
        if (caller := keys.by_token(given.secret)) is not None:
            return caller
        caller = keys.by_key(given.secret) if given.may_be_key else None
        if caller is None:
            return BAD_KEY
        is_in_page = asking.origin is not None
        return KEY_IN_PAGE if is_in_page and not self._keys_in_pages else caller

    # -- why not --------------------------------------------------------------------------------

    def refusal_of_session(self, visitor: Visitor) -> str | None:
        """Why somebody who is in can begin no session now, or None. Those who were left behind count,
        but one of the same owner gives way; for all others that wait there are the limits.
        """
        if (why := self._why_full(visitor.owner)) is not None:
            return why
        client, caller = visitor.client, visitor.caller.name
        forwarded = client.is_forwarded
        left = self._sessions.left_behind(lambda o: o.rpartition(" ")[2] == visitor.network)
        is_over = self._limits.is_over(client.address, len(left), is_forwarded=forwarded)
        if is_over and not self._sessions.give_way(left, visitor.owner):
            return "This address has reached its session limit."
        if self._has_keys:
            left = self._sessions.left_behind(lambda o: o.rpartition(" ")[0] == caller)
            is_over = self._by_caller[caller] + len(left) > self._max_sessions_per_key
            if is_over and not self._sessions.give_way(left, visitor.owner):
                return "This key has reached its session limit."
        left = self._sessions.left_behind(lambda o: True)
        is_over = self._with_session() + len(left) >= self._max_sessions
        if is_over and not self._sessions.give_way(left, visitor.owner):
            return "The server has reached its session limit."
        return None

    @property
    def _has_keys(self) -> bool:
        return self._keys is not None

    def _rate_refusal(self, limits: AddressLimits, client: ClientAddress) -> Refusal | None:
        forwarded = client.is_forwarded
        why = limits.refusal(client.address, time.monotonic(), is_forwarded=forwarded)
        return None if why is None else Refusal(429, why)

    def _origin_refusal(self, asking: Asking) -> Refusal | None:
        if self.admits_page(asking):
            return None
        self._on_foreign_page(asking.origin or "")  # there is one: programs without are admitted
        return FOREIGN_PAGE

    def _refusal_now(self, visitor: Visitor) -> Refusal | None:
        """Why this client cannot come in now, or None."""
        if self.is_draining:
            return STOPPING
        if self._engine.state is EngineState.FAILED:
            return Refusal(503, "The recognition engine has failed.")
        if self._engine.model is None:
            return LOADING
        if self._sessions.waiting:  # it may be one who comes back; others learn it at their `start`
            return None
        why = self._why_full(visitor.owner)
        return None if why is None else Refusal(503, why)

    def _why_full(self, owner: str) -> str | None:
        """Why an owner can begin no session now, or None. Connections without one take no place."""
        if self._engine.state is EngineState.BROKEN:
            return (
                "The recognition worker keeps crashing; the server is still trying to restart it."
            )
        if self._is_short_of_memory():
            return "The server is short of memory."
        if self._engine.overloaded_for(owner):
            return "The server is overloaded: captions are already late."
        if self._with_session() >= self._max_sessions:
            return "The server has reached its session limit."
        return None


NO_KEY = Refusal(401, "A valid key or token is required. None was given.")
BAD_KEY = Refusal(
    401, "A valid key or token is required. The one that was given is wrong, or has expired."
)
WHOLE_LINK = "Ask the speaker for the whole link."
"""What somebody can do whose link has lost a part on its way."""
NO_WATCHING = Refusal(403, f"This key or token does not permit watching this channel. {WHOLE_LINK}")
NO_KEYS = Refusal(404, "This server requires no key.")
KEY_IN_PAGE = Refusal(
    403,
    "This is a key, and every visitor of the page can read it. Give the page a token instead, made by "
    "`surtitle token`; or, if this is intended, see the server's setting `keys_in_pages`.",
)
NO_SPEAKING = Refusal(403, "This key or token does not permit speaking.")
NO_ARCHIVE = Refusal(
    403, "This key or token does not permit reading what is kept; that takes the scope `archive`."
)
NO_EDITING = Refusal(
    403, "This key or token does not permit correcting the captions of this channel."
)
NO_EDIT_TOKEN = Refusal(
    401,
    "Correcting captions takes a token. It is in the link for correctors on the speaker's page, and "
    "holds until the server is restarted.",
)
LOADING = Refusal(503, "The model is being loaded.")
STOPPING = Refusal(503, "The server is stopping.")
FOREIGN_PAGE = Refusal(
    403, "Pages from this origin may not use the server; see its setting `allowed_origins`."
)
"""Any page may read this one, so nothing may be in it that depends on the server or on who asks."""

"""Channels: what one session says, for everybody who watches it under a name.

A message is encoded once and goes to the `audience`. A viewer who joins late gets the recent finals
first (`history`). Nothing that a viewer sends is looked at.

A channel is there as long as somebody publishes in it or watches it, and some time longer with what
was said last. Where several servers share their channels (`backplane`), it also has what sessions at
the others say. What a person corrects in it goes to all who watch, and to the session that said it.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from surtitle.captioning.correcting import Correction, correct
from surtitle.errors import BadStart
from surtitle.gateway.audience import Audience, ViewerSocket
from surtitle.gateway.history import KEEP_S, History, frame_of
from surtitle.messages import (
    MAX_HOTWORDS,
    ChannelState,
    Failed,
    Final,
    Partial,
    Published,
    Revised,
    revise,
)
from surtitle.messages import Channel as ChannelMessage

MAX_IDLE = 100
"""Channels that are kept when nobody publishes or watches any more; beyond that the oldest goes."""
MAX_SESSIONS = 100
"""Of which it is remembered whether they spoke here."""


class NothingToCorrect(Exception):
    """A correction is of a caption that the channel does not have, or not any more."""


class CorrectedMeanwhile(Exception):
    """A correction is of a text that the caption does not have any more."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text
        """What it has now."""


class Publisher(Protocol):
    """What a channel knows of the session that publishes in it."""

    @property
    def public_id(self) -> str:
        """A name of the session for its viewers, with which they can do nothing else."""
        ...

    @property
    def is_connected(self) -> bool:
        """Whether its client is there now."""
        ...

    @property
    def keeps_name(self) -> bool:
        """Whether its client, where it is away, may come back to it."""
        ...

    @property
    def key(self) -> str | None:
        """With which key or token it was opened; None where nobody was asked for one."""
        ...

    def lose_channel(self) -> None:
        """Another session has taken the name over."""
        ...

    def refuse_channel(self, why: str) -> None:
        """Another session has the name at another server, as was found out just now."""
        ...

    def correct(self, revised: Revised) -> None:
        """A person has corrected what it said. It publishes that."""
        ...

    def listen_for(self, names: Sequence[str]) -> None:
        """These names will be said. Raises BadMessage where they are too many."""
        ...


class Others(Protocol):
    """The other servers, where channels are shared with them."""

    def follow(self, channel: "Channel") -> None:
        """Somebody publishes in it or watches it here."""
        ...

    def leave(self, channel: "Channel") -> None:
        """Nobody does any more."""
        ...

    def on_change(self, channel: "Channel") -> None:
        """Who publishes has changed, or how, or how many watch."""
        ...

    def on_message(self, channel: "Channel", message: Published) -> None:
        """The session that publishes here has said something."""
        ...

    def on_correction(self, channel: "Channel", session: str, revised: Revised) -> None:
        """A person has corrected here what a session said that does not publish here."""
        ...


class _Nobody:
    """There are no other servers."""

    def follow(self, channel: "Channel") -> None:
        """See Others."""

    def leave(self, channel: "Channel") -> None:
        """See Others."""

    def on_change(self, channel: "Channel") -> None:
        """See Others."""

    def on_message(self, channel: "Channel", message: Published) -> None:
        """See Others."""

    def on_correction(self, channel: "Channel", session: str, revised: Revised) -> None:
        """See Others."""


NOBODY = _Nobody()


@dataclass(slots=True)
class _Elsewhere:
    """How a channel stands at the other servers."""

    session: str = ""
    """Of the one who publishes there, or did last; empty where nobody has."""
    state: ChannelState = "waiting"
    viewers: int = 0


@dataclass(slots=True)
class _Open:
    """The newest partial of an utterance without an answer."""

    session: str
    utterance: int
    frame: bytes


class Channel:
    """One name: who publishes, who watches, and what was said last."""

    def __init__(
        self,
        name: str,
        patience_s: float,
        clock_s: Callable[[], float] = time.monotonic,
        others: Others = NOBODY,
        on_lost: "Callable[[Channel], object]" = lambda channel: None,
        names: Sequence[str] = (),
    ) -> None:
        """A viewer that takes nothing for `patience_s` is cut off. `on_lost` is called when one
        who publishes here has lost the name to another server.
        """
        self.name = name
        self.names = list(names)
        """Names and terms that are said in it."""
        self._others = others
        self._on_lost = on_lost
        self._elsewhere = _Elsewhere()
        self._publisher: Publisher | None = None
        self._session = ""  # of the newest publisher
        self._audience = Audience(name, patience_s, self._state_frame, clock_s)
        self._history = History(clock_s)
        self._spoke_here: dict[str, bool] = {}
        """By session, the newest last: whether it spoke here, and not at another server."""
        self._open: _Open | None = None
        self.onward: Callable[[str, Published], object] | None = None
        """What else takes what a session says that publishes here: its name and the message. It must
        not block."""
        self.on_past: Callable[[str, Revised], object] = lambda session, revised: None
        """Called with each correction here of a session that does not publish here. Nor must this."""

    @property
    def viewers_here(self) -> int:
        """How many watch at this server."""
        return len(self._audience)

    @property
    def viewers(self) -> int:
        """How many watch."""
        return len(self._audience) + self._elsewhere.viewers

    @property
    def publisher(self) -> Publisher | None:
        """Who publishes here."""
        return self._publisher

    @property
    def is_spoken_in(self) -> bool:
        """Whether somebody publishes, here or elsewhere."""
        return self._publisher is not None or self._elsewhere.state != "waiting"

    @property
    def is_spoken_in_elsewhere(self) -> bool:
        """Whether somebody publishes at another server, and nobody here."""
        return self._publisher is None and self.is_spoken_in

    @property
    def spoke_here(self) -> bool:
        """Whether something is kept that was said at this server."""
        return self.has_history and any(self._spoke_here.values())

    @property
    def is_idle(self) -> bool:
        """Whether nobody publishes here and nobody watches."""
        return self._publisher is None and not self._audience

    @property
    def has_history(self) -> bool:
        """Whether there is something for who comes later."""
        return len(self._history) > 0

    # -- the publisher --------------------------------------------------------------------------

    def claim(self, publisher: Publisher) -> None:
        """This session publishes from now on.

        Raises BadStart where another does, or may come back to do so. One of the same key takes the
        name over from a session whose client is away: its program was started again.
        """
        holder = self._publisher
        if holder is not None and holder.is_connected:
            raise BadStart(
                f"Another session is publishing in the channel {self.name}; choose another name."
            )
        if holder is not None:
            same_key = holder.key is not None and holder.key == publisher.key
            if holder.keeps_name and not same_key:
                raise BadStart(
                    f"The session publishing in the channel {self.name} has lost its connection "
                    "and may come back; choose another name, or try again later."
                )
            holder.lose_channel()
        self._publisher, self._session, self._open = publisher, publisher.public_id, None
        self._note_origin(publisher.public_id, here=True)
        self.announce()

    def release(self, publisher: Publisher) -> None:
        """This session does not publish any more."""
        if self._publisher is publisher:
            self._publisher = self._open = None
            self.announce()

    def publish(self, publisher: Publisher, message: Published) -> None:
        """Send what the session said to all who watch."""
        if publisher is not self._publisher:
            return
        self._enter(self._session, message)
        self._others.on_message(self, message)
        if self.onward is not None:
            self.onward(self._session, message)

    def _enter(self, session: str, message: Published) -> None:
        """Keep what a session said, and send it to all who watch."""
        frame = frame_of(message)
        if isinstance(message, Final | Failed):
            self._history.add(session, message, frame)
        elif isinstance(message, Revised) and not self._history.revise(session, message):
            return
        if isinstance(message, Partial):
            self._open = _Open(session, message.utterance, frame)
        elif self._open is not None and (session, message.utterance) == (
            self._open.session,
            self._open.utterance,
        ):
            self._open = None
        self._audience.post(frame, is_partial=isinstance(message, Partial))

    # -- corrections ----------------------------------------------------------------------------

    def correct(self, correction: Correction, by: str) -> Final:
        """A person corrects a final. Returns how it is now.

        Raises NothingToCorrect where it is not known, or not any more, and CorrectedMeanwhile where the
        person has seen another text.
        """
        session = correction.session
        self._age()
        final = self._history.find(session, correction.utterance)
        if final is None:
            raise NothingToCorrect
        if correction.seen not in (None, final.text):
            raise CorrectedMeanwhile(final.text)
        revised = correct(final, correction.text, by)
        if self._publisher is not None and self._publisher.public_id == session:
            self._publisher.correct(revised)
        else:
            self._enter_past(session, revised)
            self._others.on_correction(self, session, revised)
            self.on_past(session, revised)
            if self.onward is not None and self._spoke_here.get(session, True):
                self.onward(session, revised)
        return revise(final, revised)

    def listen_for(self, names: Sequence[str]) -> None:
        """These names will be said, by who publishes now and by those who follow. Where there are too
        many, the oldest go; raises BadMessage where they are too many for the session.
        """
        if self._publisher is not None:
            self._publisher.listen_for(names)
        added = [name for name in names if name not in self.names]
        self.names = [*self.names, *added][-MAX_HOTWORDS:]

    def _enter_past(self, session: str, revised: Revised) -> None:
        """The better text of a session that may not be the one that viewers heard of last: utterances
        of both have the same numbers."""
        is_named = session == self._session
        if not is_named:
            self._audience.post(self._past_frame(session))
        self._enter(session, revised)
        if not is_named:
            self._post_present()

    def _post_present(self) -> None:
        """Tell of which session it is again what comes, and what of it stood there."""
        self._audience.post(self._state_frame())
        if self._open is not None:
            self._audience.post(self._open.frame, is_partial=True)

    def announce(self) -> None:
        """Tell all who watch how the channel is: that has changed."""
        self._audience.post(self._state_frame())
        self._others.on_change(self)

    # -- what was said before -------------------------------------------------------------------

    def restore(self, said: Iterable[tuple[str, Final]]) -> None:
        """Sessions of earlier times have said this, oldest first, as an archive knows."""
        earlier = self._history.unknown(said)
        if self._history:
            self._history.precede(earlier)
        else:
            self._relay(earlier)

    def _age(self) -> None:
        """An overlay that is open for days keeps the channel, and not what was said in it."""
        self._history.age(self._session if self.is_spoken_in else None)

    def forget(self, session: str | None = None) -> None:
        """Latecomers no longer get what this session has said; with None, what any has said."""
        self._history.forget(session)

    # -- the other servers ----------------------------------------------------------------------

    def answers_of(self, session: str) -> list[Final | Failed]:
        """What is kept of a session."""
        return self._history.of(session)

    def relay(self, said: Sequence[tuple[str, Published]]) -> None:
        """Sessions at other servers said this, oldest first; what is known already is left out.

        A person who corrects there what was said here corrects it in what this server has passed on.
        """
        corrections: dict[tuple[str, int], Revised] = {}  # the newest of each
        for session, message in said:
            if not isinstance(message, Revised):
                self._note_origin(session, here=False)
            elif message.by is not None:
                corrections[session, message.utterance] = message
        known = {key: self._history.find(*key) for key in corrections}
        self._relay(said)
        for (session, utterance), revised in corrections.items():
            was = known[session, utterance]
            # What is not known any more, or was never different, comes again with the whole history.
            if was is None or (was.text, was.by) == (revised.text, revised.by):
                continue
            if self._publisher is not None and self._publisher.public_id == session:
                continue  # who publishes it
            self.on_past(session, revised)
            if self.onward is not None and self._spoke_here.get(session, False):
                self.onward(session, revised)

    def _note_origin(self, session: str, *, here: bool) -> None:
        self._spoke_here.setdefault(session, here)
        if len(self._spoke_here) > MAX_SESSIONS:
            del self._spoke_here[next(iter(self._spoke_here))]

    def _relay(self, said: Iterable[tuple[str, Published]]) -> None:
        speaker = newest = self._session
        for session, message in said:
            if isinstance(message, Final | Failed) and self._history.has(session, message):
                continue
            if self._is_for_publisher(session, message):
                continue
            if session != speaker:
                self._audience.post(self._past_frame(session))
                speaker = session
            if not isinstance(message, Revised):
                newest = session  # else it is of the past
            self._enter(session, message)
        if speaker != self._session or newest != self._session:
            if self._publisher is None:
                self._session = newest
            if speaker == newest:
                self._audience.post(self._state_frame())
            else:
                self._post_present()

    def _is_for_publisher(self, session: str, message: Published) -> bool:
        """Whether a person corrects what is said here: whoever said it has it now, and publishes it."""
        publisher = self._publisher
        if publisher is None or publisher.public_id != session:
            return False
        if not isinstance(message, Revised) or message.by is None:
            return False
        known = self._history.find(session, message.utterance)
        if known is not None and (known.text, known.by) != (message.text, message.by):
            publisher.correct(message)
        return True

    def hear(self, session: str, state: ChannelState, viewers: int) -> None:
        """How it is at the other servers: who publishes there, or did last, and how many watch."""
        now = _Elsewhere(session, state, viewers)
        if now == self._elsewhere:
            return
        self._elsewhere = now
        if self._publisher is None:
            if session:
                self._session = session
            if state == "waiting":
                self._open = None
        self._audience.post(self._state_frame())

    def on_store_gone(self) -> None:
        """Nothing is heard of the other servers for now: who was live there counts as away."""
        state: ChannelState = "waiting" if self._elsewhere.state == "waiting" else "away"
        self.hear(self._elsewhere.session, state, 0)

    def lose(self, publisher: Publisher, refusal: str | None = None) -> None:
        """This one does not publish any more, for a session at another server does.

        With a `refusal`, that one was there before.
        """
        if publisher is not self._publisher:
            return
        self._publisher = self._open = None
        self._session = self._elsewhere.session or self._session
        if refusal is None:
            publisher.lose_channel()
        else:
            publisher.refuse_channel(refusal)
        self._audience.post(self._state_frame())
        self._on_lost(self)

    # -- viewers --------------------------------------------------------------------------------

    @contextlib.contextmanager
    def watched_by(self, socket: ViewerSocket) -> Iterator[None]:
        """A viewer watches while the block runs; it gets the history at once."""
        try:
            with self._audience.joined_by(socket, self._welcome):
                self._others.on_change(self)
                yield
        finally:
            self._others.on_change(self)

    def close(self) -> None:
        """The server ends."""
        self._audience.close()

    def _welcome(self) -> bytes:
        """How the channel is, what was said by which session, and again how it is."""
        self._age()
        frames, named = [self._state_frame()], self._session
        for session, answers in self._history.frames():
            if session != named:
                current = session == self._session
                frames.append(self._state_frame() if current else self._past_frame(session))
                named = session
            frames += answers
        if self._history:
            frames.append(self._state_frame())
        if self._open is not None:
            frames.append(self._open.frame)
        return b"".join(frames)

    def _state_frame(self) -> bytes:
        state = self._elsewhere.state
        if self._publisher is not None:
            state = "live" if self._publisher.is_connected else "away"
        return frame_of(self._message(state, self._session))

    def _past_frame(self, session: str) -> bytes:
        """Before what a session said that does not publish any more."""
        return frame_of(self._message("waiting", session))

    def _message(self, state: ChannelState, session: str) -> ChannelMessage:
        return ChannelMessage(channel=self.name, state=state, session=session, viewers=self.viewers)


class Channels:
    """All channels of a server."""

    def __init__(
        self,
        patience_s: float,
        others: Others = NOBODY,
        on_new: Callable[[Channel], object] = lambda channel: None,
        names: Mapping[str, Sequence[str]] = MappingProxyType({}),
    ) -> None:
        """See Channel. `on_new` is called for one of which nothing is known here; `names` are those
        that channels begin with.
        """
        self._names = names
        self._on_new = on_new
        self._patience_s = patience_s
        self._others = others
        self._channels: dict[str, Channel] = {}
        self._idle: dict[str, asyncio.TimerHandle] = {}  # the longest idle first

    def __len__(self) -> int:
        return len(self._channels)

    @property
    def viewers(self) -> int:
        """How many watch here, over all channels."""
        return sum(channel.viewers_here for channel in self._channels.values())

    def publish(self, name: str, publisher: Publisher) -> Channel:
        """A session publishes under this name. Raises BadStart where another one does."""
        channel = self._channel(name)
        try:
            channel.claim(publisher)
        finally:
            self._keep_or_drop(channel)
        return channel

    def release(self, channel: Channel, publisher: Publisher) -> None:
        """A session has ended that published."""
        channel.release(publisher)
        self._keep_or_drop(channel)

    @contextlib.contextmanager
    def watched_by(self, name: str, socket: ViewerSocket) -> Iterator[None]:
        """Somebody watches while the block runs; nobody needs to publish yet."""
        channel = self._channel(name)
        try:
            with channel.watched_by(socket):
                self._keep_or_drop(channel)
                yield
        finally:
            self._keep_or_drop(channel)

    def get(self, name: str) -> Channel | None:
        """A channel in which something is said or was, or that somebody watches."""
        return self._channels.get(name)

    def names_of(self, name: str) -> Sequence[str]:
        """Names and terms that are said in a channel."""
        channel = self._channels.get(name)
        return self._names.get(name, ()) if channel is None else channel.names

    def forget(self, session: str | None = None, name: str | None = None) -> None:
        """Nobody who comes later gets what a session has said, or what was said in a channel."""
        for channel in self._channels.values():
            if name in (None, channel.name):
                channel.forget(session)

    def close(self) -> None:
        """The server ends."""
        for timer in self._idle.values():
            timer.cancel()
        for channel in self._channels.values():
            channel.close()

    def _channel(self, name: str) -> Channel:
        if (channel := self._channels.get(name)) is None:
            channel = self._channels[name] = Channel(
                name,
                self._patience_s,
                others=self._others,
                on_lost=self._keep_or_drop,
                names=self._names.get(name, ()),
            )
            self._on_new(channel)
        self._others.follow(channel)
        return channel

    def _keep_or_drop(self, channel: Channel) -> None:
        """Keep it, or keep it for some time, or let it go."""
        if (timer := self._idle.pop(channel.name, None)) is not None:
            timer.cancel()
        if not channel.is_idle or self._channels.get(channel.name) is not channel:
            return
        if not channel.spoke_here:  # else it may be corrected at another server
            self._others.leave(channel)
        if not channel.has_history:
            self._drop(channel)
            return
        loop = asyncio.get_running_loop()
        self._idle[channel.name] = loop.call_later(KEEP_S, self._drop, channel)
        if len(self._idle) > MAX_IDLE:
            self._drop(self._channels[next(iter(self._idle))])

    def _drop(self, channel: Channel) -> None:
        if (timer := self._idle.pop(channel.name, None)) is not None:
            timer.cancel()
        self._others.leave(channel)
        channel.close()
        del self._channels[channel.name]

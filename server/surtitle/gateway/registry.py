"""All sessions of a server: with a connection, or waiting for one."""

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Iterator

import structlog

from surtitle.archive.archive import Archive
from surtitle.captioning.session import CaptionSession
from surtitle.decoding.decoders import Decoders
from surtitle.engine.engine import Engine
from surtitle.errors import BadStart, Busy, UnknownSession
from surtitle.gateway.channels import Channels
from surtitle.gateway.hosted import HostedSession, Rounds, Told
from surtitle.gateway.lifecycle import SessionEvent, SessionState, may
from surtitle.gateway.link import Link
from surtitle.messages import Resumed
from surtitle.runtime.metrics import Metrics
from surtitle.subtitles.cues import Layout

log = structlog.get_logger("surtitle.session")

Service = Callable[[str], Told]
"""How it is for an owner."""


class Sessions:
    """All sessions, with a connection or waiting for one."""

    def __init__(
        self,
        engine: Engine,
        rounds: Rounds,
        layout: Layout,
        *,
        resume_window_s: float,
        max_waiting: int,
        metrics: Metrics,
        channels: Channels,
        decoders: Decoders,
        watch_token: Callable[[str], str | None] = lambda channel: None,
        edit_token: Callable[[str], str | None] = lambda channel: None,
        archive: Archive | None = None,
    ) -> None:
        """At most `max_waiting` sessions wait for their clients, or for their last answers without one:
        then the oldest ends of the owner who has most of them, so that nobody can push out others.

        `watch_token` makes what the viewers of a channel need, where they need something, `edit_token`
        what somebody needs who corrects its captions. What is said is kept in the `archive`, if there
        is one.
        """
        self.channels = channels
        self._archive = archive
        self._decoders = decoders
        self._watch_token = watch_token
        self._edit_token = edit_token
        self._engine = engine
        self._rounds = rounds
        self._layout = layout
        self._resume_window_s = resume_window_s
        self._max_waiting = max_waiting
        self._metrics = metrics
        self._sessions: dict[str, HostedSession] = {}
        self._expiries: dict[str, asyncio.TimerHandle] = {}  # of those without a connection
        self._service: Service = lambda owner: ("normal", "")
        self.ended = 0
        """How many have ended by now."""

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[HostedSession]:
        return iter(list(self._sessions.values()))

    @property
    def waiting(self) -> int:
        """How many wait for their client to come back."""
        return sum(hosted.state is SessionState.WAITING for hosted in self)

    def get(self, session_id: str) -> HostedSession | None:
        """A session by its name."""
        return self._sessions.get(session_id)

    def open(
        self,
        session: CaptionSession,
        link: Link,
        channel: str | None = None,
        owner: str = "",
        key: str | None = None,
        keep_as: str | None = None,
    ) -> HostedSession:
        """A session begins on a connection, and publishes in a channel. What is said is kept under the
        name of a key, where one is given.

        Raises BadStart where another session publishes there.
        """
        hosted = HostedSession(
            session,
            self._engine,
            self._rounds,
            self._layout,
            self._metrics,
            on_answered=self._remove,
            owner=owner,
            key=key,
        )
        if session.container is not None:
            hosted.decode_with(self._decoders, session.container)
        hosted.attach(link)
        if channel is not None:
            try:
                hosted.channel = self.channels.publish(channel, hosted)
            except BadStart:
                hosted.end()
                raise
        self._metrics.on_open()
        self._sessions[hosted.id] = hosted
        archive = None if keep_as is None else self._archive
        if archive is not None:
            hosted.record = archive.begin(hosted.public_id, channel, keep_as or "")
        hosted.greet(
            resume_window_s=math.floor(self._resume_window_s),
            watch_token=None if channel is None else self._watch_token(channel),
            archive_days=None if archive is None else archive.days,
            edit_token=None if channel is None else self._edit_token(channel),
        )
        hosted.tell(*self._service(owner))
        return hosted

    def tell(self, service: Service) -> None:
        """Tell every client how the service is for its owner, where that has changed.

        Those who come while it is not normal are told too.
        """
        self._service = service
        for hosted in self:
            hosted.tell(*service(hosted.owner))

    def resume(self, session_id: str, token: str, last_seq: int, link: Link) -> HostedSession:
        """Give a session to another connection, which is told what it has missed.

        Raises UnknownSession.
        """
        hosted = self._sessions.get(session_id)
        can_go_on = hosted is not None and may(hosted.state, SessionEvent.ATTACH)
        if hosted is None or not can_go_on or not hosted.accepts(token):
            raise UnknownSession(
                "This session is unknown or has expired; open a new one and send from `safe`."
            )
        try:
            missed = hosted.replay(last_seq)
        except UnknownSession:
            hosted.keeps_name = False  # for the one that its client opens now
            raise
        if (timer := self._expiries.pop(session_id, None)) is not None:
            timer.cancel()
        hosted.attach(link)
        link.post(Resumed(received=hosted.session.ack().received, token=hosted.rotate(token)))
        for message in missed:
            link.post(message)
        self._metrics.on_resume()
        log.info("session resumed", session=session_id, missed=len(missed))
        return hosted

    def leave(
        self, hosted: HostedSession, link: Link, *, for_good: bool, keeps_name: bool = True
    ) -> None:
        """A connection has gone; the session may wait for another, unless it has gone `for_good`.

        While it waits it `keeps_name`, that of its channel.
        """
        if hosted.link is not link:  # another one has the session, or it has ended
            return
        hosted.detach()
        hosted.keeps_name = keeps_name
        is_over = for_good or hosted.state is not SessionState.WAITING
        if is_over or not self._resume_window_s or hosted.is_unheard:
            self._remove(hosted)
            return
        loop = asyncio.get_running_loop()
        self._expiries[hosted.id] = loop.call_later(self._resume_window_s, self._expire, hosted)
        while len(left := self.left_behind(lambda owner: True)) > self._max_waiting:
            counts = Counter(each.owner for each in left)
            oldest = max(left, key=lambda each: counts[each.owner])  # the first of equals
            if oldest.state is SessionState.WAITING:
                self._expiries[oldest.id].cancel()
                self._expire(oldest)
                break
            self._end_for_another(oldest)
        if hosted.channel is not None:
            hosted.channel.announce()
        log.info("session waits for its client", session=hosted.id)

    @property
    def used_bytes(self) -> int:
        """What the decoder processes of all sessions take."""
        return self._decoders.memory_bytes()

    def left_behind(self, concerns: Callable[[str], bool]) -> list[HostedSession]:
        """The sessions without a client of the owners concerned, those first that may go first.

        A stranger with the same address could push a speaker out otherwise, and take the channel.
        """
        nobody_comes = [hosted for hosted in self if hosted.state is SessionState.ABANDONED]
        left = [self._sessions[session_id] for session_id in self._expiries]
        waiting = [hosted for hosted in left if hosted.state is SessionState.WAITING]
        waiting.sort(key=lambda hosted: hosted.channel is not None)
        return [hosted for hosted in (*nobody_comes, *waiting) if concerns(hosted.owner)]

    def give_way(self, left: list[HostedSession], owner: str) -> bool:
        """One of those that were `left` behind ends for one that this owner begins; False where none
        does.

        It is one of the same owner, or one of somebody who has left several.
        """
        counts = Counter(hosted.owner for hosted in left)
        several = [hosted for hosted in left if counts[hosted.owner] > 1]
        most = max(several, key=lambda hosted: counts[hosted.owner], default=None)
        chosen = next((hosted for hosted in left if hosted.owner == owner), most)
        if chosen is None:
            return False
        self._end_for_another(chosen)
        return True

    def _end_for_another(self, hosted: HostedSession) -> None:
        log.info("session gave way to another", session=hosted.id)
        self._remove(hosted)

    def shed(self, session_id: str) -> None:
        """End a session since memory is short; its client may come back."""
        hosted = self._sessions[session_id]
        log.info("session ended to save memory", session=session_id, held=hosted.held_bytes)
        self._metrics.on_shed()
        hosted.link.fail(Busy("The server is short of memory, and this session uses much of it."))
        self._remove(hosted)

    def _expire(self, hosted: HostedSession) -> None:
        """Nobody has come back: what was heard is answered for those who watch, then it is over."""
        del self._expiries[hosted.id]
        if not may(hosted.state, SessionEvent.ABANDON):  # its decoder has failed before
            return
        self._metrics.on_expiry()
        log.info("session expired", session=hosted.id)
        hosted.abandon()

    def _remove(self, hosted: HostedSession) -> None:
        self._sessions.pop(hosted.id, None)
        self.ended += 1
        if (timer := self._expiries.pop(hosted.id, None)) is not None:
            timer.cancel()
        hosted.end()
        if hosted.channel is not None:
            self.channels.release(hosted.channel, hosted)

    def close(self) -> None:
        """The server ends."""
        for hosted in self:
            self._remove(hosted)
        self.channels.close()
        self._decoders.close()

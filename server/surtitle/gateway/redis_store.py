"""The store of a backplane, in Redis.

Each channel has a stream of what was said, and a hash with who publishes. Scripts change both at once,
so that nobody writes in a name that another session has. A message on a topic of the channel tells the
others to look; it is a bell, and what they read is the stream.
"""

import hashlib
from collections.abc import AsyncIterator, Awaitable
from typing import Any, cast

import msgspec
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from surtitle.gateway.backplane import LEASE_S, Holder, News, StoreGone, Taken, is_answer
from surtitle.gateway.history import KEEP_S
from surtitle.messages import Published, Revised, format_message, parse_viewer_message

ANSWER_S = 2.0
"""A store that takes longer for an answer is taken for gone."""
VIEWERS_S = 10.0
"""How long viewers of a server count that says nothing more."""
MAX_MESSAGES = 1000
"""In a stream: about as many answers as a channel keeps for who comes late."""
PREFIX = "surtitle:"

_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""
_RING = """
redis.call('PUBLISH', ARGV[1], ARGV[2])
"""
_SET = """
redis.call('HSET', KEYS[1], 'session', ARGV[3], 'connected', ARGV[4], 'keeps', ARGV[5], 'key', ARGV[6],
    'until', string.format('%.0f', now + ARGV[7]))
redis.call('PEXPIRE', KEYS[1], ARGV[8])
"""
# Keys: hash, stream. Arguments: topic, server, session, connected, keeps, key, lease, how long to keep.
_CLAIM = (
    _NOW
    + """
local had = redis.call('HMGET', KEYS[1], 'session', 'connected', 'keeps', 'key', 'until')
if had[1] and had[1] ~= ARGV[3] and tonumber(had[5]) > now then
    local same_key = ARGV[6] ~= '' and had[4] == ARGV[6]
    if had[2] == '1' or (had[3] == '1' and not same_key) then
        return {tonumber(had[2]), had[5]}
    end
end
if had[1] ~= ARGV[3] then
    local open = redis.call('HGET', KEYS[1], 'open')
    if open then redis.call('XDEL', KEYS[2], open) end
    redis.call('HDEL', KEYS[1], 'open', 'answered')
end
"""
    + _SET
    + _RING
    + "return false"
)
_RENEW = (
    _NOW
    + """
if redis.call('HGET', KEYS[1], 'session') ~= ARGV[3] then return 0 end
local was = redis.call('HGET', KEYS[1], 'connected')
"""
    + _SET
    + """
redis.call('PEXPIRE', KEYS[2], ARGV[8])
if was ~= ARGV[4] then redis.call('PUBLISH', ARGV[1], ARGV[2]) end
return 1
"""
)
# Arguments: topic, server, session.
_RELEASE = (
    """
if redis.call('HGET', KEYS[1], 'session') ~= ARGV[3] then return 0 end
redis.call('HSET', KEYS[1], 'until', 0)
"""
    + _RING
    + "return 1"
)
# Arguments: topic, server, session, message, the utterance that it answers or 0, whether it is a
# partial, most messages, how long to keep.
_PUBLISH = (
    """
if redis.call('HGET', KEYS[1], 'session') ~= ARGV[3] then return 0 end
local answers = tonumber(ARGV[5])
if answers > 0 then
    if answers <= tonumber(redis.call('HGET', KEYS[1], 'answered') or 0) then return 1 end
    redis.call('HSET', KEYS[1], 'answered', answers)
end
local open = redis.call('HGET', KEYS[1], 'open')
if open then
    redis.call('XDEL', KEYS[2], open)
    redis.call('HDEL', KEYS[1], 'open')
end
local id = redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[7], '*',
    'server', ARGV[2], 'session', ARGV[3], 'message', ARGV[4])
if ARGV[6] == '1' then redis.call('HSET', KEYS[1], 'open', id) end
redis.call('PEXPIRE', KEYS[2], ARGV[8])
"""
    + _RING
    + "return 1"
)
# Arguments: topic, server, session, message, most messages, how long to keep.
_AMEND = (
    """
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[5], '*',
    'server', ARGV[2], 'session', ARGV[3], 'message', ARGV[4])
redis.call('PEXPIRE', KEYS[2], ARGV[6])
"""
    + _RING
    + "return 1"
)
# Keys: hash, stream, viewers. Arguments: topic, server, after which message, viewers here, how long
# they count, how long to keep.
_LOOK = (
    _NOW
    + """
local before = redis.call('HGET', KEYS[3], ARGV[2])
if ARGV[4] == '0' then
    redis.call('HDEL', KEYS[3], ARGV[2])
else
    redis.call('HSET', KEYS[3], ARGV[2], ARGV[4] .. ' ' .. string.format('%.0f', now + ARGV[5]))
    redis.call('PEXPIRE', KEYS[3], ARGV[6])
end
if string.match(before or '0', '%d+') ~= ARGV[4] then redis.call('PUBLISH', ARGV[1], ARGV[2]) end
local viewers = 0
local all = redis.call('HGETALL', KEYS[3])
for at = 1, #all, 2 do
    local count, till = string.match(all[at + 1], '(%d+) (%d+)')
    if all[at] ~= ARGV[2] and tonumber(till) > now then viewers = viewers + tonumber(count) end
end
local had = redis.call('HMGET', KEYS[1], 'session', 'connected', 'until')
local state = 'waiting'
if had[1] and tonumber(had[3]) > now then state = had[2] == '1' and 'live' or 'away' end
local said = redis.call('XRANGE', KEYS[2], ARGV[3], '+')
return {had[1] or '', state, viewers, said, string.format('%.0f', now)}
"""
)


class RedisStore:
    """See backplane.Store."""

    def __init__(self, url: str, server: str) -> None:
        """`server` is a name that no other process has. Raises ValueError for a wrong address."""
        self._server = server
        options: dict[str, Any] = {
            "decode_responses": True,
            "socket_timeout": ANSWER_S,
            "socket_connect_timeout": ANSWER_S,
            "retry": Retry(NoBackoff(), 0),  # the backplane tries again by itself
        }
        try:
            self._redis = Redis.from_url(url, **options)
        except ValueError:  # it may tell a part of a password, taken for a port
            raise ValueError("write redis://HOST:PORT or redis://:PASSWORD@HOST:PORT/0") from None
        self._bell: PubSub = self._redis.pubsub()
        self._claim = self._redis.register_script(_CLAIM)
        self._renew = self._redis.register_script(_RENEW)
        self._release = self._redis.register_script(_RELEASE)
        self._publish = self._redis.register_script(_PUBLISH)
        self._amend = self._redis.register_script(_AMEND)
        self._look = self._redis.register_script(_LOOK)

    async def open(self) -> None:
        """See Store."""
        self._bell = self._redis.pubsub()
        await _asked(self._bell.subscribe(f"{PREFIX}server:{self._server}"))  # to be connected

    async def close(self) -> None:
        """See Store."""
        try:
            await self._bell.aclose()  # type: ignore[no-untyped-call]
            await self._redis.aclose()
        except (RedisError, OSError):
            pass  # it is gone

    async def claim(self, channel: str, holder: Holder) -> Taken | None:
        """See Store."""
        taken = await _asked(self._claim(_keys(channel), self._arguments(channel, holder)))
        return None if taken is None else Taken(bool(taken[0]), int(taken[1]))

    async def renew(self, channel: str, holder: Holder) -> bool:
        """See Store."""
        return bool(await _asked(self._renew(_keys(channel), self._arguments(channel, holder))))

    async def release(self, channel: str, session: str) -> None:
        """See Store."""
        arguments: list[str | int] = [_topic(channel), self._server, session]
        await _asked(self._release(_keys(channel), arguments))

    async def publish(self, channel: str, session: str, message: Published) -> bool:
        """See Store."""
        arguments: list[str | int] = [
            _topic(channel),
            self._server,
            session,
            format_message(message),
            message.utterance if is_answer(message) else 0,
            int(message.__struct_config__.tag == "partial"),
            MAX_MESSAGES,
            _ms(KEEP_S),
        ]
        return bool(await _asked(self._publish(_keys(channel), arguments)))

    async def amend(self, channel: str, session: str, revised: Revised) -> None:
        """See Store."""
        message = format_message(revised)
        kept: list[str | int] = [MAX_MESSAGES, _ms(KEEP_S)]
        arguments: list[str | int] = [_topic(channel), self._server, session, message, *kept]
        await _asked(self._amend(_keys(channel), arguments))

    async def look(self, channel: str, last: str, viewers: int) -> News:
        """See Store."""
        after = f"({last}" if last else "-"
        counted: list[str | int] = [viewers, _ms(VIEWERS_S), _ms(KEEP_S)]
        arguments: list[str | int] = [_topic(channel), self._server, after, *counted]
        found = await _asked(self._look(_keys(channel), arguments))
        session, state, elsewhere, entries, now_ms = found
        read = [
            (number, dict(zip(fields[::2], fields[1::2], strict=True)))
            for number, fields in entries
        ]
        if not last:
            read = _lately(read, int(now_ms), {session} if state != "waiting" else set())
        said = [
            (entry["session"], message)
            for _, entry in read
            # Our own answers are there for one who has forgotten them; the rest is of the moment.
            if (message := _message(entry["message"])) is not None
            and (
                entry["server"] != self._server
                or is_answer(message)
                or (isinstance(message, Revised) and not last)
            )
        ]
        return News(session, state, int(elsewhere), said, entries[-1][0] if entries else last)

    async def listen(self, channel: str) -> None:
        """See Store."""
        await _asked(self._bell.subscribe(_topic(channel)))

    async def ignore(self, channel: str) -> None:
        """See Store."""
        await _asked(self._bell.unsubscribe(_topic(channel)))

    async def changes(self) -> AsyncIterator[str]:
        """See Store."""
        while True:
            message = await _asked(
                self._bell.get_message(ignore_subscribe_messages=True, timeout=ANSWER_S)
            )
            if message is not None and message["data"] != self._server:
                yield str(message["channel"]).removeprefix(f"{PREFIX}changed:")

    def _arguments(self, channel: str, holder: Holder) -> list[str | int]:
        key = "" if holder.key is None else hashlib.sha256(holder.key.encode()).hexdigest()
        return [
            _topic(channel),
            self._server,
            holder.session,
            int(holder.is_connected),
            int(holder.keeps_name),
            key,
            _ms(LEASE_S),
            _ms(KEEP_S),
        ]


def _lately(
    entries: list[tuple[str, dict[str, str]]], now_ms: int, live: set[str]
) -> list[tuple[str, dict[str, str]]]:
    """Without those of sessions that have said nothing for KEEP_S: later ones keep the stream."""
    said_ms = {entry["session"]: int(number.partition("-")[0]) for number, entry in entries}
    since_ms = now_ms - _ms(KEEP_S)
    new = live | {session for session, at_ms in said_ms.items() if at_ms >= since_ms}
    return [(number, entry) for number, entry in entries if entry["session"] in new]


async def _asked(answer: Awaitable[Any] | Any) -> Any:
    """What Redis says. Raises StoreGone."""
    try:
        return await answer
    except (RedisError, OSError, TimeoutError) as error:
        raise StoreGone(f"Redis: {error or type(error).__name__}") from error


def _message(text: str) -> Published | None:
    """What a server has written; None where that is a newer one, with messages unknown to this one."""
    try:
        return cast(Published | None, parse_viewer_message(text))
    except msgspec.DecodeError:
        return None


def _keys(channel: str) -> list[str]:
    """In braces is what decides about the place in a cluster: all of a channel is at one."""
    return [f"{PREFIX}{{{channel}}}:{part}" for part in ("publisher", "said", "viewers")]


def _topic(channel: str) -> str:
    return f"{PREFIX}changed:{channel}"


def _ms(seconds: float) -> int:
    return round(seconds * 1000)

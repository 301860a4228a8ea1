"""Attackers that ask without a pause for what is kept, or correct what is said."""

import json
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path

from attacks.floods import CHANNEL
from attacks.wire import Site, Told, again_and_again, connect, dial, pour
from surtitle.archive.records import Said, Talk
from surtitle.archive.sql_store import SqlStore
from surtitle.messages import Final, WordTiming

TALK_H = 3
"""As long as a talk may well be."""
EVERY_MS = 4000
CAPTIONS = TALK_H * 3_600_000 // EVERY_MS
WORDS = 12
"""In each of its captions, with times."""
TALK_ID = "long-talk"
HALL = "another-hall"
NEWEST = 40
"""Captions of the talk that its channel still has for latecomers."""
UNITS = 70
"""Of a text that takes longest to compare with another one."""
BYTES_PER_S = 2e6
BLOCK_BYTES = 65_536
ENDING = ("vtt", "srt", "json", "txt")


def write_talk(folder: Path) -> dict[str, object]:
    """An archive with a long talk in it; returns what the server is told."""
    place = folder / f"archive-{secrets.token_hex(4)}"
    place.mkdir()
    store = SqlStore(str(place))
    store.open()
    began = datetime.now(UTC) - timedelta(hours=TALK_H)
    talk = Talk(TALK_ID, HALL, "victims", began)
    store.write([Said(talk, _final(number), began) for number in range(1, CAPTIONS + 1)])
    store.close()
    return {"archive": str(place)}


def _final(number: int) -> Final:
    start_ms = number * EVERY_MS
    step_ms = EVERY_MS // (WORDS + 1)
    words = [
        WordTiming(
            text=f"word{at}",
            start_ms=start_ms + at * step_ms,
            end_ms=start_ms + (at + 1) * step_ms,
            confidence=0.9,
        )
        for at in range(WORDS)
    ]
    return Final(
        seq=number,
        utterance=number,
        start_ms=start_ms,
        end_ms=start_ms + WORDS * step_ms,
        text=" ".join(word.text for word in words),
        language="en",
        language_probability=1.0,
        confidence=0.9,
        words=words,
    )


def _request(site: Site, method: str, path: str, body: bytes = b"") -> bytes:
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{site.headers}{length}\r\n"
    return head.encode() + body


async def _pour_and_read(site: Site, told: Told, block: bytes) -> None:
    async def once() -> None:
        line = await dial(site, told)
        if line is not None:
            with line:
                await line.send(block)
                await line.status()
                line.drop_answers()
                await pour(line, block * (BLOCK_BYTES // len(block) + 1), BYTES_PER_S)

    await again_and_again(once, told)


async def archive_reads(site: Site, told: Told, number: int) -> None:
    """Read a talk of hours, laid out anew each time, one request right behind the other."""
    path = f"/v1/archive/{TALK_ID}.{ENDING[number % len(ENDING)]}"
    await _pour_and_read(site, told, _request(site, "GET", path))


async def archive_lists(site: Site, told: Told, number: int) -> None:
    """List what is kept."""
    await _pour_and_read(site, told, _request(site, "GET", "/v1/archive?limit=200"))


async def corrections(site: Site, told: Told, number: int) -> None:
    """Correct captions that there are not, with texts as long as may be."""
    correction = {"session": "x", "utterance": 1, "text": "\u00e9" * 2000, "seen": "\u00e9" * 2000}
    path = f"/v1/channels/{CHANNEL}/corrections"
    await _pour_and_read(site, told, _request(site, "POST", path, json.dumps(correction).encode()))


async def rewritings(site: Site, told: Told, number: int) -> None:
    """Correct a caption of a talk before, again and again, with texts that take long to compare."""
    path = f"/v1/channels/{HALL}/corrections"
    utterance = CAPTIONS - number % NEWEST
    block = b""
    for first in (0x5000, 0x6000):
        text = "".join(f"\u4e00{chr(first + at)}" for at in range(UNITS // 2))
        body = {"session": TALK_ID, "utterance": utterance, "text": text}
        block += _request(site, "POST", path, json.dumps(body).encode())

    async def once() -> None:
        viewer = await connect(site, told, f"/v1/channels/{HALL}")
        if viewer is not None:  # a channel that nobody watches is not there
            with viewer:
                await _pour_and_read(site, told, block)

    await again_and_again(once, told)

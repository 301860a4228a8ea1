"""Captions for tests, and waiting for what becomes of them."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from surtitle.messages import Final, Revised, WordTiming
from surtitle.sinks.forms import Delivery

AT = datetime(2026, 5, 4, 12, 30, 15, 250_000, UTC)
LIMIT_S = 10


def final(text: str, utterance: int = 1, start_ms: int = 1000, **more: Any) -> Final:
    fields: dict[str, Any] = {"language": "en", "end_ms": start_ms + 1000} | more
    return Final(
        seq=utterance,
        utterance=utterance,
        start_ms=start_ms,
        text=text,
        language_probability=1.0,
        confidence=1.0,
        **fields,
    )


def revised(text: str, utterance: int = 1, words: list[WordTiming] | None = None) -> Revised:
    return Revised(
        seq=100, utterance=utterance, start_ms=0, end_ms=0, text=text, confidence=1.0, words=words
    )


def delivery(message: Final | Revised, number: int = 1, session: str = "one") -> Delivery:
    return Delivery(f"id-{number}", "hall", session, message, AT)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not condition():  # noqa: ASYNC110 - what is waited for is no event
            await asyncio.sleep(0.005)

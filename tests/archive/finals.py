"""What sessions may say, for tests."""

from datetime import UTC, datetime, timedelta

from surtitle.archive.records import Said, Talk
from surtitle.messages import Final, Revised, WordTiming

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def final(number: int, text: str | None = None) -> Final:
    """An utterance of a second, two seconds after the one before."""
    start_ms = 3000 * number
    return Final(
        seq=number,
        utterance=number,
        start_ms=start_ms,
        end_ms=start_ms + 1000,
        text=f"Caption {number}." if text is None else text,
        language="en",
        language_probability=1.0,
        confidence=0.9,
        words=[WordTiming(text="Caption", start_ms=start_ms, end_ms=start_ms + 400, confidence=1)],
    )


def revised(number: int, text: str) -> Revised:
    return Revised(
        seq=100 + number,
        utterance=number,
        start_ms=3000 * number,
        end_ms=3000 * number + 1000,
        text=text,
        confidence=0.95,
    )


def talk(name: str = "a", channel: str | None = "hall", at: datetime = NOON) -> Talk:
    return Talk(name, channel, "desk", at)


def said(of: Talk, *numbers: int) -> list[Said]:
    return [Said(of, final(n), of.started_at + timedelta(seconds=3 * n)) for n in numbers]

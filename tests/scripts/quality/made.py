"""Messages and results for tests, in few words."""

from collections.abc import Sequence

from msgspec.structs import replace

from load.metrics import UtteranceFigures
from load.score import Score
from quality.account import Account
from quality.calm import Calm
from quality.figures import Result
from quality.utterances import Received
from surtitle.messages import Ended, Final, Partial, Revised, ServerMessage, Speech, Suppressed

START_MS = 500
END_MS = 2000
"""Where utterances that are suppressed begin, and all end."""


def opened(number: int = 1) -> Speech:
    return Speech(seq=1, utterance=number, start_ms=0)


def partial(stable: str, unstable: str = "", *, number: int = 1, end_ms: int = 500) -> Partial:
    return Partial(
        seq=1, utterance=number, start_ms=0, end_ms=end_ms, stable=stable, unstable=unstable
    )


def final(text: str, number: int = 1) -> Final:
    return Final(
        seq=1,
        utterance=number,
        start_ms=0,
        end_ms=END_MS,
        text=text,
        language="en",
        language_probability=1.0,
        confidence=0.9,
    )


def revised(text: str, number: int = 1) -> Revised:
    return Revised(seq=1, utterance=number, start_ms=0, end_ms=END_MS, text=text, confidence=0.9)


def suppressed(reason: str, number: int = 1) -> Suppressed:
    return Suppressed(seq=1, utterance=number, start_ms=START_MS, end_ms=END_MS, reason=reason)


def ended(audio: int, captioned: int, silence: int, suppressed: int = 0, failed: int = 0) -> Ended:
    return Ended(
        seq=9,
        audio_ms=audio,
        captioned_ms=captioned,
        silence_ms=silence,
        suppressed_ms=suppressed,
        failed_ms=failed,
        utterances=1,
    )


def spoken(*texts: str | tuple[str, str], answer: ServerMessage) -> list[ServerMessage]:
    """One utterance: its partials, as text or as (stable, unstable), and its answer."""
    shown: Sequence[tuple[str, str]] = [("", t) if isinstance(t, str) else t for t in texts]
    return [opened(), *(partial(*each) for each in shown), answer]


def received(messages: Sequence[ServerMessage], apart_s: float = 1.0) -> list[Received]:
    """The messages, so far apart."""
    return [Received(number * apart_s, message) for number, message in enumerate(messages)]


RESULT = Result(
    folder="talks",
    file="a.wav",
    language="en",
    seconds=10.0,
    has_speech=True,
    transcript="one two three four",
    streamed="one two three for",
    offline="one two three four",
    streamed_score=Score(1, 4),
    offline_score=Score(0, 4),
    calm=Calm(words=4, erased_by_partials=1),
    account=Account(sessions=1, audio_ms=10_000, captioned_ms=9_000, silence_ms=1_000),
    shown="one two",
    finals=[final("one two three for")],
    delays=None,
    late_s=0.0,
    problems=[],
)
NOISE = replace(
    RESULT,
    folder="noise",
    file="n.wav",
    language="-",
    has_speech=False,
    transcript="",
    streamed="",
    offline="Thank you.",
    streamed_score=None,
    offline_score=None,
    calm=Calm(),
    account=Account(sessions=1, audio_ms=10_000, silence_ms=10_000),
    shown="",
    finals=[],
)
ALONE = UtteranceFigures("a.wav", 0.5, 0.1, 0.6, True, False, [0.2, 0.4, 0.6], [0.2, 0.4, 1.6])

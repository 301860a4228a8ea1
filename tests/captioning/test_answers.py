"""The account: every millisecond is in one of its parts."""

from surtitle.captioning.answers import Account
from surtitle.messages import Ended, Failed, Final, Suppressed


def final(start_ms: int, end_ms: int) -> Final:
    return Final(
        seq=1,
        utterance=1,
        start_ms=start_ms,
        end_ms=end_ms,
        text="Yes.",
        language="en",
        language_probability=0.9,
        confidence=0.9,
    )


def test_what_is_not_answered_was_silence() -> None:
    account = Account()
    account.add(final(0, 1000))
    account.add(Suppressed(seq=2, utterance=2, start_ms=1500, end_ms=1700, reason="no_speech"))
    account.add(
        Failed(seq=3, utterance=3, start_ms=2000, end_ms=2030, code="failed", message="It failed.")
    )
    account.add(final(2030, 2430))
    assert account.close(seq=5, audio_ms=3000, missing_ms=7, utterances=4) == Ended(
        seq=5,
        audio_ms=3000,
        captioned_ms=1400,
        silence_ms=1370,
        suppressed_ms=200,
        failed_ms=30,
        utterances=4,
        missing_ms=7,
    )

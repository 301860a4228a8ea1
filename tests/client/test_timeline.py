"""Sessions one after the other, seen as one."""

from surtitle.client.timeline import Timeline, bytes_per_second, silence
from surtitle.messages import (
    Ack,
    Ended,
    Final,
    Partial,
    Revised,
    ServerMessage,
    Speech,
    Start,
    Status,
    Suppressed,
    WordTiming,
)


def final(utterance: int, start_ms: int, end_ms: int) -> Final:
    return Final(
        seq=9,
        utterance=utterance,
        start_ms=start_ms,
        end_ms=end_ms,
        text="so",
        language="en",
        language_probability=1,
        confidence=1,
        words=[WordTiming(text="so", start_ms=start_ms, end_ms=end_ms, confidence=1)],
    )


def revised(utterance: int, start_ms: int, end_ms: int) -> Revised:
    return Revised(
        seq=9,
        utterance=utterance,
        start_ms=start_ms,
        end_ms=end_ms,
        text="sew",
        confidence=1,
        words=[WordTiming(text="sew", start_ms=start_ms, end_ms=end_ms, confidence=1)],
    )


def ended(audio_ms: int, captioned_ms: int, suppressed_ms: int, utterances: int) -> Ended:
    return Ended(
        seq=9,
        audio_ms=audio_ms,
        captioned_ms=captioned_ms,
        silence_ms=audio_ms - captioned_ms - suppressed_ms,
        suppressed_ms=suppressed_ms,
        failed_ms=0,
        utterances=utterances,
    )


def test_the_first_session_is_as_it_is() -> None:
    timeline = Timeline()
    messages: list[ServerMessage] = [
        final(1, 100, 900),
        ended(2000, 800, 0, 1),
        Status(seq=1, state="normal", message=""),
    ]
    assert [timeline.place(message) for message in messages] == messages


def test_times_and_numbers_go_on_in_the_next_session() -> None:
    timeline = Timeline()
    timeline.place(final(1, 100, 900))
    timeline.place(Suppressed(seq=9, utterance=2, start_ms=1500, end_ms=1900, reason="no_speech"))
    timeline.place(Speech(seq=9, utterance=3, start_ms=2500))  # is not answered any more
    timeline.go_on(64_000, bytes_per_second(Start()) or 0)
    assert timeline.begin_ms == 2000
    assert timeline.place(Speech(seq=2, utterance=1, start_ms=500)) == Speech(
        seq=2, utterance=3, start_ms=2500
    )
    partial = Partial(seq=3, utterance=1, start_ms=500, end_ms=800, stable="a", unstable="")
    placed = timeline.place(partial)
    assert isinstance(placed, Partial)
    assert (placed.utterance, placed.start_ms, placed.end_ms) == (3, 2500, 2800)
    assert timeline.place(Ack(received=96, safe=32)) == Ack(received=64_096, safe=64_032)
    answer = timeline.place(final(1, 500, 1200))
    assert answer == final(3, 2500, 3200)
    assert timeline.place(ended(1500, 700, 0, 1)) == ended(3500, 1500, 400, 3)


def test_and_in_the_one_after_that() -> None:
    timeline = Timeline()
    timeline.place(final(1, 0, 1000))
    timeline.go_on(32_000, 32_000)
    timeline.place(final(1, 0, 1000))
    timeline.go_on(96_000, 32_000)
    assert timeline.place(final(1, 0, 500)) == final(3, 3000, 3500)
    assert timeline.place(ended(1000, 500, 0, 1)) == ended(4000, 2500, 0, 3)


def test_a_better_text_moves_with_its_final_and_is_not_in_the_account() -> None:
    timeline = Timeline()
    timeline.place(final(1, 0, 1000))
    assert timeline.place(revised(1, 0, 1000)) == revised(1, 0, 1000)
    timeline.go_on(64_000, 32_000)
    timeline.place(final(1, 500, 1200))
    timeline.place(final(2, 1500, 1900))
    assert timeline.place(revised(1, 500, 1200)) == revised(2, 2500, 3200)
    timeline.go_on(160_000, 32_000)  # it has not become the newest answer
    assert timeline.place(final(1, 0, 500)) == final(4, 5000, 5500)
    assert timeline.place(ended(1000, 500, 0, 1)) == ended(6000, 2600, 0, 4)


def test_a_better_text_without_words_moves_too() -> None:
    timeline = Timeline()
    timeline.go_on(32_000, 32_000)
    bare = Revised(seq=9, utterance=1, start_ms=0, end_ms=500, text="", confidence=1)
    assert timeline.place(bare) == Revised(
        seq=9, utterance=1, start_ms=1000, end_ms=1500, text="", confidence=1
    )


def test_rates_and_silence() -> None:
    assert bytes_per_second(Start(encoding="pcm_f32le", sample_rate=48_000, channels=2)) == 384_000
    assert bytes_per_second(Start(encoding="webm")) is None
    assert silence(Start(encoding="mulaw"), 3) == b"\xff\xff\xff"
    assert silence(Start(encoding="alaw"), 2) == b"\xd5\xd5"
    assert silence(Start(), 4) == bytes(4)


def test_a_container_that_begins_again_repeats_what_was_answered() -> None:
    timeline = Timeline()
    suppressed = Suppressed(seq=9, utterance=2, start_ms=1500, end_ms=1900, reason="no_speech")
    timeline.place(final(1, 100, 900))
    timeline.place(suppressed)
    timeline.place(Speech(seq=9, utterance=3, start_ms=2500))  # is not answered any more
    timeline.start_over()
    again: list[ServerMessage] = [
        Speech(seq=9, utterance=1, start_ms=100),
        final(1, 100, 900),
        revised(1, 100, 900),
    ]
    assert all(timeline.is_repeated(message) for message in [*again, suppressed])
    anew: list[ServerMessage] = [
        Ack(received=9, safe=0),
        Speech(seq=9, utterance=3, start_ms=2500),
        final(3, 2500, 3000),
        revised(3, 2500, 3000),
        ended(5000, 1300, 400, 3),
    ]
    assert not any(timeline.is_repeated(message) for message in anew)
    assert [timeline.place(message) for message in anew] == anew
    timeline.start_over()
    assert timeline.is_repeated(final(3, 2500, 3000))

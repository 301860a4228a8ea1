"""A session from bytes to messages: utterances, their order, what the client asks for, the end."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from surtitle.errors import BadMessage, BadStart
from surtitle.jobs import DecodeOptions, Job, Result, Word
from surtitle.messages import (
    ContainerEncoding,
    Ended,
    Error,
    Failed,
    Final,
    Flushed,
    Partial,
    Ready,
    Speech,
    Start,
    Status,
    Suppressed,
    Update,
    WordTiming,
)
from tests.captioning.driver import (
    WINDOW_MS,
    W,
    error,
    numbers,
    ok,
    open_session,
    samples,
    silence,
    speech,
    suppressed,
    three_utterances,
    unheard,
)

# -- one utterance ------------------------------------------------------------------------------


def test_the_greeting() -> None:
    driver = open_session(Start(sample_rate=48000, language="en"))
    driver.session.greet(token="secret", resume_window_s=30)
    driver.pump()
    assert driver.messages == [
        Ready(
            seq=1,
            session="abc",
            token="secret",
            model="base",
            sample_rate=48000,
            resume_window_s=30,
            languages=("en", "zh", "de", "fr"),
        )
    ]


def test_silence_is_answered_by_nothing() -> None:
    driver = open_session()
    driver.feed(silence(1000))
    assert driver.messages == []
    assert driver.jobs == []
    assert driver.session.idle


def test_an_utterance_from_speech_to_final() -> None:
    driver = open_session(answer=ok)
    audio = silence(10) + speech(25) + silence(5)
    driver.feed(audio)
    # Speech is windows 10 to 34; 4 before and 2 after it belong to the utterance.
    start_ms, end_ms = 6 * WINDOW_MS, 37 * WINDOW_MS
    assert driver.messages == [
        Speech(seq=1, utterance=1, start_ms=start_ms),
        # The first hypothesis is all held back: its words are not sure yet.
        Partial(
            seq=2,
            utterance=1,
            start_ms=start_ms,
            end_ms=26 * WINDOW_MS,
            stable="",
            unstable="word0 word1",  # agreed on, but by two that are near each other
        ),
        Partial(  # of the pause that turned out to be the end
            seq=3,
            utterance=1,
            start_ms=start_ms,
            end_ms=end_ms,
            stable="word0 word1",
            unstable=" word2",
        ),
        Partial(  # its last word, once the pause has lasted
            seq=4,
            utterance=1,
            start_ms=start_ms,
            end_ms=end_ms,
            stable="word0 word1",
            unstable=" word2 word3",
        ),
        Final(
            seq=5,
            utterance=1,
            start_ms=start_ms,
            end_ms=end_ms,
            text="word0 word1 word2 word3",
            language="en",
            language_probability=0.988,
            confidence=0.877,
            ended_by="pause",
        ),
    ]
    assert [(job.kind, job.utterance, job.session) for job in driver.jobs] == [
        ("partial", 1, "abc"),
        ("partial", 1, "abc"),
        ("final", 1, "abc"),
    ]
    assert driver.jobs[-1].audio.tolist() == samples(audio)[6 * W : 37 * W]
    assert driver.jobs[0].audio.tolist() == samples(audio)[6 * W : 16 * W]
    assert driver.jobs[-1].trace == "abc.1"
    assert len({job.id for job in driver.jobs}) == 3


def test_a_client_that_wants_no_partials_costs_none() -> None:
    driver = open_session(Start(language="en", partials=False), answer=ok)
    driver.feed(speech(50) + silence(5))
    assert [job.kind for job in driver.jobs] == ["final"]
    assert [type(message) for message in driver.messages] == [Speech, Final]


def test_an_utterance_on_which_a_worker_died_gets_no_further_partials() -> None:
    def answer(job: Job) -> Result:
        if job.utterance == 1 and job.kind == "partial":
            return Result(job.id, dropped="worker_died")
        return ok(job)

    driver = open_session(answer=answer)
    driver.feed((speech(50) + silence(5)) * 2)
    kinds = [(job.utterance, job.kind) for job in driver.jobs]
    assert kinds[:3] == [(1, "partial"), (1, "final"), (2, "partial")]
    assert kinds.count((2, "partial")) > 1
    assert [message.utterance for message in driver.of(Final)] == [1, 2]


def test_a_partial_that_a_newer_one_replaced_shows_nothing_and_others_follow() -> None:
    driver = open_session()
    driver.feed(speech(95))
    first, *others = driver.jobs
    driver.give(Result(first.id, dropped="superseded"))
    assert driver.of(Partial) == []
    driver.give(*map(ok, others))
    assert driver.of(Partial)


def test_words_are_in_session_time_and_only_where_asked_for() -> None:
    def with_words(job: Job) -> Result:
        return Result(job.id, text="a b", words=(Word("a", 0, 40, 0.98765), Word("b", 50, 90, 1.0)))

    for asked in (True, False):
        driver = open_session(Start(language="en", words=asked), answer=with_words)
        driver.feed(silence(10) + speech(5) + silence(5))
        first = 6 * WINDOW_MS
        assert driver.of(Final)[0].words == (
            [
                WordTiming(text="a", start_ms=first, end_ms=first + 40, confidence=0.988),
                WordTiming(text="b", start_ms=first + 50, end_ms=first + 90, confidence=1.0),
            ]
            if asked
            else None
        )


def test_suppressed_takes_the_place_of_the_final() -> None:
    driver = open_session()
    driver.feed(speech(5) + silence(5))
    driver.give(Result(driver.finals[0].id, text="Thank you.", suppressed="no_speech"))
    assert driver.messages[-1] == Suppressed(
        seq=2,
        utterance=1,
        start_ms=0,
        end_ms=7 * WINDOW_MS,
        reason="no_speech",
        ended_by="pause",
    )


def test_failed_takes_the_place_of_the_final() -> None:
    driver = open_session()
    driver.feed(speech(5) + silence(5))
    driver.give(Result(driver.finals[0].id, error_code="quarantined", error="It was given up."))
    assert driver.messages[-1] == Failed(
        seq=2,
        utterance=1,
        start_ms=0,
        end_ms=7 * WINDOW_MS,
        code="quarantined",
        message="It was given up.",
        ended_by="pause",
    )


def test_status_and_error_have_their_place_in_the_order() -> None:
    driver = open_session()
    driver.session.say("recovering", "Keep speaking.")
    driver.pump()
    error = driver.session.make_error("bad_message", "No.", fatal=False)
    driver.session.say("normal", "Good.")
    driver.pump()
    assert driver.messages[0] == Status(seq=1, state="recovering", message="Keep speaking.")
    assert (error.seq, error.code, error.message, error.fatal) == (2, "bad_message", "No.", False)
    assert numbers(driver.messages) == [1, 3]


# -- results in any order -----------------------------------------------------------------------


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1)])
def test_answers_leave_in_the_order_of_the_utterances(order: tuple[int, ...]) -> None:
    driver = three_utterances()
    answers = [
        ok(driver.finals[0]),
        Result(driver.finals[1].id, suppressed="repetition"),
        Result(driver.finals[2].id, error_code="x", error="y"),
    ]
    driver.give(*(answers[i] for i in order))
    answered = driver.messages[3:]
    assert [type(message) for message in answered] == [Final, Suppressed, Failed]
    assert numbers(driver.messages) == [1, 2, 3, 4, 5, 6]
    assert driver.session.idle


def test_a_final_waits_for_the_one_before_it() -> None:
    driver = three_utterances()
    driver.give(ok(driver.finals[1]))
    assert driver.of(Final) == []
    driver.give(ok(driver.finals[0]))
    assert [message.utterance for message in driver.of(Final)] == [1, 2]


def test_after_a_full_stop_a_final_begins_with_a_capital() -> None:
    texts = ("we went home.", "and then", "we slept. We did", "it is said.")
    driver = open_session(answer=lambda job: ok(job, texts[job.utterance - 1]))
    for _ in texts:
        driver.feed(speech(30) + silence(30))
    finals = [final.text for final in driver.of(Final)]
    assert finals == ["we went home.", "And then", "we slept. We did", "it is said."]
    assert "And then" in {partial.stable + partial.unstable for partial in driver.of(Partial)}


def test_what_was_read_before_the_full_stop_came_has_its_capital_in_the_final() -> None:
    text = "and then we went home"
    driver = open_session(answer=lambda job: ok(job, text) if job.kind == "partial" else None)
    driver.feed(speech(30) + silence(30) + speech(60))
    assert driver.of(Partial)[-1].stable.startswith("and then")
    driver.give(ok(driver.finals[0], "We came."))
    driver.feed(speech(20) + silence(30))
    driver.give(ok(driver.finals[-1], text))
    assert [final.text for final in driver.of(Final)] == ["We came.", "And then we went home"]
    stable = [partial.stable for partial in driver.of(Partial) if partial.utterance == 2]
    assert all(after.startswith(before) for before, after in pairwise(stable))


def test_results_that_nobody_waits_for_are_ignored() -> None:
    driver = three_utterances()
    answers = [ok(job) for job in driver.finals]
    driver.give(answers[0], answers[0], answers[1], answers[1], answers[0], answers[2], answers[2])
    assert len(driver.of(Final)) == 3
    driver.give(Result("abc/99/1024/final", text="?"), Result("abc/4/1024/partial", text="?"))
    assert len(driver.messages) == 6


def test_partials_that_come_late_are_ignored() -> None:
    driver = open_session(answer=unheard)
    driver.feed(speech(35))
    first, second, third = driver.partials
    text = "one two three four five"
    driver.give(ok(second, text), ok(first, "one two three four"), ok(second, text))
    assert [message.end_ms for message in driver.of(Partial)] == [20 * WINDOW_MS]
    driver.feed(silence(10))
    driver.give(ok(driver.finals[0], text), ok(third, f"{text} six seven"))
    assert [type(message) for message in driver.messages] == [Speech, Partial, Final]


def test_a_partial_may_still_be_shown_while_its_final_is_waited_for() -> None:
    driver = open_session()
    driver.feed(speech(15) + silence(5))
    driver.give(ok(driver.partials[0], "one two three four"))
    assert [type(message) for message in driver.messages] == [Speech, Partial]


@pytest.mark.parametrize(
    "nothing",
    [
        {"text": ""},
        {"text": "Thank you.", "suppressed": "no_speech"},
        {"error_code": "decode_error", "error": "?"},
    ],
)
def test_a_partial_without_text_is_not_shown(nothing: dict[str, str]) -> None:
    driver = open_session()
    driver.feed(speech(15))
    driver.give(Result(driver.partials[0].id, **nothing))  # type: ignore[arg-type]
    assert [type(message) for message in driver.messages] == [Speech]


# -- what the client asks for -------------------------------------------------------------------


def test_update_holds_from_the_next_utterance_on() -> None:
    driver = open_session(Start(language="en", hotwords=["old"]))
    driver.feed(speech(5))
    driver.session.update(Update(language="zh", hotwords=["new"], prompt="Then", partials=False))
    driver.feed(speech(15) + silence(10) + speech(30) + silence(10))
    old, new = driver.finals
    assert old.decode_options == DecodeOptions(language="en", hotwords=("old",))
    assert new.decode_options == DecodeOptions(language="zh", hotwords=("new",), prompt="Then")
    assert {job.utterance for job in driver.partials} == {1}


def test_update_leaves_alone_what_it_does_not_name() -> None:
    driver = open_session(Start(language="en", hotwords=["old"], prompt="Once", words=True))
    driver.session.update(Update(prompt=""))
    driver.session.update(Update(languages=["de", "fr"]))
    driver.session.update(Update(language="auto"))
    driver.feed(speech(5) + silence(10))
    assert driver.finals[0].decode_options == DecodeOptions(
        language=None, languages=("de", "fr"), hotwords=("old",), words=True
    )


def test_update_takes_effect_at_its_place_in_the_audio() -> None:
    """However far scoring lags behind: here everything was received before anything was scored."""
    driver = open_session()
    driver.session.receive_audio(speech(5) + silence(10))
    driver.session.update(Update(language="zh"))
    driver.session.receive_audio(speech(5) + silence(10))
    driver.score()
    assert [job.decode_options.language for job in driver.finals] == ["en", "zh"]


def test_an_update_that_the_model_cannot_do_changes_nothing() -> None:
    driver = open_session()
    with pytest.raises(BadStart, match="does not support the language 'tlh'"):
        driver.session.update(Update(language="tlh", prompt="Once"))
    driver.session.update(Update(hotwords=["word"]))
    driver.feed(speech(5) + silence(10))
    assert driver.finals[0].decode_options == DecodeOptions(language="en", hotwords=("word",))


def test_flush_ends_the_open_utterance() -> None:
    driver = open_session()
    audio = speech(10)
    driver.feed(audio)
    driver.session.flush()
    driver.pump()
    assert [job.kind for job in driver.jobs][-1] == "final"
    assert driver.finals[0].audio.tolist() == samples(audio)


@pytest.mark.parametrize("answered", [ok, suppressed, error])
def test_answers_say_what_ended_the_utterance(answered: Callable[[Job], Result]) -> None:
    driver = open_session(answer=answered)
    driver.feed(speech(5) + silence(10))
    driver.feed(speech(5))
    driver.flush()
    driver.feed(silence(1) + speech(105) + silence(10))
    driver.feed(speech(5))
    driver.stop()
    answers = [m for m in driver.messages if isinstance(m, Final | Suppressed | Failed)]
    assert [m.ended_by for m in answers] == ["pause", "flush", "length", "pause", "stop"]


@pytest.mark.parametrize("more", [0, 0.9])
def test_what_is_left_of_a_window_behind_a_flush_is_no_utterance(more: float) -> None:
    driver = open_session(answer=ok)
    driver.feed(speech(10.1))
    driver.session.flush()
    if more:
        driver.feed(speech(more))
    driver.stop()
    assert len(driver.of(Speech)) == 1
    assert all(job.audio.size for job in driver.jobs)
    ended = driver.of(Ended)[0]
    assert (ended.utterances, ended.audio_ms) == (1, ended.captioned_ms + ended.silence_ms)


def test_flush_takes_effect_at_its_place_in_the_audio() -> None:
    driver = open_session()
    first, second = speech(10), speech(7, seed=2)
    driver.session.receive_audio(first)
    driver.session.flush()
    driver.session.receive_audio(second + silence(10))
    driver.score()
    assert [len(job.audio) for job in driver.finals] == [10 * W, 9 * W]
    assert driver.finals[1].audio.tolist() == samples(second + silence(2))


def test_flush_in_silence_is_answered_at_once() -> None:
    driver = open_session()
    driver.feed(silence(10))
    driver.session.flush()
    driver.session.flush()
    driver.score()
    at_ms = 10 * WINDOW_MS
    assert driver.messages == [Flushed(seq=seq, audio_ms=at_ms) for seq in (1, 2)]
    assert driver.session.idle


def test_after_a_stop_ended_comes_last() -> None:
    driver = open_session(Start(language="en", partials=False))
    driver.feed(speech(5))
    driver.stop()
    driver.flush()
    driver.give(ok(driver.finals[0]))
    driver.flush()
    assert [type(m) for m in driver.messages] == [Speech, Final, Ended]


def test_what_the_server_breaks_off_is_not_told() -> None:
    driver = open_session(answer=ok)
    driver.feed(speech(5))
    driver.session.break_off()
    driver.session.flush()  # at the same place, and a client waits for it
    driver.pump()
    assert [m.ended_by for m in driver.of(Final)] == ["flush"]
    assert [m.audio_ms for m in driver.of(Flushed)] == [5 * WINDOW_MS]


def test_a_flush_is_answered_when_all_before_it_is() -> None:
    driver = open_session(Start(language="en", partials=False))
    driver.feed(speech(5) + silence(10) + speech(5))
    driver.flush()
    driver.feed(speech(5, seed=2))
    first, second = driver.finals
    driver.give(ok(second))
    assert driver.of(Flushed) == []
    driver.give(ok(first))
    answered = [m for m in driver.messages if isinstance(m, Final | Flushed)]
    assert [type(m) for m in answered] == [Final, Final, Flushed]
    assert driver.of(Flushed)[0].audio_ms == 20 * WINDOW_MS
    driver.stop()  # what is said after it is not waited for
    assert len(driver.of(Flushed)) == 1


def test_a_flood_of_flushes_behind_an_answer_that_is_due_is_answered_once() -> None:
    driver = open_session(Start(language="en", partials=False))
    driver.feed(speech(5))
    for _ in range(500):
        driver.feed(silence(1 / W))
        driver.session.flush()
    driver.give(ok(driver.finals[0]))
    assert [type(m) for m in driver.messages] == [Speech, Final, Flushed]


def test_each_flush_is_answered() -> None:
    driver = open_session(answer=ok)
    for _ in range(3):
        driver.feed(speech(5))
        driver.flush()
    driver.stop()
    places = [m.audio_ms // WINDOW_MS for m in driver.messages if isinstance(m, Flushed)]
    assert places == [5, 10, 15]


def test_endpointing_that_the_client_chose() -> None:
    driver = open_session(Start(language="en", endpoint_silence_ms=320, max_utterance_ms=2000))
    driver.feed(speech(20) + silence(2))
    driver.give(ok(driver.finals[0]))
    driver.feed(silence(7))
    assert driver.of(Final) == []
    driver.feed(silence(1))
    assert len(driver.of(Final)) == 1
    driver.feed(speech(95))
    assert len(driver.finals) == 2


def test_a_long_utterance_is_cut_and_loses_nothing() -> None:
    driver = open_session(Start(language="en", partials=False), answer=ok)
    audio = b"".join(
        speech(30, seed) + silence(seed % 4) + speech(25, seed + 100) for seed in range(12)
    )
    driver.feed(audio + silence(10))
    assert len(driver.last_finals) > 5
    joined = np.concatenate([job.audio for job in driver.last_finals])
    assert joined.tolist() == samples(audio + silence(2))
    assert all(job.seconds * 1000 <= 101 * WINDOW_MS for job in driver.finals)
    finals = driver.of(Final)
    assert all(left.end_ms == right.start_ms for left, right in pairwise(finals))


# -- the end ------------------------------------------------------------------------------------


def test_stop_without_audio() -> None:
    driver = open_session()
    driver.stop()
    assert driver.messages == [
        Ended(
            seq=1,
            audio_ms=0,
            captioned_ms=0,
            silence_ms=0,
            suppressed_ms=0,
            failed_ms=0,
            utterances=0,
        )
    ]
    assert driver.session.ended


def test_stop_in_silence() -> None:
    driver = open_session()
    driver.feed(silence(10.5))
    driver.stop()
    assert [type(message) for message in driver.messages] == [Ended]
    assert driver.of(Ended)[0].audio_ms == driver.of(Ended)[0].silence_ms == 336


@pytest.mark.parametrize("windows", [10, 10.25, 10.998, 3.001])
def test_stop_in_the_middle_of_a_word_keeps_every_sample(windows: float) -> None:
    driver = open_session(Start(language="en", partials=False), answer=ok)
    audio = speech(windows)
    driver.feed(audio)
    driver.stop()
    assert driver.finals[0].audio.tolist() == samples(audio)
    ended = driver.of(Ended)[0]
    assert ended.captioned_ms == ended.audio_ms == len(samples(audio)) // 16
    assert ended.utterances == 1


def test_stop_waits_for_what_is_still_decoded() -> None:
    driver = open_session()
    driver.feed(speech(10))
    driver.stop()
    assert driver.of(Ended) == []
    assert not driver.session.ended
    driver.give(ok(driver.finals[0]))
    assert [type(message) for message in driver.messages][-2:] == [Final, Ended]


def test_stop_waits_for_what_is_not_scored_yet() -> None:
    driver = open_session(answer=ok)
    driver.session.receive_audio(silence(20) + speech(20))
    driver.session.stop()
    driver.pump()
    assert driver.messages == []
    driver.score()
    assert isinstance(driver.messages[-1], Ended)


def test_the_four_parts_add_up() -> None:
    driver = open_session(Start(language="en", partials=False))
    driver.feed(silence(7) + (speech(5) + silence(10.3)) * 3 + speech(4.7) + b"\x01")
    driver.stop()
    first, second, third, last = driver.finals
    driver.give(
        ok(first),
        Result(second.id, suppressed="no_speech"),
        Result(third.id, error_code="x", error="y"),
        ok(last),
    )
    ended = driver.of(Ended)[0]
    assert ended.suppressed_ms == pytest.approx(11 * WINDOW_MS, abs=WINDOW_MS)
    assert ended.failed_ms == pytest.approx(11 * WINDOW_MS, abs=WINDOW_MS)
    assert ended.captioned_ms > 15 * WINDOW_MS
    parts = ended.captioned_ms + ended.silence_ms + ended.suppressed_ms + ended.failed_ms
    assert parts == ended.audio_ms == (7 * W + 3 * (5 * W + int(10.3 * W)) + int(4.7 * W)) // 16
    assert ended.utterances == 4


def test_no_message_names_a_time_after_the_end_of_the_audio() -> None:
    driver = open_session(answer=ok)
    driver.feed(speech(9.1))
    driver.stop()
    ended = driver.of(Ended)[0]
    assert all(message.end_ms <= ended.audio_ms for message in driver.of(Partial))
    assert all(message.end_ms <= ended.audio_ms for message in driver.of(Final))


def test_audio_after_stop_is_refused() -> None:
    driver = open_session()
    driver.stop()
    with pytest.raises(BadMessage):
        driver.session.receive_audio(silence(1))


def test_a_second_stop_and_late_wishes_change_nothing() -> None:
    driver = open_session(answer=ok)
    driver.feed(speech(10))
    driver.stop()
    driver.stop()
    driver.session.flush()
    driver.session.update(Update(language="zh"))
    driver.score()
    assert len(driver.of(Ended)) == 1
    assert numbers(driver.messages) == list(range(1, len(driver.messages) + 1))


@pytest.mark.parametrize("encoding", ["webm", "mp4", "auto"])
def test_a_container_is_counted_here_and_its_samples_come_from_elsewhere(
    encoding: ContainerEncoding,
) -> None:
    driver = open_session(Start(language="en", encoding=encoding), answer=ok)
    assert driver.session.container == encoding
    driver.session.receive_audio(b"bytes of a container")
    assert (driver.session.ack().received, driver.session.received_s) == (20, 0)
    driver.session.receive_samples(np.frombuffer(speech(10), np.int16))
    driver.score()
    assert driver.session.is_open
    assert driver.session.ack().safe == 0, "without its header the rest cannot be decoded"
    driver.session.stop()
    driver.session.receive_samples(np.frombuffer(speech(2), np.int16))
    driver.session.finish_audio()
    driver.score()
    (ended,) = driver.of(Ended)
    assert ended.audio_ms == 12 * W // 16
    assert driver.session.ack().safe == 20


def test_what_could_not_be_decoded_is_told_once_and_stands_in_the_account() -> None:
    driver = open_session(Start(language="en", encoding="mp3"), answer=ok)
    assert driver.session.container == "mp3"
    driver.session.receive_samples(np.zeros(64_000, np.int16))
    driver.session.note_missing(32_000, 8_000)
    driver.session.note_missing(56_000, 4_000)
    driver.pump()
    (told,) = driver.of(Error)
    assert (told.code, told.fatal) == ("damaged_audio", False)
    assert "0.5 s of audio, starting at 2.0 s" in told.message
    driver.session.stop()
    driver.session.finish_audio()
    driver.score()
    (ended,) = driver.of(Ended)
    assert (ended.audio_ms, ended.missing_ms) == (4000, 750)


@pytest.mark.parametrize("samples", [1, W // 16, 10 * W // 16 + 7])
@pytest.mark.parametrize("times", [1, 2, 5])
def test_a_container_ends_once_however_often_it_is_said(samples: int, times: int) -> None:
    driver = open_session(Start(language="en", encoding="mp3"), answer=ok)
    driver.session.receive_samples(np.zeros(samples * 16, np.int16))
    driver.session.stop()
    for _ in range(times):
        driver.session.finish_audio()
    driver.score()
    (ended,) = driver.of(Ended)
    assert ended.audio_ms == samples


def test_raw_audio_lacks_nothing() -> None:
    driver = open_session(answer=ok)
    assert driver.session.container is None
    driver.feed(speech(10))
    driver.stop()
    assert driver.of(Ended)[0].missing_ms == 0

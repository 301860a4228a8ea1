"""What was said is answered: senders that fall silent, closes, containers and their decoders."""

import asyncio
import sys
import time
from collections.abc import Callable

import numpy as np
import psutil
import pytest
from msgspec import structs

from surtitle.gateway.connection import MAX_MISTAKES, Connection
from surtitle.jobs import Job, Result
from surtitle.messages import (
    Ack,
    Ended,
    Error,
    Final,
    Ready,
    Resume,
    Resumed,
    ServerMessage,
    Speech,
    Start,
    Update,
    format_message,
)
from tests.captioning.chunking import Chunking, ragged, whole
from tests.containers import Float, Track, encode, hurt
from tests.gateway.fakes import LOUD, QUIET, FakeSocket, opening, timeouts
from tests.gateway.serving import PAUSE, WORD, Served, served

START = '{"type":"start","partials":false}'
STOP = '{"type":"stop"}'
FLUSH = '{"type":"flush"}'
# -- a sender that falls silent -----------------------------------------------------------------


async def test_a_sender_that_falls_silent_in_mid_utterance_gets_its_final() -> None:
    async with served() as s:
        s.socket.put(START, *[LOUD] * 20)
        await s.until(lambda: s.said(Speech))
        silent_since = time.monotonic()
        await s.until(lambda: s.engine.jobs)
        assert 0.8 < time.monotonic() - silent_since < 2.5
        s.engine.answer("what was said")
        await s.until(lambda: s.said(Final))
        assert s.order == ["Ready", "Speech", "Final"]
        s.socket.put(WORD, PAUSE)  # it is back
        await s.until(lambda: len(s.said(Speech)) == 2)


async def until_finished(s: Served) -> float:
    """How long it takes until the server has finished the utterance."""
    silent_since = time.monotonic()
    await s.until_decoded(lambda: s.engine.jobs)
    s.engine.answer()
    return time.monotonic() - silent_since


async def test_one_that_is_muted_again_and_again_gets_each_final_as_soon() -> None:
    async with served() as s:
        s.socket.put(START)
        await asyncio.sleep(1.5)  # somebody is asked whether the microphone may be used
        for _ in range(3):
            await paced(s, [LOUD * 3] * 7, 0.096)
            assert 0.8 < await until_finished(s) < 1.7
            await asyncio.sleep(0.8)
        assert len(s.said(Final)) == 3


async def test_small_frames_that_come_many_at_once_are_not_cut_in_between() -> None:
    async with served() as s:
        s.socket.put(START)
        for _ in range(4):
            s.socket.put(*[LOUD[:320]] * 130)
            await asyncio.sleep(1.3)
        assert len(s.engine.jobs) <= 1  # the first time it cannot be known


async def test_nobody_waits_for_better_texts_until_the_end() -> None:
    async with served() as s:
        s.socket.put('{"type":"start","partials":false,"revisions":true}', WORD, PAUSE)
        await s.until(lambda: s.engine.jobs)
        s.engine.answer("one")
        await s.until(lambda: s.said(Final))
        (line,) = (name for name in s.engine.placed if name.endswith("/revisions"))
        assert s.engine.placed[line].patient
        assert not s.engine.placed[line.removesuffix("/revisions")].patient
        s.socket.put(WORD, PAUSE)
        await s.until(lambda: s.engine.jobs)
        s.engine.answer("two")
        await s.until(lambda: len(s.said(Final)) == 2)
        s.socket.put(STOP)
        await s.until(lambda: s.engine.jobs)
        ((job, _),) = s.engine.jobs
        assert job.session == line
        assert not s.engine.placed[line].patient
        s.engine.answer("one two")
        await s.until(lambda: s.said(Ended))
    assert line in s.engine.discarded


async def test_who_says_nothing_is_not_asked_for_more() -> None:
    """Silence is no speech, however long it lasts: nothing is finished that was not begun."""
    async with served() as s:
        s.socket.put(START, QUIET * 20)
        await s.until(lambda: s.said(Ready))
        await asyncio.sleep(1.5)  # longer than the wait for a sender in mid-utterance
        assert s.order == ["Ready"]
        assert s.engine.jobs == []


async def paced(s: Served, frames: list[bytes], every_s: float) -> None:
    """As a sender who has a frame every so often."""
    for frame in frames:
        s.socket.put(frame)
        await asyncio.sleep(every_s)


async def test_one_that_sends_a_frame_every_two_seconds_is_not_cut() -> None:
    async with served() as s:
        s.socket.put(START)
        await paced(s, [LOUD * 62] * 3, 2.0)
        assert s.order == ["Ready", "Speech"]
        assert s.engine.jobs == []
        s.socket.put(PAUSE)
        await s.until(lambda: s.engine.jobs)


async def test_one_that_sends_many_frames_at_once_every_two_seconds_is_not_cut_twice() -> None:
    """As a page in the background, whose timers are slow. The first time it cannot be known."""
    async with served() as s:
        s.socket.put(START)
        for _ in range(4):
            s.socket.put(*[LOUD * 3] * 20)
            await asyncio.sleep(2.0)
        assert len(s.engine.jobs) <= 1


async def test_one_whose_link_broke_is_not_cut_before_it_can_go_on() -> None:
    async with served() as s:
        s.socket.put(START, *[LOUD] * 20)
        await s.until(lambda: s.said(Speech))
        ready = s.socket.sent[0]
        assert isinstance(ready, Ready)
        s.socket.break_off()
        await s.until(lambda: s.sessions.waiting)
        await asyncio.sleep(1.5)  # longer than a sender may be silent
        assert s.engine.jobs == []
        again = FakeSocket()
        connection = Connection(again, opening(s.engine, s.sessions), timeouts())
        task = asyncio.create_task(connection.run(None))
        again.put(format_message(Resume(session=ready.session, token=ready.token, last_seq=2)))
        await s.until(lambda: any(isinstance(m, Resumed) for m in again.sent))
        await asyncio.sleep(0.4)  # it comes back, and has to get its audio first
        assert s.engine.jobs == []
        again.put(LOUD * 10, PAUSE)
        await s.until(lambda: s.engine.jobs)
        ((final, _),) = s.engine.jobs
        assert len(final.audio) >= 30 * 512
        again.leave()
        await task


async def test_one_that_comes_back_and_sends_nothing_gets_its_final() -> None:
    async with served() as s:
        s.socket.put(START, *[LOUD] * 60)
        await s.until(lambda: s.said(Speech))
        ready = s.socket.sent[0]
        assert isinstance(ready, Ready)
        s.socket.break_off()
        await s.until(lambda: s.sessions.waiting)
        again = FakeSocket()
        connection = Connection(again, opening(s.engine, s.sessions), timeouts())
        task = asyncio.create_task(connection.run(None))
        await asyncio.sleep(1.2)  # what watched over the connection before has ended
        again.put(format_message(Resume(session=ready.session, token=ready.token, last_seq=2)))
        await s.until(lambda: any(isinstance(m, Resumed) for m in again.sent))
        assert 0.8 < await until_finished(s) < 2.5
        await s.until(lambda: any(isinstance(m, Final) for m in again.sent))
        again.leave()
        await task


# -- what was said is answered before a close ---------------------------------------------------


def be_idle(s: Served) -> None:
    """Nothing: the limit is short."""


def send_nonsense(s: Served) -> None:
    s.socket.put(*['{"type":"dance"}'] * (MAX_MISTAKES + 2))


def send_nan(s: Served) -> None:
    s.socket.put(np.array([np.nan], "<f4").tobytes())


def break_transport(code: int) -> Callable[[Served], None]:
    def break_it(s: Served) -> None:
        def close(code: int) -> None:
            s.socket.closed = (code, "")

        assert s.connection.explain(code, lambda: close(code))

    return break_it


FLOAT_WORD = (np.sin(np.arange(20 * 512) / 5) * 0.5).astype("<f4").tobytes()


async def hear(s: Served, window: bytes) -> None:
    before_s = s.session.received_s
    s.socket.put(window)
    await s.until(lambda: s.session.received_s > before_s)


@pytest.mark.parametrize(("utilization", "partials"), [(0.0, 4), (1.0, 1)])
async def test_partials_come_as_often_as_the_engine_has_time_for(
    utilization: float, partials: int
) -> None:
    async with served({"language": ["en"]}) as s:
        s.engine.utilization = utilization
        await s.until(lambda: s.said(Ready))
        asked = 0
        for _ in range(21):  # 0.64 s of speech, and a window that is not scored yet
            await hear(s, LOUD)
            asked += len(s.engine.jobs)
            s.engine.answer()
        assert asked == partials


@pytest.mark.parametrize(
    ("code", "close_code", "mistake", "limits"),
    [
        ("idle", 4408, be_idle, {"idle_timeout_s": 0.2}),
        ("bad_audio", 1003, send_nan, {}),
        ("too_many_mistakes", 1008, send_nonsense, {}),
        ("frame_too_large", 1009, break_transport(1009), {}),
        ("bad_text", 1007, break_transport(1007), {}),
    ],
)
async def test_what_was_said_is_answered_before_the_close(
    code: str, close_code: int, mistake: Callable[[Served], None], limits: dict[str, float]
) -> None:
    async with served(None, **limits) as s:
        s.socket.put('{"type":"start","partials":false,"encoding":"pcm_f32le"}', FLOAT_WORD)
        await s.until(lambda: s.said(Speech))
        mistake(s)
        await s.until(lambda: s.engine.jobs)
        assert s.engine.jobs, "it waits for the answer"
        s.engine.answer("what was said")
        await s.until(lambda: s.socket.closed)
        order = [each for each in s.order if each != "Error"]
        assert order == ["Ready", "Speech", "Final"]
        assert isinstance(s.socket.sent[-1], Error)
        assert (s.error.code, s.error.fatal) == (code, True)
        assert s.close_code == close_code


@pytest.mark.parametrize("code", [1007, 1009])
async def test_nothing_that_comes_behind_the_broken_frame_is_taken(code: int) -> None:
    async with served() as s:
        s.socket.put(START, WORD)
        await s.until(lambda: s.said(Speech))
        break_transport(code)(s)
        s.socket.put(WORD * 5, '{"type":"flush"}', WORD)
        assert s.connection.take_audio(WORD)
        await s.until(lambda: s.engine.jobs)
        ((final, _),) = s.engine.jobs
        assert len(final.audio) <= 21 * 512
        s.engine.answer()
        await s.until(lambda: s.socket.closed)


async def test_an_engine_that_never_answers_holds_no_close_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("surtitle.gateway.connection.ANSWER_S", 0.2)
    async with served(idle_timeout_s=0.1) as s:
        s.socket.put(START, WORD)
        await s.until(lambda: s.socket.closed)
        assert s.socket.closed == (4408, "idle")


# -- containers ---------------------------------------------------------------------------------

pytest_fork = pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")

RATE = 48_000


def talk(*parts: tuple[str, float]) -> Float:
    """Loud and quiet stretches of so many seconds; quiet is noise below what counts."""
    rng = np.random.default_rng(1)
    return np.concatenate(
        [
            rng.uniform(-1, 1, round(seconds * RATE)) * (0.3 if kind == "loud" else 0.001)
            for kind, seconds in parts
        ]
    ).astype(np.float32)


def in_webm(audio: Float) -> bytes:
    return encode(
        "webm", Track(audio, "libopus"), options={"live": "1", "cluster_time_limit": "200"}
    )


def start(encoding: str) -> str:
    return format_message(Start(encoding=encoding, partials=False))  # type: ignore[arg-type]


def answers(sent: list[ServerMessage]) -> list[ServerMessage]:
    return [m for m in sent if not isinstance(m, Ack | Ready)]


async def closed(s: Served) -> None:
    """Until the connection has ended, with an engine that answers all."""

    def answered() -> object:
        s.engine.answer()
        return s.socket.closed

    await s.until_decoded(answered)


AUDIO = in_webm(
    talk(("quiet", 0.4), ("loud", 2.5), ("quiet", 1.2), ("loud", 2.2), ("quiet", 1.5), ("loud", 1))
)


AUDIO_LOUD = in_webm(talk(("loud", 8.0)))


async def conversation(chunking: Chunking) -> tuple[list[ServerMessage], list[object]]:
    """Messages, and the options of the jobs, of a script with requests at fixed bytes."""
    third = len(AUDIO) // 5, len(AUDIO) // 2
    async with served() as s:
        decode_options: list[object] = []
        submit = s.engine.submit

        def note(job: Job, deliver: Callable[[Result], None]) -> None:
            decode_options.append(job.decode_options)
            submit(job, deliver)

        s.engine.submit = note  # type: ignore[method-assign]
        s.socket.put(start("webm"))
        for part, wish in (
            (AUDIO[: third[0]], FLUSH),
            (AUDIO[third[0] : third[1]], format_message(Update(prompt="names"))),
            (AUDIO[third[1] :], STOP),
        ):
            s.socket.put(*(piece for piece in chunking(part) if piece), wish)
        await closed(s)
        return answers(s.socket.sent), decode_options


def by_cause(messages: list[ServerMessage]) -> list[list[ServerMessage]]:
    """What follows from the audio alone, and what comes when the engine answers."""
    unnumbered = [structs.replace(m, seq=0) for m in messages if not isinstance(m, Ack | Resumed)]
    return [
        [m for m in unnumbered if isinstance(m, Speech)],
        [m for m in unnumbered if not isinstance(m, Speech)],
    ]


@pytest_fork
async def test_requests_take_effect_at_their_byte_however_a_container_is_cut() -> None:
    expected, decode_options = await conversation(whole)
    assert [type(m).__name__ for m in expected if isinstance(m, Final | Ended)][-1] == "Ended"
    flushed, *_ = [m for m in expected if isinstance(m, Final)]
    assert flushed.end_ms < 2000, "the flush came in mid-utterance"
    assert len({str(each) for each in decode_options}) > 1, "the update came in between"
    for chunking in (ragged, lambda data: (data[i : i + 77] for i in range(0, len(data), 77))):
        messages, other = await conversation(chunking)
        assert by_cause(messages) == by_cause(expected)
        assert [str(each) for each in other] == [str(each) for each in decode_options]


def decoder_of(s: Served) -> psutil.Process:
    """The only one."""
    pid = s.sessions._decoders.pid
    assert pid is not None
    (child,) = psutil.Process(pid).children()
    return child


def large_update(number: int) -> str:
    return format_message(Update(hotwords=[f"{number:03} " + "x" * 90] * 100))


async def standing_still(s: Served) -> psutil.Process:
    """A decoder that answers no more."""
    s.socket.put(start("webm"), AUDIO_LOUD[:8000])
    await s.until_decoded(lambda: s.said(Speech))
    child = decoder_of(s)
    child.suspend()
    return child


@pytest_fork
@pytest.mark.parametrize("between", [(), (FLUSH,), (b"\0",), (FLUSH, b"\0")])
async def test_requests_without_end_are_not_kept_while_a_decoder_stands_still(
    between: tuple[str | bytes, ...],
) -> None:
    async with served() as s:
        child = await standing_still(s)
        try:
            (hosted,) = s.sessions
            before = hosted.held_bytes
            for number in range(500):
                s.socket.put(large_update(number), *between)
            await asyncio.sleep(0.5)
            assert hosted.held_bytes - before < 2_000_000
            kept = s.socket.received == 2 + 500 * (1 + len(between))
            assert kept is (between == ()), "of those in a row the newest is enough"
        finally:
            child.resume()


@pytest_fork
async def test_what_requests_hold_in_a_container_counts() -> None:
    async with served() as s:
        child = await standing_still(s)
        try:
            (hosted,) = s.sessions
            before = hosted.held_bytes
            for _ in range(10):
                s.socket.put(large_update(1), b"\0")
            await s.until(lambda: s.socket.received == 22 and s.socket.waited_for)
            assert 90_000 < hosted.held_bytes - before < 500_000
        finally:
            child.resume()


@pytest_fork
async def test_after_a_flood_of_requests_it_goes_on() -> None:
    async with served() as s:
        child = await standing_still(s)
        for byte in AUDIO_LOUD[8000:8100]:
            s.socket.put(FLUSH, bytes([byte]))
        await asyncio.sleep(0.2)
        assert s.socket.received < 100
        child.resume()
        await s.until_decoded(lambda: s.socket.received == 202)


@pytest_fork
async def test_of_updates_at_the_same_byte_all_that_can_be_used_hold() -> None:
    async with served() as s:
        s.socket.put(
            start("webm"),
            AUDIO[: len(AUDIO) // 5],
            format_message(Update(prompt="names")),
            format_message(Update(language="tlh", hotwords=["lost"])),
            format_message(Update(hotwords=["first"])),
            format_message(Update(hotwords=["kept"])),
            FLUSH,
            AUDIO[len(AUDIO) // 5 :],
        )

        def second_utterance() -> object:
            s.engine.answer(before=2)
            return s.engine.jobs

        await s.until_decoded(second_utterance)
        decode_options = next(job.decode_options for job, _ in s.engine.jobs)
        assert (decode_options.prompt, decode_options.hotwords) == ("names", ("kept",))
        (error,) = [m for m in s.socket.sent if isinstance(m, Error)]
        assert (error.code, error.fatal) == ("bad_message", False)


@pytest_fork
async def test_the_account_of_a_container_is_of_all_its_audio() -> None:
    async with served() as s:
        s.socket.put(start("webm"), AUDIO, STOP)
        await closed(s)
        ended = s.socket.sent[-1]
        assert isinstance(ended, Ended)
        assert ended.audio_ms == pytest.approx(8800, abs=30)
        assert ended.missing_ms == 0
        parts = (ended.captioned_ms, ended.silence_ms, ended.suppressed_ms, ended.failed_ms)
        assert sum(parts) == ended.audio_ms
        assert s.socket.closed == (1000, "")


@pytest_fork
@pytest.mark.parametrize("encoding", ["wav", "auto"])
async def test_ten_files_on_one_socket_are_all_heard(encoding: str) -> None:
    one = encode("wav", Track(talk(("loud", 0.5), ("quiet", 0.5)), "pcm_s16le"))
    async with served() as s:
        s.socket.put(start(encoding), *[one] * 10, STOP)
        await closed(s)
        ended = s.socket.sent[-1]
        assert isinstance(ended, Ended)
        assert ended.audio_ms == pytest.approx(10_000, abs=100)


@pytest_fork
async def test_damage_is_told_once_and_stands_in_the_account() -> None:
    data = encode("mp3", Track(talk(("loud", 10.0)), "libmp3lame"))
    for at in (0.2, 0.4, 0.6, 0.8):
        data = hurt(data, at, 900)
    async with served() as s:
        s.socket.put(start("mp3"), data, STOP)
        await closed(s)
        (error,) = [m for m in s.socket.sent if isinstance(m, Error)]
        assert (error.code, error.fatal) == ("damaged_audio", False)
        assert "starting at 2.0 s" in error.message or "starting at 1.9 s" in error.message
        ended = s.socket.sent[-1]
        assert isinstance(ended, Ended)
        assert ended.audio_ms == pytest.approx(10_000, abs=150)
        assert 80 < ended.missing_ms < 1500


@pytest_fork
async def test_what_is_no_container_is_told_after_what_was_said() -> None:
    async with served() as s:
        s.socket.put(start("webm"), b"not a container" * 1000)
        await s.until_decoded(lambda: s.socket.closed)
        assert (s.error.code, s.close_code) == ("bad_audio", 1003)


def in_flac_of(*parts: tuple[str, float]) -> bytes:
    return encode("flac", Track(talk(*parts)[::3], "flac", 16_000))


def send_no_text(s: Served) -> None:
    s.connection.explain(1007, lambda: None)


def send_too_much(s: Served) -> None:
    s.connection.explain(1009, lambda: None)


WORDS = talk(("quiet", 0.3), ("loud", 1.2))
IN_WAV = encode("wav", Track(WORDS[::3], "pcm_s16le", 16_000))
IN_FLAC = encode("flac", Track(WORDS[::3], "flac", 16_000))
IN_WEBM = in_webm(WORDS)
FINAL_AND_ERROR = ["Ready", "Speech", "Final", "Error"]


@pytest_fork
@pytest.mark.parametrize(
    ("encoding", "data"), [("webm", IN_WEBM), ("wav", IN_WAV), ("flac", IN_FLAC)]
)
@pytest.mark.parametrize(
    ("code", "mistake"),
    [
        ("bad_text", send_no_text),
        ("frame_too_large", send_too_much),
        ("too_many_mistakes", send_nonsense),
    ],
)
async def test_a_container_is_answered_to_its_end_before_the_close(
    encoding: str, data: bytes, code: str, mistake: Callable[[Served], None]
) -> None:
    """Though no sample of it was there yet when the mistake came."""
    async with served() as s:
        s.socket.put(start(encoding), data)
        await s.until(lambda: s.socket.received == 2 and s.socket.waited_for)
        mistake(s)
        await answered_error(s)
        assert [each for each in s.order if each != "Error"] == FINAL_AND_ERROR[:-1]
        assert (s.error.code, s.error.fatal) == (code, True)
        (final,) = [m for m in s.socket.sent if isinstance(m, Final)]
        assert final.end_ms == pytest.approx(1500, abs=50)


async def answered_error(s: Served) -> None:
    """Until a fatal error was sent, with an engine that answers all."""

    def answered() -> object:
        s.engine.answer()
        return any(isinstance(m, Error) and m.fatal for m in s.socket.sent)

    await s.until_decoded(answered)


@pytest_fork
@pytest.mark.parametrize("flushes", [1, 2])
async def test_the_end_of_a_flac_that_lies_in_its_decoder_is_answered_too(flushes: int) -> None:
    async with served() as s:
        s.socket.put(start("flac"), in_flac_of(("loud", 4.0)), *[FLUSH] * flushes)
        await s.until_decoded(lambda: s.engine.jobs)
        s.engine.answer()
        send_no_text(s)
        await answered_error(s)
        finals = [m for m in s.socket.sent if isinstance(m, Final)]
        assert finals[-1].end_ms == pytest.approx(4000, abs=50)
        assert s.error.code == "bad_text"


@pytest_fork
@pytest.mark.parametrize(
    ("encoding", "data"),
    [
        ("wav", IN_WAV),
        ("auto", IN_WAV),
        ("mp3", encode("mp3", Track(WORDS[:48_000], "libmp3lame"))),
    ],
)
async def test_words_too_few_for_a_decoder_are_answered_before_the_sender_is_too_idle(
    encoding: str, data: bytes
) -> None:
    async with served(idle_timeout_s=0.5) as s:
        s.socket.put(start(encoding), data)
        await answered_error(s)
        assert s.order == FINAL_AND_ERROR
        assert s.error.code == "idle"
        await s.until(lambda: s.socket.closed)
        assert s.close_code == 4408
    assert not len(s.sessions), "nobody can go on with it"


@pytest_fork
@pytest.mark.parametrize("encoding", ["webm", "wav", "flac"])
@pytest.mark.parametrize("mistake", [send_no_text, send_nonsense])
async def test_a_container_of_nothing_holds_no_close(
    encoding: str, mistake: Callable[[Served], None]
) -> None:
    async with served() as s:
        s.socket.put(start(encoding))
        await s.until(lambda: s.said(Ready))
        mistake(s)
        await answered_error(s)
        assert s.error.code in ("bad_text", "too_many_mistakes")


@pytest_fork
async def test_what_was_said_is_answered_though_its_decoder_dies_before_the_close() -> None:
    async with served() as s:
        s.socket.put(start("webm"), AUDIO_LOUD[: len(AUDIO_LOUD) // 2])
        await s.until_decoded(lambda: s.said(Speech))
        child = decoder_of(s)
        child.suspend()
        s.socket.put(AUDIO_LOUD[len(AUDIO_LOUD) // 2 :])
        await s.until(lambda: s.socket.received == 3 and s.socket.waited_for)
        send_no_text(s)
        child.kill()
        await answered_error(s)
        assert s.order == FINAL_AND_ERROR
        assert s.error.code == "bad_text"


@pytest_fork
async def test_a_container_in_slices_of_two_seconds_is_not_cut() -> None:
    """As a recorder of a page gives it."""
    slices = [
        AUDIO_LOUD[i * len(AUDIO_LOUD) // 4 : (i + 1) * len(AUDIO_LOUD) // 4] for i in range(4)
    ]
    async with served() as s:
        s.socket.put(start("webm"))
        await paced(s, slices[:3], 2.0)
        assert s.order == ["Ready", "Speech"]
        assert s.engine.jobs == []
        s.socket.put(slices[3], STOP)
        await closed(s)


@pytest_fork
async def test_a_wav_whose_first_seconds_come_together_is_no_slow_sender() -> None:
    """So much FFmpeg reads of it before it gives any sample."""
    data = encode("wav", Track(talk(("loud", 3.0))[::3], "pcm_s16le", 16_000))
    async with served() as s:
        s.socket.put(start("wav"))
        await paced(s, [data[i : i + 3200] for i in range(0, len(data), 3200)], 0.1)
        assert 0.5 < await until_finished(s) < 2.0


@pytest_fork
async def test_a_dying_decoder_is_one_session_s_trouble() -> None:
    """It gets an answer to what was said and a sentence; the victim beside it notices nothing."""
    async with served() as s:
        s.most_sessions = 2
        victim = FakeSocket()
        other = Connection(victim, opening(s.engine, s.sessions), timeouts())
        task = asyncio.create_task(other.run(None))
        try:
            s.socket.put(start("webm"), AUDIO_LOUD[: len(AUDIO_LOUD) // 2])
            await s.until_decoded(lambda: s.said(Speech))
            child = decoder_of(s)
            victim.put(start("webm"), AUDIO_LOUD[: len(AUDIO_LOUD) // 2])
            await s.until_decoded(lambda: any(isinstance(m, Speech) for m in victim.sent))
            child.kill()
            await s.until_decoded(lambda: s.engine.jobs)
            assert "Error" not in s.order
            s.engine.answer("what was said")
            await s.until_decoded(lambda: s.socket.closed)
            assert s.order == ["Ready", "Speech", "Final", "Error"]
            assert (s.error.code, s.close_code) == ("bad_audio", 1003)
            victim.put(AUDIO_LOUD[len(AUDIO_LOUD) // 2 :], STOP)

            def over() -> object:
                s.engine.answer()
                return victim.closed

            await s.until_decoded(over)
            ended = victim.sent[-1]
            assert isinstance(ended, Ended)
            assert ended.audio_ms == pytest.approx(8000, abs=30)
            assert not any(isinstance(m, Error) for m in victim.sent)
        finally:
            victim.leave()
            await task


@pytest_fork
async def test_much_in_a_few_bytes_waits_until_it_is_answered() -> None:
    audio = np.tile(talk(("loud", 1.0), ("quiet", 1.0))[::3], 20)  # 40 seconds, at 16 kHz
    data = encode("flac", Track(audio, "flac", 16_000))
    async with served(max_backlog_s=4) as s:
        s.socket.put(start("flac"), *[data[i : i + 50_000] for i in range(0, len(data), 50_000)])
        await s.until_decoded(lambda: len(s.sessions) and s.session.full)
        await asyncio.sleep(0.2)  # it may not go on
        assert s.session.unanswered_s < 4 + 6
        s.socket.put(STOP)
        most = 0.0

        def over() -> object:
            nonlocal most
            if len(s.sessions):
                most = max(most, s.session.unanswered_s)
            s.engine.answer()
            return s.socket.closed

        await s.until_decoded(over, 60)
        assert most < 4 + 6
        ended = s.socket.sent[-1]
        assert isinstance(ended, Ended)
        assert ended.audio_ms == pytest.approx(40_000, abs=100)

"""One socket and one session: order, slow readers, back-pressure, errors, draining. No network."""

import asyncio
from itertools import cycle

import pytest

from surtitle.gateway.connection import AT_ONCE_BYTES, MAX_MISTAKES, PIECE_BYTES
from surtitle.jobs import Job
from surtitle.messages import Ack, Ended, Error, Final, Partial, Ready, Resumed, Speech, Status
from surtitle.vad.rounds import VadClient
from tests.gateway.fakes import LOUD, QUIET
from tests.gateway.serving import PAUSE, WORD, served


async def test_from_audio_to_ended_in_order() -> None:
    async with served() as s:
        s.socket.put('{"type":"start","partials":false}', WORD, PAUSE)
        await s.until(lambda: s.engine.promoted)
        ((speculative, _),) = s.engine.jobs
        assert s.engine.promoted == [speculative.id]
        s.engine.answer("hello")
        s.socket.put('{"type":"stop"}')
        await s.until(lambda: s.socket.closed)
        assert s.order == ["Ready", "Speech", "Final", "Ended"]
        assert [m.seq for m in s.socket.sent if not isinstance(m, Ack | Resumed)] == [1, 2, 3, 4]
        assert s.socket.closed == (1000, "")


async def test_a_final_of_a_pause_is_taken_back_when_speech_goes_on() -> None:
    async with served() as s:
        s.socket.put('{"type":"start","partials":false}', WORD, QUIET * 6)
        await s.until(lambda: s.engine.jobs)
        ((speculative, _),) = s.engine.jobs
        s.socket.put(WORD)
        await s.until(lambda: s.engine.cancelled)
        assert s.engine.cancelled == [speculative.id]
        s.socket.put(PAUSE)
        await s.until(lambda: s.engine.jobs)
        ((final, _),) = s.engine.jobs
        assert len(final.audio) > len(speculative.audio)
        s.engine.answer("all of it")
        s.socket.put('{"type":"stop"}')
        await s.until(lambda: s.socket.closed)
        assert s.order == ["Ready", "Speech", "Final", "Ended"]


async def test_audio_alone_opens_a_session_with_the_defaults() -> None:
    async with served() as s:
        s.socket.put(WORD)
        await s.until(lambda: s.said(Speech))
        assert s.order[0] == "Ready"


async def test_the_query_string_takes_the_place_of_start() -> None:
    async with served({"sample_rate": ["8000"], "unknown": ["x"]}) as s:
        await s.until(lambda: s.said(Ready))
        ready = s.socket.sent[0]
        assert isinstance(ready, Ready) and ready.sample_rate == 8000


async def test_what_was_received_is_acknowledged_once_a_second() -> None:
    async with served() as s:
        s.socket.put(QUIET * 100)
        await s.until(lambda: s.said(Ack))
        ack = next(m for m in s.socket.sent if isinstance(m, Ack))
        assert ack.received == len(QUIET * 100)
        assert 0 < ack.safe <= ack.received


async def test_a_slow_reader_misses_partials_and_nothing_else() -> None:
    async with served() as s:
        s.socket.put('{"type":"start"}')
        await s.until(lambda: s.said(Ready))
        s.socket.reads.clear()
        for number in range(12):
            s.socket.put(WORD, LOUD * 20)
            await s.until(lambda: s.engine.jobs)
            s.engine.answer(f"partial {number}")
            s.socket.put('{"type":"flush"}', PAUSE)
            await s.until(lambda: any(job.kind == "final" for job, _ in s.engine.jobs))
            s.engine.answer(f"final {number}")
        s.socket.reads.set()
        await s.until(lambda: len(s.said(Final)) == 12)
        finals = [m for m in s.socket.sent if isinstance(m, Final)]
        assert [m.utterance for m in finals] == list(range(1, 13))
        assert len(s.said(Speech)) == 12
        assert len(s.said(Partial)) < 12
        numbers = [m.seq for m in s.socket.sent if not isinstance(m, Ack | Resumed)]
        assert numbers == sorted(set(numbers))


async def test_of_acknowledgements_that_wait_for_a_slow_reader_the_newest_counts() -> None:
    async with served() as s:
        s.socket.put('{"type":"start"}')
        await s.until(lambda: s.said(Ready))
        s.socket.reads.clear()
        for _ in range(100):
            s.connection.post(Ack(received=0, safe=0))
        s.connection.post(Ack(received=7, safe=0))
        assert s.connection.held_bytes < 1000
        s.socket.reads.set()
        await s.until(lambda: Ack(received=7, safe=0) in s.socket.sent)


@pytest.mark.parametrize("text", ["", "x" * 2000])
async def test_one_that_takes_a_message_now_and_then_is_cut_off_before_too_many_wait(
    text: str,
) -> None:
    async with served() as s:
        s.socket.put('{"type":"start"}')
        await s.until(lambda: s.said(Ready))
        s.socket.reads.clear()
        for seq in range(2, 5000):
            s.connection.post(Error(seq=seq, code="x", message=text, fatal=False))
            if s.socket.aborted:
                break
        assert s.socket.aborted
        assert s.connection.held_bytes < 3_000_000


async def test_a_client_that_takes_nothing_is_cut_off() -> None:
    async with served(send_timeout_s=0.05) as s:
        s.socket.reads.clear()
        s.socket.put('{"type":"start"}')
        await s.until(lambda: s.socket.aborted)


async def test_one_that_sends_faster_than_it_is_answered_is_read_more_slowly() -> None:
    async with served(max_backlog_s=2) as s:
        s.socket.put('{"type":"start","partials":false}')
        s.socket.put(*[WORD + PAUSE] * 20)
        await s.until(lambda: len(s.sessions) and s.session.unanswered_s > 2)
        for _ in range(100):
            await asyncio.sleep(0)
        assert s.socket.received < 6
        while s.socket.received < 21:
            s.engine.answer()
            await asyncio.sleep(0)
        s.socket.put('{"type":"stop"}')
        while not s.socket.closed:
            s.engine.answer()
            await asyncio.sleep(0)
        ended = s.socket.sent[-1]
        assert isinstance(ended, Ended) and ended.utterances == 20


async def test_the_short_way_is_closed_before_the_start_and_while_there_is_too_much_audio() -> None:
    async with served(max_backlog_s=2) as s:
        assert not s.connection.take_audio(WORD)  # the receiver opens the session
        s.socket.put('{"type":"start","partials":false}')
        await s.until(lambda: s.said(Ready) and s.socket.waited_for)
        spoken = cycle((WORD, QUIET * 30))
        while s.connection.take_audio(next(spoken)):
            pass
        assert 2 <= s.session.received_s < 3.5
        await s.until(lambda: s.said(Speech))
        assert not s.connection.take_audio(WORD)  # it is unanswered
        while not s.connection.take_audio(QUIET):
            s.engine.answer()
            await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("size", "turns"),
    [
        (0, 1),
        (1, 1),
        (AT_ONCE_BYTES, 1),
        (AT_ONCE_BYTES + 1, AT_ONCE_BYTES // PIECE_BYTES + 1),
        (50 * PIECE_BYTES - 1, 50),
    ],
)
@pytest.mark.parametrize("start", [True, False], ids=["after start", "alone"])
async def test_a_frame_takes_a_turn_for_each_piece_of_it(
    size: int, turns: int, start: bool
) -> None:
    async with served(max_backlog_s=60) as s:
        if start:
            s.socket.put('{"type":"start"}')
            await s.until(lambda: s.said(Ready) and s.socket.waited_for)
            assert s.connection.take_audio(bytes(size)) is (size <= AT_ONCE_BYTES)
        taken = s.socket.turns_taken
        frame = bytes(each % 251 for each in range(size))
        s.socket.put(frame)
        await s.until(lambda: s.socket.received == 1 + start and s.socket.waited_for)
        assert s.socket.turns_taken - taken == turns
        took = size if start and size <= AT_ONCE_BYTES else 0
        assert s.session.received_s == (size + took) // 2 / 16_000


async def test_a_large_frame_after_stop_is_one_mistake() -> None:
    async with served() as s:
        s.socket.put('{"type":"start"}', WORD, '{"type":"stop"}', bytes(100 * AT_ONCE_BYTES))
        await s.until(lambda: s.socket.received == 4 and s.socket.waited_for)
        assert [m.code for m in s.socket.sent if isinstance(m, Error)] == ["bad_message"]


async def test_of_one_frame_no_more_is_taken_than_can_be_answered() -> None:
    async with served(max_backlog_s=35) as s:
        s.socket.put('{"type":"start","partials":false}', (WORD + PAUSE) * 30)
        await s.until(lambda: len(s.sessions) and s.session.unanswered_s > 35)
        before_s = s.session.received_s
        await asyncio.sleep(0.1)
        assert s.session.received_s == before_s < 36
        while s.session.received_s < 57:
            s.engine.answer()
            await asyncio.sleep(0)


async def test_no_more_is_read_than_voice_activity_has_time_for() -> None:
    """To read on would only take the time that it lacks."""
    async with served() as s:
        late: list[VadClient] = []
        s.rounds.request = late.append  # type: ignore[assignment, method-assign]
        s.socket.put('{"type":"start","partials":false}', *[QUIET * 3] * 60)
        await s.until(lambda: late and s.session.full)
        waiting_s = s.session.received_s
        await asyncio.sleep(0.1)
        assert s.session.received_s == waiting_s < 2.5
        while s.session.received_s < 5.7:
            s.rounds._score(late[0])
            await asyncio.sleep(0)


async def test_who_is_not_read_from_is_not_idle() -> None:
    async with served(max_backlog_s=3.1, idle_timeout_s=0.05) as s:
        s.socket.put('{"type":"start","partials":false}', WORD * 3 + PAUSE)
        await s.until(lambda: s.said(Speech))
        await asyncio.sleep(0.15)  # longer than the limit; it is us who keep the client waiting
        assert s.order == ["Ready", "Speech"]
        while not s.said(Error):
            s.engine.answer()
            await asyncio.sleep(0)
        assert s.error.code == "idle"  # now it is the client again


async def test_who_waits_for_his_turn_is_not_idle() -> None:
    async with served(idle_timeout_s=0.3, start_timeout_s=0.3) as s:
        s.socket.turn.clear()
        s.socket.put('{"type":"start"}')
        await asyncio.sleep(0.8)
        assert s.close_code is None
        s.socket.turn.set()
        await s.until(lambda: s.said(Ready))
        s.socket.turn.clear()
        s.socket.put('{"type":"flush"}')
        await asyncio.sleep(0.8)
        assert s.close_code is None
        s.socket.turn.set()
        await s.until(lambda: s.close_code)
        assert s.error.code == "idle"


async def test_no_session_begins_for_one_who_has_gone() -> None:
    async with served() as s:
        s.socket.turn.clear()
        s.socket.put('{"type":"start"}')
        await s.until(lambda: not s.socket.waited_for)
        s.socket.is_lost = True
        s.socket.turn.set()
        await s.until(lambda: s.socket.waited_for)
        assert not len(s.sessions)


@pytest.mark.alone
async def test_frames_put_off_the_limit_of_idleness() -> None:
    async with served(idle_timeout_s=0.1) as s:
        s.socket.put('{"type":"start"}')
        await s.until(lambda: s.said(Ready))
        began = asyncio.get_running_loop().time()
        for _ in range(10):
            assert s.connection.take_audio(QUIET)
            await asyncio.sleep(0.03)
        assert not s.said(Error)
        await s.until(lambda: s.socket.closed)
        assert asyncio.get_running_loop().time() - began >= 0.37


async def test_a_result_for_a_client_that_has_gone_is_harmless() -> None:
    async with served() as s:
        s.socket.put(WORD, PAUSE)
        await s.until(lambda: s.engine.jobs)
    s.engine.answer()


async def test_idleness_is_told_before_the_close() -> None:
    async with served(idle_timeout_s=0.05) as s:
        await s.until(lambda: s.socket.closed)
        assert (s.error.code, s.error.fatal, s.socket.closed) == ("idle", True, (4408, "idle"))


async def test_after_stop_it_is_the_client_that_waits() -> None:
    async with served(idle_timeout_s=0.05) as s:
        s.socket.put(WORD, '{"type":"stop"}')
        await s.until(lambda: s.engine.jobs)
        await asyncio.sleep(0.1)  # longer than the limit, which does not hold here
        assert s.order == ["Ready", "Speech"]
        while not s.socket.closed:
            s.engine.answer()
            await asyncio.sleep(0)
        assert s.socket.closed == (1000, "")


async def test_a_mistake_of_ours_closes_without_its_details(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with served() as s:
        s.socket.put('{"type":"start"}')
        await s.until(lambda: s.said(Ready))

        def fail(data: bytes) -> None:
            raise KeyError("a secret of the inside")

        monkeypatch.setattr(s.session, "receive_audio", fail)
        s.socket.put(WORD)
        await s.until(lambda: s.socket.closed)
        assert s.socket.closed == (1011, "internal")
        assert "secret" not in s.error.message
    assert "a secret of the inside" in "".join(capsys.readouterr())  # but in the log


async def test_a_mistake_while_messages_leave_is_one_session_s_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is met by the round of all sessions."""
    async with served() as s:
        s.socket.put('{"type":"start"}')
        await s.until(lambda: s.said(Ready))

        def fail() -> list[Job]:
            raise KeyError("a secret of the inside")

        monkeypatch.setattr(s.session, "jobs", fail)
        (hosted,) = s.sessions
        hosted.receive_probabilities([], [])
        await s.until(lambda: s.socket.closed)
        assert s.socket.closed == (1011, "internal")


async def test_mistakes_without_end_end_the_connection() -> None:
    async with served() as s:
        s.socket.put('{"type":"start"}', *['{"type":"dance"}'] * (MAX_MISTAKES + 10))
        await s.until(lambda: s.socket.closed)
        assert len(s.said(Error)) == MAX_MISTAKES + 1
        assert (s.error.code, s.error.fatal) == ("too_many_mistakes", True)


async def test_draining_finishes_the_open_utterance() -> None:
    async with served() as s:
        s.socket.put('{"type":"start","partials":false}', WORD)
        await s.until(lambda: s.said(Speech))
        draining = asyncio.create_task(s.connection.drain(5))
        await s.until(lambda: s.engine.jobs)
        assert not s.socket.closed
        s.engine.answer("to the end")
        await draining
        await s.until(lambda: s.socket.closed)
        assert s.order == ["Ready", "Speech", "Status", "Final"]
        assert s.socket.closed == (1001, "the server is stopping")


async def test_draining_waits_no_longer_than_it_is_told() -> None:
    async with served() as s:
        s.socket.put('{"type":"start","partials":false}', WORD)
        await s.until(lambda: s.said(Speech))
        await s.connection.drain(0.05)
        await s.until(lambda: s.socket.closed)
        assert s.order == ["Ready", "Speech", "Status"]


async def test_draining_does_not_wait_for_a_client_that_vanishes() -> None:
    async with served() as s:
        s.socket.put('{"type":"start","partials":false}', WORD)
        await s.until(lambda: s.said(Speech))
        draining = asyncio.create_task(s.connection.drain(600))
        await s.until(lambda: s.said(Status))
        s.socket.leave()
        async with asyncio.timeout(5):
            await draining


async def test_it_pauses_when_an_utterance_has_ended_by_itself() -> None:
    async with served() as s:
        s.socket.put('{"type":"start","partials":false}')
        await s.until(lambda: s.said(Ready))
        async with asyncio.timeout(5):
            await s.connection.pause(600)  # nothing is being said
        s.socket.put(WORD)
        await s.until(lambda: s.said(Speech))
        pausing = asyncio.create_task(s.connection.pause(600))
        s.socket.put(WORD)
        await asyncio.sleep(0.05)
        assert not pausing.done()
        s.socket.put(PAUSE)
        await s.until(lambda: s.engine.jobs)
        s.engine.answer("both words")  # by which it is known that the sentence has ended
        async with asyncio.timeout(5):
            await pausing
        assert s.order == ["Ready", "Speech", "Final"]


@pytest.mark.parametrize("leaves", [False, True])
async def test_a_pause_is_waited_for_as_long_as_somebody_is_there(leaves: bool) -> None:
    async with served() as s:
        s.socket.put('{"type":"start","partials":false}', WORD)
        await s.until(lambda: s.said(Speech))
        if leaves:
            s.socket.leave()
        async with asyncio.timeout(5):
            await s.connection.pause(600 if leaves else 0.05)
        assert s.order == ["Ready", "Speech"]


async def test_the_state_of_the_service_reaches_an_open_session() -> None:
    async with served() as s:
        assert not list(s.sessions)
        s.socket.put('{"type":"start"}')
        await s.until(lambda: s.said(Ready))
        (hosted,) = s.sessions
        hosted.say("recovering", "Wait a moment.")
        await s.until(lambda: s.said(Status))
        assert s.order == ["Ready", "Status"]

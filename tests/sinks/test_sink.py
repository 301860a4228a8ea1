"""Delivery, with outlets that do as they are told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from itertools import pairwise

import pytest

from surtitle.messages import Partial, Suppressed
from surtitle.sinks.forms import Delivery
from surtitle.sinks.sink import MAX_WAITING, NotNow, Outlet, Patience, Refused, Sink, Sinks
from tests.gateway.fakes import everything_logged
from tests.sinks.deliveries import delivery, final, revised, until

QUICK = Patience(first_wait_s=0.001, longest_wait_s=0.004)


class ScriptedOutlet(Outlet):
    """Keeps what it gets; before that, `script` is asked with the number of the attempt."""

    def __init__(self, script: Callable[[int], Awaitable[None]] | None = None) -> None:
        self.got: list[str] = []
        self.attempts: list[str] = []
        self.closed = False
        self._script = script

    async def deliver(self, delivery: Delivery) -> None:
        self.attempts.append(delivery.id)
        if self._script is not None:
            await self._script(len(self.attempts))
        self.got.append(delivery.id)

    async def close(self) -> None:
        self.closed = True


@asynccontextmanager
async def started(outlet: ScriptedOutlet, patience: Patience = QUICK) -> AsyncIterator[Sink]:
    sink = Sink("hall test", outlet, patience, takes_revisions=True)
    sink.start()
    try:
        yield sink
    finally:
        await sink.stop(0)


def put(sink: Sink, *numbers: int) -> list[str]:
    for number in numbers:
        sink.put(delivery(final("a", number), number))
    return [f"id-{number}" for number in numbers]


async def fail_until(attempt: int, count: int, error: Exception) -> None:
    if attempt <= count:
        raise error


async def hang(attempt: int) -> None:
    await asyncio.Event().wait()


async def test_captions_arrive_one_after_the_other() -> None:
    outlet = ScriptedOutlet()
    async with started(outlet) as sink:
        ids = put(sink, *range(50))
        assert sink.waiting == 50
        await until(lambda: sink.delivered == 50)
        assert outlet.got == ids
        assert (sink.waiting, sink.dropped, sink.failing) == (0, 0, False)
    assert outlet.closed


async def test_what_fails_is_tried_again_before_what_follows() -> None:
    outlet = ScriptedOutlet(lambda attempt: fail_until(attempt, 3, NotNow("away")))
    with everything_logged() as logs:
        async with started(outlet) as sink:
            ids = put(sink, 1, 2)
            await until(lambda: sink.failing)
            await until(lambda: sink.delivered == 2)
            assert outlet.attempts == ["id-1"] * 4 + ["id-2"]
            assert outlet.got == ids
            assert not sink.failing
    assert [(line["log_level"], line.get("reason")) for line in logs] == [
        ("warning", "away"),  # once
        ("info", None),
    ]


async def test_the_waits_become_longer_up_to_a_bound() -> None:
    times = list[float]()

    async def note(attempt: int) -> None:
        times.append(asyncio.get_running_loop().time())
        raise NotNow("away")

    patience = Patience(first_wait_s=0.01, longest_wait_s=0.04)
    async with started(ScriptedOutlet(note), patience) as sink:
        put(sink, 1)
        await until(lambda: len(times) == 6)
    waits = [after - before for before, after in pairwise(times[:6])]
    for wait, least in zip(waits, [0.01, 0.02, 0.04, 0.04, 0.04], strict=True):
        assert wait >= 0.9 * least
    assert sum(waits) < 2  # and not 0.08, 0.16, …


async def test_the_other_side_may_ask_for_more_time() -> None:
    outlet = ScriptedOutlet(lambda attempt: fail_until(attempt, 1, NotNow("busy", after_s=0.05)))
    patience = Patience(first_wait_s=0.001, longest_wait_s=10)
    async with started(outlet, patience) as sink:
        loop = asyncio.get_running_loop()
        before = loop.time()
        put(sink, 1)
        await until(lambda: sink.delivered)
        assert loop.time() - before >= 0.045


async def test_what_is_refused_is_skipped_and_told_once() -> None:
    outlet = ScriptedOutlet(lambda attempt: fail_until(attempt, 3, Refused("403")))
    with everything_logged() as logs:
        async with started(outlet) as sink:
            put(sink, 1, 2, 3, 4)
            await until(lambda: sink.delivered)
            assert outlet.attempts == ["id-1", "id-2", "id-3", "id-4"]
            assert (sink.dropped, sink.delivered) == (3, 1)
    assert [line.get("reason") for line in logs] == ["403", None]


async def test_what_is_too_old_is_dropped() -> None:
    """Else it would keep what is said now waiting, and stand under other words."""
    clock = [0.0]

    async def fail_for_long(attempt: int) -> None:
        if clock[0] <= 30:
            raise NotNow("away")

    outlet = ScriptedOutlet(fail_for_long)
    sink = Sink(
        "a", outlet, Patience(30, 0.001, 0.001), takes_revisions=False, clock_s=lambda: clock[0]
    )
    sink.start()
    put(sink, 1)
    await until(lambda: len(outlet.attempts) >= 3)
    clock[0] = 31
    put(sink, 2)
    await until(lambda: sink.delivered)
    assert outlet.got == ["id-2"]
    assert sink.dropped == 1
    await sink.stop()


async def test_a_sink_that_hangs_holds_a_bounded_number() -> None:
    outlet = ScriptedOutlet(hang)
    with everything_logged() as logs:
        async with started(outlet) as sink:
            put(sink, 0)
            await until(lambda: outlet.attempts)
            put(sink, *range(1, MAX_WAITING + 11))
            assert sink.waiting == MAX_WAITING + 1  # and the one on its way
            assert sink.dropped == 10
            assert next(delivery.id for delivery, _ in sink._waiting) == "id-11"  # the oldest go
        assert sink.dropped == MAX_WAITING + 11
    assert [line["event"] for line in logs] == [
        "captions do not go on to a sink",
        "what was said last has not reached a sink",
    ]


async def test_a_fault_of_ours_costs_one_caption_and_its_text_is_not_logged() -> None:
    outlet = ScriptedOutlet(
        lambda attempt: fail_until(attempt, 1, RuntimeError("https://h/?key=s3cret"))
    )
    with everything_logged() as logs:
        async with started(outlet) as sink:
            put(sink, 1, 2)
            await until(lambda: sink.delivered)
            assert outlet.got == ["id-2"]
    assert "RuntimeError in " in logs[0]["reason"]
    assert "s3cret" not in str(logs)


class ClockOutlet(ScriptedOutlet):
    """Does something as time passes, too."""

    def __init__(self, script: Callable[[int], Awaitable[None]] | None = None) -> None:
        super().__init__(script)
        self.kept_up = 0

    def due_in_s(self) -> float:
        return 0.001

    async def keep_up(self) -> None:
        self.kept_up += 1
        if 3 <= self.kept_up <= 5:
            raise NotNow("full") if self.kept_up < 5 else RuntimeError("s3cret")


async def test_an_outlet_with_a_clock_keeps_up_with_it() -> None:
    """Also while something is said, and after it went wrong."""
    outlet = ClockOutlet()
    with everything_logged() as logs:
        async with started(outlet) as sink:
            await until(lambda: outlet.kept_up >= 4)
            assert sink.failing
            await until(lambda: outlet.kept_up >= 6 and not sink.failing)
            put(sink, 1, 2)
            await until(lambda: sink.delivered == 2)
            before = outlet.kept_up
            await until(lambda: outlet.kept_up > before)
    reasons = [line["reason"] for line in logs if "reason" in line]
    assert reasons[0] == "full"
    assert reasons[1].startswith("RuntimeError in ")
    assert len(reasons) == 2
    assert "s3cret" not in str(logs)


async def test_the_end_waits_for_what_is_left() -> None:
    """Attempts that failed before are made soon, though the next one was due much later."""
    outlet = ScriptedOutlet(lambda attempt: fail_until(attempt, 1, NotNow("away")))
    sink = Sink("a", outlet, Patience(first_wait_s=0.01), takes_revisions=False)
    sink.start()
    put(sink, 1, 2)
    await sink.stop()
    assert outlet.got == ["id-1", "id-2"]
    assert outlet.closed


@pytest.mark.parametrize(
    "stuck", [hang, lambda attempt: fail_until(attempt, 99_999, NotNow("away"))]
)
async def test_the_end_does_not_wait_for_long(stuck: Callable[[int], Awaitable[None]]) -> None:
    outlet = ScriptedOutlet(stuck)
    sink = Sink("a", outlet, Patience(first_wait_s=5), takes_revisions=False)
    sink.start()
    put(sink, 1, 2)
    await until(lambda: outlet.attempts)
    async with asyncio.timeout(2):
        await sink.stop(0.05)
    assert sink.dropped == 2


async def test_a_sink_that_never_began_ends() -> None:
    outlet = ScriptedOutlet()
    await Sink("a", outlet, QUICK, takes_revisions=False).stop()
    assert outlet.closed


async def test_finals_go_to_all_and_corrections_to_those_that_can_correct() -> None:
    outlets = ScriptedOutlet(), ScriptedOutlet(), ScriptedOutlet()
    sinks = Sinks(
        {
            "hall": [
                Sink("hall a", outlets[0], QUICK, takes_revisions=True),
                Sink("hall b", outlets[1], QUICK, takes_revisions=False),
            ],
            "other": [Sink("other a", outlets[2], QUICK, takes_revisions=True)],
        }
    )
    sinks.start()
    sinks.take("elsewhere", "one", final("a"))
    take = partial(sinks.take, "hall")
    take("one", final("a"))
    take("one", Partial(seq=2, utterance=2, start_ms=0, end_ms=0, stable="", unstable="a"))
    take("one", Suppressed(seq=3, utterance=2, start_ms=0, end_ms=0, reason="no_speech"))
    take("one", revised("b"))
    await sinks.stop()
    assert [len(outlet.got) for outlet in outlets] == [2, 1, 0]
    assert len(set(outlets[0].got)) == 2  # each has an id of its own
    assert outlets[0].got[:1] == outlets[1].got

"""Real gateways and servers whose captions go on, beside sinks that do harm."""

import asyncio
import json
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from websockets.asyncio.client import ClientConnection, connect

from lab.ledger import expect
from lab.server_process import FAKE_DECODER, ServerProcess, start_server
from surtitle.messages import Final, parse_viewer_message
from surtitle.sinks.forms import WebHook
from surtitle.sinks.sink import Patience, Sink, Sinks
from surtitle.sinks.web import WebOutlet
from tests.faults.story import Story
from tests.gateway.fakes import LOUD, QUIET
from tests.gateway.site import Site, listening
from tests.sinks.deliveries import until
from tests.sinks.scripted import HANG, OK, Answer, Got, YouTubeStream, ZoomMeeting, serving

PROMPT_S = 3.0
"""For a final to reach those who wait for it; without sinks it is a few milliseconds."""
WORDS = 8
START = '{"type":"start","channel":"hall","partials":false}'


# -- beside a sink that does harm ---------------------------------------------------------------


def hook(url: str) -> Sink:
    outlet = WebOutlet(WebHook(f"{url}/hook", "0123456789abcdef"), attempt_s=1)
    return Sink("hall webhook", outlet, Patience(first_wait_s=0.01), takes_revisions=True)


async def speak(site: Site, speaker: ClientConnection, text: str) -> None:
    await speaker.send(LOUD * 20 + QUIET * 40)
    await until(lambda: [job for job, _ in site.engine.jobs if job.kind == "final"])
    site.engine.answer(text)


async def next_final(socket: ClientConnection, *, watches: bool = False) -> str:
    while True:
        text = await socket.recv()
        message = parse_viewer_message(text) if watches else expect(text)
        if isinstance(message, Final):
            return message.text


@pytest.mark.parametrize(
    "answer",
    [
        HANG,
        Answer(500),
        Answer(403),
        Answer(then="break"),
        Answer(then="drip"),
        Answer(then="flood"),
    ],
    ids=lambda answer: answer.then or str(answer.status),
)
async def test_nobody_waits_for_a_sink(answer: Answer) -> None:
    late_s = list[float]()
    async with serving(lambda got: answer) as service:
        sinks = Sinks({"hall": [sink := hook(service.url)]})
        sinks.start()
        async with (
            listening(sinks=sinks) as site,
            connect(site.websocket) as speaker,
            connect(site.channel) as viewer,
        ):
            await speaker.send(START)
            for number in range(WORDS):
                await speak(site, speaker, f"word {number}")
                before = time.perf_counter()
                assert await next_final(speaker) == f"word {number}"
                assert await next_final(viewer, watches=True) == f"word {number}"
                late_s.append(time.perf_counter() - before)
            await until(lambda: service.got)
        assert sink.waiting + sink.delivered + sink.dropped == WORDS
        await sink.stop(0)
    assert max(late_s) < PROMPT_S


async def test_other_channels_and_sessions_without_one_go_nowhere() -> None:
    async with serving() as service:
        sinks = Sinks({"hall": [sink := hook(service.url)]})
        sinks.start()
        async with listening(sinks=sinks) as site:
            for start in (
                START.replace("hall", "other"),
                '{"type":"start","partials":false}',
                START,
            ):
                async with connect(site.websocket) as speaker:
                    await speaker.send(start)
                    await speak(site, speaker, start)
                    await next_final(speaker)
            await until(lambda: sink.delivered)
        await sinks.stop()
    assert [json.loads(got.body)["message"]["text"] for got in service.got] == [START]


# -- a whole server -----------------------------------------------------------------------------


@contextmanager
def server(folder: Path, *sinks: str) -> Iterator[ServerProcess]:
    (folder / "secret").write_text("0123456789abcdef\n")
    (folder / "sinks").touch(0o600)
    running = start_server(
        decoder=FAKE_DECODER,
        sinks=",".join(sinks),
        sinks_file=folder / "sinks",
        webhook_secret_file=folder / "secret",
        drain_s=1,
        log_level="debug",
    )
    try:
        yield running
    finally:
        running.stop()


async def figures(running: ServerProcess) -> dict[str, dict[str, float]]:
    """The figures of sinks, by name and sink."""

    def fetch() -> str:
        with urllib.request.urlopen(running.url + "/metrics", timeout=5) as response:
            return str(response.read().decode())

    found: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(await asyncio.to_thread(fetch)):
        for sample in family.samples:
            if "sink" in sample.labels:
                found.setdefault(sample.name, {})[sample.labels["sink"]] = sample.value
    return found


async def test_what_is_said_in_a_hall_arrives_everywhere(tmp_path: Path) -> None:
    """Also in a meeting whose address comes when the server runs."""
    meeting, stream, hooked = ZoomMeeting(), YouTubeStream(), list[Any]()

    def answer(got: Got) -> Answer:
        if got.path.startswith("/closedcaption"):
            return stream(got) if "cid" in got.query else meeting(got)
        hooked.append(json.loads(got.body))
        return OK

    texts = [str(number) for number in range(WORDS)]
    async with serving(answer) as service:
        sinks = (
            f"hall=youtube:{service.url}/closedcaption?cid=abcd-efgh",
            f"hall=webhook:{service.url}/hook?key=s3cret",
            *(f"hall=file:{tmp_path}/talk.{extension}" for extension in ("txt", "srt", "vtt")),
            f"hall=hls:{tmp_path}/hls?segment_seconds=1&delay_seconds=1",
        )
        (tmp_path / "hls").mkdir()
        with server(tmp_path, *sinks) as running:
            begin = await figures(running)
            zoom = f"hall=zoom:{service.url}/closedcaption?{ZoomMeeting.QUERY}\n"
            (tmp_path / "sinks").write_text(zoom)
            await until(lambda: running.events("new sinks"))
            story = Story()
            await story.tell(running.port, WORDS, channel="hall")
            story.check(WORDS)
            await asyncio.to_thread(running.stop)  # all is delivered by then
    names = ["hall youtube", "hall webhook", "hall file", "hall file 2", "hall file 3", "hall hls"]
    assert begin == {
        f"surtitle_sink_{figure}": dict.fromkeys(names, 0.0)
        for figure in ("waiting", "delivered_total", "dropped_total", "failing")
    }
    assert meeting.shown == [f"{text}\n" for text in texts]
    assert [text for _, text in stream.shown] == texts
    assert meeting.broken == stream.broken == []
    assert [each["message"]["text"] for each in hooked] == texts
    assert {(each["channel"], each["message"]["type"]) for each in hooked} == {("hall", "final")}
    assert (tmp_path / "talk.txt").read_text().splitlines() == texts
    assert (tmp_path / "talk.srt").read_text().count(" --> ") == WORDS
    segments = "".join(path.read_text() for path in (tmp_path / "hls").glob("*.vtt"))
    assert all(f"\n{text}\n" in segments for text in texts)
    assert "#EXT-X-ENDLIST" in (tmp_path / "hls" / "captions.m3u8").read_text()
    assert (tmp_path / "talk.vtt").read_text().startswith("WEBVTT\n\n00:00:0")
    assert [line["sinks"] for line in running.events("captions go on")] == [names]
    assert [line["sinks"] for line in running.events("new sinks")] == [[*names, "hall zoom"]]
    assert not running.errors
    for secret in ("s3cret", "signature=", "abcd-efgh", "0123456789abcdef"):
        assert secret not in str(running.log) + str(running.stray)


async def test_a_server_ends_though_a_sink_hangs(tmp_path: Path) -> None:
    async with serving(lambda got: HANG) as service:
        with server(tmp_path, f"hall=webhook:{service.url}/hook") as running:
            story = Story()
            await story.tell(running.port, WORDS, channel="hall")
            story.check(WORDS)
            now = await figures(running)
            assert now["surtitle_sink_waiting"] == {"hall webhook": WORDS}
            began = time.monotonic()
            await asyncio.to_thread(running.stop)
    assert time.monotonic() - began < 10
    (line,) = running.events("what was said last has not reached a sink")
    assert (line["sink"], line["captions"]) == ("hall webhook", WORDS)

"""Recordings as bodies of requests: OpenAI's endpoint on a server with a scripted engine."""

import asyncio
import contextlib
import io
import json
import socket
import time
import wave
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from surtitle.errors import InternalError
from surtitle.gateway.access import add_key, read_keys
from surtitle.gateway.admission import Visitor
from surtitle.gateway.dialects import openai_files as openai
from surtitle.gateway.proxies import ClientAddress
from surtitle.gateway.uploads import NoRoom, Spools
from surtitle.jobs import Job, Result, Word
from tests.gateway.serving import PAUSE, WORD
from tests.gateway.site import Site, listening
from tests.gateway.test_forms import END, HEADER, field, file
from tests.gateway.test_http import Client, connected


def in_wav(pcm: bytes) -> bytes:
    data = io.BytesIO()
    with wave.open(data, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(pcm)
    return data.getvalue()


SPOKEN = in_wav((PAUSE + WORD + PAUSE) * 2)


def say(job: Job) -> Result:
    """A word for each utterance."""
    words = (Word(f"word{job.utterance}.", 100, 300, 0.5),)
    return Result(job.id, text=words[0].text, language="en", words=words, confidence=0.5)


@asynccontextmanager
async def serving(answer: Callable[[Job], Result | None] = say, **more: Any) -> AsyncIterator[Site]:
    """A server whose engine answers each job like this, or not at all."""
    async with listening(**more) as site:
        loop = asyncio.get_running_loop()

        def submit(job: Job, deliver: Callable[[Result], None]) -> None:
            site.engine.jobs.append((job, deliver))
            if (result := answer(job)) is not None:
                loop.call_soon(deliver, result)

        site.engine.submit = submit  # type: ignore[method-assign]
        yield site


def request(
    body: bytes,
    path: str = "/v1/audio/transcriptions",
    kind: str = HEADER,
    length: int | None = None,
    header: str = "Accept: */*",
) -> bytes:
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body) if length is None else length}",
        header,
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def ask(site: Site, body: bytes, **how: Any) -> tuple[int, dict[str, str], bytes]:
    async with connected(site.gateway.port) as client:
        client.writer.write(request(body, **how))
        return await answer_of(client)


async def answer_of(client: Client) -> tuple[int, dict[str, str], bytes]:
    """Also one in chunks."""
    async with asyncio.timeout(20):
        status, headers, body = await client.answer()
        while headers.get("transfer-encoding") == "chunked":
            size = int(await client.reader.readline(), 16)
            body += await client.reader.readexactly(size)
            await client.reader.readline()
            if not size:
                break
        return status, headers, body


async def text_of(site: Site, body: bytes) -> Any:
    status, _, answer = await ask(site, body)
    assert status == 200, answer
    return json.loads(answer)["text"]


@pytest.mark.parametrize("first", [True, False])
async def test_a_file_is_answered_whether_it_comes_first_or_last(first: bool) -> None:
    parts = [file(SPOKEN), field("language", "en")]
    async with serving() as site:
        body = b"".join(parts if first else reversed(parts)) + END
        assert await text_of(site, body) == "word1. word2."
        await until_gone(site)


async def test_each_utterance_is_an_event_where_it_is_streamed() -> None:
    async with serving() as site:
        _, headers, body = await ask(site, field("stream", "true") + file(SPOKEN) + END)
        assert headers["content-type"].startswith("text/event-stream")
        events = [json.loads(line[6:]) for line in body.decode().split("\n\n") if line]
        assert [event.get("delta", event.get("text")) for event in events] == [
            "word1.",
            " word2.",
            "word1. word2.",
        ]


async def test_the_model_may_come_before_the_file_and_all_else_behind_it() -> None:
    """As the AI SDK has it, and `curl -F model=x -F file=@a -F language=en`."""
    late = {
        "language": "en",
        "prompt": "Two words.",
        "response_format": "verbose_json",
        "timestamp_granularities[]": "word",
    }
    async with serving() as site:
        form = field("model", "x") + file(SPOKEN) + b"".join(map(field, late, late.values()))
        status, _, body = await ask(site, form + END)
        answer = json.loads(body)
        assert (status, answer.get("text")) == (200, "word1. word2."), answer
        assert [word["word"] for word in answer["words"]] == ["word1.", "word2."]
        (decoded, _), *_ = site.engine.jobs
        assert decoded.decode_options.language == "en"
        await until_gone(site)


async def test_a_file_that_is_too_large_for_openai_is_decoded_as_it_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Behind a model alone: what has waited on disk by then goes first."""
    monkeypatch.setattr(openai, "MAX_THEIR_BYTES", len(SPOKEN) // 2)
    async with serving() as site:
        form = field("model", "x") + file(SPOKEN)
        assert await text_of(site, form + END) == "word1. word2."
        status, _, body = await ask(site, form + field("language", "en") + END)
        assert (status, json.loads(body)["error"]["param"]) == (400, "language")


async def test_late_fields_that_matter_no_more_are_taken_and_others_are_told() -> None:
    async with serving() as site:
        begin = field("response_format", "json") + file(SPOKEN)
        status, _, body = await ask(site, begin + field("temperature", "0") + END)
        assert status == 200
        status, _, body = await ask(site, begin + field("language", "en") + END)
        assert status == 400
        assert json.loads(body)["error"]["param"] == "language"


async def test_words_have_the_times_of_the_session() -> None:
    async with serving() as site:
        form = field("response_format", "verbose_json") + field("timestamp_granularities[]", "word")
        _, _, body = await ask(site, form + file(SPOKEN) + END)
        first, second = json.loads(body)["words"]
        assert (first["word"], second["word"]) == ("word1.", "word2.")
        assert 1.0 < first["start"] < second["start"]


@pytest.mark.parametrize(
    ("body", "status", "what"),
    [
        (file(b"") + END, 400, "is empty"),
        (file(b"no audio at all" * 99) + END, 400, "not audio or video"),
        (field("prompt", "x") + file(b"no audio at all" * 99) + END, 400, "not audio or video"),
        (field("stream", "true") + file(b"no audio at all" * 99) + END, 400, "not audio or video"),
        (field("model", "x") + END, 400, "has no file"),
        (b"rubbish", 400, "cannot be read"),
        (field("language", "nowhere") + file(SPOKEN) + END, 400, "does not support"),
        (file(SPOKEN) + field("response_format", "xml") + END, 400, "not supported"),
    ],
)
async def test_what_cannot_be_answered_is_told_in_their_shape(
    body: bytes, status: int, what: str
) -> None:
    async with serving() as site:
        found, _, answer = await ask(site, body)
        error = json.loads(answer)["error"]
        assert (found, error.keys()) == (status, {"message", "type", "param", "code"})
        assert what in error["message"]
        await until_gone(site)


async def until_gone(site: Site) -> None:
    """No session and no upload is left, and everybody may come again."""
    async with asyncio.timeout(5):
        while site.gateway._uploads or len(site.gateway._sessions):  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.01)
    assert not site.gateway._with_session


async def test_a_body_that_is_no_form() -> None:
    async with serving() as site:
        status, _, answer = await ask(site, SPOKEN, kind="audio/wav")
        assert (status, "Send a form" in answer.decode()) == (400, True)


async def test_a_file_that_is_too_large_and_one_that_finds_no_room_on_disk() -> None:
    async with serving(max_upload_bytes=100_000) as site:
        for body in (field("prompt", "x") + file(bytes(200_000)), file(bytes(200_000))):
            status, _, answer = await ask(site, body + END)
            assert (status, "larger than" in answer.decode()) == (413, True)
            await until_gone(site)
        owner = Visitor(ClientAddress("127.0.0.1")).owner
        with site.gateway._spools.open(owner) as other:
            other.write(bytes(60_000))
            status, _, answer = await ask(site, file(bytes(60_000)) + END)
            assert (status, "other fields before" in answer.decode()) == (413, True)
        with site.gateway._spools.open("somebody else") as other:
            other.write(bytes(30_000))
            assert await text_of(site, file(SPOKEN[:80_000]) + END)
        assert await text_of(site, file(SPOKEN[:90_000]) + END)


def test_spools_of_an_owner_share_their_room_and_give_it_back() -> None:
    spools = Spools(10)
    for _ in range(3):
        with spools.open("me") as one, spools.open("me") as other:
            one.write(b"12345")
            other.write(b"67")
            other.write(b"890")
            with pytest.raises(NoRoom):
                one.write(b"1")
            assert b"".join(other.pieces()) == b"67890"


async def test_whoever_goes_in_mid_upload_leaves_nothing_behind() -> None:
    async with serving() as site:
        async with connected(site.gateway.port) as client:
            body = field("language", "en") + file(SPOKEN)
            client.writer.write(request(body[:60_000], length=10_000_000))
            async with asyncio.timeout(5):
                while not len(site.gateway._sessions):  # noqa: ASYNC110 - no event
                    await asyncio.sleep(0.01)
        await until_gone(site)


async def test_whoever_goes_before_the_answer_leaves_nothing_behind() -> None:
    async with serving(lambda job: None) as site:
        async with connected(site.gateway.port) as client:
            client.writer.write(request(field("model", "x") + file(SPOKEN) + END))
            async with asyncio.timeout(5):
                while not site.engine.jobs:  # noqa: ASYNC110 - no event
                    await asyncio.sleep(0.01)
        await until_gone(site)


NOBODY_TELLS = pytest.mark.skipif(not hasattr(socket, "TCP_INFO"), reason="nobody tells")


@pytest.mark.parametrize("is_first", [True, pytest.param(False, marks=NOBODY_TELLS)])
async def test_whoever_goes_while_nothing_is_read_of_him_leaves_nothing_behind(
    is_first: bool,
) -> None:
    """What he has sent was read and waits on disk, or waits in the buffers of the system."""
    parts = [file(in_wav((WORD * 10 + PAUSE) * 9)), field("language", "en")]
    body = b"".join(parts if is_first else reversed(parts)) + END
    async with serving(lambda job: None, max_upload_bytes=1 << 30) as site:
        async with connected(site.gateway.port) as client:
            client.writer.write(request(body))
            async with asyncio.timeout(20):
                while not any(hosted.full for hosted in site.gateway._sessions):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
        await until_gone(site)


async def test_more_than_can_be_recognised_is_not_read() -> None:
    """The upload stands still while the engine does, and goes on with it."""
    long = in_wav((WORD * 10 + PAUSE) * 60)  # eight minutes
    held: list[tuple[Job, Callable[[Result], None]]] = []
    async with (
        serving(lambda job: None, max_upload_bytes=1 << 30) as site,
        connected(site.gateway.port) as client,
    ):
        client.writer.write(request(field("language", "en") + file(long) + END))
        async with asyncio.timeout(60):
            while not any(hosted.full for hosted in site.gateway._sessions):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            (hosted,) = site.gateway._sessions
            await asyncio.sleep(0.3)
            assert hosted.session.unanswered_s < 130
            assert hosted.held_bytes < 40 << 20
            while site.gateway._uploads:
                held, site.engine.jobs = site.engine.jobs, held[:0]
                for job, deliver in held:
                    deliver(say(job))
                await asyncio.sleep(0)
        status, _, _ = await answer_of(client)
        assert status == 200


async def test_what_the_engine_gives_up_on_is_told_in_a_header() -> None:
    def fail_one(job: Job) -> Result:
        if job.utterance == 1:
            return Result(job.id, error_code="quarantined", error="Given up.")
        return say(job)

    async with serving(fail_one) as site:
        status, headers, body = await ask(site, file(SPOKEN) + END)
        assert (status, json.loads(body)["text"]) == (200, "word2.")
        assert int(headers["surtitle-failed-ms"]) > 500


async def test_our_own_mistake_is_a_server_error(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(lambda job: None) as site:
        async with connected(site.gateway.port) as client:
            client.writer.write(request(file(SPOKEN) + END))
            async with asyncio.timeout(5):
                while not site.engine.jobs:  # noqa: ASYNC110 - no event
                    await asyncio.sleep(0.01)
            (hosted,) = site.gateway._sessions
            hosted.link.fail(InternalError("Something broke."))
            status, _, body = await answer_of(client)
        assert (status, json.loads(body)["error"]["type"]) == (500, "server_error")
        await until_gone(site)


async def test_a_server_that_stops_says_so() -> None:
    async with serving(lambda job: None) as site, connected(site.gateway.port) as client:
        client.writer.write(request(file(SPOKEN) + END))
        async with asyncio.timeout(5):
            while not site.engine.jobs:  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.01)
        draining = asyncio.create_task(site.gateway.drain(0))
        status, headers, body = await answer_of(client)
        assert (status, "stopping" in body.decode()) == (503, True)
        assert headers["retry-after"]
        await draining


async def test_uploads_count_as_sessions() -> None:
    async with serving(lambda job: None, max_sessions=1) as site:
        async with connected(site.gateway.port) as client:
            client.writer.write(request(file(SPOKEN) + END))
            async with asyncio.timeout(5):
                while not site.engine.jobs:  # noqa: ASYNC110 - no event
                    await asyncio.sleep(0.01)
            status, headers, body = await ask(site, file(SPOKEN) + END)
            assert (status, headers["retry-after"]) == (503, "5")
            assert json.loads(body)["error"]["type"] == "server_error"
            assert (await site.refusal())[0] == 503
        await until_gone(site)


async def test_keys_are_asked_for(tmp_path: Path) -> None:
    key = add_key(tmp_path / "keys.toml", "studio", ["speak"])
    ring = read_keys(tmp_path / "keys.toml")
    async with serving(keys=lambda: ring) as site:
        body = file(SPOKEN) + END
        status, headers, answer = await ask(site, body)
        assert (status, headers["www-authenticate"]) == (401, "Bearer")
        assert json.loads(answer)["error"]["code"] == "invalid_api_key"
        async with connected(site.gateway.port) as client:
            client.writer.write(request(body, header=f"Authorization: Bearer {key}"))
            assert (await answer_of(client))[0] == 200
        assert (await site.get("/v1/models"))[0] == 401


async def test_models() -> None:
    async with listening() as site:
        _, models = await site.get("/v1/models")
        assert [model["id"] for model in models["data"]] == ["fake"]
        assert (await site.get("/v1/models/whisper-1"))[1]["id"] == "fake"
        site.engine.model = None
        assert (await site.get("/v1/models"))[0] == 503


async def test_pages_of_other_origins_may_not_upload() -> None:
    async with serving() as site, connected(site.gateway.port) as client:
        client.writer.write(request(file(SPOKEN) + END, header="Origin: https://evil.test"))
        assert (await answer_of(client))[0] == 403


async def test_who_is_refused_is_told_before_he_has_sent_everything(tmp_path: Path) -> None:
    """Clients that write all before they read look once their connection ends."""
    add_key(tmp_path / "keys.toml", "studio", ["speak"])
    ring = read_keys(tmp_path / "keys.toml")
    async with serving(keys=lambda: ring) as site, connected(site.gateway.port) as client:
        client.writer.write(request(b"", length=30_000_000))

        async def send() -> None:
            for _ in range(400):
                client.writer.write(bytes(75_000))
                await client.writer.drain()

        began = time.monotonic()
        with contextlib.suppress(ConnectionError):
            await send()
        assert time.monotonic() - began < 5


async def test_a_client_that_only_half_closes_is_not_told_of_a_mistake_of_ours() -> None:
    async with serving(lambda job: None) as site, connected(site.gateway.port) as client:
        client.writer.write(request(file(SPOKEN) + END))
        async with asyncio.timeout(5):
            while not site.engine.jobs:  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.01)
        client.writer.write_eof()
        assert await client.is_closed()
        await until_gone(site)

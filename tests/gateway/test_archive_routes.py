"""What is kept of talks over HTTP: who may read and delete it, and in which forms it comes."""

import asyncio
import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from msgspec import UNSET

from lab.ledger import expect
from surtitle.archive import archive as module
from surtitle.archive.archive import Archive, StoreGone
from surtitle.archive.sql_store import SqlStore
from surtitle.client import watch
from surtitle.gateway.access import Key, KeyRing, digest_of
from surtitle.gateway.origins import OriginPolicy
from surtitle.messages import Final, Ready
from tests.gateway.site import Site, listening
from tests.gateway.talks import LIMIT_S, say, speaking, stop
from tests.subtitle_readers import read_with_webvtt

KEYS = KeyRing(
    (
        Key("desk", frozenset({"speak", "watch"}), digest_of("st_desk")),
        Key("keeper", frozenset({"archive"}), digest_of("st_keeper")),
    ),
    "s" * 32,
)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GATHER_S", 0.01)


@asynccontextmanager
async def keeping(folder: Path, days: int = 30) -> AsyncIterator[Archive]:
    archive = Archive(SqlStore(str(folder)), days)
    archive.start()
    try:
        async with asyncio.timeout(LIMIT_S):
            while not archive.is_up:  # noqa: ASYNC110 - it is no event
                await asyncio.sleep(0.01)
        yield archive
    finally:
        await archive.stop()


@pytest_asyncio.fixture
async def archive(tmp_path: Path) -> AsyncIterator[Archive]:
    async with keeping(tmp_path) as running:
        yield running


class Answer:
    def __init__(self, status: int, body: bytes, headers: Any) -> None:
        self.status, self.body, self.headers = status, body, headers

    @property
    def json(self) -> Any:
        return json.loads(self.body)


async def ask(
    site: Site, path: str, method: str = "GET", secret: str = "", origin: str = ""
) -> Answer:
    def fetch() -> Answer:
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        headers |= {"Origin": origin} if origin else {}
        url = f"http://127.0.0.1:{site.gateway.port}/v1/archive{path}"
        request = urllib.request.Request(url, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=5) as response:
                return Answer(response.status, response.read(), response.headers)
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.read(), error.headers)

    return await asyncio.to_thread(fetch)


async def told(site: Site, kept: Archive, *texts: str, secret: str = "", **start: Any) -> None:
    """A talk from its beginning to its end, and in the database."""
    async with speaking(site, secret, **start) as client:
        for text in texts:
            await say(site, client, text)
        await stop(client)
    await site.until_empty()
    async with asyncio.timeout(LIMIT_S):
        while kept.waiting:  # noqa: ASYNC110 - it is no event
            await asyncio.sleep(0.01)


async def test_a_talk_is_listed_and_comes_in_every_form(archive: Archive, tmp_path: Path) -> None:
    async with listening(archive=archive) as site:
        await told(site, archive, "One <two> & three.", "And four.", channel="hall")
        await told(site, archive, "Nobody watches.")
        listed = (await ask(site, "")).json["talks"]
        assert [each["channel"] for each in listed] == [None, "hall"]
        talk = listed[1]
        assert (talk["key"], talk["finals"]) == ("anybody", 2)
        assert talk["started_at"] < talk["said_at"] <= talk["ended_at"]
        assert talk["started_at"].endswith("+00:00")
        name = talk["id"]
        whole = await ask(site, f"/{name}.json")
        assert whole.headers["Content-Type"] == "application/json"
        assert whole.json == (await ask(site, f"/{name}")).json
        assert [each["text"] for each in whole.json["messages"]] == [
            "One <two> & three.",
            "And four.",
        ]
        assert whole.json["id"] == name
        text = await ask(site, f"/{name}.txt")
        assert text.body == b"One <two> & three.\nAnd four.\n"
        assert text.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert text.headers["Cache-Control"] == "no-store"
        vtt = tmp_path / "talk.vtt"
        vtt.write_bytes((await ask(site, f"/{name}.vtt")).body)
        assert [cue.lines for cue in read_with_webvtt(vtt)] == [
            ("One &lt;two&gt; &amp; three. And four.",)
        ]
        assert b"\nOne <two> & three. And four.\n" in (await ask(site, f"/{name}.srt")).body


async def test_a_long_talk_comes_page_by_page(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAGE", 2)
    texts = [f"Sentence {number}." for number in range(5)]
    async with listening(archive=archive) as site:
        await told(site, archive, *texts, channel="hall")
        (talk,) = (await ask(site, "")).json["talks"]
        whole = (await ask(site, f"/{talk['id']}.json")).json
        assert [each["text"] for each in whole["messages"]] == texts
        assert (await ask(site, f"/{talk['id']}.txt")).body.decode() == "\n".join(texts) + "\n"
        srt = (await ask(site, f"/{talk['id']}.srt")).body.decode()
        numbers = [int(line) for line in srt.split("\n") if line.isdigit()]
        assert numbers == list(range(1, len(numbers) + 1)) and numbers


async def test_what_the_database_broke_off_is_not_taken_for_all(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAGE", 2)
    async with listening(archive=archive) as site:
        await told(site, archive, "One.", "Two.", "Three.", channel="hall")
        (talk,) = (await ask(site, "")).json["talks"]
        whole = archive._store.finals

        def once(name: str, after: int, most: int) -> list[Final]:
            if after > 0:
                raise StoreGone("It has gone.")
            return whole(name, after, most)

        monkeypatch.setattr(archive._store, "finals", once)
        with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
            await ask(site, f"/{talk['id']}.txt")


async def test_lists_come_a_page_at_a_time_and_by_channel(archive: Archive) -> None:
    async with listening(archive=archive) as site:
        for number in range(5):
            await told(site, archive, str(number), channel=f"c{number % 2}")
        seen, more = [], ""
        for _ in range(3):
            page = (await ask(site, f"?limit=2{more}")).json
            seen += [talk["channel"] for talk in page["talks"]]
            more = f"&before={page['next']}" if "next" in page else ""
        assert seen == ["c0", "c1", "c0", "c1", "c0"] and not more
        assert len((await ask(site, "?channel=c0")).json["talks"]) == 3
        for wrong in ("?limit=x", "?before=0", "?limit=-1", "?before=99999999999999999999"):
            answer = await ask(site, wrong)
            assert answer.status == 400 and "positive number" in answer.json["error"]


async def test_a_talk_can_be_deleted_and_nobody_gets_it_later(archive: Archive) -> None:
    async with listening(archive=archive) as site:
        await told(site, archive, "Secret.", channel="hall")
        await told(site, archive, "Public.", channel="hall")
        public, secret = (await ask(site, "")).json["talks"]
        assert (await ask(site, f"/{secret['id']}", "DELETE")).status == 204
        assert (await ask(site, f"/{secret['id']}.txt")).status == 404
        assert (await ask(site, f"/{secret['id']}", "DELETE")).status == 404
        assert [each["id"] for each in (await ask(site, "")).json["talks"]] == [public["id"]]
        await assert_late_viewers_get(site, "Public.")
        assert (await ask(site, "", "DELETE")).status == 400
        assert (await ask(site, "?channel=hall", "DELETE")).json == {"deleted": 1}
        assert (await ask(site, "")).json == {"talks": []}
        await assert_late_viewers_get(site)


async def until_restored(archive: Archive) -> None:
    async with asyncio.timeout(LIMIT_S):
        while archive._restoring:  # noqa: ASYNC110 - it is no event
            await asyncio.sleep(0.01)


async def assert_late_viewers_get(site: Site, *texts: str) -> None:
    """All of that, in order, and nothing else."""
    found: list[str] = []
    async with watch(f"ws://127.0.0.1:{site.gateway.port}", "hall") as messages:
        async with asyncio.timeout(LIMIT_S):
            await anext(messages)
            while len(found) < len(texts):
                message = await anext(messages)
                found += [message.text] if isinstance(message, Final) else []
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                while True:
                    assert not isinstance(await anext(messages), Final)
    assert found == list(texts)


async def test_who_comes_after_a_restart_gets_what_was_said_before(tmp_path: Path) -> None:
    async with keeping(tmp_path) as archive, listening(archive=archive) as site:
        await told(site, archive, "Before.", "And more.", channel="hall")
        await told(site, archive, "Elsewhere.", channel="studio")
    async with keeping(tmp_path) as archive, listening(archive=archive) as site:
        await assert_late_viewers_get(site, "Before.", "And more.")
        await told(site, archive, "After.", channel="hall")
        await assert_late_viewers_get(site, "Before.", "And more.", "After.")


async def test_who_watches_when_the_first_speaks_after_a_restart_has_all(tmp_path: Path) -> None:
    async with keeping(tmp_path) as archive, listening(archive=archive) as site:
        await told(site, archive, "Before.", channel="hall")
    async with (
        keeping(tmp_path) as archive,
        listening(archive=archive) as site,
        speaking(site, channel="hall") as client,
    ):
        assert isinstance(expect(await client.recv()), Ready)  # so there is a channel
        await until_restored(archive)
        await say(site, client, "After.")
        await assert_late_viewers_get(site, "Before.", "After.")


async def test_a_client_is_told_and_may_say_no(archive: Archive) -> None:
    async with listening(archive=archive) as site:
        async with speaking(site) as client:
            ready = expect(await client.recv())
            assert isinstance(ready, Ready) and ready.archive_days == 30
        async with speaking(site, archive=False, channel="hall") as client:
            ready = expect(await client.recv())
            assert isinstance(ready, Ready) and ready.archive_days is UNSET
        await told(site, archive, "Not kept.", archive=False)
        assert (await ask(site, "")).json == {"talks": []}
    async with listening() as site, speaking(site) as client:
        assert b"archive_days" not in str(await client.recv()).encode()


async def test_it_takes_the_scope(archive: Archive) -> None:
    async with listening(keys=lambda: KEYS, archive=archive, max_sessions_per_key=9) as site:
        await told(site, archive, "In the hall.", secret="st_desk", channel="hall")
        await told(site, archive, "In the studio.", secret="st_desk", channel="studio")
        listed = (await ask(site, "", secret="st_keeper")).json["talks"]
        studio, hall = listed
        assert hall["key"] == "desk"
        assert (await ask(site, "")).status == 401
        for path in ("", f"/{hall['id']}", "?channel=hall"):
            for method in ("GET", "DELETE"):
                assert (await ask(site, path, method, "st_desk")).status == 403
        one = KEYS.make_token("one", ["watch", "archive", "speak"], 4e9, channel="hall")
        assert len((await ask(site, "?channel=hall", secret=one)).json["talks"]) == 1
        assert (await ask(site, "", secret=one)).status == 403
        assert (await ask(site, "?channel=studio", "DELETE", one)).status == 403
        assert (await ask(site, f"/{hall['id']}.txt", secret=one)).body == b"In the hall.\n"
        for method in ("GET", "DELETE"):
            assert (await ask(site, f"/{studio['id']}", method, one)).status == 404
        viewers = KEYS.make_token("viewers", ["watch"], 4e9, channel="hall")
        assert (await ask(site, "?channel=hall", secret=viewers)).status == 403
        assert len((await ask(site, "", secret="st_keeper")).json["talks"]) == 2


async def test_pages_of_other_origins_need_permission(archive: Archive) -> None:
    allowed = OriginPolicy(("https://desk.example",))
    async with listening(origins=allowed, archive=archive) as site:
        answer = await ask(site, "", origin="https://desk.example")
        assert answer.headers["Access-Control-Allow-Origin"] == "https://desk.example"
        answer = await ask(site, "/a", "OPTIONS", origin="https://desk.example")
        assert answer.headers["Access-Control-Allow-Methods"] == "DELETE"
        answer = await ask(site, "", origin="https://evil.example")
        assert answer.status == 403
        assert answer.json["code"] == "foreign_page"  # which is all that it learns


async def test_a_server_without_archive_says_so() -> None:
    async with listening() as site:
        answer = await ask(site, "")
        assert answer.status == 404 and "setting `archive`" in answer.json["error"]


async def test_a_database_that_is_gone_is_said(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with listening(archive=archive) as site, speaking(site) as client:
        store = archive._store
        assert isinstance(store, SqlStore)

        def broken(*args: object) -> Any:
            raise module.StoreGone("The database of the archive: gone.")

        monkeypatch.setattr(store, "talks", broken)
        answer = await ask(site, "")
        assert answer.status == 503 and answer.headers["Retry-After"]
        assert answer.json == {"error": "The database of the archive: gone."}
        await say(site, client, "Who speaks goes on.")
